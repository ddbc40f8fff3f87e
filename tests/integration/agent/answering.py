"""A server to be checked: ``python -m tests.integration.agent.answering PORT``.

What it answers is in the path: ``/status/503``, ``/redirect``, ``/loop``, ``/slow`` (never),
``/half`` (of an answer), ``/garbage``; and ``/now`` is what the test has set.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Answering:
    """Serves, and remembers what was asked."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.now = 200

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.asked.append(path)
            self.heads.append(head)
            if path == "/slow":
                await reader.read()  # until it is hung up on
            else:
                writer.write(self._answer(path))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a check that only connects
        finally:
            writer.close()

    def _answer(self, path: str) -> bytes:
        if path.startswith("/status/"):
            return _text(int(path.removeprefix("/status/")))
        if path == "/now":
            return _text(self.now)
        if path == "/elsewhere":
            return _text(301, f"http://localhost:{self.port}/status/202")
        return _ANSWERS.get(path, _text(200))


def _text(code: int, location: str = "") -> bytes:
    where = f"Location: {location}\r\n" if location else ""
    return f"HTTP/1.1 {code} -\r\n{where}Content-Length: 2\r\n\r\nok".encode()


_ANSWERS = {
    "/redirect": _text(302, "/status/200"),
    "/loop": _text(307, "/loop"),
    "/away": _text(302, "ftp://127.0.0.1/"),
    "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "/garbage": b"\0\r\n\r\n",
}


@asynccontextmanager
async def answering(
    host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Answering]:
    """Serve one."""
    served = Answering()
    server = await asyncio.start_server(served.serve, host, port, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    async with server:
        yield served


async def _main() -> None:
    async with answering(port=int(sys.argv[1])):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
