"""A connection to a quorum port, and bytes on it.

A leader takes a learner that says nothing for dead. So while what was heard is being worked on,
and nothing is read, the link says that it lives. But a leader keeps in memory what a learner does
not take: one that takes nothing for too long hangs up, and goes on later from where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from orchestrator.zookeeper.jute.errors import ConnectionLoss
from orchestrator.zookeeper.jute.quorum import Kind, Packet, encode_packet
from orchestrator.zookeeper.stream.entry import Entry, log_in

_PING = encode_packet(Packet(Kind.PING, 0, b""))
_BEAT_S = 0.25
CHUNK_BYTES = 256 * 1024


class Link:
    """A connection that is open. ``is_patient``: there is no hurry now, for a snapshot has to be
    taken at once or not at all."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slow_s: float
    ) -> None:
        self.is_live = False
        """Whether the leader expects signs of life."""
        self.is_patient = True
        self._reader = reader
        self._writer = writer
        self._slow_s = slow_s
        self._busy_since: float | None = None
        self._is_slow = False

    async def read(self, silence_s: float) -> bytes:
        """What comes next. Raises ConnectionLoss and OSError."""
        self._busy_since = None
        try:
            async with asyncio.timeout(silence_s):
                data = await self._reader.read(CHUNK_BYTES)
        except TimeoutError:
            raise ConnectionLoss(f"the leader says nothing for {silence_s:g} s") from None
        if self._is_slow:
            raise ConnectionLoss(f"nothing was taken for {self._slow_s:g} s; it goes on from there")
        if not data:
            raise ConnectionLoss("the leader has hung up")
        self._busy_since = asyncio.get_running_loop().time()
        return data

    def write(self, data: bytes) -> None:
        """Send, soon."""
        if data:
            self._writer.write(data)

    async def beat(self) -> None:
        """Say that somebody is here while nothing is read; for good."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_BEAT_S)
            since = self._busy_since
            if since is None or not self.is_live:
                continue
            if not self.is_patient and loop.time() - since > self._slow_s:
                self._is_slow = True
                self._writer.transport.abort()
                return
            if not self._writer.transport.is_closing():
                self._writer.write(_PING)


@asynccontextmanager
async def connected(
    host: str, port: int, entry: Entry, connect_s: float, slow_s: float
) -> AsyncIterator[Link]:
    """A link. Raises OSError, also for a server that does not answer in time, and
    AuthenticationFailed."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(connect_s):
            reader, writer = await asyncio.open_connection(
                host, port, limit=CHUNK_BYTES, ssl=entry.tls
            )
            stack.callback(writer.transport.abort)
            if entry.sasl is not None:
                await log_in(reader, writer, entry.sasl)
        link = Link(reader, writer, slow_s)
        beat = asyncio.get_running_loop().create_task(link.beat())
        try:
            yield link
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
