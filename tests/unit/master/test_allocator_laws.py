"""What holds for any cluster, and that the compiled allocator gives what the plain one gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from orchestrator.master.core.allocator import drf, fast
from orchestrator.master.core.allocator.books import Books
from orchestrator.master.core.allocator.problem import (
    NO_LIMIT,
    ROOT,
    Candidate,
    Client,
    Lot,
    Problem,
    Share,
    Vector,
    add,
    fits,
    reaches,
    subtract,
)

from .problems import agents, problem, problems, role

Divide = Callable[[Problem], list[Share]]


@pytest.fixture(scope="module")
def compiled() -> Divide:
    loaded = fast.load()
    assert isinstance(loaded, fast.Compiled), "the extra 'scale' is part of the development setup"
    return loaded.divide


@pytest.fixture(scope="module", params=["plain", "compiled"])
def divide(request: pytest.FixtureRequest) -> Divide:
    loaded: Divide = request.getfixturevalue("compiled")
    return drf.divide if request.param == "plain" else loaded


class Outcome:
    """A problem after its shares have been handed out."""

    def __init__(self, of: Problem, shares: list[Share]) -> None:
        self.problem = of
        self.shares = shares
        self.left = [candidate.open for candidate in of.candidates]
        self.lots_left = [list(range(len(c.lots))) for c in of.candidates]
        self.has_extras = [candidate.has_extras for candidate in of.candidates]
        self.books = Books(of)
        for share in shares:
            self._take(share)

    def _take(self, share: Share) -> None:
        at = share.candidate
        self.left[at] = subtract(self.left[at], share.open)
        for lot in share.lots:
            self.lots_left[at].remove(lot)
        self.has_extras[at] &= not share.has_extras
        role_ = self.problem.clients[share.client].role
        lots = [self.problem.candidates[at].lots[i] for i in share.lots]
        self.books.charge(role_, share.open, lots)

    def is_at_or_below(self, role_: int, above: int) -> bool:
        while role_ not in {ROOT, above}:
            role_ = self.problem.roles[role_].parent
        return role_ == above

    def amount(self, share: Share) -> Vector:
        amount = share.open
        for lot in share.lots:
            amount = add(amount, self.problem.candidates[share.candidate].lots[lot].amount)
        return amount


@given(problems())
@settings(max_examples=400, deadline=None)
def test_both_allocators_give_the_same(compiled: Divide, of: Problem) -> None:
    assert compiled(of) == drf.divide(of)


@given(problems())
@settings(deadline=None)
def test_nothing_is_offered_twice(divide: Divide, of: Problem) -> None:
    outcome = Outcome(of, divide(of))  # removing a lot twice would raise
    for share, left in ((s, outcome.left[s.candidate]) for s in outcome.shares):
        assert min(left) >= 0
        assert min(share.open) >= 0
    extras = [share.candidate for share in outcome.shares if share.has_extras]
    assert len(set(extras)) == len(extras)


@given(problems())
@settings(deadline=None)
def test_limits_are_never_exceeded(divide: Divide, of: Problem) -> None:
    before, after = Books(of), Outcome(of, divide(of)).books
    for position, quota in enumerate(of.roles[1:], start=1):
        for i, limit in enumerate(quota.limit):
            had, has = before.consumed[position][i], after.consumed[position][i]
            assert has <= max(limit, had)


@given(problems())
@settings(deadline=None)
def test_what_is_free_never_falls_below_what_is_owed(divide: Divide, of: Problem) -> None:
    """Unless it was below before: then only what the guaranteed get themselves may go out."""
    after = Outcome(of, divide(of)).books
    before = Books(of)
    for i in range(len(of.totals)):
        lacked = max(0, before.owed_by[ROOT][i] - of.free[i])
        free = of.free[i] - sum(share.open[i] for share in divide(of))
        assert max(0, after.owed_by[ROOT][i] - free) <= lacked


@given(problems())
@settings(deadline=None)
def test_everybody_gets_only_what_they_may_have_and_want(divide: Divide, of: Problem) -> None:
    outcome = Outcome(of, divide(of))
    for share in outcome.shares:
        client, candidate = of.clients[share.client], of.candidates[share.candidate]
        assert not candidate.needs & ~client.has
        assert reaches(outcome.amount(share), of.minima[client.minimum])
        for lot in (candidate.lots[i] for i in share.lots):
            assert outcome.is_at_or_below(client.role, lot.role)
            assert not lot.needs & ~client.has
        for refusal in candidate.refusals:
            is_same = refusal.client == share.client and fits(share.open, refusal.open)
            assert not (is_same and refusal.covers_rest)


@given(problems())
@settings(deadline=None)
def test_nothing_worth_offering_is_kept_from_somebody_who_wants_it(
    divide: Divide, of: Problem
) -> None:
    outcome = Outcome(of, divide(of))
    left = Problem(
        totals=of.totals,
        free=subtract(of.free, _handed_out(of, outcome.shares)),
        roles=[
            type(r)(r.parent, r.weight, r.allocated, consumed, r.guarantee, r.limit)
            for r, consumed in zip(of.roles, _own_consumption(outcome), strict=True)
        ],
        clients=of.clients,
        minima=of.minima,
        candidates=[
            Candidate(
                open=outcome.left[at],
                lots=tuple(candidate.lots[i] for i in outcome.lots_left[at]),
                has_extras=outcome.has_extras[at],
                needs=candidate.needs,
                refusals=candidate.refusals,
            )
            for at, candidate in enumerate(of.candidates)
        ],
    )
    assert divide(left) == []


def _handed_out(of: Problem, shares: list[Share]) -> Vector:
    out: Vector = (0,) * len(of.totals)
    for share in shares:
        out = add(out, share.open)
    return out


def _own_consumption(outcome: Outcome) -> list[Vector]:
    """What the books hold for each role with all below it, taken apart again."""
    own = [list(amounts) for amounts in outcome.books.consumed]
    for position, of in enumerate(outcome.problem.roles[1:], start=1):
        for i, amount in enumerate(outcome.books.consumed[position]):
            own[of.parent][i] -= amount
    return [tuple(amounts) for amounts in own]


def test_nobody_is_starved(divide: Divide) -> None:
    """One agent at a time comes free: each client gets it again and again."""
    roles = [role(), role(1), role(1, weight=5.0), role(weight=0.2)]
    clients = [Client(1 + i % 4, (0, 0)) for i in range(40)]
    got = [0] * len(clients)
    for _ in range(1200):
        current = [
            type(r)(r.parent, r.weight, held, held, r.guarantee, r.limit)
            for r, held in zip(roles, _held_by_role(clients, got, len(roles)), strict=True)
        ]
        holding = [Client(c.role, (n, 0)) for c, n in zip(clients, got, strict=True)]
        (share,) = divide(problem(current, holding, agents(1), totals=(2000, 100)))
        got[share.client] += 1
    assert min(got) >= 4  # the lightest: a sixth of a quarter, of 1,200 agents


def _held_by_role(clients: list[Client], got: list[int], count: int) -> list[Vector]:
    return [
        (sum(n for c, n in zip(clients, got, strict=True) if c.role == at + 1), 0)
        for at in range(count)
    ]


def test_sums_that_are_not_exact_are_left_to_the_plain_allocator(compiled: Divide) -> None:
    whole = compiled.__self__  # type: ignore[attr-defined]
    huge = (2**60, 2**60)
    of = problem([role()], [Client(1, (0, 0))], [Candidate(huge)] * fast.WORTH_COMPILED)
    assert len(whole(of)) == fast.WORTH_COMPILED


def test_a_large_cluster_is_divided_by_the_compiled_one(compiled: Divide) -> None:
    whole = compiled.__self__  # type: ignore[attr-defined]
    clients = [Client(1, (0, 0)), Client(1, (0, 0))]
    lots = (Lot(1, (1, 1)), Lot(1, (2, 2)))
    of = problem(
        [role(limit=(NO_LIMIT, 10_000))],
        clients,
        [Candidate((2, 100), lots=lots)] * (2 * fast.WORTH_COMPILED),
    )
    assert whole(of) == drf.divide(of)


def test_where_nothing_can_be_handed_out_there_are_no_shares(divide: Divide) -> None:
    assert divide(problem([role()], [], agents(2))) == []
    assert divide(problem([role()], [Client(1, (0, 0))], [])) == []
