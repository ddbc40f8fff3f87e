"""Words the status updates as Mesos' command and Docker executors do.

Sources: src/launcher/executor.cpp, src/docker/executor.cpp and docs/task-state-reasons.md of Apache
Mesos. What ran says its end through its executor (SOURCE_EXECUTOR); what never ran, or whose end
nobody saw, is reported by the agent (SOURCE_AGENT).
"""

from __future__ import annotations

from signal import strsignal

from msgspec.structs import replace

from orchestrator.agent.core import ports
from orchestrator.agent.core.checking.results import HealthChange, no_status
from orchestrator.agent.core.task import Cause, Containerizer, Exit, Goal, Limitation, Task
from orchestrator.mesos.types import (
    CheckStatusInfo,
    ContainerID,
    ContainerInfo,
    ContainerStatus,
    ExecutorID,
    IPAddress,
    Message,
    NetworkInfo,
    TaskResourceLimitation,
    TaskState,
    TaskStatus,
)

SOURCE_AGENT = "SOURCE_AGENT"
SOURCE_EXECUTOR = "SOURCE_EXECUTOR"
MEMORY_LIMITATION = "REASON_CONTAINER_LIMITATION_MEMORY"
DISK_LIMITATION = "REASON_CONTAINER_LIMITATION_DISK"

CHECKED = "REASON_TASK_CHECK_STATUS_UPDATED"
HEALTH_CHECKED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
CHECK_REASONS = frozenset({CHECKED, HEALTH_CHECKED})

_SUBJECT = {Containerizer.MESOS: "Command", Containerizer.DOCKER: "Container"}


class Verdict(Message):
    """A state and why: the part of an update that a decision is about."""

    state: TaskState
    message: str | None = None
    reason: str | None = None
    source: str = SOURCE_EXECUTOR
    limitation: TaskResourceLimitation | None = None
    healthy: bool | None = None


def of_exit(task: Task, exit_: Exit) -> Verdict:
    """Which terminal state the end of a task's container means."""
    verdict = _of_exit(task, exit_)
    if verdict.state is not TaskState.KILLED:
        return verdict
    match task.cause:
        case Cause.UNHEALTHY:
            return replace(verdict, healthy=False)
        case Cause.OVERDUE:
            reason = "REASON_MAX_COMPLETION_TIME_REACHED"
            return replace(verdict, state=TaskState.FAILED, reason=reason)
        case None:
            return verdict


def _of_exit(task: Task, exit_: Exit) -> Verdict:
    message = describe(_SUBJECT[task.container.containerizer], exit_)
    if task.limitation is not None:
        return of_limitation(task.limitation)
    if not exit_.started:
        return _of_failed_start(task, message)
    if exit_.out_of_memory and task.goal is Goal.RUN and exit_.code != 0:
        return of_limitation(exit_.limitation or _of_memory(task, message))
    if exit_.code is None and exit_.signal is None:
        state = TaskState.KILLED if task.goal is Goal.STOP else TaskState.FAILED
        reason = "REASON_EXECUTOR_TERMINATED" if state is TaskState.FAILED else None
        return Verdict(state=state, message=message, reason=reason, source=SOURCE_AGENT)
    if task.goal is Goal.STOP:
        return Verdict(state=TaskState.KILLED, message=message)
    if exit_.code == 0:
        return Verdict(state=TaskState.FINISHED, message=message)
    return Verdict(state=TaskState.FAILED, message=message, reason="REASON_COMMAND_EXECUTOR_FAILED")


def of_limitation(limitation: Limitation) -> Verdict:
    """What the tasks are told of a container that was ended because it broke a limit."""
    return Verdict(
        state=TaskState.FAILED,
        message=limitation.message,
        reason=limitation.reason,
        source=SOURCE_AGENT,
        limitation=TaskResourceLimitation(resources=limitation.resources),
    )


def _of_memory(task: Task, message: str) -> Limitation:
    memory = [resource for resource in task.info.resources if resource.name == "mem"]
    return Limitation(reason=MEMORY_LIMITATION, message=message, resources=memory)


def _of_failed_start(task: Task, message: str) -> Verdict:
    if task.goal is Goal.STOP:
        return Verdict(
            state=TaskState.KILLED,
            message="Task was killed before it started",
            reason="REASON_TASK_KILLED_DURING_LAUNCH",
            source=SOURCE_AGENT,
        )
    return Verdict(
        state=TaskState.FAILED,
        message=message,
        reason="REASON_CONTAINER_LAUNCH_FAILED",
        source=SOURCE_AGENT,
    )


