"""The client's side of WebSocket (RFC 6455) without extensions; pure."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, NamedTuple

TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
MAX_MESSAGE_BYTES: Final = 1024 * 1024
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocketError(Exception):
    """The other side does not keep to the protocol; the text is one sentence."""


class Frame(NamedTuple):
    """One message, or one control frame."""

    kind: int
    data: bytes


class Closed(NamedTuple):
    """What a close frame says."""

    code: int
    reason: str


def key_of(random: bytes) -> str:
    """The handshake's key, of 16 random bytes."""
    return base64.b64encode(random).decode()


def accept_of(key: str) -> str:
    """What the server has to answer to a key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()


def frame(kind: int, data: bytes, mask: bytes) -> bytes:
    """One whole frame, masked with 4 random bytes."""
    size = len(data)
    if size < 126:
        head = bytes((0x80 | kind, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | kind, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | kind, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + mask + masked(data, mask)


def masked(data: bytes, mask: bytes) -> bytes:
    """Every byte with one of the mask, in turn."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def closing(data: bytes) -> Closed:
    """Read a close frame; 1005 if it says nothing."""
    if len(data) < 2:
        return Closed(1005, "")
    return Closed(int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace"))


class Reader:
    """Takes bytes as they come, gives messages as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._kind = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Messages and control frames that are complete now. Raises WebSocketError."""
        self._buffer += data
        found = []
        while (parsed := self._next()) is not None:
            is_last, kind, payload = parsed
            if kind >= CLOSE:
                found.append(Frame(kind, payload))
                continue
            if (kind == 0) != bool(self._kind):
                raise WebSocketError("a message has begun within another, or was never begun")
            self._kind = self._kind or kind
            self._parts.append(payload)
            if sum(map(len, self._parts)) > MAX_MESSAGE_BYTES:
                raise WebSocketError("a message is too large")
            if is_last:
                found.append(Frame(self._kind, b"".join(self._parts)))
                self._parts, self._kind = [], 0
        return found

    def _next(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        if first & 0x70 or second & 0x80:
            raise WebSocketError("a frame is masked or compressed, which was not agreed")
        size, begin = second & 0x7F, 2
        if size >= 126:
            begin = 4 if size == 126 else 10
            if len(buffer) < begin:
                return None
            size = int.from_bytes(buffer[2:begin], "big")
        if size > MAX_MESSAGE_BYTES:
            raise WebSocketError("a frame is too large")
        if len(buffer) < begin + size:
            return None
        payload = bytes(buffer[begin : begin + size])
        del buffer[: begin + size]
        return bool(first & 0x80), first & 0x0F, payload
