"""A file of records, written at its end: length, CRC-32 and that many bytes, again and again.

A process that is killed while it writes leaves a record without its end, which a reader drops with
all that follows; so does the next writer. Nothing is synced to the disk record by record: what the
system has taken survives the process, and history is not worth a wait.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_HEAD = struct.Struct("<II")
MAX_RECORD_BYTES = 256 * 1024 * 1024


class RecordFile:
    """A file that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)

    def append(self, data: bytes) -> int:
        """Write one record; returns the bytes it took. Raises OSError."""
        head = _HEAD.pack(len(data), zlib.crc32(data))
        begin = self._file.tell()
        try:
            self._write(head + data)
        except OSError:
            self._file.truncate(begin)
            raise
        return len(head) + len(data)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


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
