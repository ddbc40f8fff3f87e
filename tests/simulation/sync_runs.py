"""Simulated syncs, played in processes that can import this."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.simulator.sync import SyncOutcome, SyncRun


def play(seeds: Iterable[int]) -> list[SyncOutcome]:
    """What each came to."""
    return [SyncRun(seed).outcome() for seed in seeds]
