"""The executor API: what an executor calls on its agent, and what it is told.

Source: include/mesos/v1/executor/executor.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types import (
    AgentInfo,
    ContainerID,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    Message,
    TaskGroupInfo,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)


class CallType(StrEnum):
    """The calls an executor can make."""

    UNKNOWN = "UNKNOWN"
    SUBSCRIBE = "SUBSCRIBE"
    UPDATE = "UPDATE"
    MESSAGE = "MESSAGE"
    HEARTBEAT = "HEARTBEAT"


class Update(Message):
    """How a task is; ``status.uuid`` names the update."""

    status: TaskStatus


class Subscribe(Message):
    """Opens the event stream; tells what has not been acknowledged yet."""

    unacknowledged_tasks: list[TaskInfo] = []
    unacknowledged_updates: list[Update] = []


class FrameworkBytes(Message):
    """Bytes for the framework, or from it."""

    data: bytes


class Call(Message):
    """One call of an executor."""

    executor_id: ExecutorID
    framework_id: FrameworkID
    type: CallType = CallType.UNKNOWN
    subscribe: Subscribe | None = None
    update: Update | None = None
    message: FrameworkBytes | None = None

    def problem(self) -> str | None:
        """What a well-formed call of this type lacks, in a sentence, or None."""
        if not self.executor_id.value:
            return "Expecting 'executor_id' to be present"
        if not self.framework_id.value:
            return "Expecting 'framework_id' to be present"
        match self:
            case Call(type=CallType.SUBSCRIBE, subscribe=None):
                return "Expecting 'subscribe' to be present"
            case Call(type=CallType.MESSAGE, message=None):
                return "Expecting 'message' to be present"
            case Call(type=CallType.UPDATE, update=update):
                return _problem_of(update, self.executor_id)
        return None


def _problem_of(update: Update | None, executor_id: ExecutorID) -> str | None:
    if update is None:
        return "Expecting 'update' to be present"
    status = update.status
    if not status.uuid or len(status.uuid) != 16:
        return "Expecting 'uuid' to be present, with 16 bytes"
    if status.executor_id is not None and status.executor_id != executor_id:
        return "Received update for an executor other than the one that calls"
    if status.source != "SOURCE_EXECUTOR":
        return "Received Call::Update with an invalid source, expecting 'SOURCE_EXECUTOR'"
    if status.state is TaskState.STAGING:
        return "Received TASK_STAGING from executor which is not allowed"
    return None


class EventType(StrEnum):
    """What an executor can be told."""

    UNKNOWN = "UNKNOWN"
    SUBSCRIBED = "SUBSCRIBED"
    LAUNCH = "LAUNCH"
    LAUNCH_GROUP = "LAUNCH_GROUP"
    KILL = "KILL"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    MESSAGE = "MESSAGE"
    ERROR = "ERROR"
    SHUTDOWN = "SHUTDOWN"
    HEARTBEAT = "HEARTBEAT"


class Subscribed(Message):
    """The first event of every stream."""

    executor_info: ExecutorInfo
    framework_info: FrameworkInfo
    agent_info: AgentInfo
    container_id: ContainerID | None = None


class Launch(Message):
    """A task to run."""

    task: TaskInfo


class LaunchGroup(Message):
    """Tasks to run together or not at all."""

    task_group: TaskGroupInfo


class Kill(Message):
    """A task to end."""

    task_id: TaskID
    kill_policy: KillPolicy | None = None


class Acknowledged(Message):
    """An update that need not be kept any more."""

    task_id: TaskID
    uuid: bytes


class Error(Message):
    """Why the executor has to end."""

    message: str


class Event(Message):
    """One event of an executor's stream."""

    type: EventType = EventType.UNKNOWN
    subscribed: Subscribed | None = None
    launch: Launch | None = None
    launch_group: LaunchGroup | None = None
    kill: Kill | None = None
    acknowledged: Acknowledged | None = None
    message: FrameworkBytes | None = None
    error: Error | None = None
