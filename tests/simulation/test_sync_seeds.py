"""Hundreds of pairs of ensembles that are kept equal while everything fails, each by its seed.

A failing seed is named; ``SyncRun(seed).outcome()`` plays it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

import pytest
from msgspec.structs import replace
from tests.simulation import sync_defects

from orchestrator.simulator.sync import SyncOptions, SyncOutcome, SyncRun, play
from orchestrator.simulator.sync.options import drawn

BATCH = 20
BATCHES = [range(start, start + BATCH) for start in range(0, 240, BATCH)]
SOAK = [range(start, start + 100) for start in range(1_000, 3_000, 100)]
DEFECTS = {
    "takes echoes for changes": sync_defects.TakesEchoesForChanges,
    "forgets intents": sync_defects.ForgetsIntents,
    "goes on too far": sync_defects.GoesOnTooFar,
    "tears transactions": sync_defects.TearsTransactions,
}
Played = Future[list[SyncOutcome]]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        yield pool
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def played(pool: ProcessPoolExecutor) -> dict[int, Played]:
    return {batch.start: pool.submit(play, batch) for batch in BATCHES}


def violations(outcomes: list[SyncOutcome]) -> list[str]:
    return [f"seed {o.seed}: {o.violation}" for o in outcomes if o.violation]


@pytest.mark.parametrize("first", [batch.start for batch in BATCHES])
def test_two_ensembles_come_to_be_equal_and_nothing_is_lost_for_seeds_from(
    first: int, played: dict[int, Played]
) -> None:
    outcomes = played[first].result()
    assert violations(outcomes) == []
    assert sum(outcome.written for outcome in outcomes) > 100


@pytest.mark.soak
@pytest.mark.parametrize("first", [batch.start for batch in SOAK])
def test_two_ensembles_come_to_be_equal_for_many_more_seeds_from(
    first: int, pool: ProcessPoolExecutor
) -> None:
    assert violations(pool.submit(play, range(first, first + 100)).result()) == []


def test_data_versions_come_to_be_alike_where_asked() -> None:
    outcomes = [counting(seed).outcome() for seed in range(60) if drawn_for(seed).writers == "AB"]
    assert violations(outcomes) == []
    assert sum(outcome.written for outcome in outcomes) > 1_000


def drawn_for(seed: int) -> SyncOptions:
    return drawn(Random(f"options {seed}"))


def counting(seed: int) -> SyncRun:
    """With all data versions kept alike; only where both sides are written may both be raised."""
    options = drawn_for(seed)
    settings = replace(options.settings, versions=("/**",))
    return SyncRun(seed, replace(options, settings=settings))


def test_a_seed_decides_everything() -> None:
    assert SyncRun(7).outcome() == SyncRun(7).outcome()


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_bug_of_the_sync_is_found(defect: str) -> None:
    found = next((o for s in range(150) if (o := spoiled(s, defect).outcome()).violation), None)
    assert found is not None, "150 seeds did not find it"
    assert spoiled(found.seed, defect).outcome() == found


def spoiled(seed: int, defect: str) -> SyncRun:
    return SyncRun(seed, engine=DEFECTS[defect])
