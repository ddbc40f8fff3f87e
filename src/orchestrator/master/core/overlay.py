"""Overlays: agents whose containers reach each other by address, wherever they run.

Agents do the work; the master only gives each a subnet, keeps its number in the agent's record, and
tells every agent of an overlay where the others are. What changes within ``BATCH_S`` is told at
once, as a difference, and in whole only to an agent that has just registered. An agent that is
merely away keeps its place: packets may still find it when the master does not.
"""

from __future__ import annotations

import ipaddress

from msgspec.structs import replace

from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State, Timer
from orchestrator.master.core.subnets import Place, Subnets
from orchestrator.mesos.link import OverlayMember, OverlayUpdate

BATCH_S = 0.25
SWEEP_S = 60.0  # within which subnets of agents that the registry has forgotten are given back
MAX_OVERLAYS = 64
MAX_NAME = 256
MAX_SUBNETS = 1 << 20
_TIMER = (Timer.OVERLAY, "")


def join(state: State, agent: Agent, asked: OverlayMember | None) -> str | None:
    """An agent registers: give it its subnet, or take back what it had; say why it gets none."""
    had, agent.overlay = agent.overlay, None
    if had is not None and (asked is None or asked.network != had.network):
        state.overlays[had.network].remove(agent.id)
        _plan(state, BATCH_S)
    if asked is None:
        return None
    wanted = [m.subnet for m in (had, asked) if m and m.subnet and m.network == asked.network]
    return _problem(state, asked) or _settle(state, agent, asked, wanted)


def refuse(state: State, agent: Agent, problem: str | None) -> None:
    """Tell an agent why it has no subnet."""
    if problem is not None:
        state.order(agent, OverlayUpdate(problem=problem))


def _problem(state: State, asked: OverlayMember) -> str | None:
    if not 0 < len(asked.network) <= MAX_NAME or not 1 < asked.subnets <= MAX_SUBNETS:
        return "The overlay's name or its number of subnets cannot be right"
    try:
        ipaddress.IPv4Address(asked.address)
    except ValueError:
        return f"'{asked.address}' is not an IPv4 address, so no agent can reach this one there"
    if asked.network not in state.overlays and len(state.overlays) >= MAX_OVERLAYS:
        return f"There are {MAX_OVERLAYS} overlays already"
    return None


def _settle(state: State, agent: Agent, asked: OverlayMember, wanted: list[int]) -> str | None:
    subnets = state.overlays.setdefault(asked.network, Subnets())
    number = subnets.choose(agent.id, asked.subnets, wanted)
    if number is None:
        return f"The overlay {asked.network} has no subnet left for another agent"
    agent.overlay = replace(asked, subnet=number)
    subnets.settle(number, Place(agent.id, asked.address))
    subnets.newcomers[agent.id] = None
    _plan(state, BATCH_S)
    return None


def removed(state: State, agent: Agent) -> None:
    """An agent was struck off; if the registry has forgotten it, the others are told soon."""
    if agent.overlay is not None:
        _plan(state, BATCH_S)


def recover(state: State) -> None:
    """After a start: the agents of the registry have the subnets they had."""
    for agent_id, record in state.records.items():
        if (member := record.overlay) is not None and member.subnet is not None:
            subnets = state.overlays.setdefault(member.network, Subnets())
            if member.subnet not in subnets.places:
                subnets.settle(member.subnet, Place(agent_id, member.address))
    if state.overlays:
        _plan(state, SWEEP_S)


def tell(state: State) -> None:
    """Tell the agents what has changed."""
    for network, subnets in list(state.overlays.items()):
        _take_back(state, subnets)
        _tell_all(state, subnets)
        if not subnets.places:
            del state.overlays[network]
    if state.overlays:
        _plan(state, SWEEP_S)


def _take_back(state: State, subnets: Subnets) -> None:
    """Subnets are free whose agents are neither here nor awaited."""
    for agent_id in subnets.numbers.keys() - state.cluster.agents.keys() - state.records.keys():
        subnets.remove(agent_id)


def _tell_all(state: State, subnets: Subnets) -> None:
    changed, gone = subnets.take_news()
    newcomers, subnets.newcomers = subnets.newcomers, {}
    for number, place in subnets.places.items():
        agent = state.cluster.agents.get(place.agent_id)
        if agent is None:
            continue
        if agent.id in newcomers:
            news = OverlayUpdate(subnet=number, peers=subnets.peers(), is_complete=True)
            state.order(agent, news)
        elif changed or gone:
            state.order(agent, OverlayUpdate(subnet=number, peers=changed, gone=gone))


def _plan(state: State, in_s: float) -> None:
    state.timers.set(_TIMER, state.now + in_s)
