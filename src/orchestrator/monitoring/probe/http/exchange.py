"""The answer of a server, read as it comes: its head, and a body that is bounded or goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

MAX_BODY_BYTES = 32 * 1024 * 1024


class HttpError(Exception):
    """A server cannot be reached or does not speak HTTP; the text is one sentence."""


class Exchange:
    """An answer that goes on: its head, and what comes after."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.status = status
        self.headers = headers

    @property
    def is_framed(self) -> bool:
        """Whether the end of the body is known without the end of the connection."""
        return self.status in (204, 304) or any(
            name in self.headers for name in ("content-length", "transfer-encoding")
        )

    async def chunks(self, size: int = 32 * 1024) -> AsyncIterator[bytes]:
        """The body, as it comes. Raises HttpError or OSError."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while (length := await self._chunk_size()) > 0:
                async for part in self._exactly(length, size):
                    yield part
                await self._line()
            while (await self._line(may_end=True)).strip():  # trailers
                pass
        elif "content-length" in self.headers:
            async for part in self._exactly(_length(self.headers), size):
                yield part
        else:
            while part := await self.reader.read(size):
                yield part

    async def body(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """All of it. Raises HttpError beyond the limit."""
        if self.status in (204, 304) or self.status < 200:
            return b""
        parts, size = [], 0
        async for part in self.chunks(256 * 1024):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise HttpError(f"the answer has more than {limit} bytes")
        return b"".join(parts)

    async def _chunk_size(self) -> int:
        line = await self._line()
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise HttpError("the answer is no HTTP: a chunk has no size") from None
        if not 0 <= size <= MAX_BODY_BYTES:
            raise HttpError("the answer has a chunk that is too large")
        return size

    async def _line(self, *, may_end: bool = False) -> bytes:
        try:
            line = await self.reader.readline()
        except ValueError:
            raise HttpError("the answer is no HTTP: a line of it is too long") from None
        if not (line.endswith(b"\n") or may_end):
            raise HttpError("the answer is cut off")
        return line

    async def _exactly(self, length: int, size: int) -> AsyncIterator[bytes]:
        while length > 0:
            part = await self.reader.read(min(length, size))
            if not part:
                raise HttpError("the answer is cut off")
            length -= len(part)
            yield part


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer. Raises HttpError, IncompleteReadError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise HttpError("the answer's head is too large") from None
    return parse_head(head)


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers, names in lower case; pure. Raises HttpError."""
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise HttpError("the answer is no HTTP")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers


def _length(headers: Mapping[str, str]) -> int:
    try:
        return max(int(headers["content-length"]), 0)
    except ValueError:
        raise HttpError("the answer is no HTTP: its length is no number") from None
