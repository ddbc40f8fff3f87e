"""The operations as coroutines with their types, on top of `submit`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from orchestrator.zookeeper.client.connection import Answer
from orchestrator.zookeeper.client.watchbook import Listener
from orchestrator.zookeeper.jute.errors import NoNode
from orchestrator.zookeeper.jute.multi import Multi, MultiRead, Op, OpResult, ReadOp, ReadResult
from orchestrator.zookeeper.jute.records import OPEN, Acls, Stat
from orchestrator.zookeeper.jute.requests import (
    ANY,
    AccessList,
    Children,
    CountDescendants,
    Create,
    Create2,
    CreateContainer,
    CreatedNode,
    CreateMode,
    CreateTtl,
    Data,
    Delete,
    Exists,
    GetAcl,
    GetChildren2,
    GetConfig,
    GetData,
    GetEphemerals,
    Request,
    SetAcl,
    SetData,
    Sync,
)
from orchestrator.zookeeper.jute.sessions import Identity, WhoAmI
from orchestrator.zookeeper.jute.watches import AddMode, AddWatch, RemoveWatches

T = TypeVar("T")


class Operations(ABC):
    """Each waits for room, sends, and returns the reply; they raise ServerError, RequestTooLarge,
    InvalidRequest, ConnectionLoss, SessionExpired, AuthenticationFailed and ClientClosed."""

    @abstractmethod
    def submit(
        self, request: Request[T], listener: Listener | None = None
    ) -> asyncio.Future[Answer[T]]:
        """Send a request at once."""

    @abstractmethod
    async def room(self) -> None:
        """Return when a request may be submitted."""

    @abstractmethod
    def forget_watches(self, path: str) -> None:
        """The server has ended the watches of a path."""

    async def call(self, request: Request[T], listener: Listener | None = None) -> Answer[T]:
        """Send a request when there is room; its reply with the zxid."""
        await self.room()
        return await self.submit(request, listener)

    async def create(
        self,
        path: str,
        data: bytes | None = b"",
        acl: Acls = OPEN,
        mode: CreateMode = CreateMode.PERSISTENT,
        ttl_ms: int = 0,
    ) -> str:
        """Create a node of any mode; its path, with the number of a sequential one."""
        match mode:
            case CreateMode.CONTAINER:
                return (await self.call(CreateContainer(path, data, acl))).reply.path
            case CreateMode.PERSISTENT_WITH_TTL | CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL:
                sequential = mode is CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL
                timed = CreateTtl(path, ttl_ms, data, acl, sequential)
                return (await self.call(timed)).reply.path
            case _:
                return (await self.call(Create(path, data, acl, mode))).reply

    async def create2(
        self,
        path: str,
        data: bytes | None = b"",
        acl: Acls = OPEN,
        mode: CreateMode = CreateMode.PERSISTENT,
    ) -> CreatedNode:
        """Create a node of a plain mode and hear its statistics (3.5)."""
        return (await self.call(Create2(path, data, acl, mode))).reply

    async def delete(self, path: str, version: int = ANY) -> None:
        """Delete a node without children."""
        await self.call(Delete(path, version))

    async def exists(self, path: str, listener: Listener | None = None) -> Stat | None:
        """A node's statistics; None if it is not there. A listener hears its next change."""
        try:
            return (await self.call(Exists(path, listener is not None), listener)).reply
        except NoNode:
            return None

    async def get_data(self, path: str, listener: Listener | None = None) -> Data:
        """A node's data and statistics. A listener hears its next change."""
        return (await self.call(GetData(path, listener is not None), listener)).reply

    async def set_data(self, path: str, data: bytes | None, version: int = ANY) -> Stat:
        """Write a node's data, if it has the version."""
        return (await self.call(SetData(path, data, version))).reply

    async def get_children(self, path: str, listener: Listener | None = None) -> Children:
        """The names of the children. A listener hears their next change."""
        return (await self.call(GetChildren2(path, listener is not None), listener)).reply

    async def get_acl(self, path: str) -> AccessList:
        """A node's access list."""
        return (await self.call(GetAcl(path))).reply

    async def set_acl(self, path: str, acl: Acls, version: int = ANY) -> Stat:
        """Write a node's access list, if it has the aversion."""
        return (await self.call(SetAcl(path, acl, version))).reply

    async def sync(self, path: str = "/") -> None:
        """Have the server catch up; reads that are sent later see what was written before."""
        await self.call(Sync(path))

    async def multi(self, ops: Sequence[Op]) -> Answer[list[OpResult]]:
        """All or none. Raises MultiFailed."""
        return await self.call(Multi(tuple(ops)))

    async def multi_read(self, ops: Sequence[ReadOp]) -> Answer[list[ReadResult]]:
        """The data or children of many nodes (3.6)."""
        return await self.call(MultiRead(tuple(ops)))

    async def add_watch(
        self, path: str, listener: Listener, mode: AddMode = AddMode.PERSISTENT_RECURSIVE
    ) -> None:
        """Listen to a node, and to all below it, until `remove_watches` (3.6). The listener is
        called from the event loop and must be quick."""
        await self.call(AddWatch(path, mode), listener)

    async def remove_watches(self, path: str) -> None:
        """End all watches of a path (3.5)."""
        await self.call(RemoveWatches(path))
        self.forget_watches(path)

    async def get_config(self) -> Data:
        """The ensemble's members (3.5)."""
        return (await self.call(GetConfig())).reply

    async def get_ephemerals(self, path: str = "/") -> list[str]:
        """This session's ephemeral nodes below a path (3.6)."""
        return (await self.call(GetEphemerals(path))).reply

    async def count_descendants(self, path: str) -> int:
        """How many nodes are below one (3.6)."""
        return (await self.call(CountDescendants(path))).reply

    async def who_am_i(self) -> list[Identity]:
        """Who the server takes this client for (3.7)."""
        return (await self.call(WhoAmI())).reply
