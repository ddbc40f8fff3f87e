"""The life of instances with persistent volumes, where it is not like that of others.

    scheduled --reserve--> reserving --offered--> launched --ends--> reserved, waits for its agent
                              |                      |                   |
                     no offer in time             stopped ------> suspended: nothing but volumes
                              v                                          |
                          forgotten <----- wiped, or its app deleted ----'

What is forgotten is destroyed and unreserved when it is offered.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.state import State
from orchestrator.mesos.types import TaskState, TaskStatus

RESERVE = "reserve"


def keeps_volumes(state: State, instance: Instance) -> bool:
    """Whether the instance is to be kept when it is stopped."""
    has_volumes = instance.reservation is not None and instance.reservation.is_used
    return has_volumes and state.effective(instance.app_id) is not None


def suspend(state: State, instance: Instance) -> Instance | None:
    """Stop wanting it to run; returned if there is a task to end first."""
    if not instance.condition.is_launched:
        if not instance.is_suspended:
            state.put(replace(instance, goal=Goal.STOPPED, condition=Condition.KILLED))
        return None
    if instance.goal is Goal.RUNNING:
        instance = replace(instance, goal=Goal.STOPPED)
        state.put(instance)
    return instance


def watch_reservation(state: State, instance: Instance) -> None:
    """What is being reserved has to be offered in time."""
    if instance.is_reserving:
        due = state.now + state.settings.task_reservation_timeout_s
        state.timers.set(RESERVE, instance.id, due)


def is_too_late(state: State, instance: Instance) -> bool:
    """Whether a reservation was not made, after the alarm; without a master nobody knows."""
    if not instance.is_reserving or state.is_connected:
        return instance.is_reserving
    watch_reservation(state, instance)
    return False


def ended(instance: Instance, status: TaskStatus) -> Instance:
    """After the end of its task: volumes on an agent that is gone for good are lost."""
    if status.state is TaskState.GONE_BY_OPERATOR:
        return replace(instance, reservation=None)
    return instance
