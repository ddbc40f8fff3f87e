"""Watches against a real server: what is heard, and what happens to them with the connection."""

import asyncio

from kazoo.client import KazooClient
from tests.integration.zookeeper.conftest import LONG_SESSIONS, settings
from tests.support import zookeeper
from tests.support.waiting import eventually

from orchestrator.zookeeper import client as zk
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.watches import AddMode, EventType, WatchEvent

Heard = list[WatchEvent | zk.Gap]


def seen(heard: Heard) -> list[tuple[EventType, str]]:
    return [(each.type, each.path) for each in heard if isinstance(each, WatchEvent)]


async def test_a_recursive_watch_hears_each_change_below_its_path(
    client: zk.Client, kazoo: KazooClient
) -> None:
    heard: Heard = []
    await client.create("/a")
    await client.create("/other")
    await client.add_watch("/a", heard.append)
    await asyncio.to_thread(kazoo.create, "/a/ö", b"1")
    await asyncio.to_thread(kazoo.set, "/a/ö", b"2")
    await asyncio.to_thread(kazoo.set, "/a/ö", b"3")
    await asyncio.to_thread(kazoo.set, "/other", b"3")
    await asyncio.to_thread(kazoo.delete, "/a/ö")
    await asyncio.to_thread(kazoo.delete, "/a")
    expected = [
        (EventType.CREATED, "/a/ö"),
        (EventType.DATA_CHANGED, "/a/ö"),
        (EventType.DATA_CHANGED, "/a/ö"),
        (EventType.DELETED, "/a/ö"),
        (EventType.DELETED, "/a"),
    ]
    await eventually(lambda: seen(heard) == expected)


async def test_a_persistent_watch_hears_of_its_node_and_children_until_it_ends(
    client: zk.Client,
) -> None:
    heard: Heard = []
    await client.add_watch("/a", heard.append, AddMode.PERSISTENT)
    await client.create("/a")
    await client.create("/a/b")
    await client.remove_watches("/a")
    await client.set_data("/a", b"x")
    await client.sync()
    assert seen(heard) == [(EventType.CREATED, "/a"), (EventType.CHILDREN_CHANGED, "/a")]


async def test_watches_of_reads_hear_one_change(client: zk.Client) -> None:
    heard: Heard = []
    assert await client.exists("/a", heard.append) is None
    await client.create("/a")
    await client.get_data("/a", heard.append)
    await client.get_children("/a", heard.append)
    await client.create("/a/b")
    await client.create("/a/c")
    await client.set_data("/a", b"1")
    await client.set_data("/a", b"2")
    await client.sync()
    assert seen(heard) == [
        (EventType.CREATED, "/a"),
        (EventType.CHILDREN_CHANGED, "/a"),
        (EventType.DATA_CHANGED, "/a"),
    ]


async def test_watches_are_set_again_when_a_server_comes_back(path: str) -> None:
    with zookeeper.ensemble(1, lines=LONG_SESSIONS) as alone:
        alone.start()
        async with zk.Client(settings(alone, "/")) as client:
            lasting: Heard = []
            once: Heard = []
            await client.connected(60)
            await client.create("/a")
            await client.add_watch("/", lasting.append)
            await client.get_data("/a", once.append)
            alone.nodes[0].kill()
            await eventually(lambda: isinstance(client.state, zk.Disconnected))
            alone.nodes[0].start()
            assert (await client.connected(60)).resumed
            assert await eventually(lambda: lasting[:1]) == [zk.Gap(resumed=True)]
            assert once == []
            await client.set_data("/a", b"x")
            await client.sync()
            assert seen(lasting) == seen(once) == [(EventType.DATA_CHANGED, "/a")]


async def test_a_watch_of_a_read_fires_for_what_it_missed(path: str) -> None:
    with zookeeper.ensemble(3, lines=LONG_SESSIONS) as three:
        three.start()
        async with (
            zk.Client(settings(three, "/")) as client,
            zk.Client(settings(three, "/")) as writer,
        ):
            missed: Heard = []
            server = (await client.connected(60)).server
            await client.create("/a")
            await client.get_data("/a", missed.append)
            node = next(each for each in three.nodes if each.address == server)
            node.kill()
            await eventually(lambda: _set(writer, "/a"))
            await eventually(lambda: seen(missed) == [(EventType.DATA_CHANGED, "/a")])


async def _set(client: zk.Client, path: str) -> bool:
    try:
        await client.set_data(path, b"x")
    except errors.ConnectionLoss:
        return False
    return True
