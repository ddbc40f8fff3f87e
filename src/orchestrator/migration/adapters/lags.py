"""How long changes took from one side to the other: a histogram, and percentiles of the last few
minutes."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import NamedTuple

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_WINDOW = 10_000


class Percentiles(NamedTuple):
    """Of the last changes, in seconds; 0 before the first."""

    p50: float
    p95: float
    p99: float


class Lags:
    """What was measured, batch by batch."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0
        self._last: deque[tuple[float, int]] = deque(maxlen=_WINDOW)

    def add(self, lag_s: float, paths: int) -> None:
        """A batch with so many paths arrived."""
        self.buckets[bisect_left(BOUNDS_S, lag_s)] += paths
        self.sum_s += lag_s * paths
        self._last.append((lag_s, paths))

    def percentiles(self) -> Percentiles:
        """Weighted by paths."""
        ordered = sorted(self._last)
        total = sum(paths for _, paths in ordered)
        values = [0.0, 0.0, 0.0]
        seen, at = 0, 0
        for lag_s, paths in ordered:
            seen += paths
            while at < len(values) and seen >= total * (0.5, 0.95, 0.99)[at]:
                values[at] = lag_s
                at += 1
        return Percentiles(*values)
