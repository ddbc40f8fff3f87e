"""Deadlines by key: at most one a key, the earliest found at once."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Timers(Generic[Key]):
    """A heap whose outdated entries are dropped when they come up."""

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0  # breaks ties, so that keys are never compared

    def set(self, key: Key, at: float) -> None:
        """Set or move the deadline of a key."""
        self._at[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))
        if len(self._heap) > 64 + 4 * len(self._at):
            self._rebuild()

    def cancel(self, key: Key) -> None:
        """Forget the deadline of a key, if it has one."""
        self._at.pop(key, None)

    def has(self, key: Key) -> bool:
        """Whether a key has a deadline."""
        return key in self._at

    def next_at(self) -> float | None:
        """The earliest deadline."""
        while self._heap and self._at.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Iterator[Key]:
        """Take out the keys whose deadline has come, earliest first.

        Each is taken when it is asked for: what one of them cancels is not among those that follow.
        """
        while (at := self.next_at()) is not None and at <= now:
            key = heapq.heappop(self._heap)[2]
            del self._at[key]
            yield key

    def _rebuild(self) -> None:
        self._heap = [(at, count, key) for count, (key, at) in enumerate(self._at.items())]
        self._count = len(self._heap)
        heapq.heapify(self._heap)
