"""Striking agents off the books, for whatever reason."""

from __future__ import annotations

from orchestrator.master.core import announce, executors, inverse_offers, offers, overlay, tasks
from orchestrator.master.core.messages import CloseLink
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos.scheduler import Event, EventType, Failure
from orchestrator.mesos.types import AgentID, TaskState


def remove(state: State, agent: Agent, fate: TaskState, message: str) -> None:
    """Strike an agent off the books, and tell everybody what became of its tasks."""
    for offer_id in list(agent.offers):
        offers.take_back(state, state.cluster.offers[offer_id], tell=True)
    inverse_offers.forget_agent(state, agent.id)
    for task in list(agent.tasks.values()):
        final = tasks.for_framework(state.cluster.frameworks[task.framework_id], fate)
        tasks.lose(state, task, final, "REASON_AGENT_REMOVED", message)
    executors.forget(state, agent.executors.values())
    if agent.link is not None:
        state.effects.append(CloseLink(agent.link))
        state.cluster.close_link(agent)
    state.cluster.remove_agent(agent)
    overlay.removed(state, agent)
    state.filters.clear_agent(agent.id)
    state.changed_agents.pop(agent.id, None)
    state.overdue.discard(agent.id)
    state.timers.cancel((Timer.AGENT_PING, agent.id))
    state.counters["slave_removals"] += 1
    tell_of_failure(state, agent.id)
    announce.agent_removed(state, agent.id)


def tell_of_failure(state: State, agent_id: str) -> None:
    """Tell all frameworks that an agent is gone."""
    failure = Event(type=EventType.FAILURE, failure=Failure(agent_id=AgentID(value=agent_id)))
    for framework in state.cluster.connected_frameworks():
        state.tell(framework, failure)
