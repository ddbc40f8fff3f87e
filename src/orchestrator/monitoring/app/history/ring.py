"""An hour of all series in memory: one matrix, a row for each series, a column for each 15 s.

A node has a block of rows, one for each of its metrics, so that a report is written with one
assignment. Cells hold the bits of a float32 combined with those of NaN, so that memory which was
never written reads as "not known" - and costs nothing, as the system gives pages only when they are
written to; a series has 1 kB of its own, so as many pages are written to as series are used.

When the matrix is full, new processes are refused first: hosts, containers and services keep a
fifth of it for themselves. Blocks of nodes that were not heard of for an hour are given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from orchestrator.monitoring.report.kept import KeptReport, Series
from orchestrator.monitoring.report.model import Topology

STEP_S = 15
HOUR_SLOTS = 240
SLOTS = 256
"""An hour and four minutes: what is over is written to disk while the next hour has begun."""
_NAN = np.uint32(0x7FC00000)
_RESERVED = 0.2
_SWEEP_SLOTS = 20
NodeKey = tuple[str, str]
"""Topology and id."""


class Cells(NamedTuple):
    """Cells as they are kept: a row for each series, a column for each slot from ``first`` on."""

    first: int
    cells: NDArray[np.uint32]


class Block(NamedTuple):
    """The rows of one node: ``names[n]`` is in row ``first + n``."""

    first: int
    names: tuple[str, ...]


def slot_at(moment: float) -> int:
    """The slot of a time in unix seconds."""
    return int(moment // STEP_S)


class Plan(msgspec.Struct, gc=False):
    """Where the values of a report go, as long as they are of the same nodes and metrics."""

    series: list[tuple[Topology, Series]]
    places: NDArray[np.int64]
    """Which of the values there is room for."""
    rows: NDArray[np.int64]
    releases: NDArray[np.uint32]
    """How often each row had been given up by then: if once more since, it is another node's."""
    written: int
    """The latest slot it was used for."""


