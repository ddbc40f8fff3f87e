"""The transaction stream of real servers: every transaction, whole, in order, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from kazoo.security import make_acl
from msgspec.structs import replace
from tests.integration.migration.conftest import (
    LINES,
    Pair,
    at_rest,
    sides,
    spec_of,
    syncing,
)
from tests.support import eventually, free_port, zookeeper
from tests.support.relay import Relay

from orchestrator.migration.adapters import ensemble
from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import SpecError, SyncSpec
from orchestrator.migration.core.content import CONTAINER
from orchestrator.migration.core.events import Verify
from orchestrator.zookeeper.client import Client, of_uri
from orchestrator.zookeeper.jute.errors import ZooKeeperError
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.records import OPEN, Acl, Znode, lifetime
from orchestrator.zookeeper.jute.requests import (
    Create,
    CreateContainer,
    CreateMode,
    CreateTtl,
    Delete,
    SetAcl,
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
READERS = (Acl(31, "world", "anyone"), Acl(1, "ip", "10.0.0.1"))


@pytest.fixture(scope="module")
def ensembles() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    """As the package's, with quorum ports."""
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


@pytest.fixture
async def writer(pair: Pair) -> AsyncIterator[Client]:
    """A client of A, below the test's path."""
    async with client_of(pair.a.ensemble, pair.a.root) as client:
        yield client


async def test_a_snapshot_tells_what_clients_are_not_shown(writer: Client) -> None:
    await writer.create("/null", None, READERS)
    await writer.create("/mine", b"", mode=CreateMode.EPHEMERAL)
    await writer.call(CreateTtl("/ttl", 60_000, b"t"))
    await writer.call(CreateContainer("/box"))
    for _ in range(3):
        await writer.delete(
            await writer.create("/box/n-", b"", mode=CreateMode.PERSISTENT_SEQUENTIAL)
        )
    async with streaming(writer) as copy:
        nodes = copy.nodes
        assert set(nodes) == {"/", "/null", "/mine", "/ttl", "/box"}
        assert (nodes["/null"].data, nodes["/null"].acl) == (None, READERS)
        assert nodes["/mine"].owner == writer.session.id
        assert lifetime(nodes["/ttl"].owner).ttl_ms == 60_000
        assert lifetime(nodes["/box"].owner).container
        assert nodes["/box"].cversion == 3


async def test_each_transaction_is_told_whole_with_who_wrote_it(writer: Client) -> None:
    async with streaming(writer) as copy:
        await writer.create("/a", b"0")
        for number in range(20):
            await writer.call(SetData("/a", b"%d" % number))
        await writer.call(SetAcl("/a", READERS))
        await writer.call(
            Multi((Create("/b", b"1"), SetData("/a", b"x"), CreateTtl("/t", 9_000), Delete("/b")))
        )
        await writer.call(CreateContainer("/box"))
        await heard(copy, writer)
        assert copy.values("/a") == [*[b"%d" % number for number in range(20)], b"x"]
        multi = copy.transactions[-3]
        assert [type(step) for step in multi.steps] == [Created, DataSet, Created, Deleted]
        assert copy.nodes["/a"].acl == READERS
        assert lifetime(copy.nodes["/t"].owner).ttl_ms == 9_000
        assert lifetime(copy.nodes["/box"].owner).container
        assert {each.session for each in copy.transactions} == {writer.session.id}


async def test_a_session_that_ends_takes_its_nodes_with_it(pair: Pair, writer: Client) -> None:
    async with streaming(writer) as copy:
        async with client_of(pair.a.ensemble, pair.a.root) as other:
            await other.create("/theirs", b"", mode=CreateMode.EPHEMERAL)
            session = other.session.id
        await heard(copy, writer)
        (closed,) = [each for each in copy.transactions if each.closed and each.steps]
        assert (closed.session, closed.steps) == (session, (Deleted("/theirs"),))


async def test_after_a_restart_it_goes_on_behind_its_position(writer: Client) -> None:
    await writer.create("/a", b"0")
    async with streaming(writer) as copy:
        position = copy.reached
    for number in range(30):
        await writer.call(SetData("/a", b"%d" % number))
    async with streaming(writer, position=position) as copy:
        await heard(copy, writer)
        assert copy.snapshots == 0
        assert copy.values("/a") == [b"%d" % number for number in range(30)]


