"""The watching source against real servers: whatever happens, what was said is what is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from kazoo.client import KazooClient
from kazoo.security import make_acl
from tests.integration.zookeeper.conftest import LONG_SESSIONS, settings
from tests.support import zookeeper
from tests.support.waiting import eventually

from orchestrator.zookeeper import client as zk
from orchestrator.zookeeper import source
from orchestrator.zookeeper.dialect import Dialect
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.records import OPEN, Acl, Znode
from orchestrator.zookeeper.jute.requests import Create, CreateMode, SetData
from orchestrator.zookeeper.watching import Watcher, WatchSettings

NEW = Dialect((3, 8, 0), True, False)
OLD = Dialect((3, 4, 14), True, False)
BOTH = pytest.mark.parametrize("dialect", [NEW, OLD], ids=["lasting", "one-shot"])
QUICK = WatchSettings(reached_s=0.1, sweep_s=0.2, retry_s=0.1)


class Copy:
    """What a source has said so far; it checks the order of what it is told."""

    def __init__(self) -> None:
        self.nodes: dict[str, Znode] = {}
        self.events: list[source.Event] = []
        self._snapshot: dict[str, Znode] | None = None
        self.reached = 0
        self.snapshots = 0

    def hear(self, event: source.Event) -> None:
        self.events.append(event)
        match event:
            case source.SnapshotStarted():
                self._snapshot = {}
            case source.SnapshotNodes(nodes):
                assert self._snapshot is not None
                for path, znode in nodes:
                    assert path == "/" or (path.rpartition("/")[0] or "/") in self._snapshot
                    self._snapshot[path] = znode
            case source.SnapshotEnded(zxid):
                assert self._snapshot is not None
                self.nodes, self._snapshot = self._snapshot, None
                self.reached = zxid
                self.snapshots += 1
            case source.Transaction(steps=steps):
                for step in steps:
                    self._step(step)
            case source.Reached(zxid):
                assert zxid >= self.reached
                self.reached = zxid
            case source.Interrupted():
                self._snapshot = None

    def _step(self, step: source.Step) -> None:
        assert isinstance(step, source.Seen)
        if step.node is None:
            del self.nodes[step.path]
        else:
            self.nodes[step.path] = step.node

    def is_loaded(self) -> bool:
        assert self.snapshots, self.events[-3:]
        return True

    def data(self) -> dict[str, bytes | None]:
        return {path: znode.data for path, znode in self.nodes.items() if path != "/"}


@asynccontextmanager
async def watching(watched: zk.ClientSettings, dialect: Dialect) -> AsyncIterator[Copy]:
    copy = Copy()
    renewing = msgspec.structs.replace(watched, renew=True)
    async with zk.Client(renewing) as client:

        async def follow() -> None:
            async for event in Watcher(client, dialect, QUICK).events(None):
                copy.hear(event)

        task = asyncio.create_task(follow())
        try:
            await eventually(copy.is_loaded)
            yield copy
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@BOTH
async def test_a_snapshot_holds_every_node_as_kazoo_reads_it(
    client: zk.Client, kazoo: KazooClient, dialect: Dialect
) -> None:
    await client.create("/a", b"1")
    await client.create("/a/ö", None)
    await client.create("/a/empty", b"", (Acl(31, "world", "anyone"), Acl(1, "ip", "127.0.0.1")))
    await client.create("/mine", b"", mode=CreateMode.EPHEMERAL)
    for _ in range(3):
        last = await client.create("/a/n-", b"", mode=CreateMode.PERSISTENT_SEQUENTIAL)
    await client.delete(last)
    async with watching(client.settings, dialect) as copy:
        for path, znode in copy.nodes.items():
            data, stat = await asyncio.to_thread(kazoo.get, path)
            acl, _ = await asyncio.to_thread(kazoo.get_acls, path)
            assert znode.data == data
            assert (znode.version, znode.mzxid, znode.mtime) == (
                stat.version,
                stat.mzxid,
                stat.mtime,
            )
            assert znode.acl == tuple([Acl(each.perms, *each.id) for each in acl])
        assert set(copy.nodes) == {
            "/", "/a", "/a/ö", "/a/empty", "/mine", "/a/n-0000000002", "/a/n-0000000003",
        }  # fmt: skip
        assert copy.nodes["/mine"].owner == client.session.id
        assert copy.nodes["/a"].cversion == 5


@BOTH
async def test_changes_are_seen_and_reached(
    client: zk.Client, kazoo: KazooClient, dialect: Dialect
) -> None:
    async with watching(client.settings, dialect) as copy:
        await client.create("/a", b"1")
        await client.create("/a/b", None)
        await client.create("/a/b/c", b"3")
        await eventually(lambda: copy.data() == {"/a": b"1", "/a/b": None, "/a/b/c": b"3"})
        await client.delete("/a/b/c")
        await client.set_data("/a", b"2")
        await client.create("/d", b"4")
        await eventually(lambda: copy.data() == {"/a": b"2", "/a/b": None, "/d": b"4"})
        await client.delete("/a/b")
        await client.delete("/a")
        answer = await client.multi([Create("/e", b""), SetData("/d", b"5")])
        await eventually(lambda: copy.data() == {"/d": b"5", "/e": b""})
        await eventually(lambda: copy.reached >= answer.zxid)
        assert copy.snapshots == 1


@BOTH
async def test_an_access_list_is_seen_though_no_watch_fires(
    client: zk.Client, kazoo: KazooClient, dialect: Dialect
) -> None:
    await client.create("/a")
    async with watching(client.settings, dialect) as copy:
        assert copy.nodes["/a"].acl == OPEN
        only = make_acl("world", "anyone", all=True), make_acl("ip", "127.0.0.1", read=True)
        await asyncio.to_thread(kazoo.set_acls, "/a", list(only))
        expected = (Acl(31, "world", "anyone"), Acl(1, "ip", "127.0.0.1"))
        await eventually(lambda: copy.nodes["/a"].acl == expected)
        assert copy.nodes["/a"].aversion == 1


async def test_the_counter_of_sequential_nodes_follows_them(client: zk.Client) -> None:
    await client.create("/q")
    async with watching(client.settings, NEW) as copy:
        for _ in range(4):
            made = await client.create("/q/n-", b"", mode=CreateMode.PERSISTENT_SEQUENTIAL)
            await client.delete(made)
        await client.create("/q/n-", b"", mode=CreateMode.PERSISTENT_SEQUENTIAL)
        await eventually(lambda: copy.nodes["/q"].cversion == 5)


async def test_what_servers_keep_of_themselves_is_left_out() -> None:
    with zookeeper.ensemble(1) as alone:  # where no other test left a node that may not be read
        alone.start()
        async with watching(settings(alone, "/"), NEW) as copy:
            assert copy.nodes.keys() == {"/"}


@BOTH
async def test_a_burst_of_changes_ends_in_what_is_there(
    client: zk.Client, dialect: Dialect
) -> None:
    async with watching(client.settings, dialect) as copy:
        await asyncio.gather(*[client.create(f"/{number}") for number in range(200)])
        await asyncio.gather(*[client.create(f"/{number}/x", b"1") for number in range(200)])
        await asyncio.gather(*[client.set_data(f"/{number}/x", b"2") for number in range(200)])
        await asyncio.gather(*[client.delete(f"/{number}/x") for number in range(0, 200, 2)])
        kept = {f"/{number}": b"" for number in range(200)}
        kept |= {f"/{number}/x": b"2" for number in range(1, 200, 2)}
        await eventually(lambda: copy.data() == kept)


@BOTH
async def test_what_happened_while_its_server_was_away_is_seen(dialect: Dialect) -> None:
    with zookeeper.ensemble(3, lines=LONG_SESSIONS) as three:
        three.start()
        async with zk.Client(settings(three, "/")) as writer:
            await writer.connected(60)
            await writer.create("/a", b"1")
            await writer.create("/b", b"1")
            narrow = settings(three, "/")
            only = msgspec.structs.replace(
                narrow, hosts=(narrow.hosts[0],), session_timeout_ms=2500
            )
            async with watching(only, dialect) as copy:
                three.nodes[0].kill()
                await eventually(lambda: isinstance(copy.events[-1], source.Interrupted))
                await eventually(lambda: _done(writer))
                three.nodes[0].start()
                await eventually(lambda: copy.data() == {"/a": b"2", "/c": b"1"})
                await writer.set_data("/c", b"2")
                await eventually(lambda: copy.data() == {"/a": b"2", "/c": b"2"})


async def _done(writer: zk.Client) -> bool:
    """Change all that there is, if that is not done."""
    try:
        if await writer.exists("/b"):
            await writer.set_data("/a", b"2")
            await writer.delete("/b")
        if not await writer.exists("/c"):
            await writer.create("/c", b"1")
    except errors.ConnectionLoss:
        return False
    return True


async def test_a_node_that_may_not_be_read_is_said_and_not_left_out(
    client: zk.Client, kazoo: KazooClient
) -> None:
    await client.create("/open")
    async with watching(client.settings, NEW) as copy:
        await client.create("/secret", b"", (Acl(31, "digest", "nobody:hash="),))
        await eventually(
            lambda: any(
                isinstance(each, source.Interrupted) and "/secret may not be read" in each.reason
                for each in copy.events
            )
        )
        assert "/open" in copy.nodes
        await client.delete("/secret")
        await eventually(lambda: copy.snapshots == 2)
