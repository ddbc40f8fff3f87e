"""Between a client and a ZooKeeper server: it can hold back, lose, be slow, and break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Literal, NamedTuple

_LENGTH_BYTES = 4
_LONGEST = 64 * 2**20  # more is no length, but a command of four letters
_XID_BYTES = 4
_EVENT = b"\xff\xff\xff\xff"


class Hold(NamedTuple):
    """Which packet is held back: the request that has these bytes, or the reply to it."""

    having: bytes
    which: Literal["request", "reply"]


class Wire:
    """Passes packets on to ``target``, a port of this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay_s = 0.0
        """Between two replies of a connection."""
        self.dropped = b""
        """Events of watches that have these bytes never arrive."""
        self.is_holding = asyncio.Event()
        self._hold: Hold | None = None
        self._links: set[asyncio.Task[None]] = set()
        self.port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Wire]:
        """Listen, on ``port``."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await self.cut()

    def hold(self, hold: Hold) -> None:
        """Hold this packet back, and all behind it in its direction, until the wire is cut."""
        self._hold = hold
        self.is_holding.clear()

    async def cut(self) -> None:
        """End all connections; what is held is lost. New connections are as good as any."""
        self._hold = None
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        writers = [writer]
        try:
            with suppress(OSError):
                there, here = await asyncio.open_connection("127.0.0.1", self.target)
                writers.append(here)
                awaited: set[bytes] = set()
                await _first_of(
                    self._requests(reader, here, awaited), self._replies(there, writer, awaited)
                )
        except asyncio.CancelledError:
            pass  # cut; the server would log it
        finally:
            for each in writers:
                each.transport.abort()
            self._links.discard(task)

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: set[bytes]
    ) -> None:
        async for frame in _frames(reader):
            body = frame[_LENGTH_BYTES:]
            if self._hold is not None and self._hold.having in body:
                if self._hold.which == "request":
                    await self._keep()
                awaited.add(body[:_XID_BYTES])
            writer.write(frame)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: set[bytes]
    ) -> None:
        async for frame in _frames(reader):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            xid = frame[_LENGTH_BYTES : _LENGTH_BYTES + _XID_BYTES]
            if xid in awaited:
                await self._keep()
            if xid == _EVENT and self.dropped and self.dropped in frame:
                continue
            writer.write(frame)

    async def _keep(self) -> None:
        self.is_holding.set()
        await asyncio.get_running_loop().create_future()


async def _first_of(*works: Coroutine[object, object, None]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Packets with their lengths; what is none is passed on as it comes."""
    with suppress(asyncio.IncompleteReadError, OSError):
        while True:
            head = await reader.readexactly(_LENGTH_BYTES)
            length = int.from_bytes(head)
            if length > _LONGEST:
                yield head
                while more := await reader.read(2**16):
                    yield more
                return
            yield head + await reader.readexactly(length)
