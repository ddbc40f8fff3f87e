"""Problems for the allocators: written by hand in a few words, and any by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from orchestrator.master.core.allocator.problem import (
    NO_LIMIT,
    ROOT,
    Candidate,
    Client,
    Lot,
    Problem,
    Refusal,
    Role,
    Vector,
)

SCALARS = 2  # cpus and mem


def role(
    parent: int = ROOT,
    *,
    weight: float = 1.0,
    allocated: Vector = (0, 0),
    guarantee: Vector = (0, 0),
    limit: Vector = (NO_LIMIT, NO_LIMIT),
) -> Role:
    """A role whose frameworks have ``allocated``, all of which counts for quota."""
    return Role(parent, weight, allocated, allocated, guarantee, limit)


def problem(
    roles: list[Role],
    clients: list[Client],
    candidates: list[Candidate],
    *,
    totals: Vector | None = None,
    minima: list[tuple[Vector, ...]] | None = None,
) -> Problem:
    """A cluster of just these candidates, unless ``totals`` are larger; ``roles`` without root."""
    free = tuple(sum(c.open[i] for c in candidates) for i in range(SCALARS))
    return Problem(
        totals=totals or free,
        free=free,
        roles=[role(), *roles],
        clients=clients,
        minima=minima or [((1, 0), (0, 1))],
        candidates=candidates,
    )


def agents(count: int, cpus: int = 1, mem: int = 100) -> list[Candidate]:
    return [Candidate((cpus, mem))] * count


AMOUNTS = st.tuples(st.integers(0, 8), st.integers(0, 8))
LIMITS = st.tuples(*[st.one_of(st.just(NO_LIMIT), st.integers(0, 12))] * SCALARS)
NEEDS = st.sampled_from([0, 0, 0, 1, 2])


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any cluster: roles three deep, weights, quota, reservations, capabilities, refusals."""
    count = draw(st.integers(1, 6))
    roles = [role(), *(draw(_roles(position)) for position in range(1, count + 1))]
    clients = draw(st.lists(_clients(count), max_size=6))
    candidates = draw(st.lists(_candidates(count, len(clients)), max_size=5))
    lots = [lot for c in candidates for lot in c.lots if lot.is_counted and lot.role != ROOT]
    roles = [_with_reserved(r, [x for x in lots if x.role == i]) for i, r in enumerate(roles)]
    free = tuple(sum(c.open[i] for c in candidates) for i in range(SCALARS))
    totals = tuple(
        sum(c.open[i] + sum(lot.amount[i] for lot in c.lots) for c in candidates)
        + sum(r.allocated[i] for r in roles)
        for i in range(SCALARS)
    )
    elsewhere = draw(AMOUNTS)  # agents that are free too, and not looked at now
    return Problem(
        totals=tuple(a + b for a, b in zip(totals, elsewhere, strict=True)),
        free=tuple(a + b for a, b in zip(free, elsewhere, strict=True)),
        roles=roles,
        clients=clients,
        minima=[((1, 0), (0, 1)), ((3, 0),), ()],
        candidates=candidates,
    )


@st.composite
def _roles(draw: st.DrawFn, position: int) -> Role:
    parent = draw(st.integers(0, position - 1))
    guarantee, limit = draw(AMOUNTS), draw(LIMITS)
    allocated = draw(AMOUNTS) if draw(st.booleans()) else (0, 0)
    return Role(
        parent=parent,
        weight=draw(st.sampled_from([0.5, 1.0, 1.0, 3.0])),
        allocated=allocated,
        consumed=allocated,
        guarantee=guarantee if draw(st.booleans()) else (0, 0),
        limit=limit,
    )


@st.composite
def _clients(draw: st.DrawFn, roles: int) -> Client:
    return Client(
        role=draw(st.integers(1, roles)),
        allocated=draw(AMOUNTS) if draw(st.booleans()) else (0, 0),
        has=draw(st.integers(0, 3)),
        minimum=draw(st.sampled_from([0, 0, 1, 2])),
    )


@st.composite
def _candidates(draw: st.DrawFn, roles: int, clients: int) -> Candidate:
    lots = st.builds(
        Lot, role=st.integers(0, roles), amount=AMOUNTS, needs=NEEDS, is_counted=st.booleans()
    )
    refusals = st.builds(
        Refusal,
        client=st.integers(0, max(0, clients - 1)),
        open=AMOUNTS,
        covers_rest=st.booleans(),
    )
    refused = draw(st.lists(refusals, max_size=2, unique_by=lambda r: r.client)) if clients else []
    return Candidate(
        open=draw(AMOUNTS),
        lots=tuple(draw(st.lists(lots, max_size=2))),
        has_extras=draw(st.booleans()),
        needs=draw(NEEDS),
        refusals=tuple(refused),
    )


def _with_reserved(of: Role, lots: list[Lot]) -> Role:
    consumed = tuple(
        amount + sum(lot.amount[i] for lot in lots) for i, amount in enumerate(of.consumed)
    )
    return Role(of.parent, of.weight, of.allocated, consumed, of.guarantee, of.limit)
