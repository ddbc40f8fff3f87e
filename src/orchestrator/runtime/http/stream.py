"""Events to a client that reads at its own pace, over one chunked response.

``send`` never waits: what the client has not taken yet is queued, what is queued travels together,
and a client that falls further behind than the bound is cut off. It then reconnects and asks
for the state anew, which is cheaper for both than an ever longer past.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable

from starlette.types import Receive, Scope, Send

from orchestrator.mesos import recordio
from orchestrator.runtime.http.server import CLOSING

DEFAULT_MAX_QUEUED_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
logger = logging.getLogger(__name__)


class Stream:
    """The open end of one response: ``send`` and ``close`` here, ``respond`` in the handler."""

    def __init__(
        self,
        max_queued_bytes: int = DEFAULT_MAX_QUEUED_BYTES,
        frame: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._max_queued_bytes = max_queued_bytes
        self._frame = frame
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._has_news = asyncio.Event()
        self._is_cut = asyncio.Event()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be sent: closed here, by the client, or cut off."""
        return self._is_closed

    def send(self, event: bytes) -> bool:
        """Queue one event; False when the stream is closed, or cut by this one being too much."""
        if self._is_closed:
            return False
        chunk = self._frame(event)
        self._queued_bytes += len(chunk)
        if self._queued_bytes > self._max_queued_bytes:
            logger.warning("cut off a client that is %d bytes behind", self._queued_bytes)
            self._cut()
            return False
        self._queue.append(chunk)
        self._has_news.set()
        return True

    def close(self) -> None:
        """End the response once everything queued has been sent."""
        self._is_closed = True
        self._has_news.set()

    async def respond(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Be the response (status 200), until the stream is closed, the client or the server gone.

        A bare-ASGI application but for the headers, which must name the content type.
        """
        start = {"type": "http.response.start", "status": 200, "headers": list(headers)}
        ends = [
            asyncio.create_task(self._write(start, send)),
            asyncio.create_task(_client_gone(receive)),
            asyncio.create_task(self._is_cut.wait()),
        ]
        closer = asyncio.create_task(self._close_with_server(scope))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._cut()
            for task in (*ends, closer):
                task.cancel()
            await asyncio.gather(*ends, closer, return_exceptions=True)

    async def _close_with_server(self, scope: Scope) -> None:
        if (closing := scope.get(CLOSING)) is not None:
            await closing.wait()
            self.close()

    async def _write(self, start: dict[str, object], send: Send) -> None:
        await send(start)
        while self._queue or not self._is_closed:
            await self._has_news.wait()
            self._has_news.clear()
            while self._queue:
                await send({"type": "http.response.body", "body": self._take(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _take(self) -> bytes:
        """As much as is written at once; more would only wait inside the connection."""
        chunks = [self._queue.popleft()]
        size = len(chunks[0])
        while self._queue and size < _CHUNK_BYTES:
            chunks.append(self._queue.popleft())
            size += len(chunks[-1])
        self._queued_bytes -= size
        return b"".join(chunks)

    def _cut(self) -> None:
        self._is_closed = True
        self._queue.clear()
        self._is_cut.set()


def recordio_stream(max_queued_bytes: int = DEFAULT_MAX_QUEUED_BYTES) -> Stream:
    """A stream whose events are framed as RecordIO, as Mesos frames them."""
    return Stream(max_queued_bytes, recordio.encode)


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
