"""Who is offered what, now: from the master's state to the allocator and back.

``allocate_changed`` looks at the agents on which something changed, as any of these may have
something to offer now. Where there is quota, what can be offered of one agent may depend on what
happens on another: a role that gives something back is below its limit again, a guarantee that is
met lets go of what was kept for it. So the agents that were looked at are gone through again an
interval after any allocation, until nothing more is granted: when nothing happens, nothing runs.

A new master does not know what a role has on agents that are still to come back, and could offer it
more than its limit. So where there is quota it offers nothing before most agents are there, as
``HierarchicalAllocatorProcess::recover`` of Mesos' hierarchical.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

from orchestrator.master.core import constraints, demand
from orchestrator.master.core.allocator.filters import Filter, Reading
from orchestrator.master.core.allocator.grant import Grant
from orchestrator.master.core.allocator.problem import (
    NO_LIMIT,
    ROOT,
    Candidate,
    Lot,
    Problem,
    Refusal,
    Share,
    Vector,
)
from orchestrator.master.core.allocator.supply import Stock
from orchestrator.master.core.demand import Demand
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos.resources import Amount, Kind, Resources

WORTH_STARTING_WITH = 0.8  # of the agents, as in Mesos
Shelf = list[tuple[Agent, Stock]]  # agents with what they have free, in the order they are served


def hold_off(state: State) -> None:
    """After a start: wait for most of the agents in the registry if there is quota."""
    expected = len(state.recovered_agents)
    if state.quotas and expected:
        state.most_awaited = expected - int(expected * WORTH_STARTING_WITH)


def begin(state: State) -> None:
    """End the wait when enough agents are back, or when they have had their time."""
    if state.most_awaited is not None and not _is_held_off(state, state.most_awaited):
        state.most_awaited = None
        state.reallocate_all()


def _is_held_off(state: State, most_awaited: int) -> bool:
    deadline = state.started_at + state.config.agent_reregister_timeout_s
    is_early = len(state.recovered_agents) > most_awaited and state.now < deadline
    return is_early and bool(state.quotas)


def allocate_changed(state: State) -> list[Grant]:
    """Divide what is free on the agents that changed since the last time."""
    changed, state.changed_agents = state.changed_agents, {}
    again, state.looked_at_again = state.looked_at_again, {}
    if not changed or state.most_awaited is not None:
        return []
    state.supply.refresh(state.cluster, demand.scalar_names(state))
    shelf = _shelf(state, changed)
    wanted = demand.read(state) if shelf else None
    if wanted is None or not wanted.clients:
        return []
    shares = state.divide(problem_of(state, wanted, shelf))
    if state.quotas and (shares or not changed.keys() <= again.keys()):
        _look_again(state, shelf)
    return grants_of(wanted, shelf, shares)


def problem_of(state: State, wanted: Demand, shelf: Shelf) -> Problem:
    """All that decides, in the allocator's terms."""
    positions = {key: position for position, key in enumerate(wanted.keys)}
    barring = _Barring(state, wanted)
    return Problem(
        totals=tuple([max(0, state.cluster.totals.get(name, 0)) for name in wanted.names]),
        free=tuple(state.supply.free),
        roles=wanted.roles,
        clients=wanted.clients,
        minima=wanted.minima,
        candidates=[
            Candidate(
                stock.open,
                _lots(stock, wanted) if stock.parcels else (),
                bool(stock.extras),
                stock.needs,
                barring.of(agent, stock, positions),
            )
            for agent, stock in shelf
        ],
    )


def allocate_again(state: State) -> None:
    """Go through the agents once more that had something left."""
    state.looked_at_again, state.left_agents = state.left_agents, {}
    state.changed_agents.update(state.looked_at_again)


def _look_again(state: State, shelf: Shelf) -> None:
    state.left_agents.update(dict.fromkeys(agent.id for agent, _ in shelf))
    key = (Timer.ALLOCATION, "")
    if not state.timers.has(key):
        state.timers.set(key, state.now + state.config.allocation_interval_s)


