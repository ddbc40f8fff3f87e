"""A file of records, written at its end: length, CRC-32 and that many bytes, again and again.

A process that is killed while it writes leaves a record without its end, which a reader drops with
all that follows; so does the next writer.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from orchestrator.monitoring.app.appending import AppendedFile

_HEAD = struct.Struct("<II")
MAX_RECORD_BYTES = 256 * 1024 * 1024


class RecordFile:
    """A file that is being written."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self._file = AppendedFile(path)
        self._file.cut(sum(_HEAD.size + len(data) for data in read(path)))

    def append(self, data: bytes) -> int:
        """Write one record; returns the bytes it took. Raises OSError."""
        head = _HEAD.pack(len(data), zlib.crc32(data))
        self._file.append(head + data)
        return len(head) + len(data)

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def read(path: Path) -> Iterator[bytes]:
    """The records of a file up to the first that is damaged. Raises OSError."""
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            if length > MAX_RECORD_BYTES:
                return
            data = file.read(length)
            if len(data) != length or zlib.crc32(data) != checksum:
                return
            yield data
