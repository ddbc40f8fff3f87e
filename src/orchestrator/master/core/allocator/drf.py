"""Weighted DRF with quota, in plain Python: who is offered which agent's free resources.

Candidates are served twice, in the order given. First roles that are owed some of everything they
are guaranteed get it, in the order of their shares. Then everybody gets, in the order of shares,
what the limits allow and nobody else is owed. A client gets of an agent all it may have or nothing;
what it may not have (others' reservations, beyond its limit) stays for the next. Shares and quota
are brought up to date after every grant, so one call hands out a whole cluster fairly.

Sources: Ghodsi et al., "Dominant Resource Fairness", NSDI 2011; ``__generateOffers`` of
src/master/allocator/mesos/hierarchical.cpp of Mesos 1.11. Unlike there, what an agent has beyond
what is kept for guarantees is split off and offered, where Mesos keeps the whole agent back.

This plain version is the reference for faster ones: they must give the same, share by share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

import msgspec

from orchestrator.master.core.allocator.books import Books
from orchestrator.master.core.allocator.order import Order, Rank
from orchestrator.master.core.allocator.problem import (
    ROOT,
    Candidate,
    Lot,
    Problem,
    Refusal,
    Share,
    Vector,
    add,
    fits,
    reaches,
    subtract,
)

Divide = Callable[[Problem], list[Share]]
"""An allocator."""


class Stage(Enum):
    """What is handed out."""

    GUARANTEES = auto()
    FAIR_SHARES = auto()


class Portion(msgspec.Struct, frozen=True):
    """What a role may have of an agent; the lots by their position there."""

    open: Vector
    lots: tuple[int, ...]
    amount: Vector  # all of it


@dataclass(slots=True)
class _Serving:
    """An agent while it is served, and whom it has been shown to."""

    position: int
    candidate: Candidate
    open: Vector
    lots: list[int]
    has_extras: bool
    refusals: dict[int, Refusal]
    asked: set[int] = field(default_factory=set)


def divide(problem: Problem) -> list[Share]:
    """Divide what is free among the clients."""
    division = _Division(problem)
    if division.books.is_any_owed():
        division.serve_all(Stage.GUARANTEES)
    division.serve_all(Stage.FAIR_SHARES)
    return division.shares


class _Division:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._order = Order(problem)
        self.books = Books(problem)
        self.shares: list[Share] = []
        self._above = [set(_path(problem, role)) for role in range(len(problem.roles))]
        self._left = [(c.open, list(range(len(c.lots))), c.has_extras) for c in problem.candidates]

    def serve_all(self, stage: Stage) -> None:
        for position, candidate in enumerate(self._problem.candidates):
            refusals = {refusal.client: refusal for refusal in candidate.refusals}
            serving = _Serving(position, candidate, *self._left[position], refusals)
            while self._is_worth_serving(serving) and self._serve_next(serving, stage):
                pass
            self._left[position] = (serving.open, serving.lots, serving.has_extras)

    def _is_worth_serving(self, serving: _Serving) -> bool:
        amount = serving.open
        for lot in serving.lots:
            amount = add(amount, serving.candidate.lots[lot].amount)
        return any(amount) and any(reaches(amount, least) for least in self._problem.minima)

    def _serve_next(self, serving: _Serving, stage: Stage) -> bool:
        """Give to whoever comes first and takes it; False if nobody does."""
        for role, ranks in self._order.groups():
            if stage is Stage.GUARANTEES and not self.books.comes_first(role):
                continue
            if self._serve_role(serving, stage, role, ranks):
                return True
        return False

    def _serve_role(self, serving: _Serving, stage: Stage, role: int, ranks: list[Rank]) -> bool:
        portions: dict[int, Portion | None] = {}  # by capabilities
        for _, rank in ranks:
            client = rank - self._order.first_client
            has = self._problem.clients[client].has
            if client in serving.asked or serving.candidate.needs & ~has:
                continue
            if has not in portions:
                portions[has] = self._portion(serving, stage, role, has)
            portion = portions[has]
            if portion is not None and self._takes(serving, client, portion):
                self._give(serving, client, portion)
                return True
            serving.asked.add(client)
        return False

    def _portion(self, serving: _Serving, stage: Stage, role: int, has: int) -> Portion | None:
        """What clients of a role with these capabilities may have; None for nothing."""
        if stage is Stage.GUARANTEES:
            open_ = self._part_owed(serving.open, role)
            return Portion(open_, (), open_) if any(open_) else None
        lots = self._lots_for(serving, role, has)
        chosen = [serving.candidate.lots[position] for position in lots]
        open_ = amount = self._part_fair(serving.open, role, chosen)
        for lot in chosen:
            amount = add(amount, lot.amount)
        return Portion(open_, tuple(lots), amount) if any(amount) else None

    def _part_owed(self, open_: Vector, role: int) -> Vector:
        """What of the open part is owed, and of what is not guaranteed what is to spare."""
        guaranteed, room = self.books.is_guaranteed[role], self.books.room(role)
        owed, spare = self.books.owed(role), self.books.spare()
        most = [due if is_due else extra
                for is_due, due, extra in zip(guaranteed, owed, spare, strict=True)]  # fmt: skip
        part = [max(0, min(amounts)) for amounts in zip(open_, room, most, strict=True)]
        meets_some = any(is_due and given for is_due, given in zip(guaranteed, part, strict=True))
        return tuple(part) if meets_some else (0,) * len(part)

    def _part_fair(self, open_: Vector, role: int, lots: list[Lot]) -> Vector:
        """What of the open part the limits allow beside lots, and nobody else is owed."""
        if self.books.is_empty:
            return open_
        owed, spare = self.books.owed(role), self.books.spare()
        room = self.books.room(role, beside=[lot for lot in lots if lot.is_counted])
        columns = zip(open_, room, spare, owed, strict=True)
        return tuple([max(0, min(free, most, extra + due)) for free, most, extra, due in columns])

    def _lots_for(self, serving: _Serving, role: int, has: int) -> list[int]:
        """The lots that clients of a role with these capabilities may have."""
        lots: list[int] = []
        counted: list[Lot] = []
        for position in serving.lots:
            lot = serving.candidate.lots[position]
            if lot.needs & ~has or lot.role not in self._above[role]:
                continue
            if lot.is_counted and lot.role != role and not self.books.is_empty:
                if not fits(lot.amount, self.books.room(role, above=lot.role, beside=counted)):
                    continue
                counted.append(lot)
            lots.append(position)
        return lots

    def _takes(self, serving: _Serving, client: int, portion: Portion) -> bool:
        minimum = self._problem.minima[self._problem.clients[client].minimum]
        if not reaches(portion.amount, minimum):
            return False
        refusal = serving.refusals.get(client)
        if refusal is None or not fits(portion.open, refusal.open):
            return True
        return not refusal.covers_rest and (bool(portion.lots) or serving.has_extras)

    def _give(self, serving: _Serving, client: int, portion: Portion) -> None:
        self.shares.append(
            Share(client, serving.position, portion.open, serving.has_extras, portion.lots)
        )
        serving.asked.add(client)
        serving.open = subtract(serving.open, portion.open)
        serving.lots = [lot for lot in serving.lots if lot not in portion.lots]
        serving.has_extras = False
        self._order.charge(client, portion.amount)
        role = self._problem.clients[client].role
        self.books.charge(role, portion.open, [serving.candidate.lots[i] for i in portion.lots])


def _path(problem: Problem, role: int) -> list[int]:
    """A role and all above it."""
    path = [role]
    while path[-1] != ROOT:
        path.append(problem.roles[path[-1]].parent)
    return path
