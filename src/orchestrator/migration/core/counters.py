"""Sequence counters of parents: how many nodes were ever created below, on either side.

A sequential node's number is that count, so two sides that count differently name differently, and
a contender that joins an election on the side that counts less would stand before all others. A
counter cannot be set. It is *burned*: a node is created and deleted at once, in one multi, which
nobody ever sees, as often as needed.

A side is brought to what the other had a while ago (a checkpoint's time), for what was created just
now is on its way and counts by itself.
"""

from __future__ import annotations

import re

from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.view import pattern

BURN = ".sync-burn"
_MOST = 10_000_000


class Counters:
    """Counts by parent (of the view), for election directories and those that are to be kept."""

    def __init__(self, settings: Settings) -> None:
        self._elections = [pattern(p) for p in settings.elections]
        self._kept = [*self._elections, *(pattern(p) for p in settings.sequences)]
        self._counts: dict[str, list[int]] = {}
        self._goals: dict[str, int] = {}

    @property
    def is_used(self) -> bool:
        """Whether any counter has to be watched."""
        return bool(self._kept)

    def is_election(self, parent: str) -> bool:
        """Whether members below this parent are elected."""
        return _matches(self._elections, parent)

    def saw(self, side: Side, parent: str, creates: int) -> None:
        """A side's parent has had so many children."""
        known = self._counts.get(parent)
        if known is None:
            if not _matches(self._kept, parent):
                return
            known = self._counts[parent] = [0, 0]
        known[side] = max(known[side], creates)

    def gone(self, side: Side, parent: str) -> None:
        """A side's parent was deleted; another begins at 0."""
        if parent in self._counts:
            self._counts[parent][side] = 0
            self._goals.pop(parent, None)

    def get(self, parent: str) -> tuple[int, int]:
        """Both sides' counts."""
        a, b = self._counts.get(parent, (0, 0))
        return a, b

    def elections(self) -> list[str]:
        """The election directories that were seen."""
        return [parent for parent in self._counts if self.is_election(parent)]

    def tick(self) -> list[tuple[str, Side, int]]:
        """What to burn now: parent, side, how many; then goals for the next time are set."""
        due = [found for parent in self._counts if (found := self.gap(parent))]
        self._goals = {parent: max(counts) for parent, counts in self._counts.items()}
        return due

    def gap(self, parent: str) -> tuple[str, Side, int] | None:
        """The side that counts less than both did at the last tick, and by how much."""
        goal = self._goals.get(parent, 0)
        for side in SIDES:
            missing = goal - self._counts[parent][side]
            if missing > 0 and self._counts[parent][side.other] >= goal:
                return parent, side, min(missing, _MOST)
        return None

    def lead(self, parent: str, side: Side) -> int:
        """How many numbers a side must burn to be ahead of all that the other has given."""
        counts = self._counts.get(parent, [0, 0])
        return max(0, counts[side.other] - counts[side])


def _matches(patterns: list[re.Pattern[str]], path: str) -> bool:
    return any(p.match(path) for p in patterns)
