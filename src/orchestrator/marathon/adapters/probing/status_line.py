"""Reads the status of an HTTP answer, and not a byte more than that takes.

Interim answers (1xx) are passed over, with all their headers; the last one counts if nothing
follows. Source: RFC 9112, section 4, and RFC 9110, section 15.2.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

MAX_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d (\d{3})(?:[ \r]|$)")
_LONGEST_LINE = 4096
_SWITCHING_PROTOCOLS = 101


class AnswerError(Exception):
    """What came is no HTTP answer; the text says why."""


class StatusReader:
    """Takes bytes until the status is known."""

    def __init__(self) -> None:
        self.interim: int | None = None
        """The last interim status."""
        self._buffer = b""
        self._taken = 0

    async def read(self, receive: Callable[[], Awaitable[bytes]]) -> int:
        """The status; ``receive`` gives bytes, none at the end. Raises AnswerError and OSError."""
        while (status := self._status()) is None:
            data = await receive()
            if not data:
                if self.interim is not None:
                    return self.interim
                raise AnswerError("the connection was closed without an answer")
            self._taken += len(data)
            if self._taken > MAX_BYTES:
                raise AnswerError(f"no status within {MAX_BYTES} bytes")
            self._buffer += data
        return status

    def _status(self) -> int | None:
        while True:
            line, end, _ = self._buffer.partition(b"\n")
            if not end:
                if len(line) > _LONGEST_LINE:
                    raise AnswerError("the answer is not HTTP")
                return None
            match = _STATUS_LINE.match(line)
            if match is None:
                raise AnswerError("the answer is not HTTP")
            status = int(match[1])
            if not 100 <= status < 200 or status == _SWITCHING_PROTOCOLS:
                return status
            self.interim = status
            _, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return None
            self._buffer = rest
