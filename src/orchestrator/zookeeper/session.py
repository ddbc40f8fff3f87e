"""A ZooKeeper session in asyncio: kazoo's threads stay behind this module.

kazoo answers on threads of its own; every answer, watch and change of state is handed to the event
loop, in order, so that nobody else needs a lock. A request ends in one of three ways: done,
refused by the server (``NoNodeError`` and its like), or ``DisconnectedError``: then it may have
been carried out or not, and whoever asked has to look.

A session outlives the connection for as long as the server waits (its timeout). It is *lost* when
the server says so, or when we have not been connected for ``GRACE`` of the timeout: a server that
cannot be reached may have given us up already, and nobody would tell.

kazoo notices a silent connection within two thirds of the timeout, so a leader that is cut off
steps down within four thirds of it: at most one third after another may lead. What it does in
between cannot be saved (``fenced``). Less grace would end its lead whenever the ensemble elects a
leader of its own, which keeps sessions alive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from kazoo import exceptions as kazoo_errors
from kazoo.client import KazooClient
from kazoo.protocol.states import KazooState
from kazoo.security import ACL, CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE

from orchestrator.zookeeper.multiread import MultiRead
from orchestrator.zookeeper.requests import (
    Change,
    Check,
    Create,
    NodeExistsError,
    NoNodeError,
    Operation,
    RefusedError,
    Remove,
    UnimplementedError,
    is_bystander,
    translated,
)
from orchestrator.zookeeper.uri import ZooKeeperUri

GRACE = 2 / 3  # of the session's timeout

_RECONNECT = {"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 0.5, "max_jitter": 0.2}
_READ_AT_ONCE = 100
_OVERDUE_S = 10.0
Access = Literal["public", "private"]
logger = logging.getLogger(__name__)


@asynccontextmanager
async def connect(uri: ZooKeeperUri, timeout_s: float) -> AsyncIterator[Session]:
    """A session until the context ends, which then ends its ephemeral znodes at once.

    Does not wait for the ensemble: ``connected()`` does.
    """
    session = Session(uri, timeout_s)
    try:
        yield session
    finally:
        await session.close()


class Session:
    """A session that is begun anew whenever it is lost."""

    def __init__(self, uri: ZooKeeperUri, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.servers = uri.connect_string
        self._timeout_s = timeout_s
        self._is_closed = False
        self._connected = asyncio.Event()
        self._lost = self._loop.create_future()
        self._grace: asyncio.TimerHandle | None = None
        self._public = [*CREATOR_ALL_ACL, *READ_ACL_UNSAFE] if uri.credentials else OPEN_ACL_UNSAFE
        self._private: list[ACL] = CREATOR_ALL_ACL if uri.credentials else OPEN_ACL_UNSAFE
        self._client = KazooClient(
            self.servers,
            timeout=timeout_s,
            auth_data=[("digest", uri.credentials)] if uri.credentials else None,
            connection_retry=dict(_RECONNECT),
            logger=_quiet_logger(),
        )
        self._overdue = self._loop.call_later(_OVERDUE_S, self._tell_overdue)
        self._client.add_listener(self._on_state)
        self._client.start_async()

    @property
    def lost(self) -> asyncio.Future[None]:
        """Ends when the present session is lost; a later session has another."""
        return self._lost

    @property
    def identity(self) -> tuple[int, bytes] | None:
        """The server's number of the session and what proves that it is ours, while connected."""
        identity: tuple[int, bytes] | None = self._client.client_id
        return identity

    @property
    def id(self) -> int:
        """The server's number of the session; 0 while not connected."""
        return self.identity[0] if self.identity else 0

    async def connected(self) -> None:
        """Wait for a connection."""
        await self._connected.wait()

    async def close(self) -> None:
        """End the session."""
        self._is_closed = True
        self._overdue.cancel()
        self._lose()
        with suppress(kazoo_errors.KazooException):  # it waits for an answer only so long
            await asyncio.to_thread(self._client.stop)
            await asyncio.to_thread(self._client.close)

    # --- requests: all raise ZooKeeperError ------------------------------------------------------

    async def get(self, path: str) -> bytes:
        """The value of a znode."""
        value, _ = await self._ask(self._client.get_async(path))
        return value or b""

    async def owner(self, path: str) -> int | None:
        """The session that an ephemeral znode belongs to; None if there is no such znode."""
        stat = await self._ask(self._client.exists_async(path))
        return stat.ephemeralOwner if stat else None

    async def version(self, path: str) -> int:
        """How often the value of a znode was changed."""
        stat = await self._ask(self._client.exists_async(path))
        if stat is None:
            raise NoNodeError(f"ZooKeeper has no {path}")
        version: int = stat.version
        return version

    async def exists(self, path: str, watch: Callable[[], None] | None = None) -> bool:
        """Whether there is such a znode; ``watch`` is called once when that may have changed."""
        return bool(await self._ask(self._client.exists_async(path, self._watcher(watch))))

    async def children(self, path: str, watch: Callable[[], None] | None = None) -> list[str]:
        """The names below a path; ``watch`` is called once when they may have changed."""
        names: list[str] = await self._ask(
            self._client.get_children_async(path, self._watcher(watch))
        )
        return names

    async def get_all(self, paths: Sequence[str]) -> list[bytes]:
        """The values of many znodes."""
        chunks = [
            tuple(paths[at : at + _READ_AT_ONCE]) for at in range(0, len(paths), _READ_AT_ONCE)
        ]
        values: list[bytes] = []
        for chunk in chunks:
            values += await self._get_chunk(chunk)
        return values

    async def _get_chunk(self, paths: tuple[str, ...]) -> list[bytes]:
        answer = self._client.handler.async_result()
        self._client._call(MultiRead(paths), answer)
        try:
            values = await self._ask(answer)
        except UnimplementedError:  # a server before 3.6
            return [await self.get(path) for path in paths]
        for path, value in zip(paths, values, strict=True):
            if isinstance(value, Exception):
                raise translated(value, path)
        return [bytes(value) for value in values]

    async def existing(self, paths: Sequence[str]) -> set[str]:
        """Those of many znodes that there are, asked for at once."""

        def ask() -> set[str]:
            answers = [(path, self._client.exists_async(path)) for path in paths]
            return {path for path, answer in answers if answer.get()}

        try:
            return await asyncio.to_thread(ask)
        except Exception as error:
            raise translated(error) from None

    async def create_member(self, prefix: str, value: bytes) -> str:
        """Create an ephemeral znode whose name ends in the next number; return its path."""
        path: str = await self._ask(
            self._client.create_async(
                prefix, value, acl=self._public, ephemeral=True, sequence=True
            )
        )
        return path

    async def ensure(self, path: str, access: Access) -> None:
        """Create a persistent znode and its parents, where they are missing."""
        acl = self._private if access == "private" else self._public
        names = path.strip("/").split("/")
        for depth in range(1, len(names) + 1):
            step = "/" + "/".join(names[:depth])
            if not await self.exists(step):
                with suppress(NodeExistsError):
                    await self._ask(self._client.create_async(step, b"", acl=acl))

    async def delete(self, path: str) -> None:
        """Delete a znode."""
        await self._ask(self._client.delete_async(path))

    async def sync(self, path: str) -> None:
        """Have the server catch up with all that was committed before."""
        await self._ask(self._client.sync_async(path))

    async def multi(self, operations: Sequence[Operation]) -> None:
        """Do all or nothing. Raises RefusedError when one of them cannot be done."""
        transaction = self._client.transaction()
        for operation in operations:
            match operation:
                case Create(path, value):
                    transaction.create(path, value, acl=self._private)
                case Change(path, value):
                    transaction.set_data(path, value)
                case Remove(path):
                    transaction.delete(path)
                case Check(path, version):
                    transaction.check(path, version)
        results = await self._ask(transaction.commit_async())
        for index, result in enumerate(results):
            if isinstance(result, Exception) and not is_bystander(result):
                raise RefusedError(index, translated(result, operations[index].path))

    # --- kazoo's threads -------------------------------------------------------------------------

    async def _ask(self, answer: Any) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        answer.rawlink(lambda done: self._hand_over(_settle, future, done))
        return await future

    def _watcher(self, watch: Callable[[], None] | None) -> Callable[[object], None] | None:
        if watch is None:
            return None
        return lambda _event: self._hand_over(watch)

    def _hand_over(self, call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
            self._loop.call_soon_threadsafe(call, *arguments)

    def _on_state(self, state: str) -> None:
        self._hand_over(self._take_state, state)

    def _take_state(self, state: str) -> None:
        if self._is_closed:
            return
        if state == KazooState.CONNECTED:
            logger.info("connected to ZooKeeper at %s", self.servers)
            self._overdue.cancel()
            self._cancel_grace()
            if self._lost.done():
                self._lost = self._loop.create_future()
            self._connected.set()
        elif state == KazooState.SUSPENDED:
            logger.warning("the connection to ZooKeeper is interrupted")
            self._connected.clear()
            self._cancel_grace()
            self._grace = self._loop.call_later(self._timeout_s * GRACE, self._lose)
        else:
            self._connected.clear()
            self._lose()

    def _lose(self) -> None:
        self._cancel_grace()
        if not self._lost.done():
            if not self._is_closed:
                logger.warning("the session with ZooKeeper is lost")
            self._lost.set_result(None)

    def _tell_overdue(self) -> None:
        logger.warning("there is no ZooKeeper at %s yet; still trying", self.servers)

    def _cancel_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None


def _settle(future: asyncio.Future[Any], done: Any) -> None:
    if future.done():  # its caller was cancelled
        return
    if done.exception is None:
        future.set_result(done.value)
    else:
        future.set_exception(translated(done.exception))


def _quiet_logger() -> logging.Logger:
    """kazoo tells of every failed attempt to connect; once a change is enough, which we tell."""
    quiet = logging.getLogger("kazoo.quiet")
    quiet.setLevel(logging.CRITICAL)
    return quiet
