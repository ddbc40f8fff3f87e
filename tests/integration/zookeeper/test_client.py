"""Our client against real servers, with kazoo as the oracle."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest
from kazoo.client import KazooClient
from tests.integration.zookeeper.conftest import LONG_SESSIONS, settings
from tests.support import zookeeper
from tests.support.waiting import eventually

from orchestrator.zookeeper import client as zk
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.records import OPEN, Acl, Stat
from orchestrator.zookeeper.jute.requests import (
    Check,
    Create,
    Create2,
    CreateMode,
    Data,
    Delete,
    GetChildren,
    GetData,
    SetData,
)


async def test_what_we_write_kazoo_reads(client: zk.Client, kazoo: KazooClient) -> None:
    assert await client.create("/ö", b"x") == "/ö"
    await client.create("/null", None)
    await client.create("/empty", b"")
    stat = await client.set_data("/ö", b"y")
    read = await asyncio.to_thread(lambda: [kazoo.get(each) for each in ("/ö", "/null", "/empty")])
    assert [data for data, _ in read] == [b"y", None, b""]
    assert (read[0][1].version, read[0][1].mzxid) == (1, stat.mzxid)


async def test_what_kazoo_writes_we_read(client: zk.Client, kazoo: KazooClient) -> None:
    await asyncio.to_thread(kazoo.create, "/a", b"x")
    await asyncio.to_thread(kazoo.create, "/a/b", None)
    data, stat = await client.get_data("/a")
    assert (data, stat.num_children) == (b"x", 1)
    assert (await client.get_data("/a/b")).data is None
    assert (await client.get_children("/a")).names == ["b"]
    assert (await client.get_acl("/a")).acl == OPEN


async def test_nodes_of_every_mode_are_created(client: zk.Client) -> None:
    for mode in (CreateMode.PERSISTENT, CreateMode.EPHEMERAL, CreateMode.CONTAINER):
        assert await client.create(f"/{mode}", b"", mode=mode) == f"/{mode}"
    for mode in (CreateMode.PERSISTENT_SEQUENTIAL, CreateMode.EPHEMERAL_SEQUENTIAL):
        made = await client.create2(f"/{mode}-", b"", mode=mode)
        assert made.path.startswith(f"/{mode}-000000000")
        owner = client.session.id if mode is CreateMode.EPHEMERAL_SEQUENTIAL else 0
        assert made.stat.ephemeral_owner == owner
    with pytest.raises(errors.Unimplemented):  # the server's switch for them is off
        await client.create("/t", b"", mode=CreateMode.PERSISTENT_WITH_TTL, ttl_ms=1000)
    assert len(await client.get_ephemerals()) == 2
    assert await client.count_descendants("/") == 5


async def test_errors_are_told_by_class_and_path_and_zxid(client: zk.Client) -> None:
    await client.create("/a")
    with pytest.raises(errors.NodeExists, match="/a: the node exists"):
        await client.create("/a")
    with pytest.raises(errors.BadVersion):
        await client.set_data("/a", b"", 7)
    with pytest.raises(errors.InvalidAcl):
        await client.create("/b", acl=())
    with pytest.raises(errors.InvalidRequest, match="does not begin with /"):
        await client.create("no path")
    with pytest.raises(errors.NoNode) as missing:
        await client.delete("/b")
    assert missing.value.zxid >= client.zxid > 0
    assert await client.exists("/b") is None
    with pytest.raises(errors.InvalidRequest):
        await client.create("/\ud800")
    with pytest.raises(errors.InvalidRequest):
        await client.delete("/a", 2**40)


async def test_access_lists_are_written_and_read(client: zk.Client, kazoo: KazooClient) -> None:
    await client.create("/a")
    acl = (Acl(1, "world", "anyone"), Acl(31, "digest", "someone:hash="))
    stat = await client.set_acl("/a", acl, 0)
    assert stat.aversion == 1
    assert await client.get_acl("/a") == (acl, stat) or stat.aversion == 1
    seen, _ = await asyncio.to_thread(kazoo.get_acls, "/a")
    assert {(each.perms, each.id.scheme) for each in seen} == {(1, "world"), (31, "digest")}


async def test_a_multi_does_all_and_says_its_zxid(client: zk.Client) -> None:
    answer = await client.multi(
        [Create("/a", b"x"), Create2("/b"), SetData("/a", b"y"), Check("/a", 1), Delete("/b")]
    )
    path, created, stat, checked, deleted = answer.reply
    assert (path, checked, deleted) == ("/a", None, None)
    assert created == "/b"  # servers of 3.8 say no more in a multi
    data, seen = await client.get_data("/a")
    assert (data, seen) == (b"y", stat)
    assert seen.mzxid == answer.zxid


async def test_a_multi_that_fails_does_nothing_and_says_where(client: zk.Client) -> None:
    await client.create("/a")
    with pytest.raises(errors.MultiFailed) as failed:
        await client.multi([Create("/b"), SetData("/a", b"", 9), Create("/c")])
    assert failed.value.index == 1
    assert isinstance(failed.value.error, errors.BadVersion)
    assert failed.value.zxid > 0
    assert await client.exists("/b") is None


async def test_many_nodes_are_read_at_once(client: zk.Client) -> None:
    await client.create("/a", None)
    answer = await client.multi_read([GetData("/a"), GetData("/b"), GetChildren("/")])
    first, second, third = answer.reply
    assert isinstance(first, Data)
    assert first.data is None
    assert isinstance(second, errors.NoNode)
    assert third == ["a"]


async def test_requests_are_carried_out_in_order_within_bounds(
    ensemble: zookeeper.Ensemble, path: str, kazoo: KazooClient
) -> None:
    narrow = msgspec.structs.replace(settings(ensemble, path), max_requests=16)
    async with zk.Client(narrow) as client:
        await client.connected(60)
        await client.create("/a")
        futures = []
        for number in range(500):
            await client.room()
            futures.append(client.submit(SetData("/a", b"%d" % number)))
        stats = [answer.reply.version for answer in await asyncio.gather(*futures)]
        assert stats == list(range(1, 501))
        over = [client.submit(GetData("/a")) for _ in range(17)]
        with pytest.raises(errors.Overloaded):
            await over[-1]
        await asyncio.gather(*over[:-1])


async def test_a_request_that_servers_would_not_read_is_not_sent(client: zk.Client) -> None:
    await client.create("/a")
    with pytest.raises(errors.RequestTooLarge, match=r"SetData of /a takes \d+ bytes"):
        await client.set_data("/a", bytes(2**20))
    path = client.settings.root + "/a"
    fits = 2**20 - 1 - 8 - (4 + len(path)) - 4 - 4  # header, path, length, version
    assert (await client.set_data("/a", bytes(fits))).data_length == fits


async def test_a_session_goes_on_at_another_server_when_its_own_is_killed(path: str) -> None:
    with zookeeper.ensemble(3, lines=LONG_SESSIONS) as three:
        three.start()
        async with zk.Client(settings(three, "/x")) as client:
            await client.connected(60)
            root = zk.Client(msgspec.structs.replace(client.settings, root=""))
            async with root:
                await root.connected(60)
                await root.create("/x")
            before = client.session
            await client.create("/mine", mode=CreateMode.EPHEMERAL)
            heard: list[zk.State] = []
            client.listen(heard.append)
            connected = await client.connected()
            owner = next(node for node in three.nodes if node.address == connected.server)
            owner.kill()
            await eventually(lambda: any(isinstance(each, zk.Connected) for each in heard))
            assert isinstance(heard[0], zk.Disconnected)
            again = await client.connected(60)
            assert (again.resumed, again.session.id) == (True, before.id)
            stat = await eventually(lambda: _exists(client, "/mine"))
            assert stat.ephemeral_owner == before.id


async def _exists(client: zk.Client, path: str) -> Stat | None:
    try:
        return await client.exists(path)
    except errors.ConnectionLoss:  # a new leader is being chosen
        return None


async def test_the_next_process_goes_on_in_the_session(
    ensemble: zookeeper.Ensemble, path: str, kazoo: KazooClient
) -> None:
    first = zk.Client(settings(ensemble, path))
    first.start()
    await first.connected(60)
    await first.create("/mine", mode=CreateMode.EPHEMERAL)
    kept = first.session
    await first.close(end_session=False)
    async with zk.Client(settings(ensemble, path), kept) as second:
        connected = await second.connected(60)
        assert (connected.resumed, connected.session.id) == (True, kept.id)
        stat = await second.exists("/mine")
        assert stat is not None
        assert stat.ephemeral_owner == kept.id


async def test_a_closed_client_ends_its_session(
    ensemble: zookeeper.Ensemble, path: str, kazoo: KazooClient
) -> None:
    async with zk.Client(settings(ensemble, path)) as client:
        await client.connected(60)
        await client.create("/mine", mode=CreateMode.EPHEMERAL)
    assert not await asyncio.to_thread(kazoo.exists, "/mine")
    with pytest.raises(errors.ClientClosed):
        await client.get_data("/mine")


async def test_an_expired_session_is_said_and_nothing_more_is_taken(
    ensemble: zookeeper.Ensemble, path: str, kazoo: KazooClient
) -> None:
    first = zk.Client(settings(ensemble, path))
    first.start()
    await first.connected(60)
    kept = first.session
    await first.close()  # the session ends, and somebody takes it up all the same
    async with zk.Client(settings(ensemble, path), kept) as late:
        with pytest.raises(errors.SessionExpired):
            await late.connected(60)
        assert late.state == zk.Expired(kept)
        with pytest.raises(errors.SessionExpired):
            await late.get_data("/")
    renewing = msgspec.structs.replace(settings(ensemble, path), renew=True)
    async with zk.Client(renewing, kept) as renewed:
        states = [state async for state in _until_connected(renewed)]
        assert zk.Expired(kept) in states
        assert not (await renewed.connected(60)).resumed


async def _until_connected(client: zk.Client) -> AsyncIterator[zk.State]:
    async for state in client.states():
        yield state
        if isinstance(state, zk.Connected):
            return


def _note(done: list[int], number: int, _: object) -> None:
    done.append(number)


async def test_all_under_way_fails_in_order_when_the_connection_is_lost(
    path: str,
) -> None:
    with zookeeper.ensemble(1, lines=LONG_SESSIONS) as alone:
        alone.start()
        async with zk.Client(settings(alone, path)) as client:
            await client.connected(60)
            done: list[int] = []
            futures = []
            for number in range(100):
                future = client.submit(GetData("/"))
                future.add_done_callback(partial(_note, done, number))
                futures.append(future)
            alone.nodes[0].kill()
            answers = await asyncio.gather(*futures, return_exceptions=True)
            expected = (errors.ConnectionLoss, errors.NoNode)
            assert all(isinstance(each, expected) for each in answers)
            assert done == list(range(100))
            with pytest.raises(errors.ConnectionLoss):
                await client.get_data("/")


async def test_nobody_listens_and_that_is_said(path: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with zk.Client(zk.ClientSettings((unused.getsockname(),))) as client:
            with pytest.raises(errors.ConnectionLoss, match="no server was tried yet"):
                await client.get_data("/")
            refused = await eventually(lambda: "Connect call failed" in str(client.state))
            assert refused
