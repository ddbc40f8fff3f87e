"""HTTP/1.1 and RecordIO by hand, so that these tests share no code with what they test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
LOCAL = "127.0.0.1"
Json = Any  # parsed JSON, as a foreign program has it
_TIMEOUT_S = 60.0


class ProtocolError(AssertionError):
    """The server sent something that is not as the protocol says."""


@dataclass(frozen=True)
class Answer:
    """A whole response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Json:
        return json.loads(self.body)


async def request(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    host: str = LOCAL,
) -> Answer:
    """Make one request on a connection of its own."""
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            await _send(writer, method, path, body, {"Connection": "close", **(headers or {})})
            status, received = await read_head(reader)
            return Answer(status, received, await _read_body(reader, received))
        finally:
            writer.close()


async def get(port: int, path: str, host: str = LOCAL) -> Answer:
    """GET a path."""
    return await request(port, "GET", path, host=host)


async def open_stream(
    port: int, path: str, body: bytes, headers: Mapping[str, str], host: str = LOCAL
) -> tuple[int, Mapping[str, str], asyncio.StreamReader, asyncio.StreamWriter]:
    """POST and read the head of the response; its body is left to be read."""
    async with asyncio.timeout(_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port, limit=2**24)
        await _send(writer, "POST", path, body, headers)
        status, received = await read_head(reader)
        return status, received, reader, writer


async def _send(
    writer: asyncio.StreamWriter,
    method: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
) -> None:
    length = {"Content-Length": str(len(body))} if body or method == "POST" else {}
    fields = {"Host": "127.0.0.1", **length, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    await writer.drain()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str]]:
    """The status and the headers of a response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.strip().split("\r\n")
    fields = (line.partition(":") for line in lines)
    return int(status_line.split()[1]), {n.strip().lower(): v.strip() for n, _, v in fields}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        return b"".join([chunk async for chunk in read_chunks(reader)])
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read()


async def read_chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The chunks of a chunked body."""
    while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
        yield await reader.readexactly(size)
        await reader.readline()


async def read_records(
    reader: asyncio.StreamReader, decode: Callable[[bytes], Json] = json.loads
) -> AsyncIterator[Json]:
    """The RecordIO records of a chunked body, as JSON."""
    buffer = b""
    async for chunk in read_chunks(reader):
        buffer += chunk
        while (newline := buffer.find(b"\n")) >= 0:
            length = int(buffer[:newline])
            end = newline + 1 + length
            if len(buffer) < end:
                break
            yield decode(buffer[newline + 1 : end])
            buffer = buffer[end:]
    if buffer:
        raise ProtocolError(f"the stream was cut inside a record: {buffer[:40]!r}")
