"""The hours that are over: a segment each, which is written once and then only read.

One that is damaged costs what it held: it is counted and named in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history.retention import Kept
from orchestrator.monitoring.app.history.ring import (
    HOUR_SLOTS,
    STEP_S,
    Cells,
    NodeKey,
    Ring,
    floats,
)
from orchestrator.monitoring.app.history.segments import CHUNK, Segment, SegmentError, write
from orchestrator.monitoring.app.history.series_log import BlockRow

logger = logging.getLogger(__name__)
Values = Mapping[NodeKey, Mapping[str, float]]
"""What was measured in one slot, by node."""


def hour_of(path: Path) -> int:
    """Whose series a file has."""
    return int(path.stem.partition("-")[2])


class Hours:
    """All segments of a directory."""

    def __init__(self, directory: Path, counts: Counts) -> None:
        self._directory = directory
        self._counts = counts
        self._segments: dict[Path, Segment] = {}

    def open(self) -> None:
        """Find those that are there."""
        for path in sorted(self._directory.glob("series-*.seg")):
            try:
                self._segments[path] = Segment(path)
            except (OSError, SegmentError, ValueError) as error:
                self._damaged(error)

    def write(self, hour: int, ring: Ring, blocks: list[BlockRow]) -> None:
        """Keep what a ring has of an hour, instead of what was kept of it. Raises OSError."""
        first = hour * HOUR_SLOTS
        last = first + HOUR_SLOTS - 1
        nodes, rows = [], []
        for begin, topology, id, names in blocks:
            if ring.cells_of([(begin, names)], first, last).any():
                nodes.append((topology, id, names))
                rows.append((begin, names))
        path = self._directory / f"series-{hour}.seg"
        size = write(path, first, HOUR_SLOTS, nodes, _chunks(ring, rows, first, last))
        self._counts.history_bytes_written += size
        self._segments[path] = Segment(path)

    def restore(self, ring: Ring, first: int, last: int) -> None:
        """Have a ring know what is kept of these slots."""
        for segment in self._between(first, last):
            try:
                _restore(segment, ring)
            except (OSError, SegmentError) as error:
                self._damaged(error)

    def fill(self, values: NDArray[np.float32], key: NodeKey, name: str, first: int) -> None:
        """Put in what is missing of a series whose slots begin with ``first``."""
        last = first + len(values) - 1
        for segment in self._between(first, last):
            begin = max(first, segment.head.first)
            end = min(last, segment.last)
            part = values[begin - first : end - first + 1]
            if not np.isnan(part).any():
                continue
            try:
                cells = segment.read(*key, name)
            except (OSError, SegmentError) as error:
                self._damaged(error)
                continue
            if cells is not None:
                old = floats(cells[begin - segment.head.first : end - segment.head.first + 1])
                np.copyto(part, old, where=np.isnan(part))

    def names(self, key: NodeKey, first: int, last: int) -> tuple[str, ...]:
        """The metrics that a node had last in these slots."""
        segments = self._between(first, last)
        for segment in sorted(segments, key=lambda one: one.head.first, reverse=True):
            try:
                for *known, names in segment.nodes():
                    if tuple(known) == key:
                        return names
            except (OSError, SegmentError) as error:
                self._damaged(error)
        return ()

    def values(self, slot: int) -> Values:
        """What was measured in one slot."""
        values: dict[NodeKey, Mapping[str, float]] = {}
        for segment in self._between(slot, slot):
            try:
                values |= _values(segment, slot)
            except (OSError, SegmentError) as error:
                self._damaged(error)
        return values

    def files(self) -> list[Kept]:
        """Those of all segments."""
        return [
            Kept(path, hour_of(path) * HOUR_SLOTS * STEP_S, path.stat().st_size)
            for path in list(self._segments)
            if path.exists()
        ]

    def forget(self, path: Path) -> None:
        """A file is deleted."""
        self._segments.pop(path, None)

    def _between(self, first: int, last: int) -> list[Segment]:
        """Those with any of these slots."""
        segments = list(self._segments.values())
        return [one for one in segments if one.head.first <= last and one.last >= first]

    def _damaged(self, error: Exception) -> None:
        self._counts.history_errors += 1
        logger.error("an hour of history cannot be read: %s", error)


def _chunks(
    ring: Ring, rows: list[tuple[int, tuple[str, ...]]], first: int, last: int
) -> Iterator[NDArray[np.uint32]]:
    columns = [(begin + n, ("",)) for begin, names in rows for n in range(len(names))]
    for at in range(0, len(columns), CHUNK):
        yield ring.cells_of(columns[at : at + CHUNK], first, last)


def _restore(segment: Segment, ring: Ring) -> None:
    """A chunk at a time: all of it would be as large as the ring."""
    chunks = segment.chunks()
    rows = np.zeros((0, segment.head.slots), np.uint32)
    for topology, id, names in segment.nodes():
        while len(rows) < len(names):
            chunk = next(chunks, None)
            if chunk is None:
                raise SegmentError(f"{segment.path} has fewer series than names")
            rows = np.concatenate((rows, chunk))
        ring.restore(topology, id, names, Cells(segment.head.first, rows[: len(names)]))
        rows = rows[len(names) :]


def _values(segment: Segment, slot: int) -> dict[NodeKey, Mapping[str, float]]:
    column = slot - segment.head.first
    parts = [floats(chunk[:, column].copy()) for chunk in segment.chunks()]
    every = np.concatenate(parts).tolist() if parts else []
    values: dict[NodeKey, Mapping[str, float]] = {}
    at = 0
    for topology, id, names in segment.nodes():
        found = dict(zip(names, every[at : at + len(names)], strict=True))
        values[topology, id] = {name: one for name, one in found.items() if not np.isnan(one)}
        at += len(names)
    return values
