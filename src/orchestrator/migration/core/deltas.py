"""States of paths on their way to records of their own.

A checkpoint of thousands of paths would be as many records, and every batch behind it would wait
until the disk has them. So it saves them as one record, a *delta*. What is in deltas is moved into
records of its own little by little, the oldest first, the more at once the more there is; a path
that a newer delta has is left to that. Until a delta has been moved whole, it stays: after a
restart records are read first, and then the deltas over them, in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from orchestrator.migration.core.journal import DELTA, NODE, read_deltas, save_delta
from orchestrator.runtime.machine import Save

PERIOD_S = 0.05
_LEAST = 50
_SHARE = 100
_MOST = 2_000
"""Of paths at once, which neither the loop nor the disk notice much."""


class Deltas:
    """What waits to be moved; ``due`` is when a part of it should be (Unix seconds)."""

    def __init__(self) -> None:
        self.due: float | None = None
        self._waiting: deque[tuple[int, dict[str, bytes | None]]] = deque()
        self._newest: dict[str, int] = {}
        self._moving: list[str] = []
        self._next = 1

    def __len__(self) -> int:
        """How many paths wait."""
        return len(self._newest)

    def save(self, states: dict[str, bytes | None], now: float) -> Save:
        """Save the states of paths, None of those that are forgotten."""
        number = self._next
        self._add(number, states)
        if self.due is None:
            self.due = now + PERIOD_S
        return save_delta(number, states)

    def restore(self, records: Mapping[str, bytes], now: float) -> dict[str, bytes]:
        """The latest state of every path."""
        found = {key[len(NODE) :]: state for key, state in records.items() if key.startswith(NODE)}
        for number, states in read_deltas(records):
            self._add(number, states)
            for path, state in states.items():
                if state is None:
                    found.pop(path, None)
                else:
                    found[path] = state
        self.due = now if self._waiting else None
        return found

    def move(self, now: float) -> list[Save]:
        """Move a part, and say when the next is due."""
        saves: list[Save] = []
        most = min(_LEAST + len(self._newest) // _SHARE, _MOST)
        while self._waiting and len(saves) < most:
            number, states = self._waiting[0]
            if not self._moving:  # in order, for the disk's sake
                self._moving = sorted(states, reverse=True)
            while self._moving and len(saves) < most:
                path = self._moving.pop()
                if self._newest.get(path) == number:
                    del self._newest[path]
                    saves.append(Save(NODE + path, states[path]))
            if not self._moving:
                self._waiting.popleft()
                saves.append(Save(f"{DELTA}{number}", None))
        self.due = now + PERIOD_S if self._waiting else None
        return saves

    def _add(self, number: int, states: dict[str, bytes | None]) -> None:
        self._next = number + 1
        self._waiting.append((number, states))
        self._newest.update(dict.fromkeys(states, number))
