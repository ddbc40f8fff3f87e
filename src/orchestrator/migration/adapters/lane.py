"""A session in which the engine writes to one side: batches out in order, outcomes back.

The session is kept on disk before anything is written in it, so that after a crash the next process
goes on in it, and the ensemble can tell late writes of the old one from those of the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from orchestrator.migration.adapters.translating import outcome_of, request_of
from orchestrator.migration.core.effects import Write
from orchestrator.migration.core.events import Event, Lost, SessionOpened, Written
from orchestrator.migration.core.sides import Role, Side
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import Store
from orchestrator.zookeeper.client import Answer, Client, ClientSettings, Connected, State
from orchestrator.zookeeper.jute.errors import ZooKeeperError
from orchestrator.zookeeper.jute.requests import ANY, Check
from orchestrator.zookeeper.jute.sessions import Session
from orchestrator.zookeeper.reading import read_barrier

PREFIX = "shell/session/"
_RETRY_S = 0.2
_COUNTER = 0xFFFFFFFF
"""The part of a zxid that counts the transactions of an epoch."""
Dispatch = Callable[[Event], None]


class Lane:
    """Writes of one side and role, between ``start`` and ``close``."""

    def __init__(
        self, side: Side, role: Role, settings: ClientSettings, store: Store, dispatch: Dispatch
    ) -> None:
        self.side = side
        self.role = role
        self._settings = msgspec.structs.replace(settings, renew=True)
        self._store = store
        self._dispatch = dispatch
        self._client: Client | None = None
        self._opened = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None

    @property
    def reason(self) -> str:
        """Why nothing can be written; empty if it can."""
        if self._opened.is_set():
            return ""
        state = self._client.state if self._client is not None else None
        return str(getattr(state, "reason", "")) or "there is no session yet"

    def start(self, session: Session | None) -> None:
        """Begin to look for a server; go on in ``session`` if it still lives."""
        self._client = Client(self._settings, session)
        self._client.listen(self._changed)
        self._client.start()

    async def close(self) -> None:
        """Leave the session to its timeout, for the next process to go on in."""
        if self._client is not None:
            await self._client.close(end_session=False)
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)

    def write(self, write: Write) -> None:
        """Send a batch; its outcome follows as an event."""
        client = self._client
        if client is None or not self._opened.is_set():
            self._dispatch(Lost(write.batch))
            return
        future = client.submit(request_of(write.ops))
        future.add_done_callback(partial(self._ended, write.batch))

    async def barrier(self) -> int:
        """A zxid by which all that was written is decided; waits for a connection."""
        while True:
            await self._opened.wait()
            assert self._client is not None
            try:
                return await _decided(self._client)
            except ZooKeeperError:
                await asyncio.sleep(_RETRY_S)

    def _ended(self, batch: int, future: asyncio.Future[Answer[object]]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._dispatch(Written(batch, future.result().zxid))
        else:
            self._dispatch(outcome_of(batch, error))

    def _changed(self, state: State) -> None:
        if isinstance(state, Connected):
            opening = self._open(state.session, self._opening)
            self._opening = asyncio.get_running_loop().create_task(opening)
        else:
            self._opened.clear()

    async def _open(self, session: Session, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await self._store.commit([Save(key_of(self.side, self.role), encode(session))])
        if self._client is not None and isinstance(self._client.state, Connected):
            self._dispatch(SessionOpened(self.side, self.role, session.id))
            self._opened.set()


async def _decided(client: Client) -> int:
    """A zxid by which all requests so far are decided, and which every server comes to name.

    A new leader begins its epoch with a zxid that is no transaction's, and that its followers do
    not name before there is one. So one is made, which changes nothing.
    """
    zxid = await read_barrier(client)
    if zxid & _COUNTER:
        return zxid
    return (await client.multi([Check("/", ANY)])).zxid


def key_of(side: Side, role: Role) -> str:
    """Where a session is kept."""
    return f"{PREFIX}{side.name}/{role.value}"


def encode(session: Session) -> bytes:
    """A session, with its password, for the disk."""
    return msgspec.msgpack.encode(session)


def decode(data: bytes | None) -> Session | None:
    """What was kept."""
    return None if data is None else msgspec.msgpack.decode(data, type=Session)
