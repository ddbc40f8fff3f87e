"""The compiled allocator for large clusters, with the optional extra ``scale`` (numba and NumPy).

``load`` imports and compiles the kernel. That takes a second, and ten when it was never compiled
on this machine, so a master does it in the background while the plain allocator does the work;
which it goes on doing where the extra is not installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import accumulate, chain, repeat
from typing import Any

from orchestrator.master.core.allocator import drf
from orchestrator.master.core.allocator.books import Books
from orchestrator.master.core.allocator.drf import Divide
from orchestrator.master.core.allocator.order import sums
from orchestrator.master.core.allocator.problem import (
    NO_LIMIT,
    Candidate,
    Client,
    Lot,
    Problem,
    Refusal,
    Role,
    Share,
)

LARGEST_SUM = 2**53  # up to here the kernel's floats are exact
WORTH_COMPILED = 32  # candidates; for fewer, filling arrays costs more than the plain allocator


def load() -> Divide | None:
    """The compiled allocator, ready to run; None when ``scale`` is not installed.

    Blocks while it imports and compiles, so a server calls it in a thread.
    """
    try:
        kernel = importlib.import_module("orchestrator.master.core.allocator.kernel")
    except ImportError:
        return None
    compiled = Compiled(kernel, importlib.import_module("numpy"))
    compiled.divide(_SMALLEST)
    return compiled


class Compiled:
    """Turns a problem into arrays, has the kernel divide it, and reads the shares."""

    def __init__(self, kernel: Any, numpy: Any) -> None:
        self._kernel = kernel
        self._np = numpy

    def __call__(self, problem: Problem) -> list[Share]:
        """As ``drf.divide``; what is too small or too large for the kernel is done there."""
        if len(problem.candidates) < WORTH_COMPILED or not _is_exact(problem):
            return drf.divide(problem)
        return self.divide(problem)

    def divide(self, problem: Problem) -> list[Share]:
        """Have the kernel do it, however small."""
        if not problem.clients or not problem.candidates or not problem.totals:
            return []
        agents = self._agents(problem)
        rows = self._kernel.divide(
            self._tree(problem),
            self._quota(problem),
            self._clients(problem),
            agents,
            self._scratch(problem),
        )
        return self._shares(problem, rows, agents.lot_grant.tolist())

    def _shares(self, problem: Problem, rows: Any, lot_grant: list[int]) -> list[Share]:
        lots = _lots_by_share(problem.candidates, lot_grant)
        clients, candidates, extras = rows[:, :3].T.tolist()
        open_ = map(tuple, rows[:, 3:].tolist())
        owned = (lots.get(i, ()) for i in range(len(rows))) if lots else repeat(())
        return list(map(Share, clients, candidates, open_, map(bool, extras), owned))

    def _ints(self, values: Sequence[Any]) -> Any:
        return self._np.array(values, dtype=self._np.int64)

    def _rows(self, vectors: Sequence[Sequence[int]], width: int) -> Any:
        numbers = chain.from_iterable(vectors)  # twice as fast as handing over nested sequences
        size = len(vectors) * width
        return self._np.fromiter(numbers, self._np.int64, size).reshape(len(vectors), width)

    def _tree(self, problem: Problem) -> Any:
        np, roles, clients = self._np, problem.roles, problem.clients
        groups, width = len(roles), len(problem.totals)
        totals = self._ints(problem.totals)
        allocated = self._rows(
            [*(r.allocated for r in roles), *sums(problem), *(c.allocated for c in clients)], width
        )
        weight = np.ones(len(allocated))
        weight[groups : 2 * groups] = [role.weight for role in roles]
        parent = self._ints([
            *range(groups, 2 * groups),
            *(groups + role.parent for role in roles),
            *(client.role for client in clients),
        ])  # fmt: skip
        parent[groups] = -1
        share = (allocated[:, totals > 0] / totals[totals > 0]).max(axis=1, initial=0.0) / weight
        first, count, below = self._rows_of_children(parent, share, 2 * groups)
        return self._kernel.Tree(parent, weight, share, allocated, first, count, below, totals)

    def _rows_of_children(self, parent: Any, share: Any, first_client: int) -> tuple[Any, Any, Any]:
        """Who stands below whom, in order; without whom no client stands below."""
        np = self._np
        is_present = np.zeros(len(parent), dtype=bool)
        entries = np.arange(first_client, len(parent))
        while entries.size:
            is_present[entries] = True
            above = np.unique(parent[entries])
            entries = above[above >= 0]
            entries = entries[~is_present[entries]]
        is_present &= parent >= 0
        present = np.flatnonzero(is_present)
        below = present[np.lexsort((present, share[present], parent[present]))]
        count = np.bincount(parent[below], minlength=len(parent))
        return np.cumsum(count) - count, count, below

    def _quota(self, problem: Problem) -> Any:
        books, width = Books(problem), len(problem.totals)
        return self._kernel.Quota(
            self._ints([role.parent for role in problem.roles]),
            self._rows(books.consumed, width),
            self._rows([role.guarantee for role in problem.roles], width),
            self._rows([role.limit for role in problem.roles], width),
            self._rows(books.owed_by, width),
            self._rows(books.owed_below, width),
            self._rows(books.is_guaranteed, width),
            self._ints(problem.free),
            books.is_empty,
        )

    def _clients(self, problem: Problem) -> Any:
        rows = [row for minimum in problem.minima for row in minimum]
        return self._kernel.Clients(
            self._ints([client.role for client in problem.clients]),
            self._ints([client.has for client in problem.clients]),
            self._ints([client.minimum for client in problem.clients]),
            self._ints([0, *accumulate(map(len, problem.minima))]),
            self._rows(rows, len(problem.totals)),
        )

    def _agents(self, problem: Problem) -> Any:
        candidates, width = problem.candidates, len(problem.totals)
        lots = list(chain.from_iterable([c.lots for c in candidates]))
        refusals = list(chain.from_iterable([c.refusals for c in candidates]))
        return self._kernel.Agents(
            self._rows([c.open for c in candidates], width),
            self._ints([c.has_extras for c in candidates]),
            self._ints([c.needs for c in candidates]),
            self._ints([0, *accumulate([len(c.lots) for c in candidates])]),
            self._ints([lot.role for lot in lots]),
            self._ints([lot.needs for lot in lots]),
            self._ints([lot.is_counted for lot in lots]),
            self._rows([lot.amount for lot in lots], width),
            self._np.full(len(lots), -1, dtype=self._np.int64),
            self._ints([0, *accumulate([len(c.refusals) for c in candidates])]),
            self._ints([refusal.client for refusal in refusals]),
            self._rows([refusal.open for refusal in refusals], width),
            self._ints([refusal.covers_rest for refusal in refusals]),
        )

    def _scratch(self, problem: Problem) -> Any:
        np, width = self._np, len(problem.totals)
        depth = len(problem.roles) + 2
        most_lots = max(len(candidate.lots) for candidate in problem.candidates)
        return self._kernel.Scratch(
            np.zeros(len(problem.clients), dtype=np.int64),
            np.full(len(problem.clients), -1, dtype=np.int64),
            *(np.zeros(depth, dtype=np.int64) for _ in range(2)),
            *(np.zeros(width, dtype=np.int64) for _ in range(5)),
            np.zeros(most_lots, dtype=np.bool_),
        )


def _lots_by_share(candidates: list[Candidate], grants: list[int]) -> dict[int, tuple[int, ...]]:
    lots: dict[int, tuple[int, ...]] = {}
    owner = iter(grants)
    for candidate in candidates if grants else ():
        for position in range(len(candidate.lots)):
            grant = next(owner)
            if grant >= 0:
                lots[grant] = (*lots.get(grant, ()), position)
    return lots


def _is_exact(problem: Problem) -> bool:
    """Whether no sum can leave the range in which the kernel counts as Python does."""
    guaranteed = (sum(role.guarantee) for role in problem.roles)
    return 2 * sum(problem.totals) < LARGEST_SUM and sum(guaranteed) < LARGEST_SUM


_SMALLEST = Problem(
    totals=(1,),
    free=(1,),
    roles=[Role(0, 1.0, (0,), (0,), (0,), (NO_LIMIT,)), Role(0, 1.0, (0,), (0,), (0,), (1,))],
    clients=[Client(1, (0,))],
    minima=[((1,),)],
    candidates=[Candidate((1,), (Lot(0, (1,)),), refusals=(Refusal(0, (0,), covers_rest=False),))],
)
