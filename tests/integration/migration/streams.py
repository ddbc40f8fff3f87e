"""Streams of real servers as tests hear them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import pytest
from msgspec.structs import replace
from tests.integration.migration.conftest import LINES
from tests.support import eventually, zookeeper

from orchestrator.zookeeper.client import Client, of_uri
from orchestrator.zookeeper.jute.records import Znode
from orchestrator.zookeeper.jute.requests import (
    SetData,
)
from orchestrator.zookeeper.source import (
    AclSet,
    Created,
    DataSet,
    Deleted,
    Event,
    Interrupted,
    Reached,
    SnapshotEnded,
    SnapshotNodes,
    SnapshotStarted,
    Step,
    Transaction,
)
from orchestrator.zookeeper.stream import Streamer, find
from orchestrator.zookeeper.uri import parse

TYPES = ("zookeeper.extendedTypesEnabled=true",)


@contextmanager
def quorum_pair() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    """Two ensembles with quorum ports, so that their streams can be had."""
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with (
        zookeeper.ensemble(1, lines=LINES, properties=TYPES, quorum=True) as a,
        zookeeper.ensemble(1, lines=LINES, properties=TYPES, quorum=True) as b,
    ):
        a.start()
        b.start()
        yield a, b


class Copy:
    """What a stream has said so far. A transaction may be told twice only over a snapshot."""

    def __init__(self) -> None:
        self.nodes: dict[str, Znode] = {}
        self.transactions: list[Transaction] = []
        self.snapshots = 0
        self.reached = 0
        self.interruptions: list[str] = []

    def hear(self, event: Event) -> None:
        match event:
            case SnapshotStarted():
                self.nodes, self.reached = {}, 0
            case SnapshotNodes(nodes):
                self.nodes.update(nodes)
            case SnapshotEnded(zxid):
                self.reached = zxid
                self.snapshots += 1
            case Transaction(zxid=zxid, steps=steps):
                assert zxid > self.reached
                self.reached = zxid
                self.transactions.append(event)
                for step in steps:
                    self._step(step)
            case Reached(zxid):
                assert zxid >= self.reached
                self.reached = zxid
            case Interrupted(reason):
                self.interruptions.append(reason)

    def _step(self, step: Step) -> None:
        """As the engine does: over a fuzzy snapshot, a node may be gone already, or there."""
        old = self.nodes.get(step.path)
        match step:
            case Created(path, data, acl, owner, _):
                self.nodes[path] = Znode(data, acl, owner, 0, 0, 0, 0, 0, 0)
            case DataSet(path, data, version) if old:
                self.nodes[path] = replace(old, data=data, version=version)
            case AclSet(path, acl, version) if old:
                self.nodes[path] = replace(old, acl=acl, aversion=version)
            case Deleted(path):
                self.nodes.pop(path, None)

    def data(self) -> dict[str, bytes | None]:
        return {path: node.data for path, node in self.nodes.items() if path != "/"}

    def values(self, path: str) -> list[bytes | None]:
        """All values of a node that were told as transactions."""
        steps = [step for each in self.transactions for step in each.steps if step.path == path]
        return [step.data for step in steps if isinstance(step, DataSet)]


@asynccontextmanager
async def client_of(ensemble: zookeeper.Ensemble, root: str = "/") -> AsyncIterator[Client]:
    async with Client(of_uri(parse(ensemble.uri(root), root_allowed=True))) as client:
        await client.connected(60)
        yield client


@asynccontextmanager
async def streaming(
    client: Client, ports: Sequence[tuple[str, int]] = (), position: int | None = None
) -> AsyncIterator[Copy]:
    """Follow a client's ensemble below its root."""
    copy, known = Copy(), list(ports) or await find(client)

    async def members() -> list[tuple[str, int]]:
        return known

    async def follow() -> None:
        async for event in Streamer(members, client.settings.root).events(position):
            copy.hear(event)

    task = asyncio.create_task(follow())
    try:
        await eventually(lambda: copy.reached > 0)
        yield copy
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def heard(copy: Copy, client: Client) -> None:
    """Return when all that was written until now was heard."""
    answer = await client.call(SetData("/", b""))
    await eventually(lambda: copy.reached >= answer.zxid)
