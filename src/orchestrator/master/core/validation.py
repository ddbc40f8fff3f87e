"""What the master refuses, and why: each check gives a sentence, or None.

Sources: src/master/validation.cpp, src/common/validation.cpp and src/common/roles.cpp of Mesos
1.11, whose wording is kept where tools may look for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.mesos import checks, codec
from orchestrator.mesos.commands import command_problem
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import EMPTY, Reservation, ResourceError, Resources
from orchestrator.mesos.types import (
    AgentInfo,
    ExecutorInfo,
    FrameworkInfo,
    ReservationType,
    TaskInfo,
)

MAX_ID_LENGTH = 255  # a directory is named after it (NAME_MAX)
MAX_FRAMEWORK_BYTES = 256 * 1024  # of a FrameworkInfo: it goes along with every launch
MAX_ROLES = 1_000  # of one framework: each is a client of the allocator
MAX_AGENT_BYTES = 384 * 1024  # of an AgentInfo: with its resources it has to fit in a znode
MAX_EXECUTOR_BYTES = 256 * 1024  # of an ExecutorInfo: it goes along with every launch
MAX_KEPT_TASK_BYTES = 64 * 1024  # of a task's labels and the like, kept when it has ended
MAX_NAMED_RESOURCES = 500  # characters of them, in a message
MAX_ROLE_LENGTH = 1024
MAX_ROLE_LEVELS = 32  # each is a level of the tree that is allocated over
MAX_RESERVATION_DEPTH = 8
MAX_MINIMA = 1000  # alternatives in a framework's offer filters, read at every allocation
_FORBIDDEN_IN_ROLE = frozenset("\b\t\n\v\f\r \x7f")


def id_problem(kind: str, value: str) -> str | None:
    """Why a task, executor or framework id cannot be a directory's name."""
    if not value:
        return f"{kind} must not be empty"
    if len(value.encode()) > MAX_ID_LENGTH:
        return f"{kind} must not be greater than {MAX_ID_LENGTH} bytes"
    if value in {".", ".."}:
        return f"'{value}' is disallowed as {kind}"
    if any(c in "/\\" or not c.isprintable() for c in value):
        return f"{value!r} contains invalid characters"
    return None


def role_problem(role: str) -> str | None:
    """Why a role's name is invalid; roles are a tree with ``/`` between the levels."""
    if role == "*":
        return None
    if len(role) > MAX_ROLE_LENGTH or role.count("/") >= MAX_ROLE_LEVELS:
        return f"A role has at most {MAX_ROLE_LENGTH} characters and {MAX_ROLE_LEVELS} levels"
    for part in role.split("/"):
        if not part:
            return f"Role '{role}' has an empty part"
        if part in {".", "..", "*"}:
            return f"Role '{role}' must not contain '{part}'"
        if part.startswith("-"):
            return f"Role '{role}' has a part that starts with '-'"
        if _FORBIDDEN_IN_ROLE & set(part):
            return f"Role '{role}' contains a space or control character"
    return None


def reservations_problem(reservations: Sequence[Reservation]) -> str | None:
    """Why resources cannot be reserved like this: each level refines the one before.

    Source: ``Resources::validate`` of src/v1/resources.cpp.
    """
    if len(reservations) > MAX_RESERVATION_DEPTH:
        return f"Reservations may be {MAX_RESERVATION_DEPTH} deep"
    above: str | None = None
    for reservation in reservations:
        role = reservation.role
        if problem := role_problem(role):
            return problem
        if role == "*":
            return "Resources cannot be reserved for the role '*'"
        if above is not None and not role.startswith(above + "/"):
            return f"A reservation for role '{role}' does not refine one for role '{above}'"
        if above is not None and reservation.type is not ReservationType.DYNAMIC:
            return f"The reservation for role '{role}' refines another and is not dynamic"
        above = role
    return None


def framework_problem(info: FrameworkInfo) -> str | None:
    """Why a framework cannot subscribe."""
    is_multi_role = any(c.type == "MULTI_ROLE" for c in info.capabilities)
    if is_multi_role and info.role != "*":
        return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    if not is_multi_role and info.roles:
        return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
    if len(info.roles) > MAX_ROLES:
        return f"'FrameworkInfo.roles' must not contain more than {MAX_ROLES} roles"
    if len(codec.encode(info)) > MAX_FRAMEWORK_BYTES:
        return f"'FrameworkInfo' must not be larger than {MAX_FRAMEWORK_BYTES} bytes"
    if len(set(info.roles)) != len(info.roles):
        return "'FrameworkInfo.roles' must not contain duplicate items"
    if info.id is not None and (problem := id_problem("framework id", info.id.value)):
        return problem
    if not 0 <= info.failover_timeout < float("inf"):
        return f"'FrameworkInfo.failover_timeout' of {info.failover_timeout} is not a duration"
    problem = next(filter(None, map(role_problem, info.roles or [info.role])), None)
    return problem or _filters_problem(info)


def _filters_problem(info: FrameworkInfo) -> str | None:
    minima = (filters.min_allocatable_resources for filters in info.offer_filters.values())
    if sum(len(minimum.quantities) for minimum in minima if minimum) > MAX_MINIMA:
        return f"There are more than {MAX_MINIMA} alternatives in 'FrameworkInfo.offer_filters'"
    return None


