"""A source that follows an ensemble as any client may: watches, and fresh reads.

One recursive watch says which nodes changed; they are read again, and what is new is said. That
finds every state that lasts until its read, not every state: two writes in quick succession may be
seen as one, and who wrote is never known (``session`` 0). What watches do not say is found in other
ways:

- An access list that was written fires nothing. All nodes' statistics are looked through, a part
  at a time, once in ``sweep_s``.
- What happens while the connection is away is lost. After each loss everything is read anew, as a
  snapshot.
- How far was heard follows from a ``sync`` and a read: when its answer comes, all events before
  its zxid have come. `Reached` says so when what they named has been read. It does not vouch for
  access lists.
- Newer servers fire nothing for a node that the client may not read. Such a node is found in the
  same way, by its parent's count of creations. As nobody knows what it holds, it interrupts the
  source until it is readable or gone.
- The counter of sequential nodes is the parent's, which no event names when a child is created;
  it is read with every child whose name ends in ten digits.

Servers before 3.6 know no recursive watches (`Dialect.has_lasting_watches`). There each read of a
node sets watches of one shot on its data and on its children, and each change of the children
looks for new ones: it finds the same, with two watches a node.

Containers and nodes with a TTL cannot be told from persistent ones. What is remembered of a node
takes some 200 bytes; what is read at once is bounded by ``max_reads``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

import msgspec

from orchestrator.zookeeper.client import Client, Connected, Gap
from orchestrator.zookeeper.dialect import Dialect
from orchestrator.zookeeper.jute.errors import (
    AuthenticationFailed,
    ClientClosed,
    SessionExpired,
    ZooKeeperError,
)
from orchestrator.zookeeper.jute.watches import EventType, WatchEvent
from orchestrator.zookeeper.marks import (
    Marks,
    Reading,
    creates_of,
    is_as_marked,
    numbers_children,
    parent_of,
)
from orchestrator.zookeeper.reading import NodeReader, read_all, read_barrier, read_stats, walk
from orchestrator.zookeeper.source import (
    Event,
    Interrupted,
    Reached,
    SnapshotEnded,
    SnapshotNodes,
    SnapshotStarted,
    Transaction,
)

T = TypeVar("T")
SYSTEM = "/zookeeper"
"""What servers keep of themselves; never a part of what is followed."""


class WatchSettings(msgspec.Struct, frozen=True):
    """``reached_s``: how often to find out how far was heard. ``sweep_s``: in which time all nodes
    are looked through for access lists, of at most ``sweep_nodes`` a second. ``max_reads``:
    requests for parts of a snapshot at once. ``retry_s``: the pause after a failure that was not
    the connection's."""

    reached_s: float = 1.0
    sweep_s: float = 60.0
    sweep_nodes: int = 2_000
    max_reads: int = 8
    retry_s: float = 5.0


class _Missed(Exception):  # noqa: N818 - no error: events were lost, so all is read anew
    pass


