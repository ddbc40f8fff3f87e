"""Replies as servers write them, for tests: the opposite of what the client reads."""

import struct

from orchestrator.zookeeper.jute import frames, wire
from orchestrator.zookeeper.jute.records import Stat

STAT = Stat(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)


def stat(value: Stat = STAT) -> bytes:
    return wire.STAT.pack(*value)


def data(value: bytes | None, about: Stat = STAT) -> bytes:
    return wire.buffer(value) + stat(about)


def frame(xid: int, zxid: int = 0, error: int = 0, body: bytes = b"") -> bytes:
    return frames.bare_frame(struct.pack(">iqi", xid, zxid, error) + body)


def result(opcode: int, body: bytes = b"", *, ends: bool = False) -> bytes:
    return struct.pack(">i?i", opcode, ends, -1) + body


END = result(-1, ends=True)


def failure(code: int) -> bytes:
    return result(-1, struct.pack(">i", code))


def welcome(session_id: int, timeout_ms: int, password: bytes = b"p" * 16) -> bytes:
    opening = struct.pack(">iiq", 0, timeout_ms, session_id)
    return frames.bare_frame(opening + wire.buffer(password) + b"\x00")


def event(kind: int, path: str, zxid: int = -1) -> bytes:
    return frame(frames.EVENT_XID, zxid, body=struct.pack(">ii", kind, 3) + wire.text(path))