async def test_a_snapshot_under_load_holds_all_once_it_has_heard_on(writer: Client) -> None:
    paths = [f"/n{number}" for number in range(3_000)]
    for at in range(0, len(paths), 500):
        await writer.multi([Create(path, b"x" * 1_000) for path in paths[at : at + 500]])
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            some = [paths[(number * 7 + each * 31) % len(paths)] for each in range(20)]
            await writer.multi([SetData(path, b"%d" % number * 200) for path in some])
            await writer.multi([Delete(paths[number]), Create(paths[number], b"new", READERS)])
            await writer.create(f"/more{number}", b"y")
            await writer.call(
                SetAcl(f"/more{number}", (*OPEN, Acl(3, "ip", f"10.0.0.{number % 250}")))
            )

    writing = asyncio.create_task(write())
    for _ in range(3):
        async with streaming(writer) as copy:
            stop_at = len(copy.transactions) + 20
            await eventually(lambda c=copy, n=stop_at: len(c.transactions) >= n)  # type: ignore[misc]
    async with streaming(writer) as copy:
        stop.set()
        await writing
        await heard(copy, writer)
        names = (await writer.get_children("/")).names
        assert {path for path in copy.nodes if path != "/"} == {f"/{name}" for name in names}
        for name in names:
            data, stat = await writer.get_data(f"/{name}")
            node = copy.nodes[f"/{name}"]
            assert (node.data, node.version, node.aversion) == (data, stat.version, stat.aversion)
            assert node.acl == (await writer.get_acl(f"/{name}")).acl


async def test_with_a_position_that_is_too_old_everything_is_told() -> None:
    few = (
        "zookeeper.snapCount=20",
        "zookeeper.commitLogCount=500",
        "zookeeper.snapshotSizeFactor=-1",
    )
    with zookeeper.ensemble(1, lines=LINES, properties=few, quorum=True) as ensemble:
        ensemble.start()
        async with client_of(ensemble) as client:
            async with streaming(client) as copy:
                position = copy.reached
            await asyncio.gather(*[client.create(f"/n{number}", b"1") for number in range(600)])
            async with streaming(client, position=position) as copy:
                assert (copy.snapshots, len(copy.data())) == (1, 600)


async def test_a_leader_that_is_killed_is_followed_by_the_next_without_a_snapshot() -> None:
    with zookeeper.ensemble(3, lines=LINES) as ensemble:
        ensemble.start()
        async with client_of(ensemble) as client:
            ports = [(node.host, node.quorum_port) for node in ensemble.nodes]
            async with streaming(client, ports) as copy:
                await client.create("/n", b"")
                leader = await asyncio.to_thread(ensemble.leader)
                leader.kill()
                written = 0
                while written < 30:
                    written += await _set(client, b"%d" % written)
                await heard(copy, client)
                assert copy.snapshots == 1
                assert copy.interruptions
                found = [value for value in copy.values("/n") if value is not None]
                assert list(dict.fromkeys(found)) == [b"%d" % number for number in range(30)]


async def _set(client: Client, value: bytes) -> bool:
    try:
        await client.connected(60)
        await client.call(SetData("/n", value))
    except ZooKeeperError:  # the connection was lost, so it is written again
        await asyncio.sleep(0.05)
        return False
    return True


# --- the whole sync ------------------------------------------------------------------------------


async def test_both_sides_are_streamed_and_what_watches_miss_is_copied(
    pair: Pair, tmp_path: Path
) -> None:
    async with (
        client_of(pair.a.ensemble, pair.a.root) as a,
        client_of(pair.b.ensemble, pair.b.root) as b,
        syncing(spec_of(pair), tmp_path) as sync,
    ):
        await at_rest(sync)
        assert all("transaction stream" in source for source in sync.status().sources)
        await a.create("/of-a", b"1")
        await b.create("/of-b", b"2")
        await a.call(CreateTtl("/ttl", 600_000, b"t"))
        await b.call(CreateContainer("/box"))
        await at_rest(sync)
        await pair.a.do("set_acls", "/of-b", [make_acl("world", "anyone", all=True)])
        await b.call(SetAcl("/of-a", OPEN))
        await at_rest(sync)
        assert set(await pair.are_equal()) == {"/of-a", "/of-b", "/ttl", "/box"}
        async with streaming(a) as seen_a, streaming(b) as seen_b:
            for copy in (seen_a, seen_b):
                assert lifetime(copy.nodes["/ttl"].owner).ttl_ms == 600_000
                assert lifetime(copy.nodes["/box"].owner).container
        assert (await sync.command(Verify())).paths == ()


async def test_a_transaction_of_another_client_arrives_as_one(pair: Pair, tmp_path: Path) -> None:
    async with (
        client_of(pair.a.ensemble, pair.a.root) as a,
        client_of(pair.b.ensemble, pair.b.root) as b,
        syncing(spec_of(pair), tmp_path) as sync,
    ):
        await at_rest(sync)
        paths = [f"/n{number}" for number in range(10)]
        async with streaming(b) as copy:
            await a.multi([Create(path, b"0") for path in paths])
            for number in range(1, 30):
                await a.multi([SetData(path, b"%d" % number) for path in paths])
            await at_rest(sync)
            await heard(copy, b)
            whole = [t for t in copy.transactions if any(s.path in paths for s in t.steps)]
            assert whole
            assert all({s.path for s in t.steps} >= set(paths) for t in whole)
            assert [copy.nodes[path].data for path in paths] == [b"29"] * 10


