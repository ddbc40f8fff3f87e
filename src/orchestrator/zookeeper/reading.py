"""Reading many nodes at once, with their access lists: the quickest way that the servers know."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import TypeVar

from orchestrator.zookeeper.client import Answer, Client, Listener
from orchestrator.zookeeper.jute.errors import NoAuth, NoNode, ServerError, ZooKeeperError
from orchestrator.zookeeper.jute.multi import MultiRead, ReadOp, ReadResult
from orchestrator.zookeeper.jute.records import Acls, Stat
from orchestrator.zookeeper.jute.requests import (
    AccessList,
    Data,
    Exists,
    GetAcl,
    GetChildren,
    GetData,
    Request,
    Sync,
)
from orchestrator.zookeeper.marks import Reading, znode_of

T = TypeVar("T")
MOST_NODES = 32
"""Nodes in one request."""

_HIDDEN = ":x"  # servers show no digest to who may not administer the node (3.7)


class Unreadable(ZooKeeperError):  # noqa: N818 - what it says of the node
    """A node may not be read by this client, so that nobody knows what is to be copied."""


class NodeReader:
    """Reads through a client. With ``listener``, reads set watches of one shot, one by one."""

    def __init__(self, client: Client, *, multi_read: bool, listener: Listener | None) -> None:
        self._client = client
        self._multi_read = multi_read and listener is None
        self._listener = listener
        limits = client.settings
        fitting = limits.max_reply_bytes // (2 * limits.max_packet_bytes)
        self.batch = max(1, min(MOST_NODES, fitting))

    async def read(self, paths: Sequence[str], *, names: bool) -> list[Reading]:
        """The nodes that are there, at most ``batch`` of them. Raises Unreadable, and what ends a
        connection."""
        acls = await self._submit([GetAcl(path) for path in paths])
        found = await (self._together(paths, names) if self._multi_read else self._singly(paths))
        readings = []
        for index, path in enumerate(paths):
            data, children = found[index]
            acl = await _outcome(acls[index])
            if not isinstance(data, NoNode) and not isinstance(children, NoNode):
                readings.append(_reading(path, data, acl, children))
        return readings

    async def _together(
        self, paths: Sequence[str], names: bool
    ) -> list[tuple[ReadResult, ReadResult]]:
        ops: list[ReadOp] = [GetData(path) for path in paths]
        if names:
            ops += [GetChildren(path) for path in paths]
        results = (await self._client.call(MultiRead(tuple(ops)))).reply
        children = results[len(paths) :] or [[] for _ in paths]
        return list(zip(results, children, strict=False))

    async def _singly(self, paths: Sequence[str]) -> list[tuple[ReadResult, ReadResult]]:
        watch = self._listener is not None
        data = await self._submit([GetData(path, watch) for path in paths], self._listener)
        names = await self._submit([GetChildren(path, watch) for path in paths], self._listener)
        pairs: list[tuple[ReadResult, ReadResult]] = []
        for one, other in zip(data, names, strict=True):
            value, children = await _outcome(one), await _outcome(other)
            pairs.append((value, children))
        return pairs

    async def _submit(
        self, requests: Sequence[Request[T]], listener: Listener | None = None
    ) -> list[asyncio.Future[Answer[T]]]:
        futures = []
        for request in requests:
            await self._client.room()
            futures.append(self._client.submit(request, listener))
            futures[-1].add_done_callback(_retrieved)
        return futures


async def walk(
    reader: NodeReader, below: Callable[[Reading], list[str]], max_reads: int
) -> AsyncGenerator[list[Reading], None]:
    """All nodes, parents first; children before the siblings of their parents, so that few
    paths are held. ``below`` says which children of a node to read."""
    waiting = ["/"]
    reads: deque[asyncio.Task[list[Reading]]] = deque()
    try:
        while waiting or reads:
            while waiting and len(reads) < max_reads:
                paths = waiting[-reader.batch :]
                del waiting[-reader.batch :]
                reads.append(asyncio.create_task(reader.read(paths, names=True)))
            readings = await reads.popleft()
            yield readings
            for reading in readings:
                waiting.extend(below(reading))
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def read_all(reads: Sequence[Coroutine[None, None, T]]) -> list[T]:
    """The results of all. Raises the first error when all have ended."""
    results: list[T] = []
    for each in await asyncio.gather(*reads, return_exceptions=True):
        if isinstance(each, BaseException):
            raise each
        results.append(each)
    return results


async def read_stats(client: Client, paths: Sequence[str]) -> list[Stat | None]:
    """The statistics of many nodes; None for those that are not there."""
    futures = []
    for path in paths:
        await client.room()
        futures.append(client.submit(Exists(path)))
    answers = await asyncio.gather(*futures, return_exceptions=True)
    return [_stat(each if isinstance(each, BaseException) else each.reply) for each in answers]


async def read_barrier(client: Client) -> int:
    """A zxid to which all events have come."""
    await client.room()
    synced, read = client.submit(Sync("/")), client.submit(Exists("/"))
    await asyncio.gather(synced, read, return_exceptions=True)
    await synced
    try:
        return (await read).zxid
    except NoNode as error:
        raise ZooKeeperError("the client's root is not there") from error


def _stat(answer: Stat | BaseException) -> Stat | None:
    if isinstance(answer, NoNode):
        return None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _retrieved(future: asyncio.Future[Answer[T]]) -> None:
    """An error is somebody's as soon as one of the same batch was."""
    if not future.cancelled():
        future.exception()


async def _outcome(future: asyncio.Future[Answer[T]]) -> T | ServerError:
    try:
        return (await future).reply
    except ServerError as error:
        return error


def _reading(
    path: str, data: ReadResult, acl: AccessList | ServerError, names: ReadResult
) -> Reading:
    if isinstance(data, NoAuth) or isinstance(names, NoAuth):
        raise Unreadable(f"{path} may not be read; give the client credentials that allow it")
    for failed in (data, names):
        if isinstance(failed, ServerError):
            raise failed
    if isinstance(acl, ServerError) and not isinstance(acl, NoAuth | NoNode):
        raise acl
    assert isinstance(data, Data)
    assert isinstance(names, list)
    aversion = data.stat.aversion
    if isinstance(acl, AccessList):  # read first: a later list is found by its aversion
        aversion = acl.stat.aversion
    stat = data.stat._replace(aversion=aversion)
    return Reading(path, znode_of(data.data, _shown(acl), stat), names)


def _shown(acl: AccessList | ServerError) -> Acls | None:
    if isinstance(acl, ServerError):
        return None
    hidden = any(each.scheme == "digest" and each.id.endswith(_HIDDEN) for each in acl.acl)
    return None if hidden else acl.acl