def agent_problem(info: AgentInfo) -> str | None:
    """Why an agent cannot register, whatever it announces."""
    if info.id is not None and (problem := id_problem("AgentID", info.id.value)):
        return problem
    if len(codec.encode(info)) > MAX_AGENT_BYTES:
        return f"'AgentInfo' must not be larger than {MAX_AGENT_BYTES} bytes"
    return None


def task_problem(task: TaskInfo, agent_id: str) -> str | None:
    """Why a task cannot be launched, whatever is offered."""
    if problem := id_problem("TaskID", task.task_id.value):
        return problem
    if task.agent_id.value != agent_id:
        return f"Task uses invalid agent {task.agent_id.value} while agent {agent_id} is expected"
    if (task.executor is None) == (task.command is None):
        return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    if task.executor is not None and task.executor.type not in ("CUSTOM", "UNKNOWN"):
        return "'ExecutorInfo.type' must be 'CUSTOM'"
    if task.executor is not None and task.executor.command is None:
        return "'ExecutorInfo.command' must be set"
    return content_problem(task)


def content_problem(task: TaskInfo) -> str | None:
    """Why a task cannot be run, whoever runs it."""
    if task.command is not None and (problem := command_problem(task.command)):
        return problem
    if task.max_completion_time is not None and task.max_completion_time.nanoseconds < 0:
        return "Task's `max_completion_time` must be non-negative"
    grace = task.kill_policy.grace_period if task.kill_policy else None
    if grace is not None and grace.nanoseconds < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    return checks.task_problem(task) or _limits_problem(task) or _size_problem(task)


def _limits_problem(task: TaskInfo) -> str | None:
    """Why a task cannot have these limits beside what it uses; infinity is a limit, too."""
    for name, limit in task.limits.items():
        if name not in ("cpus", "mem"):
            return "Only cpus and mem may be included in a task's resource limits"
        used = sum(r.scalar.value for r in task.resources if r.name == name and r.scalar)
        if not used:
            return f"When a {name} limit is specified, a {name} request must also be specified"
        if not limit.value >= used:  # also false for NaN
            return f"The {name} limit must be greater than or equal to the {name} request"
    return None


def _size_problem(task: TaskInfo) -> str | None:
    kept = (task.labels, task.discovery, task.container, task.health_check)
    if len(task.name) < MAX_ID_LENGTH and not any(kept):
        return None  # most tasks; writing the others costs some microseconds
    if len(codec.encode((task.name, *kept))) > MAX_KEPT_TASK_BYTES:
        return (
            "Task's name, labels, discovery, container and health check must not be larger than "
            f"{MAX_KEPT_TASK_BYTES} bytes together"
        )
    return None


def executor_problem(executor: ExecutorInfo, framework_id: str) -> str | None:
    """Why an executor cannot be launched, whatever is offered."""
    if problem := id_problem("ExecutorID", executor.executor_id.value):
        return problem
    if executor.framework_id is not None and executor.framework_id.value != framework_id:
        actual = executor.framework_id.value
        return (
            f"ExecutorInfo has an invalid FrameworkID (Actual: {actual} vs Expected: "
            f"{framework_id})"
        )
    grace = executor.shutdown_grace_period
    if grace is not None and grace.nanoseconds < 0:
        return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    if problem := _executor_type_problem(executor):
        return problem
    if executor.command is not None and (problem := command_problem(executor.command)):
        return f"Executor's `CommandInfo` is invalid: {problem}"
    if len(codec.encode(executor)) > MAX_EXECUTOR_BYTES:
        return f"'ExecutorInfo' must not be larger than {MAX_EXECUTOR_BYTES} bytes"
    try:
        from_wire(executor.resources)
    except ResourceError as error:
        return f"Executor uses invalid resources: {error}"
    return None


def _executor_type_problem(executor: ExecutorInfo) -> str | None:
    container = executor.container
    if executor.type == "CUSTOM" and executor.command is None:
        return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
    if executor.type != "DEFAULT":
        return None
    if executor.command is not None:
        return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
    if container is not None and container.type != "MESOS":
        return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
    if container is not None and container.mesos is not None and container.mesos.image is not None:
        return "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor"
    return None


def task_resources(task: TaskInfo) -> tuple[Resources, str | None]:
    """What a task uses, and why that cannot be read, if so."""
    try:
        wanted = from_wire(task.resources)
    except ResourceError as error:
        return EMPTY, f"Task uses invalid resources: {error}"
    return wanted, None if wanted else "Task uses no resources"


def lack(wanted: Resources, available: Resources) -> str | None:
    """Why tasks and their executor cannot have what they use."""
    if wanted in available:
        return None
    return f"Task uses more resources {_named(wanted)} than available {_named(available)}"


def _named(resources: Resources) -> str:
    """What fits in a message: a fragmented agent has thousands of ranges."""
    amounts = sum(
        len(v) if isinstance(v, tuple | frozenset) else 1 for v in resources.amounts.values()
    )
    if amounts > MAX_NAMED_RESOURCES:
        resources = resources.only_scalars()
    text = str(resources)
    return text if len(text) <= MAX_NAMED_RESOURCES else text[:MAX_NAMED_RESOURCES] + "..."
