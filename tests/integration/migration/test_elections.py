"""Sequence counters, ephemeral nodes and elections: what leads on one side never leads on both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kazoo.client import KazooClient
from tests.integration.migration.conftest import Pair, Side, at_rest, spec_of, syncing
from tests.integration.migration.streams import quorum_pair
from tests.support import eventually, zookeeper

from orchestrator.migration.adapters.spec import SyncSpec
from orchestrator.migration.core import sides as core
from orchestrator.migration.core.effects import Problem
from orchestrator.migration.core.events import Pause, Resume, SetAuthority


@pytest.fixture(scope="module")
def ensembles() -> Iterator[tuple[zookeeper.Ensemble, zookeeper.Ensemble]]:
    """As the package's, with quorum ports."""
    with quorum_pair() as found:
        yield found


@pytest.fixture(params=["stream", "watch"])
def source(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def followed(pair: Pair, source: str, **settings: Any) -> SyncSpec:
    spec = spec_of(pair, **settings)
    a, b = (msgspec.structs.replace(each, source=source) for each in (spec.a, spec.b))
    return msgspec.structs.replace(spec, a=a, b=b)


async def numbered(side: Side, path: str, data: bytes = b"", *, ephemeral: bool = False) -> int:
    """Create a node with the next number below its parent; the number."""
    made = await side.do("create", path, data, sequence=True, ephemeral=ephemeral)
    return int(made[-10:])


async def creations(side: Side, path: str) -> int:
    """How many nodes were ever created below a path, as a client can know it."""
    stat = await side.do("exists", path)
    found: int = (stat.cversion + stat.numChildren) // 2
    return found


async def test_a_sequence_with_holes_goes_on_on_the_other_side_where_it_stood(
    pair: Pair, tmp_path: Path, source: str
) -> None:
    await pair.a.do("create", "/q")
    assert [await numbered(pair.a, "/q/n-") for _ in range(5)] == [0, 1, 2, 3, 4]
    for number in (1, 4):
        await pair.a.do("delete", f"/q/n-{number:010}")
    async with syncing(followed(pair, source, sequences=("/q",)), tmp_path) as sync:
        await at_rest(sync)

        async def counts_alike() -> bool:
            return await creations(pair.a, "/q") == await creations(pair.b, "/q")

        await eventually(counts_alike)
        assert await numbered(pair.b, "/q/n-", b"of B") == 5
        await eventually(lambda: pair.a.do("exists", "/q/n-0000000005"))
        await eventually(counts_alike)
        assert await numbered(pair.a, "/q/n-", b"of A") == 6
        await eventually(lambda: pair.b.do("exists", "/q/n-0000000006"))
        await at_rest(sync)
        assert len(await pair.are_equal()) == 6
        assert sync.conflicts() == []


async def test_the_same_number_given_on_both_sides_is_a_conflict_that_the_log_has(
    pair: Pair, tmp_path: Path, source: str
) -> None:
    await pair.a.do("create", "/q")
    spec = followed(pair, source, sequences=("/q",), policy="source")
    async with syncing(spec, tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        assert await numbered(pair.a, "/q/n-", b"of A") == 0
        assert await numbered(pair.b, "/q/n-", b"of B") == 0
        await sync.command(Resume())
        await eventually(sync.conflicts)
        await at_rest(sync)
        found = await pair.are_equal()
        assert found["/q/n-0000000000"].data == b"of A"
        [entry] = sync.conflicts()
        assert (entry.a.data, entry.b.data, entry.decision) == (b"of A", b"of B", "A")


async def test_whoever_owns_a_node_on_both_sides_is_reported_and_nobody_loses_it(
    pair: Pair, tmp_path: Path, source: str
) -> None:
    async with syncing(followed(pair, source, ephemerals="proxy"), tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        await pair.a.do("create", "/lock", b"of A", ephemeral=True)
        await pair.b.do("create", "/lock", b"of B", ephemeral=True)
        await sync.command(Resume())
        await eventually(lambda: sync.alerts.counts[Problem.OWNER])
        assert await pair.a.value("/lock") == b"of A"
        assert await pair.b.value("/lock") == b"of B"
        await pair.b.do("delete", "/lock")
        await eventually(lambda: _has(pair.b, "/lock", b"of A"))  # the other's stands in now
        assert (await pair.b.do("exists", "/lock")).ephemeralOwner


async def test_masters_of_mesos_move_to_the_other_side_and_two_never_lead(
    pair: Pair, tmp_path: Path, source: str
) -> None:
    """An old master on A, its follower on A; the authority moves to B, where new masters stand."""
    await pair.a.do("create", "/mesos")
    for _ in range(5):  # of masters that are gone
        await pair.a.do("delete", f"/mesos/n-{await numbered(pair.a, '/mesos/n-'):010}")
    old, follower, new = [await _client(side) for side in (pair.a, pair.a, pair.b)]
    try:
        assert await _stand(old, b"old") == 5
        assert await _stand(follower, b"follower") == 6
        spec = followed(pair, source, elections=("/mesos",), ephemerals="proxy")
        async with syncing(spec, tmp_path) as sync:
            await eventually(lambda: _has(pair.b, "/mesos/json.info_0000000005", b"old"))
            await eventually(lambda: _has(pair.b, "/mesos/json.info_0000000006", b"follower"))
            reply = await sync.command(SetAuthority(core.Side.B))
            assert reply.refusal == "", reply
            assert await _stand(new, b"new") > 6  # so it is behind those that stood before
            await asyncio.to_thread(old.stop)
            await eventually(lambda: _leads(pair.a, b"follower"))
            await asyncio.to_thread(follower.stop)
            await eventually(lambda: _leads(pair.b, b"new"))
            await eventually(lambda: _leads(pair.a, b"new"))
    finally:
        for client in (old, follower, new):
            await asyncio.to_thread(_end, client)


async def _client(side: Side) -> KazooClient:
    client = KazooClient(side.address.removeprefix("zk://"), timeout=10)
    await asyncio.to_thread(client.start, 60)
    return client


def _end(client: KazooClient) -> None:
    client.stop()
    client.close()


async def _stand(client: KazooClient, data: bytes) -> int:
    """Be a candidate as Mesos' masters are; the number."""
    made = await asyncio.to_thread(
        client.create, "/mesos/json.info_", data, ephemeral=True, sequence=True
    )
    return int(made[-10:])


async def _leads(side: Side, data: bytes) -> bool:
    names = sorted(await side.do("get_children", "/mesos"))
    candidates = [name for name in names if name.startswith("json.info_")]
    return bool(candidates) and await _has(side, f"/mesos/{candidates[0]}", data)


async def _has(side: Side, path: str, data: bytes) -> bool:
    return await side.value(path) == data


async def test_versions_are_alike_on_both_sides_where_that_is_asked_for(
    pair: Pair, tmp_path: Path, source: str
) -> None:
    await pair.a.do("create", "/app/n", b"0", makepath=True)
    await pair.a.do("create", "/other", b"0")
    for number in range(25):
        await pair.a.do("set", "/app/n", b"%d" % number)
        await pair.a.do("set", "/other", b"%d" % number)

    async def count(expected: int) -> bool:
        return [(await side.do("exists", "/app/n")).version for side in pair] == [expected] * 2

    async with syncing(followed(pair, source, versions=("/app",)), tmp_path) as sync:
        await eventually(lambda: pair.b.do("exists", "/app/n"))
        await eventually(lambda: count(25))
        await pair.b.do("set", "/app/n", b"of B", version=25)  # as a client who saw it on A
        await eventually(lambda: count(26))
        for number in range(10):  # of which the sync may see the last alone
            await pair.a.do("set", "/app/n", b"again %d" % number)
        await eventually(lambda: count(36))
        await at_rest(sync)
        assert (await pair.are_equal())["/app/n"].data == b"again 9"
        assert (await pair.b.do("exists", "/other")).version == 0
        assert sync.conflicts() == []
    async with syncing(followed(pair, source, versions=("/**",)), tmp_path):
        await eventually(lambda: versions_are_equal(pair, "/other"))


async def versions_are_equal(pair: Pair, path: str) -> bool:
    a, b = [(await side.do("exists", path)).version for side in pair]
    return bool(a == b)
