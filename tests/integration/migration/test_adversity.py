"""Odd nodes, odd rights, odd limits: what other tools lose when they copy ZooKeeper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kazoo.security import ACL, OPEN_ACL_UNSAFE, Id, make_acl, make_digest_acl
from tests.integration.migration.conftest import (
    LINES,
    Pair,
    Side,
    at_rest,
    sides,
    spec_of,
    syncing,
)
from tests.support import eventually, zookeeper

from orchestrator.migration.adapters.sync import Sync
from orchestrator.migration.core.events import Pause, Resume, Verify
from orchestrator.zookeeper.client import Client, of_uri
from orchestrator.zookeeper.jute.errors import MultiFailed
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.requests import Create, CreateMode, CreateTtl, Delete, SetData
from orchestrator.zookeeper.uri import parse


@asynccontextmanager
async def client(side: Side) -> AsyncIterator[Client]:
    """A client of ours, for what kazoo cannot say."""
    async with Client(of_uri(parse(side.address, root_allowed=True))) as found:
        await found.connected(60)
        yield found


SUPER = "zookeeper.DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs="


async def test_a_parent_that_lets_nobody_create_has_its_children_all_the_same(
    tmp_path: Path,
) -> None:
    closed = [make_acl("world", "anyone", read=True, admin=True)]
    with (
        zookeeper.ensemble(1, lines=LINES, properties=(SUPER,)) as a,
        zookeeper.ensemble(1, lines=LINES, properties=(SUPER,)) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair, syncing(spec_of(pair, "super:admin@"), tmp_path) as sync:
            await pair.a.do("create", "/closed/in/side", b"1", makepath=True)
            await pair.a.do("set_acls", "/closed/in", closed)
            await pair.a.do("set_acls", "/closed", closed)
            await at_rest(sync)
            assert set(await pair.are_equal()) == {"/closed", "/closed/in", "/closed/in/side"}
            assert (await sync.command(Verify())).paths == ()


async def test_an_access_list_of_whoever_creates_is_copied_as_it_is_stored(
    pair: Pair, tmp_path: Path
) -> None:
    for side in pair:
        await side.do("add_auth", "digest", "ann:secret")
    await pair.a.do("create", "/n", b"1", acl=[ACL(31, Id("auth", ""))])
    async with syncing(spec_of(pair, "ann:secret@"), tmp_path) as sync:
        await at_rest(sync)
        (acl,) = (await pair.b.do("get_acls", "/n"))[0]
        assert acl == make_digest_acl("ann", "secret", all=True)


async def test_a_node_that_may_not_be_read_is_named_and_stops_the_sync_until_it_may(
    pair: Pair, tmp_path: Path
) -> None:
    await pair.a.do("create", "/n", b"1", acl=[make_acl("world", "anyone", write=True, admin=True)])
    async with syncing(spec_of(pair), tmp_path) as sync:
        await eventually(lambda: "/n" in sync.status().status.a.reason)
        assert not await pair.b.do("exists", "/n")
        await pair.a.do("set_acls", "/n", [make_acl("world", "anyone", all=True)])
        await at_rest(sync)
        assert set(await pair.are_equal()) == {"/n"}


async def test_no_data_and_empty_data_are_two_things(pair: Pair, tmp_path: Path) -> None:
    async with client(pair.a) as writer:
        await writer.create("/null", None)
        await writer.create("/empty", b"")
        async with syncing(spec_of(pair), tmp_path) as sync:
            await at_rest(sync)
            found = await pair.are_equal()
            assert (found["/null"].data, found["/empty"].data) == (None, b"")
            await writer.set_data("/null", b"")
            await writer.set_data("/empty", None)
            await at_rest(sync)
            found = await pair.are_equal()
            assert (found["/null"].data, found["/empty"].data) == (b"", None)


async def test_nodes_with_a_ttl_and_containers_go_on_both_sides_when_their_server_ends_them(
    tmp_path: Path,
) -> None:
    properties = ("zookeeper.extendedTypesEnabled=true", "znode.container.checkIntervalMs=100")
    with (
        zookeeper.ensemble(1, lines=LINES, properties=properties) as a,
        zookeeper.ensemble(1, lines=LINES) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair, client(pair.a) as writer:
            await writer.create("/box", b"1", mode=CreateMode.CONTAINER)
            await writer.create("/box/inside", b"2")
            await writer.submit(CreateTtl("/short", 2_000, b"3"))
            async with syncing(spec_of(pair), tmp_path) as sync:
                await eventually(lambda: pair.b.do("exists", "/box/inside"))
                await writer.delete("/box/inside")
                await eventually(lambda: is_empty(pair.b))
                await at_rest(sync)
                assert await pair.are_equal() == {}


async def is_empty(side: Side) -> bool:
    return not await side.tree()


async def test_a_value_that_is_set_again_is_not_written(pair: Pair, tmp_path: Path) -> None:
    await pair.a.do("create", "/n", b"same")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        before = (await pair.b.do("exists", "/n")).version
        await pair.a.do("set", "/n", b"same")
        await pair.a.do("create", "/after", b"1")
        await eventually(lambda: pair.b.do("exists", "/after"))
        assert (await pair.b.do("exists", "/n")).version == before


async def test_the_largest_node_that_a_server_takes_is_copied(pair: Pair, tmp_path: Path) -> None:
    size_bytes = 2**20 - 1 - 200
    async with syncing(spec_of(pair), tmp_path) as sync:
        await pair.a.do("create", "/large", b"x" * size_bytes)
        await at_rest(sync)
        assert len((await pair.are_equal())["/large"].data or b"") == size_bytes


async def test_what_the_other_side_has_no_room_for_is_named_and_all_else_goes_on(
    tmp_path: Path,
) -> None:
    with (
        zookeeper.ensemble(1, lines=LINES) as a,
        zookeeper.ensemble(1, lines=LINES, properties=("jute.maxbuffer=100000",)) as b,
    ):
        a.start()
        b.start()
        async with sides(a, b) as pair:
            await pair.a.do("create", "/large", b"x" * 200_000)
            for number in range(20):
                await pair.a.do("create", f"/n{number}", b"y" * 20_000)
            async with syncing(spec_of(pair), tmp_path) as sync:
                await eventually(lambda: pair.b.do("exists", "/n19"))
                await pair.a.do("create", "/last", b"1")
                await eventually(lambda: pair.b.do("exists", "/last"))
                await eventually(lambda: "/large" in [each.path for each in sync.alerts.latest()])
                assert len(await pair.b.tree()) == 21
                await pair.a.do("set", "/large", b"small")
                await at_rest(sync)
                await pair.are_equal()


async def test_writes_during_the_first_copy_are_in_it(pair: Pair, tmp_path: Path) -> None:
    async with client(pair.a) as writer:
        await fill(writer, [f"/n{number}" for number in range(3_000)])
        async with syncing(spec_of(pair), tmp_path) as sync:
            number = 0
            while not sync.is_loaded.is_set() or sync.status().status.state != "live":
                await writer.set_data(f"/n{number * 7 % 3_000}", b"%d" % number)
                await writer.delete(f"/n{number * 7 % 3_000}")
                await writer.create(f"/n{number * 7 % 3_000}", b"again %d" % number)
                number += 1
            await at_rest(sync)
            assert len(await pair.are_equal()) == 3_000


async def fill(writer: Client, paths: Sequence[str]) -> None:
    for at in range(0, len(paths), 500):
        await writer.room()
        await writer.submit(Multi(tuple([Create(path, b"0") for path in paths[at : at + 500]])))


@pytest.mark.soak
async def test_a_parent_may_have_a_hundred_thousand_children(pair: Pair, tmp_path: Path) -> None:
    async with client(pair.a) as writer:
        await fill(writer, ["/wide", *[f"/wide/child-{number:06}" for number in range(100_000)]])
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        assert (await pair.b.do("exists", "/wide")).numChildren == 100_000
        await pair.b.do("create", "/wide/one-more", b"1")
        await eventually(lambda: pair.a.do("exists", "/wide/one-more"))


async def test_a_change_of_an_access_list_alone_stays_as_its_writer_left_it(
    pair: Pair, tmp_path: Path
) -> None:
    closed = [make_acl("world", "anyone", read=True, admin=True)]
    paths = [f"/n{number}" for number in range(10)]
    for path in paths:
        await pair.a.do("create", path, b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        for path in paths:
            await pair.a.do("set_acls", path, closed)
        await pair.are_equal()
        await eventually(lambda: sync.status().status.b.written == 20)
        await at_rest(sync)
        for path in paths:
            acl, stat = await pair.a.do("get_acls", path)
            assert (acl, stat.aversion) == (closed, 1)
        assert sync.status().status.a.written == 0


async def test_a_verification_finds_a_wrong_access_list(pair: Pair, tmp_path: Path) -> None:
    await pair.a.do("create", "/n", b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        await pair.b.do("set_acls", "/n", [make_acl("world", "anyone", read=True, admin=True)])
        assert await _wrong(sync) == ("/n",)


async def _wrong(sync: Sync) -> tuple[str, ...]:
    return (await sync.command(Verify())).paths


async def test_rights_that_are_missing_are_said_and_the_rest_goes_on(
    pair: Pair, tmp_path: Path
) -> None:
    frozen = [make_acl("world", "anyone", read=True, admin=True)]
    await pair.a.do("create", "/frozen", b"1", acl=frozen)
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        await pair.a.do("set_acls", "/frozen", OPEN_ACL_UNSAFE)
        await pair.a.do("set", "/frozen", b"2")
        await pair.a.do("set_acls", "/frozen", frozen)
        await pair.a.do("create", "/free", b"3")
        await eventually(lambda: "/frozen is written on B" in sync.engine.preview())
        await sync.command(Resume())
        await eventually(lambda: pair.b.do("exists", "/free"))
        await eventually(lambda: "/frozen" in [each.path for each in sync.alerts.latest()])
        assert await pair.b.value("/frozen") == b"1"
        await pair.b.do("set_acls", "/frozen", OPEN_ACL_UNSAFE)
        await at_rest(sync)
        assert (await pair.are_equal())["/frozen"].data == b"2"


async def test_what_a_failed_multi_would_have_done_is_not_copied(
    pair: Pair, tmp_path: Path
) -> None:
    await pair.a.do("create", "/n", b"1")
    async with client(pair.a) as writer, syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        with pytest.raises(MultiFailed):
            await writer.multi([SetData("/n", b"2"), Create("/m", b"3"), Delete("/none")])
        await writer.create("/after", b"4")
        await eventually(lambda: pair.b.do("exists", "/after"))
        await at_rest(sync)
        found = await pair.are_equal()
        assert {path: node.data for path, node in found.items()} == {"/n": b"1", "/after": b"4"}
