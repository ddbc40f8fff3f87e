"""A connection to a quorum port, and bytes on it.

A leader takes a learner that says nothing for dead. So while what was heard is being worked on,
and nothing is read, the link says that it lives. And a leader keeps in memory, without a bound,
what a learner does not take. So the link takes it at once, up to a bound of its own; past that it
hangs up, what it holds is read to its end, and the next link goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from orchestrator.zookeeper.jute.errors import ConnectionLoss
from orchestrator.zookeeper.jute.quorum import Kind, Packet, encode_packet
from orchestrator.zookeeper.stream.entry import Entry, log_in

_PING = encode_packet(Packet(Kind.PING, 0, b""))
_BEAT_S = 0.25
CHUNK_BYTES = 256 * 1024


class Link:
    """A connection that is open. ``is_patient``: there is no hurry now, for a snapshot has to be
    taken at once or not at all."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_live = False
        """Whether the leader expects signs of life."""
        self.is_patient = True
        self._reader = reader
        self._writer = writer
        self._is_busy = False
        self._ended = "the leader has hung up"

    async def read(self, silence_s: float) -> bytes:
        """What comes next. Raises ConnectionLoss and OSError."""
        self._is_busy = False
        try:
            async with asyncio.timeout(silence_s):
                data = await self._reader.read(CHUNK_BYTES)
        except TimeoutError:
            raise ConnectionLoss(f"the leader says nothing for {silence_s:g} s") from None
        if not data:
            raise ConnectionLoss(self._ended)
        self._is_busy = True
        return data

    def write(self, data: bytes) -> None:
        """Send, soon."""
        if data:
            self._writer.write(data)

    async def beat(self) -> None:
        """Say that somebody is here while nothing is read, and hang up when too much waits to be;
        for good."""
        transport = cast(asyncio.Transport, self._writer.transport)
        was_full = False
        while not transport.is_closing():
            is_full = not transport.is_reading()
            if is_full and was_full and not self.is_patient:
                self._ended = "more was said than is taken; it goes on from there"
                transport.abort()
            elif self._is_busy and self.is_live:
                self._writer.write(_PING)
            was_full = is_full
            await asyncio.sleep(_BEAT_S)


@asynccontextmanager
async def connected(
    host: str, port: int, entry: Entry, connect_s: float, held_bytes: int = CHUNK_BYTES
) -> AsyncIterator[Link]:
    """A link that holds about ``held_bytes`` of what was not read yet. Raises OSError, also for a
    server that does not answer in time, and AuthenticationFailed."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(connect_s):
            reader, writer = await asyncio.open_connection(
                host, port, limit=held_bytes // 2, ssl=entry.tls
            )
            stack.callback(writer.transport.abort)
            if entry.sasl is not None:
                await log_in(reader, writer, entry.sasl)
        link = Link(reader, writer)
        beat = asyncio.get_running_loop().create_task(link.beat())
        try:
            yield link
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