def describe(subject: str, exit_: Exit) -> str:
    """How something ended, in a sentence."""
    if exit_.code is not None:
        memory = " after it exceeded its memory limit" if exit_.out_of_memory else ""
        return f"{subject} exited with status {exit_.code}{memory}"
    if exit_.signal is not None:
        name = strsignal(exit_.signal) or f"number {exit_.signal}"
        return f"{subject} terminated with signal {name}"
    if exit_.started:
        return f"{subject} ended, exit status unknown because {exit_.problem or 'nobody saw it'}"
    return f"{subject} could not be started: {exit_.problem or 'no reason is known'}"


def update(task: Task, verdict: Verdict, uuid: bytes, host_ip: str, now: float) -> TaskStatus:
    """The update that carries a verdict; ``uuid`` makes its receiver acknowledge it."""
    was_launched = verdict.source == SOURCE_EXECUTOR or task.pid is not None
    return TaskStatus(
        task_id=task.info.task_id,
        state=verdict.state,
        message=verdict.message,
        source=verdict.source,
        reason=verdict.reason,
        agent_id=task.info.agent_id,
        executor_id=ExecutorID(value=task.executor_id),
        timestamp=now,
        uuid=uuid,
        healthy=verdict.healthy,
        check_status=_check_status(task),
        container_status=_container_status(task, host_ip) if was_launched else None,
        limitation=verdict.limitation,
    )


def of_check(
    last: TaskStatus, news: CheckStatusInfo | HealthChange, uuid: bytes, now: float
) -> TaskStatus:
    """The update that carries what a check found, with all else that the last one said."""
    told = replace(last, uuid=uuid, timestamp=now, data=None, message=None)
    match news:
        case HealthChange(is_healthy=is_healthy, message=message):
            return replace(told, reason=HEALTH_CHECKED, healthy=is_healthy, message=message)
        case CheckStatusInfo():
            return replace(told, reason=CHECKED, check_status=news)


def _check_status(task: Task) -> CheckStatusInfo | None:
    """What a task's check last found: every update of a task with a check says so."""
    if task.info.check is None:
        return None
    last = task.latest.check_status if task.latest else None
    return last or no_status(task.info.check)


def _container_status(task: Task, host_ip: str) -> ContainerStatus:
    info = ports.shared(task.info.container, task.networks)
    return container_status(container_id(task), task.pid, task.ip_addresses or (host_ip,), info)


def container_status(
    id_: ContainerID,
    pid: int | None,
    addresses: tuple[str, ...],
    container: ContainerInfo | None,
) -> ContainerStatus:
    """Where something runs: its container, pid and addresses (the host's without a network)."""
    infos = container.network_infos if container else []
    asked = infos[0] if infos else NetworkInfo()
    network = NetworkInfo(
        ip_addresses=[IPAddress(protocol=_protocol(ip), ip_address=ip) for ip in addresses],
        name=asked.name,
        groups=asked.groups,
        labels=asked.labels,
        port_mappings=asked.port_mappings,
    )
    return ContainerStatus(container_id=id_, executor_pid=pid, network_infos=[network])


def container_id(task: Task) -> ContainerID:
    """The task's container as the wire names it, inside that of its task group if it has one."""
    parent = ContainerID(value=task.parent_id) if task.parent_id else None
    return ContainerID(value=task.id, parent=parent)


def _protocol(ip: str) -> str:
    return "IPv6" if ":" in ip else "IPv4"


def agent_is_leaving(is_partition_aware: bool) -> Verdict:
    """The answer to a launch that comes too late."""
    return Verdict(
        state=TaskState.DROPPED if is_partition_aware else TaskState.LOST,
        message="The agent is shutting down",
        reason="REASON_EXECUTOR_TERMINATED",
        source=SOURCE_AGENT,
    )


def executor_is_gone(message: str, is_partition_aware: bool) -> Verdict:
    """The answer to tasks whose executor is not there for them any more."""
    return Verdict(
        state=TaskState.DROPPED if is_partition_aware else TaskState.LOST,
        message=message,
        reason="REASON_EXECUTOR_TERMINATED",
        source=SOURCE_AGENT,
    )


def unknown_task(is_partition_aware: bool) -> Verdict:
    """The answer to a kill of a task that this agent does not have."""
    return Verdict(
        state=TaskState.DROPPED if is_partition_aware else TaskState.LOST,
        message="Cannot find executor",
        reason="REASON_EXECUTOR_TERMINATED",
        source=SOURCE_AGENT,
    )
