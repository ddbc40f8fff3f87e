"""Where an instance is: what is wanted of it, what is seen, and how a Mesos status changes that.

``TRANSITIONS`` is the whole table of what a status does to a condition; what is not in it changes
nothing. Source: Condition.scala, Goal.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from orchestrator.mesos.types import TaskState


class Goal(StrEnum):
    """What is wanted of an instance."""

    RUNNING = "Running"
    STOPPED = "Stopped"  # ended, and kept with its volumes until it is wanted again
    DECOMMISSIONED = "Decommissioned"  # ended, and then forgotten


class Condition(StrEnum):
    """What is seen of an instance."""

    SCHEDULED = "Scheduled"  # waits for an offer; Mesos knows nothing of it
    PROVISIONED = "Provisioned"  # an offer has been accepted for it
    STAGING = "Staging"
    STARTING = "Starting"
    RUNNING = "Running"
    KILLING = "Killing"
    UNREACHABLE = "Unreachable"
    UNREACHABLE_INACTIVE = "UnreachableInactive"  # so long that it has been replaced
    FINISHED = "Finished"
    FAILED = "Failed"
    KILLED = "Killed"
    ERROR = "Error"
    DROPPED = "Dropped"
    GONE = "Gone"
    UNKNOWN = "Unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended for good."""
        return self in _TERMINAL

    @property
    def is_launched(self) -> bool:
        """Whether Mesos has, or may have, a task for it."""
        return self is not Condition.SCHEDULED and self not in _TERMINAL

    @property
    def is_lost(self) -> bool:
        """Whether nobody can be asked to end it now."""
        return self in (Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE)

    @property
    def adds_delay(self) -> bool:
        """Whether ending like this makes the next launch wait longer."""
        return self in _TERMINAL and self is not Condition.KILLED

    @property
    def task_state(self) -> str:
        """The state that Marathon's API shows for it."""
        return _SHOWN.get(self, "TASK_STAGING")


_TERMINAL = frozenset(
    {
        Condition.FINISHED,
        Condition.FAILED,
        Condition.KILLED,
        Condition.ERROR,
        Condition.DROPPED,
        Condition.GONE,
        Condition.UNKNOWN,
    }
)
_SHOWN = {
    condition: f"TASK_{condition.value.upper()}"
    for condition in (*_TERMINAL, Condition.STARTING, Condition.RUNNING, Condition.KILLING)
} | dict.fromkeys((Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE), "TASK_UNREACHABLE")

_ENDS = {
    TaskState.FINISHED: Condition.FINISHED,
    TaskState.FAILED: Condition.FAILED,
    TaskState.KILLED: Condition.KILLED,
    TaskState.ERROR: Condition.ERROR,
    TaskState.DROPPED: Condition.DROPPED,
    TaskState.LOST: Condition.GONE,
    TaskState.GONE: Condition.GONE,
    TaskState.GONE_BY_OPERATOR: Condition.GONE,
    TaskState.UNKNOWN: Condition.UNKNOWN,
}
_STAGING = {TaskState.STAGING: Condition.STAGING}
_STARTING = {TaskState.STARTING: Condition.STARTING}
_RUNNING = {TaskState.RUNNING: Condition.RUNNING}
_KILLING = {TaskState.KILLING: Condition.KILLING}
_LOST = {TaskState.UNREACHABLE: Condition.UNREACHABLE} | _ENDS
_PROGRESS = _STAGING | _STARTING | _RUNNING | _KILLING

TRANSITIONS: Mapping[Condition, Mapping[TaskState, Condition]] = {
    Condition.PROVISIONED: _PROGRESS | _LOST,
    Condition.STAGING: _STARTING | _RUNNING | _KILLING | _LOST,
    Condition.STARTING: _RUNNING | _KILLING | _LOST,
    Condition.RUNNING: _KILLING | _LOST,
    Condition.KILLING: _LOST,
    Condition.UNREACHABLE: _PROGRESS | _ENDS,
    Condition.UNREACHABLE_INACTIVE: _PROGRESS | _ENDS,
}
