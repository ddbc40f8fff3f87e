"""An hour of series as one file.

    magic, then five parts, each: u32 length, u32 CRC-32, bytes
    1 head     JSON: first slot, number of slots, number of series, offsets of chunks
    2 hashes   u64 of each series, ascending
    3 order    u32: the row of each of these hashes
    4 names    zstd of msgpack: [topology, id, [metric names]] in the order of rows
    then chunks of ``CHUNK`` rows, each with length and CRC: zstd of cells (``ring``), by byte

One series is found by its hash and read by decompressing one chunk. Bytes of the same significance
stand together, as neighbouring values share the upper ones. A file is written under another name,
synced and renamed: it is whole or not there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

CHUNK = 1024
_MAGIC = b"orchestrator series 1\n"
_PART = struct.Struct("<II")
_LEVEL = 3
Node = tuple[str, str, tuple[str, ...]]
Read = Callable[[int], bytes]


class SegmentError(Exception):
    """A file is damaged; the text says which."""


class Head(msgspec.Struct, frozen=True):
    """What a segment holds."""

    first: int
    slots: int
    series: int
    chunks: list[int]
    """Offsets from the end of the names."""


def series_hash(topology: str, id: str, name: str) -> int:
    """Of one series; that two of a million are alike has a chance of one in ten million."""
    key = f"{topology}\n{id}\n{name}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def write(
    path: Path, first: int, slots: int, nodes: list[Node], chunks: Iterable[NDArray[np.uint32]]
) -> int:
    """Write a segment; returns its size. Raises OSError.

    ``chunks`` are the rows of all series in the order of ``nodes``, ``CHUNK`` of them at a time
    and the rest last; each is made when it is asked for.
    """
    part = path.with_suffix(".part")
    with tempfile.TemporaryFile(dir=path.parent) as body, part.open("wb") as file:
        offsets = _write_chunks(body, chunks)
        file.write(_before_chunks(first, slots, nodes, offsets))
        body.seek(0)
        shutil.copyfileobj(body, file)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    part.replace(path)
    return size


def _write_chunks(file: IO[bytes], rows: Iterable[NDArray[np.uint32]]) -> list[int]:
    """To a file and not to memory: an hour of many series is as large as all of them. Returns
    where each chunk begins."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    offsets = []
    for cells in rows:
        offsets.append(file.tell())
        file.write(_part(compressor.compress(shuffled(cells))))
    return offsets


def _before_chunks(first: int, slots: int, nodes: list[Node], offsets: list[int]) -> bytes:
    hashes = np.fromiter(
        (series_hash(topology, id, name) for topology, id, names in nodes for name in names), "<u8"
    )
    order = np.argsort(hashes, kind="stable").astype("<u4")
    head = Head(first, slots, len(hashes), offsets)
    names = zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(nodes))
    parts = (msgspec.json.encode(head), hashes[order].tobytes(), order.tobytes(), names)
    return b"".join((_MAGIC, *map(_part, parts)))


def _part(data: bytes) -> bytes:
    return _PART.pack(len(data), zlib.crc32(data)) + data


def shuffled(cells: NDArray[np.uint32]) -> bytes:
    """Bytes of the same significance together."""
    raw = np.ascontiguousarray(cells, "<u4").view(np.uint8).reshape(-1, 4)
    return raw.T.tobytes()


def unshuffled(data: bytes) -> NDArray[np.uint32]:
    """The cells again, one after another."""
    raw = np.frombuffer(data, np.uint8).reshape(4, -1).T
    return np.ascontiguousarray(raw).view("<u4").reshape(-1).astype(np.uint32)


class Segment:
    """A file to read from; nothing stays open."""

    def __init__(self, path: Path) -> None:
        """Raises SegmentError or OSError."""
        self.path = path
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise SegmentError(f"{path} is no file of series")
            self.head = msgspec.json.decode(self._read_part(file.read), type=Head)
            self._hashes_at = file.tell()

    @property
    def last(self) -> int:
        """The last slot."""
        return self.head.first + self.head.slots - 1

    def read(self, topology: str, id: str, name: str) -> NDArray[np.uint32] | None:
        """All values of one series; None if it is not here. Raises SegmentError or OSError."""
        wanted = series_hash(topology, id, name)
        with self.path.open("rb") as file:
            file.seek(self._hashes_at)
            hashes = np.frombuffer(self._read_part(file.read), "<u8")
            order = np.frombuffer(self._read_part(file.read), "<u4")
            at = int(np.searchsorted(hashes, np.uint64(wanted)))
            if at == len(hashes) or int(hashes[at]) != wanted:
                return None
            self._skip_part(file)
            row = int(order[at])
            file.seek(self.head.chunks[row // CHUNK], os.SEEK_CUR)
            values = self._chunk(self._read_part(file.read))
        found: NDArray[np.uint32] = values[row % CHUNK]
        return found

    def nodes(self) -> list[Node]:
        """All nodes and the names of their metrics. Raises SegmentError or OSError."""
        with self.path.open("rb") as file:
            file.seek(self._hashes_at)
            for _ in range(2):
                self._skip_part(file)
            return self._names(self._read_part(file.read))

    def chunks(self) -> Iterator[NDArray[np.uint32]]:
        """All values, in the order of ``nodes``. Raises SegmentError or OSError."""
        with self.path.open("rb") as file:
            file.seek(self._hashes_at)
            for _ in range(3):
                self._skip_part(file)
            for _ in self.head.chunks:
                yield self._chunk(self._read_part(file.read))

    def _names(self, data: bytes) -> list[Node]:
        raw = zstandard.ZstdDecompressor().decompress(data)
        return msgspec.msgpack.decode(raw, type=list[Node])

    def _chunk(self, data: bytes) -> NDArray[np.uint32]:
        return unshuffled(zstandard.ZstdDecompressor().decompress(data)).reshape(
            -1, self.head.slots
        )

    def _skip_part(self, file: IO[bytes]) -> None:
        head = file.read(_PART.size)
        if len(head) < _PART.size:
            raise SegmentError(f"{self.path} is damaged")
        length, _ = _PART.unpack(head)
        file.seek(length, os.SEEK_CUR)

    def _read_part(self, read: Read) -> bytes:
        head = read(_PART.size)
        if len(head) == _PART.size:
            length, checksum = _PART.unpack(head)
            data = read(length)
            if len(data) == length and zlib.crc32(data) == checksum:
                return data
        raise SegmentError(f"{self.path} is damaged")
