"""One of the two ensembles: followed by a source, written to by lanes, and read where asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing

import msgspec

from orchestrator.migration.adapters.following import Following, open_source, otherwise
from orchestrator.migration.adapters.lane import Dispatch, Lane, decode, key_of
from orchestrator.migration.adapters.opening import Opened
from orchestrator.migration.core.effects import Barrier, Read, Write
from orchestrator.migration.core.events import (
    BarrierPassed,
    Heard,
    ReadDone,
    Shown,
    SourceOpened,
)
from orchestrator.migration.core.sides import Role, Side
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import Store
from orchestrator.zookeeper.client import Client
from orchestrator.zookeeper.jute.errors import ZooKeeperError
from orchestrator.zookeeper.reading import NodeReader, Unreadable, read_all
from orchestrator.zookeeper.source import Interrupted, SnapshotEnded

_STREAMED = "shell/streamed/"
"""The zxid of the snapshot behind which a side was streamed."""
_RETRY_S = 1.0
_LOOK_S = 15.0
"""How often it is looked whether a stream is silent; it has to be at two looks, so that an election
changes nothing."""
_STREAM_AGAIN_S = 120.0
"""How often it is looked whether a watched ensemble has a stream: servers log who asks."""
_READS = 4


class Ensemble:
    """A side, between ``start`` and ``close``.

    ``room`` is awaited before each thing that is heard is passed on, so that a disk that is slow
    slows down the listening, and nothing is piled up.
    """

    def __init__(
        self,
        side: Side,
        opened: Opened,
        roles: Sequence[Role],
        store: Store,
        dispatch: Dispatch,
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self.side = side
        self.opened = opened
        self._settings = msgspec.structs.replace(opened.settings, renew=True)
        self._store = store
        self._dispatch = dispatch
        self._room = room
        self._lanes = {role: Lane(side, role, opened.settings, store, dispatch) for role in roles}
        self._client = Client(self._settings)
        self._reader = NodeReader(
            self._client, multi_read=opened.dialect.has_multi_read, listener=None
        )
        self._reads = asyncio.Semaphore(_READS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_silent = False

    @property
    def unwritable(self) -> str:
        """Why nothing can be written to it; empty if it can."""
        return next((lane.reason for lane in self._lanes.values() if lane.reason), "")

    def start(self, position: int | None, kept: Mapping[str, bytes]) -> None:
        """Begin to follow and to write; ``kept`` is what the process before kept, by key."""
        for lane in self._lanes.values():
            lane.start(decode(kept.get(key_of(self.side, lane.role))))
        self._client.start()
        self._begin(self._follow(self._resumable(position, kept.get(self._key))))

    async def close(self) -> None:
        """End all that is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()
        await asyncio.gather(*[lane.close() for lane in self._lanes.values()])

    def write(self, write: Write) -> None:
        """Send a batch in its role's session."""
        self._lanes[write.role].write(write)

    def read(self, read: Read) -> None:
        """Read paths; the answer follows as an event."""
        self._begin(self._read(read))

    def barrier(self, barrier: Barrier) -> None:
        """Find out by which zxid all that was written is decided; follows as an event."""
        self._begin(self._pass(barrier))

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def _key(self) -> str:
        return f"{_STREAMED}{self.side.name}"

    def _resumable(self, position: int | None, streamed: bytes | None) -> int | None:
        """The position, if everything to it was streamed. Else a source that watched may have told
        of it, which sees neither lifetimes nor every access list."""
        if position is None or streamed is None or not self.opened.following.is_stream:
            return None
        return position if position > int(streamed) else None

    async def _follow(self, position: int | None) -> None:
        """By the stream or by watches, and by the other when that is better, from its beginning."""
        while True:
            hearing = asyncio.get_running_loop().create_task(self._hear(position))
            try:
                following = await self._other_way(hearing)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)
            if following.is_stream:
                await self._watch_no_more()
            self.opened, position = self.opened._replace(following=following), None

    async def _watch_no_more(self) -> None:
        try:
            await self._client.remove_watches("/")
        except ZooKeeperError:
            self._client.forget_watches("/")  # then none is set again with the next connection

    async def _other_way(self, hearing: asyncio.Task[None]) -> Following:
        """Wait until there is one: a stream that is not heard any more though its ensemble serves,
        or a watched ensemble whose quorum port is open."""
        was_silent = False
        while True:
            is_stream = self.opened.following.is_stream
            await asyncio.wait({hearing}, timeout=_LOOK_S if is_stream else _STREAM_AGAIN_S)
            if hearing.done():
                hearing.result()
            is_due = (self._is_silent and was_silent) or not is_stream
            was_silent = self._is_silent
            if is_due and (found := await self._look()) is not None:
                return found

    async def _look(self) -> Following | None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._client.connected()
                now = self.opened.following
                return await otherwise(self.side.name, self.opened.spec, self._client, now)
        except (ZooKeeperError, TimeoutError):
            return None  # it does not serve: how it is followed makes no difference

    async def _hear(self, position: int | None) -> None:
        is_stream, is_noted = self.opened.following.is_stream, position is not None
        if not is_noted:
            await self._store.commit([Save(self._key, None)])
        reveals = is_stream and not is_noted
        self._dispatch(SourceOpened(self.side, sees_lifetimes=is_stream, reveals=reveals))
        while True:
            source = open_source(self._client, self.opened.dialect, self.opened.following)
            try:
                async with aclosing(source.events(position)) as events:
                    async for event in events:
                        self._is_silent = type(event) is Interrupted
                        await self._room()
                        self._dispatch(Heard(self.side, event))
                        if is_stream and not is_noted and type(event) is SnapshotEnded:
                            is_noted = True
                            await self._store.commit([Save(self._key, b"%d" % event.zxid)])
            except ZooKeeperError as error:
                self._is_silent = True
                self._dispatch(Heard(self.side, Interrupted(str(error))))
                await asyncio.sleep(_RETRY_S)

    async def _read(self, read: Read) -> None:
        async with self._reads:
            try:
                shown = await self._shown(read)
            except Unreadable as error:
                self._dispatch(Heard(self.side, Interrupted(str(error))))
                await asyncio.sleep(_RETRY_S)
                shown = ()
            except ZooKeeperError:
                await asyncio.sleep(_RETRY_S)
                shown = ()
        self._dispatch(ReadDone(self.side, read.token, shown))

    async def _shown(self, read: Read) -> tuple[Shown, ...]:
        await self._client.connected()
        await self._client.sync()  # or a server that is behind would show what was
        size = self._reader.batch
        parts = [read.paths[at : at + size] for at in range(0, len(read.paths), size)]
        reads = [self._reader.read(part, names=read.children) for part in parts]
        found = {each.path: each for readings in await read_all(reads) for each in readings}
        shown = []
        for path in read.paths:
            reading = found.get(path)
            names = tuple(reading.names) if reading is not None else ()
            shown.append(Shown(path, reading.znode if reading is not None else None, names))
        return tuple(shown)

    async def _pass(self, barrier: Barrier) -> None:
        zxids = await asyncio.gather(*[lane.barrier() for lane in self._lanes.values()])
        self._dispatch(BarrierPassed(self.side, barrier.token, max(zxids)))
