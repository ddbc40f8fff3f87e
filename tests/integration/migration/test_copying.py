"""What is written on one side comes to the other, as it is, whichever side it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kazoo.exceptions import NoNodeError
from kazoo.security import make_acl, make_digest_acl
from tests.integration.migration.conftest import LINES, Pair, at_rest, sides, spec_of, syncing
from tests.support import eventually, zookeeper

from orchestrator.migration.core.events import Pause, Resume, Verify
from orchestrator.migration.core.settings import Mapping


async def test_what_is_there_is_copied_and_what_is_new_goes_both_ways(
    pair: Pair, tmp_path: Path
) -> None:
    for number in range(50):
        await pair.a.do("create", f"/n{number}/x", b"%d" % number, makepath=True)
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        assert len(await pair.are_equal()) == 100
        await pair.b.do("create", "/of-b", b"1")
        await pair.a.do("set", "/n1/x", b"changed")
        await pair.b.do("delete", "/n2", recursive=True)
        await eventually(lambda: pair.a.do("exists", "/of-b"))
        await eventually(lambda: _holds(pair, "/n1/x", b"changed"))
        assert "/n2" not in await pair.are_equal()


async def _holds(pair: Pair, path: str, data: bytes) -> bool:
    return await pair.a.value(path) == await pair.b.value(path) == data


async def test_no_write_comes_back_as_an_echo(pair: Pair, tmp_path: Path) -> None:
    async with syncing(spec_of(pair), tmp_path) as sync:
        await pair.a.do("create", "/n", b"0")
        for number in range(20):
            await pair.a.do("set", "/n", b"%d" % number)
        await pair.are_equal()
        await at_rest(sync)
        before = (await pair.a.do("exists", "/n")).mzxid
        await pair.b.do("create", "/last")
        await eventually(lambda: pair.a.do("exists", "/last"))
        assert (await pair.a.do("exists", "/n")).mzxid == before
        await eventually(lambda: sync.status().status.a.written == 1)


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)), b"y" * 900_000])
async def test_data_is_copied_byte_for_byte(pair: Pair, tmp_path: Path, data: bytes) -> None:
    async with syncing(spec_of(pair, batch_bytes=1_000_000), tmp_path):
        await pair.a.do("create", "/n", data)
        assert (await pair.are_equal())["/n"].data == data


async def test_paths_may_be_in_any_script(pair: Pair, tmp_path: Path) -> None:
    path = "/\u043f\u0443\u0442\u044c/\u8def\u5f84/with space/\u20ac"
    async with syncing(spec_of(pair), tmp_path):
        await pair.a.do("create", path, b"1", makepath=True)
        assert path in await pair.are_equal()


async def test_access_lists_are_copied_also_when_only_they_change(
    pair: Pair, tmp_path: Path
) -> None:
    for side in pair:
        await side.do("add_auth", "digest", "ann:secret")
    mine = make_digest_acl("ann", "secret", all=True)
    everybody = make_acl("world", "anyone", read=True)
    async with syncing(spec_of(pair, "ann:secret@"), tmp_path) as sync:
        await pair.a.do("create", "/mine", b"1", acl=[mine])
        await pair.a.do("create", "/mine/below", b"2", acl=[mine])
        await at_rest(sync)
        await pair.b.do("set_acls", "/mine", [mine, everybody])
        await eventually(lambda: _lists(pair, "/mine", 2))
        await pair.are_equal()


async def _lists(pair: Pair, path: str, count: int) -> bool:
    return len((await pair.a.do("get_acls", path))[0]) == count


async def test_a_node_that_is_deleted_and_made_again_is_the_new_one(
    pair: Pair, tmp_path: Path
) -> None:
    await pair.a.do("create", "/n", b"old")
    await pair.a.do("create", "/n/child", b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        await pair.a.do("delete", "/n", recursive=True)
        await pair.a.do("create", "/n", b"new")
        await at_rest(sync)
        assert {path: node.data for path, node in (await pair.are_equal()).items()} == {
            "/n": b"new"
        }


async def test_a_deep_delete_and_a_create_below_it_agree_in_the_end(
    pair: Pair, tmp_path: Path
) -> None:
    await pair.a.do("create", "/deep/er/est", b"1", makepath=True)
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        await asyncio.gather(
            pair.a.do("delete", "/deep", recursive=True),
            pair.b.do("create", "/deep/er/other", b"2"),
            return_exceptions=True,  # each may find the other's work
        )
        await pair.are_equal()
        await at_rest(sync)


async def test_what_servers_keep_of_themselves_is_left_alone(tmp_path: Path) -> None:
    with zookeeper.ensemble(1, lines=LINES) as a, zookeeper.ensemble(1, lines=LINES) as b:
        a.start()
        b.start()
        async with sides(a, b, "/") as whole, syncing(spec_of(whole), tmp_path) as sync:
            await whole.a.do("create", "/zookeeper/quota/n", b"1")
            await whole.a.do("create", "/n", b"1")
            await eventually(lambda: whole.b.do("exists", "/n"))
            await at_rest(sync)
            assert not await whole.b.do("exists", "/zookeeper/quota/n")


async def test_while_paused_nothing_is_written(pair: Pair, tmp_path: Path) -> None:
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        await sync.command(Pause())
        await pair.a.do("create", "/n", b"1")
        await eventually(lambda: sync.engine.preview() == ["/n is written on B"])
        assert sync.status().status.state == "paused"
        assert not await pair.b.do("exists", "/n")
        await sync.command(Resume())
        await pair.are_equal()


async def test_filters_and_mappings(pair: Pair, tmp_path: Path) -> None:
    for path in ("/app/keep", "/app/tmp/x", "/other"):
        await pair.a.do("create", path, b"1", makepath=True)
    spec = spec_of(
        pair,
        include=("/app/**",),
        exclude=("/app/tmp",),
        mappings=(Mapping(a="/app", b="/moved/app"),),
    )
    async with syncing(spec, tmp_path) as sync:
        await at_rest(sync)
        await eventually(lambda: pair.b.do("exists", "/moved/app/keep"))
        await pair.b.do("create", "/moved/app/back", b"2")
        await eventually(lambda: pair.a.do("exists", "/app/back"))
        assert set(await pair.b.tree()) == {
            "/moved",
            "/moved/app",
            "/moved/app/keep",
            "/moved/app/back",
        }


async def test_a_side_that_is_not_empty_is_not_filled_unasked(pair: Pair, tmp_path: Path) -> None:
    await pair.a.do("create", "/n", b"1")
    await pair.b.do("create", "/theirs", b"2")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await eventually(lambda: sync.status().status.state == "halted")
        assert set(await pair.b.tree()) == {"/theirs"}
        assert [alert.problem for alert in sync.alerts.latest()] == ["target_not_empty"]


async def test_both_are_merged_where_asked(pair: Pair, tmp_path: Path) -> None:
    await pair.a.do("create", "/n", b"1")
    await pair.b.do("create", "/theirs", b"2")
    async with syncing(spec_of(pair, merge=True), tmp_path):
        assert set(await pair.are_equal()) == {"/n", "/theirs"}


async def test_fresh_reads_find_what_is_not_equal_and_repair_it(pair: Pair, tmp_path: Path) -> None:
    for name in ("data", "gone", "same"):
        await pair.a.do("create", f"/{name}", b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        assert (await sync.command(Verify())).paths == ()
        await sync.command(Pause())
        await pair.b.do("set", "/data", b"2")
        await pair.b.do("delete", "/gone")
        await pair.b.do("create", "/resurrected", b"")
        await eventually(lambda: len(sync.engine.preview()) == 3)
        reply = await sync.command(Verify())
        assert set(reply.paths) == {"/data", "/gone", "/resurrected"}
        await sync.command(Resume())
        await pair.are_equal()
        await at_rest(sync)
        assert (await sync.command(Verify())).paths == ()


async def test_ephemeral_nodes_are_left_out_by_default(pair: Pair, tmp_path: Path) -> None:
    async with syncing(spec_of(pair), tmp_path):
        await pair.a.do("create", "/mine", b"1", ephemeral=True)
        await pair.a.do("create", "/lasting", b"1")
        await eventually(lambda: pair.b.do("exists", "/lasting"))
        assert not await pair.b.do("exists", "/mine")


async def test_proxies_stand_for_ephemeral_nodes_as_long_as_these_live(
    pair: Pair, tmp_path: Path
) -> None:
    async with syncing(spec_of(pair, ephemerals="proxy"), tmp_path):
        await pair.a.do("create", "/mine", b"1", ephemeral=True)
        await eventually(lambda: pair.b.do("exists", "/mine"))
        assert (await pair.b.do("exists", "/mine")).ephemeralOwner
        await pair.a.do("stop")
        await eventually(lambda: _is_gone(pair, "/mine"))
        await pair.a.do("start", 60)


async def _is_gone(pair: Pair, path: str) -> bool:
    try:
        await pair.b.do("get", path)
    except NoNodeError:
        return True
    return False
