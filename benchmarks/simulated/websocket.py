"""The client side of a WebSocket (RFC 6455) as one asyncio protocol, without extensions."""

from __future__ import annotations

import asyncio
import struct
from typing import cast

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_MASKED = 0x80
_ZERO_MASK = b"\0\0\0\0"  # a client has to mask; with zeros that changes nothing


class WebSocketClient(asyncio.Protocol):
    """One connection; subclasses say what to do when it is open and with a whole message."""

    __slots__ = ("_buffer", "_handshake", "_is_open", "transport")

    def __init__(self, host: str, path: str) -> None:
        self._handshake = _HANDSHAKE.format(host=host, path=path).encode()
        self._buffer = b""
        self._is_open = False

    def opened(self) -> None:
        """The handshake succeeded."""
        raise NotImplementedError

    def received(self, message: bytes) -> None:
        """A text message arrived."""
        raise NotImplementedError

    def closed(self) -> None:
        """The connection ended."""
        raise NotImplementedError

    def send(self, message: bytes) -> None:
        """Send one text message."""
        self.transport.write(_head(_TEXT, len(message)) + message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._handshake)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self.closed()

    def data_received(self, data: bytes) -> None:
        """Take out the messages that are complete."""
        data = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if b" 101 " not in head[:32]:
                raise ConnectionError(f"no WebSocket: {head[:80]!r}")
            self._is_open = True
            self.opened()
        self._buffer = self._take_frames(data)

    def _take_frames(self, data: bytes) -> bytes:
        position = 0
        while len(data) - position >= 2:
            kind, length = data[position], data[position + 1]
            start = position + 2
            if length == 126:
                start += 2
                length = int.from_bytes(data[position + 2 : start], "big")
            elif length == 127:
                start += 8
                length = int.from_bytes(data[position + 2 : start], "big")
            if len(data) < start + length:
                break
            position = start + length
            self._on_frame(kind, data[start:position])
        return data[position:]

    def _on_frame(self, kind: int, payload: bytes) -> None:
        if kind == _TEXT:
            self.received(payload)
        elif kind == _PING:
            self.transport.write(_head(_PONG, len(payload)) + payload)
        elif kind == _CLOSE:
            self.transport.close()
        else:
            raise ConnectionError(f"a frame of a kind that is not expected: {kind:#x}")


def _head(kind: int, length: int) -> bytes:
    if length < 126:
        return bytes((kind, _MASKED | length)) + _ZERO_MASK
    if length < 65536:
        return struct.pack("!BBH", kind, _MASKED | 126, length) + _ZERO_MASK
    return struct.pack("!BBQ", kind, _MASKED | 127, length) + _ZERO_MASK
