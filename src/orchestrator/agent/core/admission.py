"""Which tasks an agent does not take, and why.

The master has validated what comes, so a refusal here means that master and agent disagree about
resources, or that the task wants something this agent cannot do.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.agent.core import ports
from orchestrator.agent.core.executor import DEFAULT
from orchestrator.agent.core.status import SOURCE_AGENT, Verdict
from orchestrator.agent.core.task import Containerizer
from orchestrator.mesos import checks, link, resource_wire
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.types import ContainerInfo, ExecutorInfo, Resource, TaskInfo, TaskState

MAX_TASKS = 20_000
_PATH_CHARACTERS = frozenset("/\0")
_UNFIT = "The {} id cannot be the name of a directory"


def containerizer_of(container: ContainerInfo | None) -> Containerizer:
    """Who has to run it."""
    is_docker = container is not None and container.type == "DOCKER"
    return Containerizer.DOCKER if is_docker else Containerizer.MESOS


def is_default(executor: ExecutorInfo) -> bool:
    """Whether it is the executor that every agent has built in."""
    return executor.type == DEFAULT


def refusal(
    task: TaskInfo,
    available: Resources,
    tasks_held: int,
    missing: Mapping[Containerizer, str],
) -> Verdict | None:
    """Why a command is not taken, or None. ``missing``: containerizers that do not work here."""
    problem = "The task names an executor but came as a command" if task.executor else None
    problem = problem or _problem(task) or _lack([task.resources], available)
    problem = problem or _mapping_problem(task.container, [task.resources])
    if problem is not None:
        return _invalid(problem)
    if (problem := _inability(task, missing) or _fullness(tasks_held, 1)) is not None:
        return _impossible(problem)
    return None


def refusal_in_executor(
    order: link.RunInExecutor,
    charged: ExecutorInfo | None,
    tasks: list[TaskInfo],
    available: Resources,
    tasks_held: int,
    missing: Mapping[Containerizer, str],
) -> Verdict | None:
    """Why none of the tasks is taken, or None. ``charged``: the executor, if it has to start."""
    wanted = [task.resources for task in tasks] + ([charged.resources] if charged else [])
    problem = _lack(wanted, available) or next(filter(None, map(_name_problem, tasks)), None)
    problem = problem or _executor_problem(order.executor)
    problem = problem or (_mapping_problem(charged.container, wanted) if charged else None)
    inability = None
    if is_default(order.executor):
        problem = problem or next(filter(None, map(_problem, tasks)), None)
        inability = next(filter(None, (_inability(task, missing) for task in tasks)), None)
    elif charged is not None:
        inability = missing.get(containerizer_of(charged.container))
    if problem is not None:
        return _invalid(problem, is_group=order.is_group)
    if (inability := inability or _fullness(tasks_held, len(tasks))) is not None:
        return _impossible(inability)
    return None


def _invalid(problem: str, *, is_group: bool = False) -> Verdict:
    reason = "REASON_TASK_GROUP_INVALID" if is_group else "REASON_TASK_INVALID"
    return Verdict(state=TaskState.ERROR, message=problem, reason=reason, source=SOURCE_AGENT)


def _impossible(problem: str) -> Verdict:
    reason = "REASON_CONTAINER_LAUNCH_FAILED"
    return Verdict(state=TaskState.FAILED, message=problem, reason=reason, source=SOURCE_AGENT)


def _name_problem(task: TaskInfo) -> str | None:
    return None if _is_directory_name(task.task_id.value) else _UNFIT.format("task")


def _executor_problem(executor: ExecutorInfo) -> str | None:
    if not _is_directory_name(executor.executor_id.value):
        return _UNFIT.format("executor")
    if not is_default(executor) and executor.command is None:
        return "The executor has no command"
    return None


def _is_directory_name(name: str) -> bool:
    is_special = name in ("", ".", "..") or _PATH_CHARACTERS & set(name)
    return not is_special and len(name.encode()) <= 255


def _problem(task: TaskInfo) -> str | None:
    if (problem := _name_problem(task)) is not None:
        return problem
    command = task.command
    is_docker = containerizer_of(task.container) is Containerizer.DOCKER
    has_image = is_docker or _has_image(task.container)
    if command is None:
        return checks.task_problem(task) if has_image else "The task has no command"
    if command.shell and command.value is None and not (is_docker and not command.arguments):
        return "The command is a shell command without a value"
    if not command.shell and not has_image and not (command.value or command.arguments):
        return "The command has neither a value nor arguments"
    return checks.task_problem(task)


def _has_image(container: ContainerInfo | None) -> bool:
    """Whether an image may say what to run."""
    return container is not None and container.mesos is not None and bool(container.mesos.image)


def _lack(wanted: list[list[Resource]], available: Resources) -> str | None:
    try:
        total = sum((resource_wire.from_wire(part) for part in wanted), start=Resources())
    except ResourceError as error:
        return f"The task's resources are not valid: {error}"
    if total.plain() not in available:
        return f"The task uses {total} but only {available or 'nothing'} is available"
    return None


def _mapping_problem(container: ContainerInfo | None, wanted: list[list[Resource]]) -> str | None:
    if container is None or container.type == "DOCKER":
        return None  # the Docker containerizer has its own forms of mappings
    total = sum((resource_wire.from_wire(part) for part in wanted), start=Resources())
    return ports.mapping_problem(ports.joined(container), total)


def _fullness(tasks_held: int, more: int) -> str | None:
    is_full = tasks_held + more > MAX_TASKS
    return f"The agent already has {tasks_held} of at most {MAX_TASKS} tasks" if is_full else None


def _inability(task: TaskInfo, missing: Mapping[Containerizer, str]) -> str | None:
    container = task.container
    if container is not None and container.type not in ("DOCKER", "MESOS"):
        return f"This agent does not know containers of type {container.type}"
    return missing.get(containerizer_of(container))
