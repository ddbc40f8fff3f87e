"""The other half of what is allocated: roles with what they have, and who wants more.

``read`` makes of all frameworks the tree of roles, with shares and quota in it, and the clients:
frameworks in those of their roles in which they want offers. What a framework has in a role is
turned into a vector once, and again when it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from orchestrator.master.core.allocator.problem import NO_LIMIT, ROOT, Client, Role, Vector, add
from orchestrator.master.core.allocator.supply import Holding, capabilities, vector
from orchestrator.master.core.records import Framework
from orchestrator.master.core.state import State
from orchestrator.mesos.resources import ResourceError, Resources, to_milli
from orchestrator.mesos.types import OfferFilters

Quantities = Mapping[str, int]  # scalars by name, in thousandths
ClientKey = tuple[str, str]  # framework id, role


class Demand(msgspec.Struct, frozen=True):
    """Roles and clients by position; ``keys`` and ``at`` say which is which."""

    names: tuple[str, ...]  # of the scalars
    roles: list[Role]
    role_names: list[str]
    at: dict[str, int]  # the position of a role
    clients: list[Client]
    keys: list[ClientKey]
    minima: list[tuple[Vector, ...]]


def parents(role: str) -> list[str]:
    """The roles above a role, from the top: of ``a/b/c`` they are ``a`` and ``a/b``."""
    parts = role.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts))]


@lru_cache(maxsize=16)
def parse_minimum(text: str) -> tuple[Quantities, ...]:
    """Read ``cpus:0.01|mem:32``, alternatives of which each may be ``cpus:1;mem:64``.

    Raises ValueError.
    """
    alternatives = []
    for part in filter(None, (part.strip() for part in text.split("|"))):
        pairs = (pair.partition(":") for pair in part.split(";"))
        alternatives.append({name.strip(): to_milli(float(n)) for name, _, n in pairs})
    return tuple(alternatives)


def minimum_of(
    filters: OfferFilters | None, default: tuple[Quantities, ...]
) -> tuple[Quantities, ...]:
    """What a framework wants to be offered at least in a role."""
    if filters is None or filters.min_allocatable_resources is None:
        return default
    return tuple(
        {name: _milli(value.value) for name, value in of.quantities.items()}
        for of in filters.min_allocatable_resources.quantities
    )


def _milli(value: float) -> int:
    """Who wants at least what no resource can be is never offered anything."""
    try:
        return to_milli(value)
    except ResourceError:
        return NO_LIMIT


def scalar_names(state: State) -> tuple[str, ...]:
    """All scalars that anybody has, or has a quota for."""
    names = set(state.cluster.totals)
    for quota in state.quotas.values():
        names.update(quota.guarantees, quota.limits)
    return tuple(sorted(names))


def read(state: State) -> Demand:
    """The demand as it is now; ``state.supply`` has been refreshed."""
    names = state.supply.names
    holdings = _holdings(state, names)
    wanting = list(_wanting(state))
    role_names = _role_names(state, wanting)
    at = {name: position for position, name in enumerate(role_names)}
    minima = _Minima(state, names)
    none = (0,) * len(names)
    clients = [
        Client(
            at[role],
            holding.allocated if (holding := holdings.get((framework.id, role))) else none,
            bits,
            minima.position_of(framework, role),
        )
        for framework, role, bits in wanting
    ]
    return Demand(
        names=names,
        roles=_roles(state, role_names, at, holdings),
        role_names=role_names,
        at=at,
        clients=clients,
        keys=[(framework.id, role) for framework, role, _ in wanting],
        minima=minima.rows,
    )


def _holdings(state: State, names: tuple[str, ...]) -> dict[ClientKey, Holding]:
    known, current = state.holdings, {}
    for framework in state.cluster.frameworks.values():
        for role, usage in framework.usage.items():
            key = (framework.id, role)
            old = known.get(key)
            if (
                old is None
                or old.basis[0] is not usage.used
                or old.basis[1] is not usage.offered
                or len(old.allocated) != len(names)
            ):
                old = _holding(usage.used, usage.offered, names)
            current[key] = old
    state.holdings = current
    return current


def _holding(used: Resources, offered: Resources, names: tuple[str, ...]) -> Holding:
    both = used + offered
    counted = both.where(lambda kind: not kind.revocable)
    return Holding((used, offered), vector(both, names), vector(counted, names))


def _wanting(state: State) -> Iterable[tuple[Framework, str, int]]:
    """In the order of the frameworks' ids, which settles ties."""
    for framework in sorted(state.cluster.connected_frameworks(), key=lambda f: f.id):
        bits = capabilities(c.type for c in framework.info.capabilities)
        for role in framework.roles:
            if role not in framework.suppressed:
                yield framework, role, bits


def _role_names(state: State, wanting: list[tuple[Framework, str, int]]) -> list[str]:
    """All roles that matter, those above first; the root, at position 0, has an empty name."""
    found = {role for _, role, _ in wanting}
    found.update(role for _, role in state.holdings)
    found.update(state.quotas, state.supply.reserved)
    above = [name for role in found if "/" in role for name in parents(role)]
    return ["", *sorted(found.union(above), key=lambda role: role.split("/"))]


def _roles(
    state: State, names: list[str], at: Mapping[str, int], holdings: Mapping[ClientKey, Holding]
) -> list[Role]:
    none = (0,) * len(state.supply.names)
    allocated, consumed = [none] * len(names), [none] * len(names)
    for role, reserved in state.supply.reserved.items():
        consumed[at[role]] = tuple(reserved)
    for (_, role), holding in holdings.items():
        if any(holding.allocated):
            position = at[role]
            allocated[position] = add(allocated[position], holding.allocated)
            consumed[position] = add(consumed[position], holding.consumed)
    return [
        _role(state, name, at, allocated[position], consumed[position])
        for position, name in enumerate(names)
    ]


def _role(
    state: State, name: str, at: Mapping[str, int], allocated: Vector, consumed: Vector
) -> Role:
    quota = state.quotas.get(name)
    guarantees, limits = (quota.guarantees, quota.limits) if quota else ({}, {})
    above = name.rpartition("/")[0]
    return Role(
        parent=at[above] if above else ROOT,
        weight=state.weights.get(name, 1.0),
        allocated=allocated,
        consumed=consumed,
        guarantee=tuple([guarantees.get(scalar, 0) for scalar in state.supply.names]),
        limit=tuple([limits.get(scalar, NO_LIMIT) for scalar in state.supply.names]),
    )


class _Minima:
    """The different minima that offers have to reach, each kept once."""

    def __init__(self, state: State, names: tuple[str, ...]) -> None:
        self.rows: list[tuple[Vector, ...]] = []
        self._names = names
        self._default = parse_minimum(state.config.min_allocatable_resources)
        self._at: dict[tuple[Vector, ...], int] = {}
        self._default_position = self._add(self._default)

    def position_of(self, framework: Framework, role: str) -> int:
        if not framework.info.offer_filters:
            return self._default_position
        return self._add(minimum_of(framework.info.offer_filters.get(role), self._default))

    def _add(self, alternatives: tuple[Quantities, ...]) -> int:
        """Nobody has a scalar that is not in ``names``: alternatives with one are out of reach."""
        rows = tuple(self._row(quantities) for quantities in alternatives)
        if rows not in self._at:
            self._at[rows] = len(self.rows)
            self.rows.append(rows)
        return self._at[rows]

    def _row(self, quantities: Quantities) -> Vector:
        if any(name not in self._names for name, least in quantities.items() if least):
            return (NO_LIMIT,) * len(self._names)
        return tuple([quantities.get(name, 0) for name in self._names])
