"""Small numbers for the nodes and edges of a view, so that frames need not name them."""

from __future__ import annotations

from typing import Generic, TypeVar

Key = TypeVar("Key")


class Slots(Generic[Key]):
    """Small numbers for keys; the ones that were given back are given out again."""

    def __init__(self) -> None:
        self.of: dict[Key, int] = {}
        self._free: list[int] = []

    @property
    def end(self) -> int:
        """All numbers are below it."""
        return len(self.of) + len(self._free)

    def take(self, key: Key) -> int:
        """The number of a key, a new one if it has none."""
        slot = self.of.get(key)
        if slot is None:
            slot = self.of[key] = self._free.pop() if self._free else self.end
        return slot

    def give_back(self, key: Key) -> int:
        """The key needs it no more."""
        slot = self.of.pop(key)
        self._free.append(slot)
        return slot
