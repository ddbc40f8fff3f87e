"""Agents falling silent: pinged, given up, and awaited after the master's own failover.

An agent that is given up is *unreachable*: it is struck off the books, but not out of the registry,
and may come back. Of many that fall silent at once only so many are given up in a time
(``--agent-removal-interval-s``).
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.master.core import offers, registry, removal
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos.link import Ping
from orchestrator.mesos.types import TaskState


def heard(state: State, agent: Agent) -> None:
    """Note a sign of life."""
    agent.heard_at = state.now
    if agent.id in state.overdue:
        state.overdue.discard(agent.id)
        state.counters["slave_unreachable_canceled"] += 1


def disconnect(state: State, link: str) -> None:
    """An agent's link ended: offer nothing of it until it is back."""
    agent = state.cluster.links.get(link)
    if agent is None:
        return  # it has come back on another link already
    state.cluster.close_link(agent)
    rescind_offers(state, agent)


def ping(state: State, agent_id: str) -> None:
    """Ask an agent for a sign of life; give it up when there has been none for too long."""
    agent = state.cluster.agents.get(agent_id)
    if agent is None:
        return
    config = state.config
    patience_s = config.agent_ping_timeout_s * config.max_agent_ping_timeouts
    if state.now >= agent.heard_at + patience_s:
        _give_up(state, agent)
        return
    state.order(agent, Ping())
    state.timers.set((Timer.AGENT_PING, agent_id), state.now + config.agent_ping_timeout_s)


def _give_up(state: State, agent: Agent) -> None:
    """Mark an agent unreachable, now or when the removal rate limit lets it."""
    if _may_give_up(state, (Timer.AGENT_PING, agent.id)):
        mark_unreachable(state, agent)


def _may_give_up(state: State, deadline: tuple[Timer, str]) -> bool:
    """Whether the removal rate limit lets one more agent go; if not, its deadline is put off."""
    agent_id = deadline[1]
    if state.removals_from > state.now:
        state.counters["slave_unreachable_scheduled"] += agent_id not in state.overdue
        state.overdue.add(agent_id)
        state.timers.set(deadline, state.removals_from)
        return False
    state.overdue.discard(agent_id)
    state.removals_from = state.now + state.config.agent_removal_interval_s
    return True


def mark_unreachable(state: State, agent: Agent) -> None:
    """Give an agent up: its tasks count as unreachable, or lost, until it comes back."""
    state.counters["slave_unreachable_completed"] += 1
    _note_unreachable(state, agent.id, registry.record_of(agent))
    removal.remove(
        state, agent, TaskState.UNREACHABLE, "Agent has not answered pings and is unreachable"
    )


def _note_unreachable(state: State, agent_id: str, record: registry.AgentRecord) -> None:
    record = replace(record, unreachable_since=state.now)
    state.records[agent_id] = record
    state.effects.append(registry.save_record(agent_id, record))
    forgotten = state.cluster.note_unreachable(agent_id, state.now)
    if forgotten is not None:
        state.records.pop(forgotten, None)
        state.effects.append(registry.forget(forgotten))


def give_up_recovered(state: State, agent_id: str) -> None:
    """An agent of the registry did not come back after the master's start."""
    if not _may_give_up(state, (Timer.AGENT_RETURN, agent_id)):
        return
    state.recovered_agents.discard(agent_id)
    state.counters["recovery_slave_removals"] += 1
    _note_unreachable(state, agent_id, state.records[agent_id])
    removal.tell_of_failure(state, agent_id)


def rescind_offers(state: State, agent: Agent) -> None:
    """Take back what is offered of an agent."""
    for offer_id in list(agent.offers):
        offers.take_back(state, state.cluster.offers[offer_id], tell=True)
