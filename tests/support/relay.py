"""An address that stays while the servers behind it go and come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """Passes connections on to the port ``target``; None: nothing is there."""

    def __init__(self) -> None:
        self.target: int | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address, as of an HTTP server."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            self.cut()
            server.close()

    def cut(self) -> None:
        """What is behind it is away: connections end, and new ones do at once."""
        self.target = None
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        behind = await self._connect()
        if behind is None:
            writer.transport.abort()
            return
        there, here = behind
        self._writers.append(here)
        await asyncio.gather(_copy(reader, here), _copy(there, writer), return_exceptions=True)

    async def _connect(self) -> Connection | None:
        if self.target is None:
            return None
        return await asyncio.open_connection("127.0.0.1", self.target)


class Balancer(Relay):
    """Gives each connection to the next of several ports that takes it."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__()
        self._ports = deque(ports)

    async def _connect(self) -> Connection | None:
        for _ in range(len(self._ports)):
            self._ports.rotate(-1)
            with suppress(ConnectionError):
                return await asyncio.open_connection("127.0.0.1", self._ports[-1])
        return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()
