"""What operators' event streams are told: every change of tasks, agents and frameworks.

Events are made only while somebody listens, and once for all listeners. A stream begins with the
whole state; what was announced before is in it, what comes after follows. Of more streams than
``max_operator_subscribers`` the oldest is closed, as in Mesos. Source: master.proto ``Event``.
"""

from __future__ import annotations

from orchestrator.master.core import v1_views
from orchestrator.master.core.messages import Announce, CloseStream, ToOperator
from orchestrator.master.core.records import Agent, Framework, LiveTask
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos import operator
from orchestrator.mesos.operator import Event, EventType
from orchestrator.mesos.types import AgentID, FrameworkID, TaskStatus

_HEARTBEAT = (Timer.OPERATOR_HEARTBEAT, "")


def subscribe(state: State, stream: str) -> None:
    """Begin a stream."""
    if not state.watchers:
        _arm(state)
    state.watchers[stream] = None
    while len(state.watchers) > state.config.max_operator_subscribers:
        oldest = next(iter(state.watchers))
        del state.watchers[oldest]
        state.effects.append(CloseStream(oldest))
    subscribed = operator.Subscribed(
        get_state=v1_views.whole(state),
        heartbeat_interval_seconds=state.config.heartbeat_interval_s,
    )
    event = Event(type=EventType.SUBSCRIBED, subscribed=subscribed)
    state.effects.append(ToOperator(stream, event))


def unsubscribe(state: State, stream: str) -> None:
    """A stream ended."""
    state.watchers.pop(stream, None)
    if not state.watchers:
        state.timers.cancel(_HEARTBEAT)


def heartbeat(state: State) -> None:
    """Show that the streams are alive, and go on doing so."""
    _announce(state, Event(type=EventType.HEARTBEAT))
    _arm(state)


def _arm(state: State) -> None:
    state.timers.set(_HEARTBEAT, state.now + state.config.heartbeat_interval_s)


def _announce(state: State, event: Event) -> None:
    state.effects.append(Announce(event))


def task_added(state: State, task: LiveTask) -> None:
    """A task was launched, or an agent came with it."""
    if state.watchers:
        added = operator.TaskAdded(task=v1_views.task(task))
        _announce(state, Event(type=EventType.TASK_ADDED, task_added=added))


def task_updated(state: State, task: LiveTask, status: TaskStatus) -> None:
    """A status of a task came in, or the master made one."""
    if state.watchers:
        updated = operator.TaskUpdated(
            framework_id=FrameworkID(value=task.framework_id), status=status, state=task.state
        )
        _announce(state, Event(type=EventType.TASK_UPDATED, task_updated=updated))


def agent_added(state: State, agent: Agent) -> None:
    """An agent registered."""
    if state.watchers:
        added = operator.AgentAdded(agent=v1_views.agent(state, agent))
        _announce(state, Event(type=EventType.AGENT_ADDED, agent_added=added))


def agent_removed(state: State, agent_id: str) -> None:
    """An agent left, was given up or was marked gone."""
    if state.watchers:
        removed = operator.AgentRemoved(agent_id=AgentID(value=agent_id))
        _announce(state, Event(type=EventType.AGENT_REMOVED, agent_removed=removed))


def framework_added(state: State, framework: Framework) -> None:
    """A framework is new to this master."""
    if state.watchers:
        added = operator.FrameworkAdded(framework=v1_views.framework(state, framework))
        _announce(state, Event(type=EventType.FRAMEWORK_ADDED, framework_added=added))


def framework_updated(state: State, framework: Framework) -> None:
    """A framework came back, went away or changed."""
    if state.watchers:
        updated = operator.FrameworkUpdated(framework=v1_views.framework(state, framework))
        _announce(state, Event(type=EventType.FRAMEWORK_UPDATED, framework_updated=updated))


def framework_removed(state: State, framework: Framework) -> None:
    """A framework is over."""
    if state.watchers:
        removed = operator.FrameworkRemoved(framework_info=framework.info)
        _announce(state, Event(type=EventType.FRAMEWORK_REMOVED, framework_removed=removed))
