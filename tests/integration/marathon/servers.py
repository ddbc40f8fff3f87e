"""Small servers that tasks could be: good ones, bad ones, and ones that never come to a point."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class TaskServer:
    """Listens; ``heads`` are the requests so far."""

    def __init__(self, talk: Talk) -> None:
        self.port = 0
        self.heads: list[bytes] = []
        self.connections = 0
        self.most_connections = 0
        self._talk = talk

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self._talk(reader, writer)
        finally:
            self.connections -= 1
            writer.close()


@asynccontextmanager
async def task_server(
    talk: Talk, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[TaskServer]:
    """Serve until the context ends."""
    served = TaskServer(talk)
    server = await asyncio.start_server(served.serve, host, port, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def saying(answer: bytes) -> Talk:
    """Answers with these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return talk


def status(code: int, *headers: str, body: str = "ok") -> bytes:
    lines = [f"HTTP/1.1 {code} -", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await reader.read()  # until it is hung up on


async def dropping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up."""


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A status, and headers for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A first line that never ends."""
    while True:
        writer.write(b"x" * 1000)
        await writer.drain()


async def endless_interims(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """It is always about to answer."""
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        await writer.drain()


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A good answer with more to it than anybody wants."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"y" * 1000)
        await writer.drain()


async def in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A good answer, a byte at a time."""
    for byte in status(204):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)


def self_signed(directory: Path) -> ssl.SSLContext:
    """What a server needs that nobody vouches for."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
    words = [*make.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls
