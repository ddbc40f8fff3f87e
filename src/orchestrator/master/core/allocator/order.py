"""Who comes next: weighted dominant shares over the tree of roles.

At every level the one with the smallest share comes first: among a role's children, and among the
frameworks of one role. The frameworks of a role that also has child roles compete with these as
one group (Mesos' virtual leaf ``a/.``, of weight 1). Inner roles have the sum of all below them.

Source: src/master/allocator/mesos/sorter/drf/sorter.cpp of Mesos 1.11; Ghodsi et al., NSDI 2011.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.master.core.allocator.problem import ROOT, Problem, Vector

Rank = tuple[float, int]  # share; then position, groups before roles, which settles ties


@dataclass(slots=True)
class Competitor:
    """A group of clients, a role or a client."""

    position: int
    weight: float
    allocated: list[int]
    parent: Competitor | None = None
    share: float = 0.0
    below: list[Rank] = field(default_factory=list)  # in order


def dominant_share(allocated: Vector | list[int], totals: Vector) -> float:
    """The largest fraction of any scalar."""
    share = 0.0
    for amount, whole in zip(allocated, totals, strict=True):
        if whole > 0 and amount / whole > share:
            share = amount / whole
    return share


class Order:
    """The competitors, kept in order while they are given resources.

    Positions: of the groups 0..R, one for each role, then of the R roles, then of the clients.
    """

    def __init__(self, problem: Problem) -> None:
        self._totals = problem.totals
        self._roles = len(problem.roles)
        self.first_client = 2 * self._roles
        self._all = _competitors(problem)
        self._join(problem)

    def groups(self) -> Iterator[tuple[int, list[Rank]]]:
        """Roles with clients and these clients, both in order; a client's position is ranked."""
        return self._groups_of(self._all[self._roles + ROOT])

    def _groups_of(self, role: Competitor) -> Iterator[tuple[int, list[Rank]]]:
        for _, position in role.below:
            competitor = self._all[position]
            if position < self._roles:
                yield position, competitor.below
            else:
                yield from self._groups_of(competitor)

    def charge(self, client: int, amount: Vector) -> None:
        """Note that a client was given something: it and all above it have a larger share."""
        entry: Competitor | None = self._all[self.first_client + client]
        while entry is not None:
            before = (entry.share, entry.position)
            for i, more in enumerate(amount):
                entry.allocated[i] += more
            self._rank(entry)
            parent = entry.parent
            if parent is not None:
                del parent.below[bisect_left(parent.below, before)]
                insort(parent.below, (entry.share, entry.position))
            entry = parent

    def _rank(self, entry: Competitor) -> None:
        entry.share = dominant_share(entry.allocated, self._totals) / entry.weight

    def _join(self, problem: Problem) -> None:
        """Link what has clients to what it is in; the rest is not in the way."""
        for client, of in enumerate(problem.clients):
            self._enter(self._all[self.first_client + client], self._all[of.role])
        for role in range(self._roles - 1, -1, -1):
            inner = self._all[self._roles + role]
            self._enter(self._all[role], inner)
            if role != ROOT:
                self._enter(inner, self._all[self._roles + problem.roles[role].parent])
        for entry in self._all:
            entry.below.sort()

    def _enter(self, entry: Competitor, parent: Competitor) -> None:
        self._rank(entry)
        if entry.below or entry.position >= self.first_client:
            entry.parent = parent
            parent.below.append((entry.share, entry.position))


def _competitors(problem: Problem) -> list[Competitor]:
    roles, clients = problem.roles, problem.clients
    groups = [Competitor(i, 1.0, list(role.allocated)) for i, role in enumerate(roles)]
    inner = [
        Competitor(len(roles) + i, role.weight, list(amount))
        for i, (role, amount) in enumerate(zip(roles, sums(problem), strict=True))
    ]
    first = 2 * len(roles)
    return [
        *groups,
        *inner,
        *(Competitor(first + i, 1.0, list(client.allocated)) for i, client in enumerate(clients)),
    ]


def sums(problem: Problem) -> list[Vector]:
    """What is allocated in each role and below it."""
    allocated = [list(role.allocated) for role in problem.roles]
    for position in range(len(allocated) - 1, 0, -1):
        above = allocated[problem.roles[position].parent]
        for i, amount in enumerate(allocated[position]):
            above[i] += amount
    return [tuple(amount) for amount in allocated]
