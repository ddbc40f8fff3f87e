"""One of the two ensembles: followed by a source, written to by lanes, and read where asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

import msgspec

from orchestrator.migration.adapters.lane import Dispatch, Lane, decode, key_of
from orchestrator.migration.core.effects import Barrier, Read, Write
from orchestrator.migration.core.events import (
    BarrierPassed,
    Heard,
    ReadDone,
    Shown,
    SourceOpened,
)
from orchestrator.migration.core.sides import Role, Side
from orchestrator.runtime.store import Store
from orchestrator.zookeeper.client import Client, ClientSettings
from orchestrator.zookeeper.dialect import Dialect
from orchestrator.zookeeper.jute.errors import ZooKeeperError
from orchestrator.zookeeper.reading import NodeReader, Unreadable, read_all
from orchestrator.zookeeper.source import Interrupted
from orchestrator.zookeeper.watching import Watcher, WatchSettings

_FOLLOWING = WatchSettings(reached_s=0.05)
"""What was written to a node is known to be seen only when that much was heard."""
_RETRY_S = 1.0
_READS = 4


class Ensemble:
    """A side, between ``start`` and ``close``.

    ``room`` is awaited before each thing that is heard is passed on, so that a disk that is slow
    slows down the listening, and nothing is piled up.
    """

    def __init__(
        self,
        side: Side,
        settings: ClientSettings,
        dialect: Dialect,
        roles: Sequence[Role],
        store: Store,
        dispatch: Dispatch,
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self.side = side
        self.dialect = dialect
        self._settings = msgspec.structs.replace(settings, renew=True)
        self._dispatch = dispatch
        self._room = room
        self._lanes = {role: Lane(side, role, settings, store, dispatch) for role in roles}
        self._client = Client(self._settings)
        self._reader = NodeReader(self._client, multi_read=dialect.has_multi_read, listener=None)
        self._reads = asyncio.Semaphore(_READS)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def unwritable(self) -> str:
        """Why nothing can be written to it; empty if it can."""
        return next((lane.reason for lane in self._lanes.values() if lane.reason), "")

    def start(self, position: int | None, sessions: Mapping[str, bytes]) -> None:
        """Begin to follow and to write; ``sessions`` are those of the process before, by key."""
        for lane in self._lanes.values():
            lane.start(decode(sessions.get(key_of(self.side, lane.role))))
        self._client.start()
        self._begin(self._follow(position))

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

    async def _follow(self, position: int | None) -> None:
        self._dispatch(SourceOpened(self.side, sees_lifetimes=False))
        while True:
            watcher = Watcher(self._client, self.dialect, _FOLLOWING)
            try:
                async for event in watcher.events(position):
                    await self._room()
                    self._dispatch(Heard(self.side, event))
            except ZooKeeperError as error:
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