class Ring:
    """The last ``SLOTS`` slots."""

    def __init__(self, max_series: int) -> None:
        self.dropped = 0
        """Values that had no room."""
        self._max_series = max_series
        self._cells = np.zeros((max_series, SLOTS), np.uint32)
        self._blocks: dict[NodeKey, Block] = {}
        self._written: dict[NodeKey, int] = {}
        self._plans: dict[str, Plan] = {}
        self._releases = np.zeros(max_series, np.uint32)
        self._free: dict[int, list[int]] = {}
        self._end = 0
        self._used = 0
        self._newest: int | None = None
        self._swept = 0
        self._changed: set[NodeKey] = set()
        self._dirty: set[int] = set()

    @property
    def series(self) -> int:
        """How many there are."""
        return self._used

    @property
    def newest(self) -> int | None:
        """The latest slot that something was written to."""
        return self._newest

    def another(self) -> Ring:
        """An empty one of the same size."""
        return Ring(self._max_series)

    def has_left(self, slot: int) -> bool:
        """Whether a slot's column is that of a later one by now."""
        return self._newest is not None and slot <= self._newest - SLOTS

    def go_back(self, slot: int) -> None:
        """The clock was set back: nothing is known of what is later than a slot."""
        if self._newest is None or slot >= self._newest:
            return
        for late in range(max(slot, self._newest - SLOTS) + 1, self._newest + 1):
            self._cells[: self._end, late % SLOTS] = 0
        self._newest = slot
        self._swept = min(self._swept, slot)
        self._written = {key: min(written, slot) for key, written in self._written.items()}
        for plan in self._plans.values():
            plan.written = min(plan.written, slot)

    def put(self, kept: KeptReport) -> None:
        """Write what a report measures into the slot of its time."""
        slot = slot_at(kept.report.taken_at)
        if not self._advance(slot) or not kept.measured:
            return
        agent_id = kept.report.agent_id
        series = [(topology, measured.series) for topology, measured in kept.measured.items()]
        plan = self._plans.get(agent_id)
        if plan is None or not self._is_right(plan, series):
            plan = self._plan(agent_id, series, slot)
        plan.written = max(plan.written, slot)
        values = np.concatenate([measured.values for measured in kept.measured.values()])
        self._write(slot, plan.rows, values[plan.places])

    def _is_right(self, plan: Plan, series: list[tuple[Topology, Series]]) -> bool:
        return plan.series == series and bool((self._releases[plan.rows] == plan.releases).all())

    def _plan(self, agent_id: str, series: list[tuple[Topology, Series]], slot: int) -> Plan:
        """A new plan; where there is no room for all it is not kept, as there may be next time."""
        if (before := self._plans.pop(agent_id, None)) is not None:
            self._note_written(before)
        places: list[int] = []
        rows: list[int] = []
        at, dropped = 0, self.dropped
        for topology, one in series:
            for id, names in zip(*one, strict=True):
                block = self._block(topology, id, names, slot)
                if block is not None:
                    rows += _rows_of(block, names)
                    places += range(at, at + len(names))
                at += len(names)
        numbers = np.array(rows, np.int64)
        plan = Plan(series, np.array(places, np.int64), numbers, self._releases[numbers], slot)
        if self.dropped == dropped:
            self._plans[agent_id] = plan
        return plan

    def _note_written(self, plan: Plan) -> None:
        for topology, series in plan.series:
            for id in series.ids:
                self.note_written(topology, id, plan.written)

    def restore(self, topology: str, id: str, names: tuple[str, ...], values: Cells) -> None:
        """Write what was kept on disk of one node: a row for each metric, slots as columns.

        The first column is of the slot ``values.first``. What is too old is left out.
        """
        first, cells = values
        last = first + cells.shape[1] - 1
        if self._newest is None or last > self._newest:
            self._advance(last)
        assert self._newest is not None
        begin = max(first, self._newest - SLOTS + 1)
        if begin > last or not cells[:, begin - first :].any():
            return
        block = self._block(topology, id, names, last)
        if block is not None:
            slots = np.arange(begin, last + 1) % SLOTS
            rows = np.array(_rows_of(block, names))
            self._cells[rows[:, None], slots[None, :]] = cells[:, begin - first :]

    def make_room(self, slot: int) -> bool:
        """Go on to a slot, if it is a later one; False if it is too old to be kept."""
        return self._advance(slot)

    def seat(self, topology: str, id: str, names: tuple[str, ...], slot: int) -> list[int] | None:
        """The rows of a node's metrics, for ``restore_slot``; None if there is no room."""
        block = self._block(topology, id, names, slot)
        return list(_rows_of(block, names)) if block is not None else None

    def restore_slot(self, slot: int, rows: NDArray[np.int64], cells: NDArray[np.uint32]) -> None:
        """Write what was kept on disk of one slot, for which there is room."""
        self._cells[rows, slot % SLOTS] = cells

    def note_written(self, topology: str, id: str, slot: int) -> None:
        """Something is known of a node in a slot: it is kept as long as that is."""
        key = (topology, id)
        if key in self._written:
            self._written[key] = max(self._written[key], slot)

    def take_changed_blocks(self) -> list[tuple[int, str, str, tuple[str, ...]]]:
        """The blocks that are new since this was last asked: first row, node, names."""
        changed = [
            (block.first, *key, block.names)
            for key in self._changed
            if (block := self._blocks.get(key)) is not None
        ]
        self._changed.clear()
        return changed

    def dirty_slots(self, before: int) -> list[int]:
        """The slots before one that were written to since they were last clean, in order."""
        self._dirty = {slot for slot in self._dirty if self._is_kept(slot)}
        return sorted(slot for slot in self._dirty if slot < before)

    def clean_slot(self, slot: int) -> None:
        """What is in a slot is on disk."""
        self._dirty.discard(slot)

    def all_blocks(self) -> list[tuple[int, str, str, tuple[str, ...]]]:
        """All blocks."""
        return [(block.first, *key, block.names) for key, block in self._blocks.items()]

    def cells(self, slot: int) -> NDArray[np.uint32]:
        """What is in a slot, as it is kept: for the disk."""
        return self._cells[: self._end, slot % SLOTS].copy()

    def nodes(self) -> Iterator[tuple[NodeKey, Block]]:
        """All nodes with series."""
        return iter(self._blocks.items())

    def names(self, topology: str, id: str) -> tuple[str, ...]:
        """The metrics of a node."""
        block = self._blocks.get((topology, id))
        return block.names if block is not None else ()

    def read(self, topology: str, id: str, name: str, first: int, last: int) -> NDArray[np.float32]:
        """The values of one series in the slots from first to last; NaN where not known."""
        values = np.full(max(last - first + 1, 0), np.nan, np.float32)
        block = self._blocks.get((topology, id))
        if block is None or name not in block.names or self._newest is None:
            return values
        begin, end = max(first, self._newest - SLOTS + 1), min(last, self._newest)
        if begin <= end:
            slots = np.arange(begin, end + 1) % SLOTS
            cells = self._cells[_row_of(block, name), slots]
            values[begin - first : end - first + 1] = floats(cells)
        return values

    def cells_of(
        self, blocks: Iterable[tuple[int, tuple[str, ...]]], first: int, last: int
    ) -> NDArray[np.uint32]:
        """What is kept of some blocks (first row, names), a row for each metric.

        Says nothing of slots that it has left: ask ``has_left`` afterwards.
        """
        rows = [n for begin, names in blocks for n in range(begin, begin + len(names))]
        slots = np.arange(first, last + 1) % SLOTS
        return self._cells[np.array(rows, np.int64)[:, None], slots[None, :]]

    def values_at(self, slot: int, keys: Iterable[NodeKey]) -> dict[NodeKey, Mapping[str, float]]:
        """What was measured in one slot of some nodes, as far as anything was."""
        if not self._is_kept(slot):
            return {}
        values = floats(self._cells[: self._end, slot % SLOTS]).tolist()
        return {
            key: found
            for key in keys
            if (block := self._blocks.get(key)) is not None
            and (found := _known(block.names, values[block.first : block.first + len(block.names)]))
        }

    def _is_kept(self, slot: int) -> bool:
        return self._newest is not None and self._newest - SLOTS < slot <= self._newest

    def _advance(self, slot: int) -> bool:
        """Make room for a slot; False if it is too old."""
        if self._newest is None:
            self._newest = slot
            return True
        if slot > self._newest:
            for new in range(max(self._newest + 1, slot - SLOTS + 1), slot + 1):
                self._cells[: self._end, new % SLOTS] = 0
            self._newest = slot
            self._sweep()
        return slot > self._newest - SLOTS

    def _write(self, slot: int, rows: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        with np.errstate(over="ignore"):
            bits = values.astype(np.float32).view(np.uint32)
        self._dirty.add(slot)
        self._cells[rows, slot % SLOTS] = bits ^ _NAN

    def _block(self, topology: str, id: str, names: tuple[str, ...], slot: int) -> Block | None:
        key = (topology, id)
        block = self._blocks.get(key)
        if block is None or not (names == block.names or set(names) <= set(block.names)):
            block = self._grown(key, block, names)
            if block is None:
                return None
        self._written[key] = max(self._written.get(key, slot), slot)  # a report may come late
        return block

    def _grown(self, key: NodeKey, block: Block | None, more: tuple[str, ...]) -> Block | None:
        names = more if block is None else tuple(dict.fromkeys((*block.names, *more)))
        first = self._take(len(names), key[0])
        if first is None:
            self.dropped += len(more)
            return None
        if block is not None:
            old = slice(block.first, block.first + len(block.names))
            self._cells[first : first + len(block.names)] = self._cells[old]
            self._release(block)
        grown = self._blocks[key] = Block(first, names)
        self._changed.add(key)
        return grown

    def _take(self, size: int, topology: str) -> int | None:
        room = self._max_series * ((1 - _RESERVED) if topology == "process" else 1.0)
        if self._used + size > room:
            return None
        if free := self._free.get(size):
            self._used += size
            return free.pop()
        if self._end + size > self._max_series:
            return None
        first, self._end = self._end, self._end + size
        self._used += size
        return first

    def _release(self, block: Block) -> None:
        size = len(block.names)
        self._cells[block.first : block.first + size] = 0
        self._releases[block.first : block.first + size] += 1
        self._free.setdefault(size, []).append(block.first)
        self._used -= size

    def _sweep(self) -> None:
        """Give up what was not written for as long as the ring remembers."""
        assert self._newest is not None
        if self._newest - self._swept < _SWEEP_SLOTS:
            return
        self._swept = self._newest
        for plan in self._plans.values():
            self._note_written(plan)
        self._plans = {
            agent: plan for agent, plan in self._plans.items() if not self.has_left(plan.written)
        }
        for key in [key for key, slot in self._written.items() if slot <= self._newest - SLOTS]:
            self._release(self._blocks.pop(key))
            del self._written[key]


def _known(names: tuple[str, ...], values: list[float]) -> dict[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if not isnan(value)}


def _rows_of(block: Block, names: tuple[str, ...]) -> Iterable[int]:
    if names == block.names:
        return range(block.first, block.first + len(names))
    return [_row_of(block, name) for name in names]


def _row_of(block: Block, name: str) -> int:
    return block.first + block.names.index(name)


def floats(cells: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Cells as they are kept to the numbers they stand for."""
    return np.ascontiguousarray(cells ^ _NAN).view(np.float32)
