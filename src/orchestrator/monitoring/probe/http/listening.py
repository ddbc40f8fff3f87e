"""The probe's own /health and /metrics: a few lines of HTTP instead of a web server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

_READ_S = 5.0
_MAX_CONNECTIONS = 16
Page = Callable[[], tuple[int, str, str]]
"""Gives status, content type and text."""


class ListenError(Exception):
    """The port cannot be had; the text is one sentence."""


@asynccontextmanager
async def listening(host: str, port: int, pages: Mapping[str, Page]) -> AsyncIterator[str]:
    """Serve pages by path until the context ends; gives the URL. Raises ListenError."""
    server = _Server(pages)
    try:
        started = await asyncio.start_server(server.handle, host, port, limit=8192)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ListenError(f"cannot listen on {host}:{port}: {reason}; choose --port") from None
    try:
        bound = started.sockets[0].getsockname()[1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    finally:
        started.close()


class _Server:
    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._open = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and the connection is closed."""
        if self._open >= _MAX_CONNECTIONS:
            writer.close()
            return
        self._open += 1
        try:
            async with asyncio.timeout(_READ_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(head, self._pages))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()


def answer(head: bytes, pages: Mapping[str, Page]) -> bytes:
    """The whole answer to the head of a request."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return _written(400, "text/plain", "this is no HTTP request\n")
    method, path = words[0], words[1].partition("?")[0]
    page = pages.get(path)
    if page is None:
        return _written(404, "text/plain", f"there is {' and '.join(pages)}\n")
    if method not in ("GET", "HEAD"):
        return _written(405, "text/plain", "use GET\n")
    status, kind, text = page()
    return _written(status, kind, text, is_head=method == "HEAD")


def _written(status: int, kind: str, text: str, *, is_head: bool = False) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status} .\r\nContent-Type: {kind}; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if is_head else body)