def _shelf(state: State, agent_ids: Iterable[str]) -> Shelf:
    shelf = []
    for agent_id in agent_ids:
        agent = state.cluster.agents.get(agent_id)
        stock = state.supply.of(agent_id)
        if agent is not None and stock is not None and stock.free:
            shelf.append((agent, stock))
    state.allocations += 1
    return shuffle(shelf, crc32(f"{state.info.id} {state.allocations}".encode()))


def shuffle(shelf: Shelf, seed: int) -> Shelf:
    """The same in an order that depends on the seed only, so that no agent is always the first.

    Fisher and Yates, with the generator of Numerical Recipes.
    """
    for last in range(len(shelf) - 1, 0, -1):
        seed = (1664525 * seed + 1013904223) & 0xFFFFFFFF
        other = seed * (last + 1) >> 32
        shelf[last], shelf[other] = shelf[other], shelf[last]
    return shelf


def _lots(stock: Stock, wanted: Demand) -> tuple[Lot, ...]:
    """What is reserved for a role that nobody is in has a lot too: positions must agree."""
    return tuple(
        Lot(
            ROOT if parcel.role is None else wanted.at.get(parcel.role, len(wanted.roles)),
            parcel.amount,
            parcel.needs,
            parcel.is_counted,
        )
        for parcel in stock.parcels
    )


class _Barring:
    """Finds out who must not be offered an agent, by filters and by constraints."""

    def __init__(self, state: State, wanted: Demand) -> None:
        self._state = state
        self._everything = (NO_LIMIT,) * len(wanted.names)
        frameworks = state.cluster.frameworks
        self._choosy = [
            (position, role, frameworks[framework_id].constraints)
            for position, (framework_id, role) in enumerate(wanted.keys)
            if frameworks[framework_id].constraints is not None
        ]

    def of(
        self, agent: Agent, stock: Stock, positions: dict[tuple[str, str], int]
    ) -> tuple[Refusal, ...]:
        about = self._state.filters.about(agent.id)
        if not about and not self._choosy:
            return ()
        barred = {
            client: Refusal(client, self._everything, covers_rest=True)
            for client, role, wishes in self._choosy
            if not constraints.allow(wishes, role, agent.info)
        }
        for key, filter_ in about.items():
            client = positions.get(key)
            if client is not None and client not in barred:
                open_, covers_rest = _read_filter(filter_, key[1], stock)
                barred[client] = Refusal(client, open_, covers_rest)
        return tuple(barred.values())


def _read_filter(filter_: Filter, role: str, stock: Stock) -> tuple[Vector, bool]:
    """What the filter refuses of this stock: of the open part, and whether of all the rest."""
    if filter_.read is not None and filter_.read.stock is stock:
        return filter_.read.open, filter_.read.covers_rest
    refused = filter_.refused.amounts
    open_ = tuple([_scalar(refused.get(kind)) if kind else 0 for kind in stock.open_kinds])
    covers_rest = stock.rest.allocatable_to(role) in filter_.refused
    filter_.read = Reading(stock, open_, covers_rest)
    return open_, covers_rest


def _scalar(amount: Amount | None) -> int:
    return amount if isinstance(amount, int) else 0


def grants_of(wanted: Demand, shelf: Shelf, shares: list[Share]) -> list[Grant]:
    """Shares as resources; what somebody got of an agent in two stages is one grant."""
    granted: dict[tuple[int, int], Resources] = {}
    for share in shares:
        key = (share.client, share.candidate)
        resources = _resources(share, shelf[share.candidate][1])
        before = granted.get(key)
        granted[key] = resources if before is None else before + resources
    keys = wanted.keys
    return [
        Grant(*keys[client], shelf[candidate][0].id, resources)
        for (client, candidate), resources in granted.items()
    ]


def _resources(share: Share, stock: Stock) -> Resources:
    is_all = len(share.lots) == len(stock.parcels) and share.open == stock.open
    if is_all and share.has_extras == bool(stock.extras):
        return stock.free
    open_: dict[Kind, Amount] = {
        kind: amount
        for kind, amount in zip(stock.open_kinds, share.open, strict=True)
        if kind is not None
    }
    resources = Resources(open_) + stock.extras if share.has_extras else Resources(open_)
    for lot in share.lots:
        resources = resources + stock.parcels[lot].resources
    return resources