class Watcher:
    """Follows all that a client sees, below its root. The client is started and closed by its
    owner, and may be used for other things too; let it renew its session
    (``ClientSettings.renew``), or an expired one ends the events."""

    def __init__(
        self,
        client: Client,
        dialect: Dialect,
        settings: WatchSettings | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._client = client
        self._recursive = dialect.has_lasting_watches
        self._settings = settings or WatchSettings()
        self._now_ms = now_ms
        listener = None if self._recursive else self._hear
        self._reader = NodeReader(client, multi_read=dialect.has_multi_read, listener=listener)
        self._marks = Marks()
        self._changed: dict[str, None] = {}
        self._missed = False
        self._news = asyncio.Event()
        self._sweep: list[str] = []
        self._reached = 0

    async def events(self, position: int | None = None) -> AsyncGenerator[Event, None]:
        """Everything, from a snapshot on: no position can be gone on from, so ``position`` is
        taken for a wish that cannot be met. Ends only with the session or the client: raises
        SessionExpired, AuthenticationFailed and ClientClosed."""
        while True:
            await self._connected()
            try:
                async with aclosing(self._follow()) as events:
                    async for event in events:
                        yield event
            except (SessionExpired, AuthenticationFailed, ClientClosed):
                raise
            except _Missed:
                yield Interrupted("the connection was lost, and with it what happened meanwhile")
            except ZooKeeperError as error:
                yield Interrupted(str(error))
                await self._pause()

    async def _connected(self) -> None:
        await self._client.connected()

    async def _pause(self) -> None:
        if isinstance(self._client.state, Connected):  # it was not the connection that failed
            await asyncio.sleep(self._settings.retry_s)

    async def _follow(self) -> AsyncGenerator[Event, None]:
        self._changed.clear()
        self._missed = False
        if self._recursive:
            await self._client.add_watch("/", self._hear)
        async with aclosing(self._snapshot()) as snapshot:
            async for event in snapshot:
                yield event
        while True:
            async with aclosing(self._catch_up()) as changes:
                async for event in changes:
                    yield event
            await self._look_through()
            await self._rest()

    # What watches say

    def _hear(self, news: WatchEvent | Gap) -> None:
        if isinstance(news, Gap):
            self._missed = True
        elif not self._is_system(news.path):
            self._changed[news.path] = None
            if news.type is EventType.CREATED and numbers_children(news.path):
                self._changed[parent_of(news.path)] = None
        self._news.set()

    def _is_system(self, path: str) -> bool:
        is_there = path == SYSTEM or path.startswith(SYSTEM + "/")
        return is_there and not self._client.settings.root

    def _check(self) -> None:
        if self._missed:
            raise _Missed

    # The snapshot

    async def _snapshot(self) -> AsyncGenerator[Event, None]:
        self._marks = Marks()
        self._sweep = []
        zxid = await read_barrier(self._client)
        yield SnapshotStarted(None)
        async with aclosing(walk(self._reader, self._below, self._settings.max_reads)) as batches:
            async for readings in batches:
                self._check()
                for reading in readings:
                    self._marks.put(reading)
                yield SnapshotNodes([(each.path, each.znode) for each in readings])
        self._check()
        self._reached = zxid
        yield SnapshotEnded(zxid)

    def _below(self, reading: Reading) -> list[str]:
        start = "/" if reading.path == "/" else reading.path + "/"
        paths = [start + name for name in reading.names]
        return [path for path in paths if not self._is_system(path)]

    # Changes

    async def _catch_up(self) -> AsyncGenerator[Event, None]:
        """Read what changed until a barrier, and say so."""
        zxid = await read_barrier(self._client)
        for transaction in await self._read_changed():
            yield transaction
        self._check()
        self._reached = max(self._reached, zxid)
        yield Reached(self._reached)
        until = asyncio.get_running_loop().time() + self._settings.reached_s
        while await self._heard_before(until):
            for transaction in await self._read_changed():
                yield transaction

    async def _heard_before(self, until: float) -> bool:
        """Wait for news; whether there are any."""
        self._check()
        if self._changed:
            return asyncio.get_running_loop().time() < until
        self._news.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            return False
        self._check()
        return True

    async def _read_changed(self) -> list[Transaction]:
        changed, self._changed = list(self._changed), {}
        transactions: list[Transaction] = []
        parts = [
            changed[at : at + self._reader.batch]
            for at in range(0, len(changed), self._reader.batch)
        ]
        width = self._settings.max_reads
        for at in range(0, len(parts), width):
            transactions += await self._read_parts(parts[at : at + width])
        return transactions

    async def _read_parts(self, parts: Sequence[list[str]]) -> list[Transaction]:
        names = not self._recursive
        reads = await read_all([self._reader.read(part, names=names) for part in parts])
        readings = [reading for read in reads for reading in read]
        found = {reading.path for reading in readings}
        gone = [path for part in parts for path in part if path not in found]
        if not self._recursive:
            self._look_below(readings)
        return self._marks.changes(readings, gone, self._reached, self._now_ms())

    def _look_below(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            for path in self._below(reading):
                if path not in self._marks:
                    self._changed[path] = None

    # What watches do not say

    async def _look_through(self) -> None:
        """Look through the next part of all nodes; those that are not as they were are read."""
        count = self._sweep_count()
        if not self._sweep:
            self._sweep = self._marks.paths()
        paths = self._sweep[-count:]
        del self._sweep[-count:]
        grown = []
        for path, stat in zip(paths, await read_stats(self._client, paths), strict=True):
            mark = self._marks.get(path)
            if mark is None:
                continue
            has_grown = stat is not None and mark.creates != creates_of(stat)
            if has_grown:
                grown.append(path)
            if has_grown or stat is None or not is_as_marked(mark, stat):
                self._changed[path] = None
        await self._look_for_children(grown)

    async def _look_for_children(self, parents: Sequence[str]) -> None:
        """Newer servers tell a client nothing of a node that it may not read, so that only its
        parent shows it; when it is read, that is said."""
        for at in range(0, len(parents), self._reader.batch):
            part = parents[at : at + self._reader.batch]
            self._look_below(await self._reader.read(part, names=True))

    def _sweep_count(self) -> int:
        settings = self._settings
        share = len(self._marks) * settings.reached_s / settings.sweep_s
        return max(1, min(int(share) + 1, int(settings.sweep_nodes * settings.reached_s)))

    async def _rest(self) -> None:
        """Let others run, also when there is always something new."""
        await asyncio.sleep(0)
