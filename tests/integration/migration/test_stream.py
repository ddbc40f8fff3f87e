"""The transaction stream of real servers: every transaction, whole, in order, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.integration.migration.conftest import (
    LINES,
    Pair,
)
from tests.integration.migration.streams import client_of, heard, quorum_pair, streaming
from tests.support import eventually, zookeeper

from orchestrator.zookeeper.client import Client
from orchestrator.zookeeper.jute.errors import MultiFailed, ZooKeeperError
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.records import OPEN, Acl, lifetime
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
    Created,
    DataSet,
    Deleted,
)

READERS = (Acl(31, "world", "anyone"), Acl(1, "ip", "10.0.0.1"))


@pytest.fixture(scope="module")
def ensembles() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    """As the package's, with quorum ports."""
    with quorum_pair() as found:
        yield found


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


async def test_a_multi_that_failed_is_passed_over_when_what_was_missed_is_told(
    writer: Client,
) -> None:
    await writer.create("/a", b"0")
    async with streaming(writer) as copy:
        position = copy.reached
    with pytest.raises(MultiFailed):
        await writer.multi([SetData("/a", b"1"), Create("/b", b"1"), Delete("/none"), Delete("/a")])
    await writer.set_data("/a", b"2")
    async with streaming(writer, position=position) as copy:
        await eventually(lambda: copy.values("/a") == [b"2"])
        assert copy.snapshots == 0
        assert [len(each.steps) for each in copy.transactions] == [1]


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
