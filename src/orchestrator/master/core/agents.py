"""Agents coming, coming back and leaving.

The registry (``agents/<id>`` in the store) holds every agent that was admitted, so that a master
that starts again knows whom to wait for. What runs on an agent, the agent itself tells
(``takeover``); ``silence`` is about those that are heard no more.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from orchestrator.master.core import (
    announce,
    destruction,
    draining,
    inverse_offers,
    overlay,
    registry,
    removal,
    schedule,
    silence,
    takeover,
)
from orchestrator.master.core.conversions import reapply
from orchestrator.master.core.messages import AgentRegistered, CloseLink, ToAgent
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State, Timer
from orchestrator.master.core.validation import agent_problem, reservations_problem
from orchestrator.mesos.link import (
    Refused,
    Registered,
    Shutdown,
)
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.types import (
    AgentID,
    AgentInfo,
    TaskState,
)

MAX_RESOURCES_AN_AGENT = 1_000


def register(state: State, request: AgentRegistered) -> None:
    """Admit an agent, new or back, or say why not."""
    message = request.register
    is_first = message.agent.id is None
    state.counters[f"messages_{'' if is_first else 're'}register_slave"] += 1
    if reason := _reason_to_send_away(state, message.agent, request.ip):
        state.effects.append(ToAgent(request.link, Shutdown(reason=reason)))
        return
    resources, problem = _resources(message.agent)
    hindrance = None if problem else _reason_to_wait(state, message.agent, request.ip)
    if reason := problem or hindrance:
        refused = Refused(reason=reason, retry=problem is None)
        state.effects += [ToAgent(request.link, refused), CloseLink(request.link)]
        return
    is_known = message.agent.id is not None and message.agent.id.value in state.cluster.agents
    kept = _kept(state, message.agent)
    agent = _admit(state, request, resources)
    no_subnet = overlay.join(state, agent, message.overlay)
    if kept != registry.record_of(agent):  # most come back as they were: nothing to wait for
        state.effects.append(registry.save(agent))
    state.order(agent, _welcome(state, agent))
    destruction.send_again(state, agent)
    overlay.refuse(state, agent, no_subnet)
    if not is_known:
        announce.agent_added(state, agent)
    takeover.take_over(state, agent, message, is_awaited=kept is not None)
    draining.resume(state, agent)
    inverse_offers.ask_to_leave(state, [agent])
    state.reallocate(agent.id)


def _kept(state: State, info: AgentInfo) -> registry.AgentRecord | None:
    """What the registry has of an agent."""
    if info.id is None:
        return None
    known = state.cluster.agents.get(info.id.value)
    return registry.record_of(known) if known is not None else state.records.get(info.id.value)


def _reason_to_send_away(state: State, info: AgentInfo, ip: str) -> str | None:
    """Why an agent that may have tasks has to end, and they with it: a refusal would spare them."""
    if info.id is None:
        return None
    if schedule.is_down(state, info.hostname, ip):
        return "The agent's machine is down for maintenance"
    if info.id.value in state.gone:
        return "The agent has been marked gone and must not come back"
    return None


def _resources(info: AgentInfo) -> tuple[Resources, str | None]:
    if problem := agent_problem(info):
        return Resources(), problem
    if len(info.resources) > MAX_RESOURCES_AN_AGENT:
        return Resources(), f"The agent announces more than {MAX_RESOURCES_AN_AGENT} resources"
    try:
        resources = from_wire(info.resources)
    except ResourceError as error:
        return Resources(), f"The agent's resources are invalid: {error}"
    problems = (reservations_problem(kind.reservations) for kind in resources.amounts)
    if problem := next(filter(None, problems), None):
        return Resources(), f"The agent's resources are invalid: {problem}"
    return resources, None


def _reason_to_wait(state: State, info: AgentInfo, ip: str) -> str | None:
    """Why an agent cannot register now. It may later: an address may change before we notice."""
    if schedule.is_down(state, info.hostname, ip):
        return "The agent's machine is down for maintenance"
    known = state.cluster.agents.get(info.id.value) if info.id else None
    if known is None and len(state.cluster.agents) >= state.config.max_agents:
        return f"There are {state.config.max_agents} agents already"
    if (
        known is not None
        and known.is_connected
        and (known.info.hostname, known.ip) != (info.hostname, ip)
    ):
        return f"Agent {known.id} is connected already, from {known.info.hostname} ({known.ip})"
    return None


def _welcome(state: State, agent: Agent) -> Registered:
    return Registered(
        agent_id=AgentID(value=agent.id),
        master=state.info,
        ping_timeout_s=state.config.agent_ping_timeout_s,
        max_ping_timeouts=state.config.max_agent_ping_timeouts,
    )


def _admit(state: State, request: AgentRegistered, resources: Resources) -> Agent:
    info = request.register.agent
    agent_id = info.id.value if info.id else state.new_id("S")
    info = msgspec.structs.replace(info, id=AgentID(value=agent_id))
    agent = state.cluster.agents.get(agent_id)
    if agent is None:
        agent = _agent(state, info, agent_id, resources)
        state.cluster.add_agent(agent)
        is_new = request.register.agent.id is None
        state.counters["slave_registrations" if is_new else "slave_reregistrations"] += 1
    else:
        _replace_link(state, agent)
        agent.info = info
        agent.reregistered_at = state.now
        state.cluster.resize_agent(agent, reapply(resources, agent.resources))
        state.counters["slave_reregistrations"] += 1
    state.cluster.open_link(agent, request.link)
    agent.ip, agent.version = request.ip, request.register.version
    destruction.registered(agent, request.register.destroyed)
    state.recovered_agents.discard(agent_id)
    state.timers.cancel((Timer.AGENT_RETURN, agent_id))
    silence.heard(state, agent)
    state.timers.set((Timer.AGENT_PING, agent_id), state.now + state.config.agent_ping_timeout_s)
    return agent


def _agent(state: State, info: AgentInfo, agent_id: str, resources: Resources) -> Agent:
    agent = Agent(id=agent_id, info=info, resources=resources, registered_at=state.now)
    record = state.records.pop(agent_id, None)
    if record is not None:
        agent.resources = reapply(resources, from_wire(record.resources))
        agent.drain, agent.is_deactivated = record.drain, record.is_deactivated
        agent.overlay, agent.doomed = record.overlay, record.doomed
    return agent


def _replace_link(state: State, agent: Agent) -> None:
    if agent.link is not None:
        state.effects.append(CloseLink(agent.link))
    silence.rescind_offers(state, agent)


def leave(state: State, agent: Agent) -> None:
    """An agent ended on purpose; it has killed its tasks."""
    state.counters["messages_unregister_slave"] += 1
    state.effects.append(registry.forget(agent.id))
    removal.remove(state, agent, TaskState.GONE, "Agent was shut down")


def recover(state: State, kept: Mapping[str, bytes]) -> None:
    """After a start: wait for the agents in the registry."""
    state.records = registry.load(kept)
    state.gone = registry.load_gone(kept)
    overlay.recover(state)
    schedule.recover(state, kept)
    deadline = state.now + state.config.agent_reregister_timeout_s
    for agent_id, record in state.records.items():
        if record.unreachable_since is not None:
            state.cluster.unreachable[agent_id] = record.unreachable_since
        else:
            state.recovered_agents.add(agent_id)
            state.timers.set((Timer.AGENT_RETURN, agent_id), deadline)
