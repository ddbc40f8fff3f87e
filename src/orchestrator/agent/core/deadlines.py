"""Moments at which something is due, one for each name; the nearest is always at hand."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

_SPARE = 64  # stale entries that are not worth a clean-up
Name = TypeVar("Name")


class Deadlines(Generic[Name]):
    """Names, each with its moment (Unix seconds). Costs O(log n) a change.

    Names whose moment is the same come in the order in which they were set.
    """

    def __init__(self) -> None:
        self._moments: dict[Name, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, Name]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._moments)

    def set(self, name: Name, at: float) -> None:
        """The name is due at a moment, and at no other."""
        self._count += 1
        self._moments[name] = (at, self._count)
        heapq.heappush(self._heap, (at, self._count, name))
        if len(self._heap) > 2 * len(self._moments) + _SPARE:
            self._clean_up()

    def drop(self, name: Name) -> None:
        """The name is not due at all."""
        self._moments.pop(name, None)

    def next_at(self) -> float | None:
        """The nearest moment."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Name]:
        """The names whose moment has come; none of them is due any more."""
        names = []
        while (at := self.next_at()) is not None and at <= now:
            name = heapq.heappop(self._heap)[2]
            del self._moments[name]
            names.append(name)
        return names

    def _is_current(self, entry: tuple[float, int, Name]) -> bool:
        at, count, name = entry
        return self._moments.get(name) == (at, count)

    def _clean_up(self) -> None:
        self._heap = [entry for entry in self._heap if self._is_current(entry)]
        heapq.heapify(self._heap)
