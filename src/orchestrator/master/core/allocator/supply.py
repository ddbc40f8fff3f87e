"""What the agents have free, taken apart for the allocator, and the sums of it.

An agent's free resources are split once and kept until they change: into the open part (unreserved
scalars, of which any amount may be offered), parcels (reservations, volumes, revocable resources)
and extras (unreserved ranges and sets). ``Cluster`` says which agents were touched, so the sums
over all agents cost nothing for those that were not.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orchestrator.master.core.allocator.problem import Vector
from orchestrator.master.core.cluster import Cluster
from orchestrator.master.core.records import Agent
from orchestrator.mesos.resources import EMPTY, Amount, Kind, Resources, total
from orchestrator.mesos.types import ValueType

CAPABILITIES = {  # as bits
    "GPU_RESOURCES": 1,
    "REVOCABLE_RESOURCES": 2,
    "SHARED_RESOURCES": 4,
    "RESERVATION_REFINEMENT": 8,
}


class Parcel(msgspec.Struct, frozen=True):
    """Free resources that are offered together to one role; ``role`` is None if to any."""

    role: str | None
    needs: int
    is_counted: bool
    amount: Vector
    resources: Resources


class Stock(msgspec.Struct, frozen=True):
    """What is free on an agent."""

    free: Resources
    open: Vector
    open_kinds: tuple[Kind | None, ...]  # by position in ``open``
    extras: Resources
    parcels: tuple[Parcel, ...]
    needs: int

    @property
    def rest(self) -> Resources:
        """All but the open part."""
        return self.extras + total(parcel.resources for parcel in self.parcels)


class Holding(msgspec.Struct, frozen=True):
    """What a framework has in a role: for its share, and for quota, where revocable is free.

    ``basis`` is what it was computed from: in use and offered.
    """

    basis: tuple[Resources, Resources]
    allocated: Vector
    consumed: Vector


class Supply:
    """The stocks of all agents that may be offered, and their sums."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.free: list[int] = []  # the open part of all stocks
        self.reserved: dict[str, list[int]] = {}  # free and counted, by the role it is reserved for
        self._stocks: dict[str, Stock] = {}

    def refresh(self, cluster: Cluster, names: tuple[str, ...]) -> None:
        """Take in what has changed; ``names`` are the scalars, in the order of the vectors."""
        touched: Iterable[str] = cluster.touched
        if names != self.names:
            self.__init__()  # type: ignore[misc]
            self.names, self.free = names, [0] * len(names)
            touched = list(cluster.agents)
        for agent_id in touched:
            self._refresh_agent(agent_id, cluster.agents.get(agent_id))
        cluster.touched.clear()

    def of(self, agent_id: str) -> Stock | None:
        """What an agent has free; None if it may not be offered."""
        return self._stocks.get(agent_id)

    def _refresh_agent(self, agent_id: str, agent: Agent | None) -> None:
        self._forget(agent_id)
        if agent is not None and agent.can_be_offered:
            stock = take_apart(agent, self.names)
            self._stocks[agent_id] = stock
            self._count(stock, 1)

    def _forget(self, agent_id: str) -> None:
        stock = self._stocks.pop(agent_id, None)
        if stock is not None:
            self._count(stock, -1)

    def _count(self, stock: Stock, sign: int) -> None:
        for i, amount in enumerate(stock.open):
            self.free[i] += sign * amount
        for parcel in stock.parcels:
            if parcel.role is not None and parcel.is_counted:
                sums = self.reserved.setdefault(parcel.role, [0] * len(self.names))
                for i, amount in enumerate(parcel.amount):
                    sums[i] += sign * amount
                if not any(sums):
                    del self.reserved[parcel.role]


def vector(resources: Resources, names: tuple[str, ...]) -> Vector:
    """The scalars in the order of their names."""
    scalars = resources.scalars()
    return tuple([scalars.get(name, 0) for name in names])


def capabilities(names: Iterable[str]) -> int:
    """A framework's capabilities as bits."""
    bits = 0
    for name in names:
        bits |= CAPABILITIES.get(name, 0)
    return bits


def take_apart(agent: Agent, names: tuple[str, ...]) -> Stock:
    """Split what is free on an agent."""
    free = agent.free
    open_, extras = {}, {}
    parcels: dict[tuple[str | None, int, bool], dict[Kind, Amount]] = {}
    for kind, amount in free.amounts.items():
        if not _is_plain(kind):
            parcels.setdefault(_parcel_key(kind), {})[kind] = amount
        elif kind.type is ValueType.SCALAR:
            open_[kind.name] = kind
        else:
            extras[kind] = amount
    return Stock(
        free=free,
        open=tuple([_whole(free, open_.get(name)) for name in names]),
        open_kinds=tuple([open_.get(name) for name in names]),
        extras=Resources(extras) if extras else EMPTY,
        parcels=tuple(_parcel(key, amounts, names) for key, amounts in parcels.items()),
        needs=CAPABILITIES["GPU_RESOURCES"] if agent.resources.milli("gpus") else 0,
    )


def _is_plain(kind: Kind) -> bool:
    has_owner = kind.reservations or kind.disk is not None or kind.provider_id is not None
    return not (has_owner or kind.revocable or kind.shared)


def _parcel_key(kind: Kind) -> tuple[str | None, int, bool]:
    needs = CAPABILITIES["REVOCABLE_RESOURCES"] if kind.revocable else 0
    needs |= CAPABILITIES["SHARED_RESOURCES"] if kind.shared else 0
    needs |= CAPABILITIES["RESERVATION_REFINEMENT"] if len(kind.reservations) > 1 else 0
    return (kind.role if kind.reservations else None), needs, not kind.revocable


def _parcel(
    key: tuple[str | None, int, bool], amounts: dict[Kind, Amount], names: tuple[str, ...]
) -> Parcel:
    role, needs, is_counted = key
    resources = Resources(amounts)
    return Parcel(role, needs, is_counted, vector(resources, names), resources)


def _whole(free: Resources, kind: Kind | None) -> int:
    amount = free.amounts[kind] if kind is not None else 0
    return amount if isinstance(amount, int) else 0
