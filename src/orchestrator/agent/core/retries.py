"""When unacknowledged updates are sent again: after 10 s, then twice as long, up to 10 minutes.

Source: src/slave/constants.hpp of Apache Mesos (STATUS_UPDATE_RETRY_INTERVAL_MIN and _MAX).
"""

from __future__ import annotations

import heapq

FIRST_S = 10.0
LAST_S = 600.0


class Retries:
    """Names, each with the moment of its next retry. Costs O(log n) a change."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, float]] = {}  # name -> (moment, interval that led to it)
        self._heap: list[tuple[float, str]] = []

    def sent(self, name: str, now: float) -> None:
        """It was just sent: once more after the next interval, unless it is dropped before."""
        previous = self._due.get(name)
        interval_s = min(previous[1] * 2, LAST_S) if previous else FIRST_S
        self._due[name] = (now + interval_s, interval_s)
        heapq.heappush(self._heap, (now + interval_s, name))

    def drop(self, name: str) -> None:
        """It needs no retry; the next one to be sent under this name starts anew."""
        self._due.pop(name, None)

    def clear(self) -> None:
        """Drop all."""
        self._due.clear()
        self._heap.clear()

    def next_at(self) -> float | None:
        """The moment of the next retry."""
        self._discard_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[str]:
        """The names whose moment has come; each is expected to be sent or dropped now."""
        names = []
        while (at := self.next_at()) is not None and at <= now:
            names.append(heapq.heappop(self._heap)[1])
        return names

    def _discard_stale(self) -> None:
        while self._heap and self._due.get(self._heap[0][1], (None,))[0] != self._heap[0][0]:
            heapq.heappop(self._heap)
