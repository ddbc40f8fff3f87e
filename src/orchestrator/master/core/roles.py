"""Roles as people see them: share, weight, quota, and why a role is or is not offered anything.

A pure reading of the state: nothing is decided here, but what the allocator decides by is put into
words, with the numbers it goes by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from orchestrator.master.core import demand
from orchestrator.master.core.allocator.books import Books
from orchestrator.master.core.allocator.order import dominant_share, sums
from orchestrator.master.core.allocator.problem import NO_LIMIT, Problem, Vector, reaches
from orchestrator.master.core.demand import Demand
from orchestrator.master.core.records import Framework
from orchestrator.master.core.state import State
from orchestrator.mesos.resources import MILLI

Quantities = Mapping[str, int]  # scalars by name, in thousandths


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    """A role.

    ``share`` is the dominant share of the role and those below it, a fraction of the cluster, not
    divided by the weight. ``consumed`` is what counts against the quota: allocated, offered, and
    reserved, here and below. ``frameworks`` are the ids of those in exactly this role.
    """

    name: str
    weight: float
    share: float
    guarantees: Quantities
    limits: Quantities
    consumed: Quantities
    allocated: Quantities
    frameworks: list[str]
    explanation: str


def views(state: State) -> list[RoleView]:
    """All roles that have a framework, a weight, quota, or anything at all, by name."""
    state.supply.refresh(state.cluster, demand.scalar_names(state))
    return list(_Reading(state).views())


class _Reading:
    """One look at all roles."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._demand = demand.read(state)
        self._problem = _problem(state, self._demand)
        self._books = Books(self._problem)
        self._allocated = sums(self._problem)
        self._members: dict[str, list[Framework]] = {}
        for framework in state.cluster.frameworks.values():
            for role in framework.roles:
                self._members.setdefault(role, []).append(framework)

    def views(self) -> Iterator[RoleView]:
        names = {"*", *self._demand.role_names[1:], *self._members, *self._state.weights}
        for name in sorted(names):
            yield self._view(name)

    def _view(self, name: str) -> RoleView:
        none = (0,) * len(self._demand.names)
        at = self._demand.at.get(name)
        allocated = self._allocated[at] if at is not None else none
        quota = self._state.quotas.get(name)
        return RoleView(
            name=name,
            weight=self._state.weights.get(name, 1.0),
            share=dominant_share(allocated, self._problem.totals),
            guarantees=quota.guarantees if quota else {},
            limits=quota.limits if quota else {},
            consumed=self._named(self._books.consumed[at] if at is not None else none),
            allocated=self._named(allocated),
            frameworks=[framework.id for framework in self._members.get(name, [])],
            explanation=self._explain(name, at),
        )

    def _named(self, amounts: Iterable[int]) -> Quantities:
        pairs = zip(self._demand.names, amounts, strict=True)
        return {name: amount for name, amount in pairs if amount}

    # --- why -------------------------------------------------------------------------------------

    def _explain(self, name: str, at: int | None) -> str:
        members = list(_below(name, self._members))
        problem = _nobody_wants(name, members)
        if problem is not None or at is None:
            return problem or "No framework of the role wants offers."
        if self._state.most_awaited is not None:
            awaited = len(self._state.recovered_agents)
            return f"Waiting: this master is new, and {awaited} agents are still to come back."
        return self._at_its_limit(at) or self._nothing_left(at) or self._in_turn(at)

    def _at_its_limit(self, at: int) -> str | None:
        """A limit that leaves no offer worth making, here or above."""
        room = [max(0, amount) for amount in self._books.room(at)]
        if any(reaches(tuple(room), minimum) for minimum in self._problem.minima):
            return None
        names, role = self._demand.names, at
        while role:
            limits = zip(names, self._problem.roles[role].limit, strict=True)
            for i, (scalar, limit) in enumerate(limits):
                has = self._books.consumed[role][i]
                if limit < NO_LIMIT and has >= limit:
                    of = f"'{self._demand.role_names[role]}' " if role != at else ""
                    return (
                        f"Not offered anything: its limit {of}of {_number(limit)} {scalar} is "
                        f"reached ({_number(has)} in use, offered or reserved)."
                    )
            role = self._problem.roles[role].parent
        return "Not offered anything: what its limits still allow is too little for an offer."

    def _nothing_left(self, at: int) -> str | None:
        """Nothing free, or all that is free is kept for guarantees of others."""
        free: Vector = tuple(self._state.supply.free)
        minima = self._problem.minima
        if not any(reaches(free, minimum) for minimum in minima):
            if any(self._state.supply.reserved.get(self._demand.role_names[at], ())):
                return None
            return "Waiting: nothing is free in the cluster; it is all in use or offered."
        owed, spare = self._books.owed(at), self._books.spare()
        open_ = tuple([a + b for a, b in zip(owed, spare, strict=True)])
        if not any(reaches(open_, minimum) for minimum in minima):
            return "Not offered anything: all that is free is kept for guarantees of other roles."
        return None

    def _in_turn(self, at: int) -> str:
        owed = self._named(self._books.owed(at))
        if owed:
            lacks = ", ".join(f"{_number(amount)} {name}" for name, amount in owed.items())
            return f"Offered before others: {lacks} of its guarantee are not met yet."
        role = self._problem.roles[at]
        share = dominant_share(self._allocated[at], self._problem.totals)
        return (
            f"Offered in turn: it has {share:.1%} of the cluster at weight {role.weight:g}; "
            "what stays free, its frameworks have refused for now."
        )


def _below(name: str, members: Mapping[str, list[Framework]]) -> Iterator[tuple[str, Framework]]:
    """The frameworks in a role and in those below it, each with the role."""
    for role, frameworks in members.items():
        if role == name or role.startswith(name + "/"):
            for framework in frameworks:
                yield role, framework


def _nobody_wants(name: str, members: list[tuple[str, Framework]]) -> str | None:
    if not members:
        return f"Not offered anything: no framework is in role '{name}' or below it."
    connected = [(role, framework) for role, framework in members if framework.is_connected]
    if not connected:
        return "Not offered anything: its frameworks are disconnected."
    if all(role in framework.suppressed for role, framework in connected):
        return "Not offered anything: its frameworks have suppressed offers."
    return None


def _problem(state: State, wanted: Demand) -> Problem:
    return Problem(
        totals=tuple([max(0, state.cluster.totals.get(name, 0)) for name in wanted.names]),
        free=tuple(state.supply.free),
        roles=wanted.roles,
        clients=wanted.clients,
        minima=wanted.minima,
        candidates=[],
    )


def _number(milli: int) -> str:
    return f"{milli / MILLI:g}"
