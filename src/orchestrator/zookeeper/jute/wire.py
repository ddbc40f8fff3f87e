"""Jute's primitive types: big-endian numbers, and buffers behind their length.

Writers return bytes. Readers take a frame and where to begin, and return the value and where it
ended; they raise FrameError, or the errors of ``struct`` and of decoding, which `decoding` turns
into it: the quick path then has no checks of its own where ``struct`` checks already.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

from orchestrator.zookeeper.jute.errors import FrameError
from orchestrator.zookeeper.jute.records import Acl, Acls, Stat

T = TypeVar("T")
INT = struct.Struct(">i")
LONG = struct.Struct(">q")
STAT = struct.Struct(">qqqqiiiqiiq")  # the fields of `Stat`, in its order
_NULL = b"\xff\xff\xff\xff"
pack_int = INT.pack


def buffer(data: bytes | None) -> bytes:
    """Bytes behind their length; None is -1, which is not the same as no bytes."""
    return _NULL if data is None else pack_int(len(data)) + data


def text(value: str) -> bytes:
    """A string in UTF-8. Raises UnicodeEncodeError for half a surrogate pair."""
    raw = value.encode()
    return pack_int(len(raw)) + raw


def texts(values: list[str]) -> bytes:
    """A vector of strings."""
    return pack_int(len(values)) + b"".join(map(text, values))


def path(root: str, value: str) -> bytes:
    """A path, below the root (chroot) of a client; the root is "" or a path. Raises ValueError for
    what would not be below it."""
    if not root:
        return text(value)
    if not value.startswith("/"):
        raise ValueError(f"{value!r} does not begin with /")
    return text(root if value == "/" else root + value)


@lru_cache(maxsize=1024)
def acls(entries: Acls) -> bytes:
    """An access list. Nearly all nodes share a few of them, so they are kept."""
    return pack_int(len(entries)) + b"".join(
        [pack_int(each.permissions) + text(each.scheme) + text(each.id) for each in entries]
    )


def read_int(frame: bytes, at: int) -> tuple[int, int]:
    """A 32-bit number."""
    (value,) = INT.unpack_from(frame, at)
    return value, at + 4


def read_buffer(frame: bytes, at: int) -> tuple[bytes | None, int]:
    """Bytes, or None."""
    (size,) = INT.unpack_from(frame, at)
    at += 4
    if size < 0:
        return None, at
    end = at + size
    if end > len(frame):
        raise FrameError(f"a buffer of {size} bytes ends behind its frame")
    return frame[at:end], end


def read_text(frame: bytes, at: int) -> tuple[str, int]:
    """A string; Java's null becomes ""."""
    raw, at = read_buffer(frame, at)
    return (_decoded(raw) if raw else ""), at


def _decoded(raw: bytes) -> str:
    """UTF-8 as servers write it: jute encodes each half of a surrogate pair by itself."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        halves = raw.decode("utf-8", "surrogatepass")
        return halves.encode("utf-16", "surrogatepass").decode("utf-16")


def read_path(frame: bytes, at: int, root: str) -> tuple[str, int]:
    """A path, without the root of a client if it is below it."""
    value, at = read_text(frame, at)
    return without_root(root, value), at


def without_root(root: str, value: str) -> str:
    """The path as a client with this root names it."""
    if not root:
        return value
    if value == root:
        return "/"
    return value.removeprefix(root) if value.startswith(root + "/") else value


def read_vector(
    frame: bytes, at: int, read: Callable[[bytes, int], tuple[T, int]]
) -> tuple[list[T], int]:
    """A vector; Java's null becomes an empty one. It grows with what is in the frame, not with
    the length that the frame claims."""
    count, at = read_int(frame, at)
    found: list[T] = []
    for _ in range(count):
        value, at = read(frame, at)
        found.append(value)
    return found, at


def read_texts(frame: bytes, at: int) -> tuple[list[str], int]:
    """A vector of strings."""
    return read_vector(frame, at, read_text)


def read_acls(frame: bytes, at: int) -> tuple[Acls, int]:
    """An access list."""
    entries, at = read_vector(frame, at, _read_acl)
    return tuple(entries), at


def _read_acl(frame: bytes, at: int) -> tuple[Acl, int]:
    permissions, at = read_int(frame, at)
    scheme, at = read_text(frame, at)
    name, at = read_text(frame, at)
    return Acl(permissions, scheme, name), at


def read_stat(frame: bytes, at: int) -> tuple[Stat, int]:
    """A node's statistics."""
    return Stat(*STAT.unpack_from(frame, at)), at + 68


BROKEN = (struct.error, UnicodeError, OverflowError)
"""What readers raise, besides FrameError, for a frame that is none."""


def broken(error: Exception) -> FrameError:
    """The FrameError of one of `BROKEN`."""
    return FrameError(f"a frame is cut short or is no jute: {error}")


@contextmanager
def decoding() -> Iterator[None]:
    """Whatever is wrong with a frame is a FrameError. Too slow for what is done for each reply."""
    try:
        yield
    except BROKEN as error:
        raise broken(error) from error
