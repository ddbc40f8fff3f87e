"""Frames: what is sent is cut into them, each behind its length; headers of requests and replies.

``Framer`` takes bytes as they arrive. It copies each byte once or twice however small the pieces
are, and refuses a frame by its length before it holds it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.errors import FrameError, FrameTooLarge

EVENT_XID = -1
PING_XID = -2
AUTH_XID = -4
SET_WATCHES_XID = -8
LAST_XID = 2**31 - 1

_REQUEST = struct.Struct(">iii")  # length, xid, opcode
_REPLY = struct.Struct(">iqi")  # xid, zxid, error
REPLY_BYTES = _REPLY.size
HEADER_BYTES = 8
"""What a request's header adds to its body, as servers count it against ``jute.maxbuffer``."""


class ReplyHeader(NamedTuple):
    """``error`` is 0 or a code of ``KeeperException.Code``."""

    xid: int
    zxid: int
    error: int


def request_frame(xid: int, opcode: int, body: bytes) -> bytes:
    """A request with its header and its length."""
    return _REQUEST.pack(len(body) + HEADER_BYTES, xid, opcode) + body


def bare_frame(body: bytes) -> bytes:
    """A body behind its length, as the first one of a connection."""
    return wire.pack_int(len(body)) + body


def read_reply_header(frame: bytes) -> ReplyHeader:
    """Raises FrameError."""
    if len(frame) < REPLY_BYTES:
        raise FrameError(f"a reply of {len(frame)} bytes has no header")
    return ReplyHeader(*_REPLY.unpack_from(frame))


class Framer:
    """Bytes as they come, out of which frames are taken."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._held_bytes = 0
        self._missing_bytes = 4  # until then there is nothing to look at

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; the frames that they complete. Raises FrameTooLarge and FrameError behind
        the frames that were whole."""
        if self._held_bytes:
            self._parts.append(data)
            self._held_bytes += len(data)
            if self._held_bytes < self._missing_bytes:
                return
            data = b"".join(self._parts)
        yield from self._cut(data)

    def _cut(self, data: bytes) -> Iterator[bytes]:
        at, end = 0, len(data)
        self._missing_bytes = 4
        while end - at >= 4:
            (size,) = wire.INT.unpack_from(data, at)
            if not 0 <= size <= self._max_bytes:
                raise self._refusal(size)
            if end - at - 4 < size:
                self._missing_bytes = size + 4
                break
            yield data[at + 4 : at + 4 + size]
            at += 4 + size
        self._parts = [data[at:]] if at < end else []
        self._held_bytes = end - at

    def _refusal(self, size: int) -> FrameError:
        if size < 0:
            return FrameError(f"a frame of {size} bytes is announced: this is no ZooKeeper")
        return FrameTooLarge(f"a frame of {size} bytes is longer than {self._max_bytes}")
