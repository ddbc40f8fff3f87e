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

from orchestrator.monitoring.app.history import records
from orchestrator.monitoring.app.history.ring import Cells, Ring
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
        self._is_begun = True
        row = _Row(slot, blocks, shuffled(ring.cells(slot)))
        return self._file.append(zstandard.ZstdCompressor(level=1).compress(_encoder.encode(row)))

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def restore(path: Path, ring: Ring) -> int:
    """Read a file back into memory; returns how many slots it had. Raises OSError."""
    blocks: dict[int, BlockRow] = {}
    decompressor = zstandard.ZstdDecompressor()
    count = 0
    for record in records.read(path):
        row = _decoder.decode(decompressor.decompress(record))
        blocks.update({block[0]: block for block in row.blocks})
        cells = unshuffled(row.cells)
        for first, topology, id, names in blocks.values():
            part: np.ndarray[tuple[int], np.dtype[np.uint32]] = cells[first : first + len(names)]
            if len(part) == len(names) and part.any():
                ring.restore(topology, id, names, Cells(row.slot, part[:, None]))
        count += 1
    return count
