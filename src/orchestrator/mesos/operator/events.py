"""What operators are told on their event streams."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.operator.state import Agent, Framework, GetState
from orchestrator.mesos.types import (
    AgentID,
    FrameworkID,
    FrameworkInfo,
    Message,
    Task,
    TaskState,
    TaskStatus,
)


class EventType(StrEnum):
    """What a subscriber can be told."""

    UNKNOWN = "UNKNOWN"
    SUBSCRIBED = "SUBSCRIBED"
    TASK_ADDED = "TASK_ADDED"
    TASK_UPDATED = "TASK_UPDATED"
    AGENT_ADDED = "AGENT_ADDED"
    AGENT_REMOVED = "AGENT_REMOVED"
    FRAMEWORK_ADDED = "FRAMEWORK_ADDED"
    FRAMEWORK_UPDATED = "FRAMEWORK_UPDATED"
    FRAMEWORK_REMOVED = "FRAMEWORK_REMOVED"
    HEARTBEAT = "HEARTBEAT"


class Subscribed(Message):
    """The state at the beginning of the stream."""

    get_state: GetState | None = None
    heartbeat_interval_seconds: float | None = None


class TaskAdded(Message):
    """A task that is new to the master."""

    task: Task


class TaskUpdated(Message):
    """A status update, and the latest state of its task."""

    framework_id: FrameworkID
    status: TaskStatus
    state: TaskState


class AgentAdded(Message):
    """An agent that registered."""

    agent: Agent


class AgentRemoved(Message):
    """An agent that is gone."""

    agent_id: AgentID


class FrameworkAdded(Message):
    """A framework that subscribed for the first time."""

    framework: Framework


class FrameworkUpdated(Message):
    """A framework that came back, went away or changed."""

    framework: Framework


class FrameworkRemoved(Message):
    """A framework that is over."""

    framework_info: FrameworkInfo


class Event(Message):
    """One event of an operator's stream."""

    type: EventType = EventType.UNKNOWN
    subscribed: Subscribed | None = None
    task_added: TaskAdded | None = None
    task_updated: TaskUpdated | None = None
    agent_added: AgentAdded | None = None
    agent_removed: AgentRemoved | None = None
    framework_added: FrameworkAdded | None = None
    framework_updated: FrameworkUpdated | None = None
    framework_removed: FrameworkRemoved | None = None