async def test_the_next_process_goes_on_by_the_stream(pair: Pair, tmp_path: Path) -> None:
    async with syncing(spec_of(pair, checkpoint_s=0.01), tmp_path) as sync:
        for path in ("/n", "/gone", "/x"):  # until its position is on disk, behind the snapshot
            await pair.a.do("create", path, b"0")
            await pair.are_equal()
            await at_rest(sync)
    await pair.a.do("set", "/n", b"1")
    await pair.a.do("delete", "/gone")
    await pair.b.do("create", "/m", b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        assert set(await pair.are_equal()) == {"/n", "/m", "/x"}
        assert sync.status().status.a.snapshot_seen == 0
        assert sync.conflicts() == []


async def test_a_sync_that_watched_reads_all_before_it_streams(pair: Pair, tmp_path: Path) -> None:
    async with client_of(pair.a.ensemble, pair.a.root) as a:
        await a.call(CreateTtl("/ttl", 600_000, b"t"))
        spec = spec_of(pair)
        async with syncing(_followed(spec, "watch"), tmp_path) as sync:
            await at_rest(sync)
            assert sync.status().sources == ("watches, as was asked for",) * 2
        async with syncing(_followed(spec, "stream"), tmp_path) as sync:
            await at_rest(sync)
            assert sync.status().status.a.snapshot_seen > 0
            assert (await sync.command(Verify())).paths == ()


def _followed(spec: SyncSpec, source: Literal["auto", "stream", "watch"]) -> SyncSpec:
    a, b = (msgspec.structs.replace(each, source=source) for each in (spec.a, spec.b))
    return msgspec.structs.replace(spec, a=a, b=b)


async def test_where_the_quorum_port_is_closed_it_watches_and_says_why(
    pair: Pair, tmp_path: Path
) -> None:
    spec = spec_of(pair)
    closed = msgspec.structs.replace(spec.b, quorum=(f"127.0.0.1:{free_port()}",))
    async with syncing(msgspec.structs.replace(spec, b=closed), tmp_path) as sync:
        await pair.a.do("create", "/n", b"1")
        await pair.are_equal()
        await at_rest(sync)
        a, b = sync.status().sources
        assert "transaction stream" in a
        assert b.startswith("watches: no leader answers on its quorum port")
    must = msgspec.structs.replace(closed, source="stream")
    with pytest.raises(SpecError, match="B has no transaction stream: no leader answers"):
        await look_at(msgspec.structs.replace(spec, b=must))


async def test_a_stream_that_is_closed_for_good_is_left_for_watches_until_it_is_open_again(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "_LOOK_S", 0.5)
    relay = Relay()
    async with (
        relay.serving() as url,
        client_of(pair.a.ensemble, pair.a.root) as a,
        client_of(pair.b.ensemble, pair.b.root) as b,
    ):
        relay.target = pair.a.ensemble.nodes[0].quorum_port
        spec = spec_of(pair)
        through = msgspec.structs.replace(spec.a, quorum=(url.removeprefix("http://"),))
        async with syncing(msgspec.structs.replace(spec, a=through), tmp_path) as sync:

            async def followed_by(word: str) -> None:
                await eventually(lambda: word in sync.status().sources[0])

            await followed_by("the transaction stream")
            await a.call(CreateContainer("/box", b"1"))
            await a.create("/n", b"1")
            await at_rest(sync)
            relay.cut()
            await a.set_data("/n", b"2")
            await b.create("/m", b"1")
            await followed_by("watches: no leader answers")
            await a.create("/k", b"1")
            await a.delete("/n")
            await eventually(lambda: _has(b, "/k"))
            await at_rest(sync)
            assert set(await pair.are_equal()) == {"/box", "/m", "/k"}
            relay.target = pair.a.ensemble.nodes[0].quorum_port
            await followed_by("the transaction stream")
            await a.multi([Create("/t", b"1"), Create("/t/u", b"1")])
            await eventually(lambda: _has(b, "/t/u"))
            await at_rest(sync)
            assert set(await pair.are_equal()) == {"/box", "/m", "/k", "/t", "/t/u"}
            assert sync.conflicts() == []
            assert (await sync.command(Verify())).paths == ()
            box = sync.engine.state.tree.look("/box")
            assert box.is_settled
            assert box.base is not None
            assert box.base.kind == CONTAINER


async def _has(client: Client, path: str) -> bool:
    return await client.exists(path) is not None


async def test_a_server_that_stands_alone_is_watched(tmp_path: Path) -> None:
    with (
        zookeeper.ensemble(1, lines=LINES) as a,
        zookeeper.ensemble(1, lines=LINES, quorum=True) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair, syncing(spec_of(pair), tmp_path) as sync:
            assert "stands alone" in sync.status().sources[0]
            await at_rest(sync)
            await pair.a.do("create", "/n", b"1")
            await pair.b.do("create", "/m", b"1")
            await eventually(lambda: pair.a.do("exists", "/m"))
            assert set(await pair.are_equal()) == {"/n", "/m"}
