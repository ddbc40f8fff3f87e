"""What waits to be written: changes that belong together, oldest first.

The paths of one source transaction are a *unit*, which is written in one multi. Units that share a
path become one, for writing the newer value of a path writes a part of the newer transaction. So
several changes of a path before it is written are one write, and no transaction is torn. A unit
that cannot be written yet is parked until what it waits for has happened.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from orchestrator.migration.core.sides import Side


class Unit:
    """Paths that are written together. ``since`` is when the first was heard (Unix seconds);
    ``tries`` counts refusals, and whoever was refused goes alone,
    not before a moment."""

    __slots__ = ("is_ready", "not_before", "number", "paths", "side", "since", "tries")

    def __init__(self, number: int, side: Side, since: float) -> None:
        self.number = number
        self.side = side
        self.since = since
        self.paths: dict[str, None] = {}
        self.tries = 0
        self.not_before = 0.0
        self.is_ready = False


class Units:
    """The queue: one heap for each side whose changes they are, so that a side that takes no
    writes does not hold up the other."""

    def __init__(self) -> None:
        self._ready: tuple[list[int], list[int]] = ([], [])
        self._units: dict[int, Unit] = {}
        self._of: dict[str, Unit] = {}
        self._parked: dict[object, dict[int, None]] = {}
        self._shelved: dict[object, dict[str, Side]] = {}
        self._due: list[tuple[float, int]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._of)

    def __iter__(self) -> Iterator[Unit]:
        """All units, the oldest first."""
        return iter(list(self._units.values()))

    def __contains__(self, path: str) -> bool:
        return path in self._of

    def add(self, side: Side, paths: Iterable[str], now: float) -> Unit | None:
        """Queue paths as one unit, with all units that hold one of them."""
        unit: Unit | None = None
        for path in paths:
            known = self._of.get(path)
            if known is None:
                if unit is None:
                    unit = self._new(side, now)
                unit.paths[path] = None
                self._of[path] = unit
            elif unit is None:
                unit = known
            elif known is not unit:
                unit = self._join(unit, known)
        return unit

    def restore(self, number: int, side: Side, paths: Iterable[str], now: float) -> None:
        """Queue what waited together before a restart, under its number."""
        self._number = number - 1
        self.add(side, paths, now)

    def join(self, unit: Unit, path: str) -> Unit:
        """Let the unit that holds ``path`` (a new one if none does) be one with ``unit``."""
        known = self._of.get(path)
        if known is None:
            unit.paths[path] = None
            self._of[path] = unit
            return unit
        return unit if known is unit else self._join(unit, known)

    def gather(self, unit: Unit, path: str) -> Unit:
        """Let all that is queued below a path be one with ``unit``."""
        prefix = f"{path}/"
        for below in [p for p in self._of if p.startswith(prefix)]:
            unit = self.join(unit, below)
        return unit

    def pop(self, side: Side) -> Unit | None:
        """The oldest unit of a side that is ready; it stays in the books until ``done``."""
        heap = self._ready[side]
        while heap:
            unit = self._units.get(heapq.heappop(heap))
            if unit is not None:
                unit.is_ready = False
                return unit
        return None

    def put_back(self, unit: Unit) -> None:
        """It could not be taken now, but nothing has to happen first."""
        self._ready_again(unit.number)

    def done(self, unit: Unit) -> None:
        """Its writes are under way, or there are none."""
        del self._units[unit.number]
        for path in unit.paths:
            del self._of[path]

    def drop(self, unit: Unit, path: str) -> None:
        """A path does not have to be written any more, or waits elsewhere."""
        if path in unit.paths:
            del unit.paths[path]
            del self._of[path]

    def park(self, unit: Unit, key: object) -> None:
        """Keep a unit back until ``release(key)``."""
        self._parked.setdefault(key, {})[unit.number] = None

    def park_until(self, unit: Unit, due: float) -> None:
        """Keep a unit back until a moment."""
        heapq.heappush(self._due, (due, unit.number))

    def shelve(self, unit: Unit, path: str, key: object) -> None:
        """A path waits for ``release(key)`` on its own; the rest of its unit does not."""
        self.drop(unit, path)
        self._shelved.setdefault(key, {})[path] = unit.side

    def release(self, key: object, now: float) -> None:
        """What was waited for has happened."""
        for number in self._parked.pop(key, ()):
            self._ready_again(number)
        for path, side in self._shelved.pop(key, {}).items():
            self.add(side, [path], now)

    def wake_at(self) -> float | None:
        """When the next unit is ready by itself."""
        return self._due[0][0] if self._due else None

    def wake(self, now: float) -> None:
        """Make ready what was kept back until now."""
        while self._due and self._due[0][0] <= now:
            self._ready_again(heapq.heappop(self._due)[1])

    def oldest(self) -> float | None:
        """Since when the oldest has been waiting (Unix seconds)."""
        return next((unit.since for unit in self._units.values()), None)

    def _ready_again(self, number: int) -> None:
        unit = self._units.get(number)
        if unit is not None and not unit.is_ready:
            unit.is_ready = True
            heapq.heappush(self._ready[unit.side], number)

    def _new(self, side: Side, now: float) -> Unit:
        self._number += 1
        unit = self._units[self._number] = Unit(self._number, side, now)
        self._ready_again(unit.number)
        return unit

    def _join(self, first: Unit, second: Unit) -> Unit:
        """The older takes the younger in, and keeps its place: ready, or parked."""
        if second.number < first.number:
            first, second = second, first
        first.since = min(first.since, second.since)
        first.tries = max(first.tries, second.tries)
        for path in second.paths:
            first.paths[path] = None
            self._of[path] = first
        del self._units[second.number]
        return first
