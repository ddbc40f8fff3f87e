"""Tasks and executors, their states and statuses.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types.base import (
    AgentID,
    ContainerID,
    DurationInfo,
    ExecutorID,
    FrameworkID,
    Labels,
    Message,
    TaskID,
    TimeInfo,
)
from orchestrator.mesos.types.checks import CheckInfo, CheckStatusInfo, HealthCheck
from orchestrator.mesos.types.commands import CommandInfo
from orchestrator.mesos.types.containers import ContainerInfo
from orchestrator.mesos.types.networks import DiscoveryInfo, NetworkInfo
from orchestrator.mesos.types.resources import Resource, Scalar


class KillPolicy(Message):
    """How long a task may take to end after SIGTERM."""

    grace_period: DurationInfo | None = None


class ExecutorInfo(Message):
    """A framework's own executor, or the default one."""

    executor_id: ExecutorID
    type: str = "UNKNOWN"
    framework_id: FrameworkID | None = None
    command: CommandInfo | None = None
    container: ContainerInfo | None = None
    resources: list[Resource] = []
    name: str | None = None
    source: str | None = None
    data: bytes | None = None
    discovery: DiscoveryInfo | None = None
    shutdown_grace_period: DurationInfo | None = None
    labels: Labels | None = None


class TaskInfo(Message):
    """A task as a framework asks for it."""

    name: str
    task_id: TaskID
    agent_id: AgentID
    resources: list[Resource] = []
    executor: ExecutorInfo | None = None
    command: CommandInfo | None = None
    container: ContainerInfo | None = None
    health_check: HealthCheck | None = None
    check: CheckInfo | None = None
    kill_policy: KillPolicy | None = None
    data: bytes | None = None
    labels: Labels | None = None
    discovery: DiscoveryInfo | None = None
    max_completion_time: DurationInfo | None = None
    limits: dict[str, Scalar] = {}


class TaskGroupInfo(Message):
    """Tasks that start and end together."""

    tasks: list[TaskInfo] = []


class TaskState(StrEnum):
    """The states of a task as frameworks see them."""

    STAGING = "TASK_STAGING"
    STARTING = "TASK_STARTING"
    RUNNING = "TASK_RUNNING"
    KILLING = "TASK_KILLING"
    FINISHED = "TASK_FINISHED"
    FAILED = "TASK_FAILED"
    KILLED = "TASK_KILLED"
    ERROR = "TASK_ERROR"
    LOST = "TASK_LOST"
    DROPPED = "TASK_DROPPED"
    UNREACHABLE = "TASK_UNREACHABLE"
    GONE = "TASK_GONE"
    GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"
    UNKNOWN = "TASK_UNKNOWN"

    @property
    def is_terminal(self) -> bool:
        """Whether a task in this state will never run again (protobuf::isTerminalState)."""
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        TaskState.FINISHED,
        TaskState.FAILED,
        TaskState.KILLED,
        TaskState.ERROR,
        TaskState.LOST,
        TaskState.DROPPED,
        TaskState.GONE,
        TaskState.GONE_BY_OPERATOR,
    }
)


class ContainerStatus(Message):
    """What is known of the container of a task."""

    container_id: ContainerID | None = None
    network_infos: list[NetworkInfo] = []
    executor_pid: int | None = None


class TaskResourceLimitation(Message):
    """The resources whose limit a task broke."""

    resources: list[Resource] = []


class TaskStatus(Message):
    """One update on a task.

    ``uuid`` is present exactly when the update has to be acknowledged; ``timestamp`` is in
    seconds since the epoch.
    """

    task_id: TaskID
    state: TaskState
    message: str | None = None
    source: str | None = None
    reason: str | None = None
    data: bytes | None = None
    agent_id: AgentID | None = None
    executor_id: ExecutorID | None = None
    timestamp: float | None = None
    uuid: bytes | None = None
    healthy: bool | None = None
    check_status: CheckStatusInfo | None = None
    labels: Labels | None = None
    container_status: ContainerStatus | None = None
    unreachable_time: TimeInfo | None = None
    limitation: TaskResourceLimitation | None = None


class Task(Message):
    """A task as master and agent know it (mesos.proto ``Task``)."""

    name: str
    task_id: TaskID
    framework_id: FrameworkID
    agent_id: AgentID
    state: TaskState
    executor_id: ExecutorID | None = None
    resources: list[Resource] = []
    statuses: list[TaskStatus] = []
    status_update_state: TaskState | None = None
    status_update_uuid: bytes | None = None
    labels: Labels | None = None
    discovery: DiscoveryInfo | None = None
    container: ContainerInfo | None = None
    health_check: HealthCheck | None = None
    kill_policy: KillPolicy | None = None
    user: str | None = None
