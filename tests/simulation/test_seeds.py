"""Thousands of clusters, each with its own faults, in all of which every invariant must hold.

The seeds are played in processes of their own, by all cores; a failing one is named, and
``orchestrator simulate --seed N`` replays it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from orchestrator.cli.simulate import play
from orchestrator.simulator import Options, Outcome

BATCH = 150
BATCHES = [range(start, start + BATCH) for start in range(0, 3_000, BATCH)]
LONG = [range(start, start + 25) for start in range(1_000_000, 1_002_000, 25)]
Played = Future[list[Outcome]]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        yield pool
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def short(pool: ProcessPoolExecutor) -> dict[int, Played]:
    """All batches at once, so that no core waits while a test looks at the results of another."""
    return {batch.start: pool.submit(play, batch, Options(trace=1)) for batch in BATCHES}


@pytest.fixture(scope="module")
def long(pool: ProcessPoolExecutor) -> dict[int, Played]:
    options = Options(minutes=10.0, trace=1)
    return {batch.start: pool.submit(play, batch, options) for batch in LONG}


def violations(outcomes: Sequence[Outcome]) -> list[str]:
    return [f"seed {o.seed}: {o.violation}" for o in outcomes if o.violation]


@pytest.mark.parametrize("first", [batch.start for batch in BATCHES])
def test_every_invariant_holds_for_seeds_from(first: int, short: dict[int, Played]) -> None:
    assert violations(short[first].result()) == []


@pytest.mark.soak
@pytest.mark.parametrize("first", [batch.start for batch in LONG])
def test_every_invariant_holds_for_long_runs_from(first: int, long: dict[int, Played]) -> None:
    assert violations(long[first].result()) == []
