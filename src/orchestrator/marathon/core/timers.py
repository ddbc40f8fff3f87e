"""Alarms by key: set, moved, cancelled; the earliest is found without a search.

A heap holds every alarm that was ever set; those that were moved or cancelled since are skipped
when they come up, and dropped all at once when they outnumber the live ones.
"""

from __future__ import annotations

import heapq

Key = tuple[str, str]
"""What an alarm is for: a kind, and the id of the object it concerns."""


class Timers:
    """Alarms in Unix seconds."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []

    def set(self, kind: str, subject: str, at: float) -> None:
        """Set the alarm, or move it."""
        key = (kind, subject)
        if self._due.get(key) != at:
            self._due[key] = at
            heapq.heappush(self._heap, (at, key))
            self._compact()

    def cancel(self, kind: str, subject: str) -> None:
        """Forget the alarm, if it is set."""
        self._due.pop((kind, subject), None)

    def get(self, kind: str, subject: str) -> float | None:
        """When the alarm goes off."""
        return self._due.get((kind, subject))

    def next(self) -> float | None:
        """When the earliest goes off."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float) -> list[Key]:
        """Those that are due, earliest first; they are no longer set."""
        due = []
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            due.append(key)
            self._drop_stale()
        return due

    def _drop_stale(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _compact(self) -> None:
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._due):
            self._heap = [(at, key) for key, at in self._due.items()]
            heapq.heapify(self._heap)
