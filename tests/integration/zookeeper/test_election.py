"""Elections on a real ensemble: one leads, the next follows, and a lost session ends it."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.zookeeper.conftest import TIMEOUT_S, Connect, expire
from tests.support import zookeeper
from tests.support.waiting import eventually

from orchestrator.mesos import codec
from orchestrator.mesos.types import Address, MasterInfo
from orchestrator.zookeeper import group, session
from orchestrator.zookeeper.detector import leaders
from orchestrator.zookeeper.election import elected
from orchestrator.zookeeper.requests import Change, ZooKeeperError
from orchestrator.zookeeper.session import Session
from orchestrator.zookeeper.uri import parse


def candidate(port: int) -> MasterInfo:
    address = Address(hostname="localhost", ip="127.0.0.1", port=port)
    return MasterInfo(id=f"id-{port}", ip=16777343, port=port, address=address)


def value(port: int) -> bytes:
    return codec.encode(candidate(port))


async def test_the_only_candidate_leads(connect: Connect, path: str) -> None:
    mandate = await elected(connect(), path, value(1))

    assert mandate.znode == f"{path}/json.info_0000000000"


async def test_others_read_of_the_candidate_what_mesos_writes(connect: Connect, path: str) -> None:
    leader = connect()
    mandate = await elected(leader, path, value(5050))

    assert codec.decode(MasterInfo, await leader.get(mandate.znode)) == candidate(5050)


async def test_the_second_leads_when_the_first_resigns(connect: Connect, path: str) -> None:
    first = await elected(connect(), path, value(1))
    second = asyncio.create_task(elected(connect(), path, value(2)))
    watching = connect()
    await eventually(lambda: _count(watching, path, 2))
    assert not second.done()

    await first.resign()

    assert (await asyncio.wait_for(second, 60)).znode.endswith("1")
    assert await asyncio.wait_for(first.over(), 60) == "its znode was deleted"


async def test_a_leader_whose_session_ends_is_followed(connect: Connect, path: str) -> None:
    leader = connect()
    first = await elected(leader, path, value(1))
    second = asyncio.create_task(elected(connect(), path, value(2)))

    await leader.close()

    await asyncio.wait_for(second, 60)
    assert first.znode != second.result().znode


async def test_a_leader_stops_leading_when_its_session_expires(connect: Connect, path: str) -> None:
    leader = connect()
    mandate = await elected(leader, path, value(1))

    await expire(leader)

    assert await asyncio.wait_for(mandate.over(), 60) == "its session is lost"


async def test_after_an_expiry_a_new_candidature_leads_again(connect: Connect, path: str) -> None:
    leader = connect()
    mandate = await elected(leader, path, value(1))
    await expire(leader)
    await mandate.over()

    again = await asyncio.wait_for(elected(leader, path, value(2)), 60)

    assert again.znode > mandate.znode
    assert group.members(await leader.children(path)) == [again.znode.rpartition("/")[2]]


async def test_a_candidate_whose_session_expires_stands_again(connect: Connect, path: str) -> None:
    first = await elected(connect(), path, value(1))
    waiting = connect()
    second = asyncio.create_task(elected(waiting, path, value(2)))
    await eventually(lambda: _count(waiting, path, 2))
    await expire(waiting)
    await eventually(lambda: _names_end_in(waiting, path, "2"))

    await first.resign()

    await asyncio.wait_for(second, 60)


async def test_other_names_in_the_group_are_no_candidates(connect: Connect, path: str) -> None:
    candidate_ = connect()
    await candidate_.connected()
    await candidate_.ensure(f"{path}/log_replicas", "public")
    await candidate_.ensure(f"{path}/info_0000000000", "public")

    await asyncio.wait_for(elected(candidate_, path, value(1)), 60)


async def test_the_detector_tells_of_every_leader(connect: Connect, path: str) -> None:
    seen = leaders(connect(), path)
    assert await anext(seen) is None

    first = await elected(connect(), path, value(1))
    assert await asyncio.wait_for(anext(seen), 60) == candidate(1)

    second = asyncio.create_task(elected(connect(), path, value(2)))
    watching = connect()
    await eventually(lambda: _count(watching, path, 2))
    await first.resign()
    assert await asyncio.wait_for(anext(seen), 60) == candidate(2)

    await (await second).resign()
    assert await asyncio.wait_for(anext(seen), 60) is None


async def test_a_leader_that_describes_nothing_is_nobody(connect: Connect, path: str) -> None:
    await elected(connect(), path, b"\x08\x01 not JSON")

    assert await anext(leaders(connect(), path)) is None


async def _count(session: Session, path: str, count: int) -> bool:
    await session.connected()
    return len(group.members(await session.children(path))) == count


async def _names_end_in(session: Session, path: str, end: str) -> bool:
    await session.connected()
    return group.members(await session.children(path))[-1].endswith(end)


async def test_with_a_password_others_may_look_but_not_touch(
    ensemble: zookeeper.Ensemble, connect: Connect, path: str
) -> None:
    (node,) = ensemble.nodes
    secured = parse(f"zk://master:secret@{node.address}{path}")
    async with session.connect(secured, TIMEOUT_S) as owner:
        mandate = await elected(owner, path, value(1))
        await owner.ensure(f"{path}-registry", "private")
        stranger = connect()
        await stranger.connected()

        assert await stranger.get(mandate.znode) == value(1)
        with pytest.raises(ZooKeeperError, match="NoAuth"):
            await stranger.multi([Change(mandate.znode, b"mine")])
        with pytest.raises(ZooKeeperError, match="NoAuth"):
            await stranger.get(f"{path}-registry")
