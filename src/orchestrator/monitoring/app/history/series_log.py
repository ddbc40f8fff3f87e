"""The series of the current hour on disk: a row for each slot that is over, as it is in memory.

A record says which blocks are new (first row, node, names) and what all rows had in one slot. A
file is begun for each hour and whenever the app starts, with all blocks first; at the end of the
hour it is replaced by a segment.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from orchestrator.monitoring.app.history import records
from orchestrator.monitoring.app.history.ring import Ring
from orchestrator.monitoring.app.history.segments import shuffled, unshuffled

BlockRow = tuple[int, str, str, tuple[str, ...]]


class _Row(msgspec.Struct, array_like=True, frozen=True):
    slot: int
    blocks: list[BlockRow]
    cells: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Row)


class SeriesLog:
    """The file that is being written."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self._file = records.RecordFile(path)
        self._is_begun = False

    def append(self, ring: Ring, slot: int) -> int:
        """Write one slot; returns the bytes written. Raises OSError."""
        changed = ring.take_changed_blocks()
        blocks = changed if self._is_begun else ring.all_blocks()
        self._is_begun = False  # unless this is written: what has changed is told but once
        row = _Row(slot, blocks, shuffled(ring.cells(slot)))
        data = zstandard.ZstdCompressor(level=1).compress(_encoder.encode(row))
        size = self._file.append(data)
        self._is_begun = True
        return size

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def restore(path: Path, ring: Ring) -> int:
    """Read a file back into memory; returns how many slots it had. Raises OSError."""
    restoring = _Restoring(ring)
    decompressor = zstandard.ZstdDecompressor()
    count = 0
    for record in records.read(path):
        restoring.take(_decoder.decode(decompressor.decompress(record)))
        count += 1
    restoring.end()
    return count


class _Restoring:
    """Finds for each row of the file its row in the ring, once: then a slot is one assignment."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._blocks: dict[int, BlockRow] = {}
        self._unseated: dict[int, BlockRow] = {}
        self._rows = np.zeros(0, np.int64)  # in the ring; -1 if there is none
        self._latest = np.zeros(0, np.int64)  # slot in which something was known

    def take(self, row: _Row) -> None:
        """One slot."""
        cells = unshuffled(row.cells)
        if not self._ring.make_room(row.slot):
            return
        self._fit(len(cells))
        for block in row.blocks:
            self._change(block)
        for first, block in list(self._unseated.items()):
            self._seat(first, block, row.slot, cells)
        known = np.nonzero(cells)[0]
        known = known[self._rows[known] >= 0]
        self._ring.restore_slot(row.slot, self._rows[known], cells[known])
        self._latest[known] = row.slot

    def end(self) -> None:
        """Tell the ring how long it has to remember each node."""
        for block in self._blocks.values():
            self._tell(block)

    def _fit(self, size: int) -> None:
        more = max(size - len(self._rows), 0)
        self._rows = np.concatenate((self._rows, np.full(more, -1, np.int64)))
        self._latest = np.concatenate((self._latest, np.full(more, -1, np.int64)))

    def _change(self, block: BlockRow) -> None:
        first, _, _, names = block
        if (before := self._blocks.get(first)) is not None:
            self._tell(before)
        self._blocks[first] = self._unseated[first] = block
        self._rows[first : first + len(names)] = -1
        self._latest[first : first + len(names)] = -1

    def _seat(self, first: int, block: BlockRow, slot: int, cells: NDArray[np.uint32]) -> None:
        _, topology, id, names = block
        part = cells[first : first + len(names)]
        if len(part) != len(names) or not part.any():
            return
        del self._unseated[first]
        rows = self._ring.seat(topology, id, names, slot)
        if rows is not None:
            self._rows[first : first + len(names)] = rows

    def _tell(self, block: BlockRow) -> None:
        first, topology, id, names = block
        latest = self._latest[first : first + len(names)]
        if len(latest) and latest.max() >= 0:
            self._ring.note_written(topology, id, int(latest.max()))
