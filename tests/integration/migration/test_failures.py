"""Connections cut, sessions expired, servers and the engine killed: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from tests.integration.migration.conftest import LINES, Pair, Side, at_rest, sides, spec_of, syncing
from tests.integration.migration.serving import Served, address_of
from tests.support import eventually, zookeeper

from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import SpecError


async def test_what_was_written_while_a_server_was_away_is_copied(tmp_path: Path) -> None:
    with zookeeper.ensemble(1, lines=LINES) as a, zookeeper.ensemble(1, lines=LINES) as b:
        a.start()
        b.start()
        async with sides(a, b) as pair, syncing(spec_of(pair), tmp_path) as sync:
            await pair.a.do("create", "/n", b"0")
            await at_rest(sync)
            b.nodes[0].kill()
            await pair.a.do("set", "/n", b"1")
            await pair.a.do("create", "/new", b"2")
            b.nodes[0].start()
            await asyncio.to_thread(b.wait_until_up)
            assert (await pair.are_equal()).keys() == {"/n", "/new"}


async def test_a_leader_that_is_killed_is_followed_by_the_next(tmp_path: Path) -> None:
    with zookeeper.ensemble(3, lines=LINES) as a, zookeeper.ensemble(1, lines=LINES) as b:
        a.start()
        b.start()
        async with sides(a, b) as pair, syncing(spec_of(pair), tmp_path) as sync:
            await at_rest(sync)
            await pair.b.do("create", "/n", b"0")
            await eventually(lambda: pair.a.do("exists", "/n"))
            leader = await asyncio.to_thread(a.leader)
            leader.kill()
            for number in range(20):
                await pair.b.do("set", "/n", b"%d" % number)
            leader.start()
            await eventually(lambda: pair.a.value("/n"))
            await pair.are_equal()
            await at_rest(sync)


async def test_after_its_session_expired_it_goes_on_in_a_new_one(
    pair: Pair, tmp_path: Path
) -> None:
    served = Served(tmp_path)
    await served.start()
    a, b = (address_of(side) | {"session_timeout_ms": 1_000} for side in pair)
    await served.begin(a, b, ephemerals="proxy")
    await served.at_rest()
    await pair.a.do("create", "/mine", b"1", ephemeral=True)
    await eventually(lambda: pair.b.do("exists", "/mine"))
    served.signal(signal.SIGSTOP)
    await eventually(lambda: _is_gone(pair.b, "/mine"))  # the session has, and its proxy with it
    await pair.a.do("create", "/n", b"1")
    served.signal(signal.SIGCONT)
    await eventually(lambda: pair.b.do("exists", "/mine"))
    await eventually(lambda: pair.b.do("exists", "/n"))
    await served.at_rest()
    await served.stop()


async def _is_gone(side: Side, path: str) -> bool:
    return not await side.do("exists", path)


async def test_the_next_process_goes_on_where_the_last_was_stopped(
    pair: Pair, tmp_path: Path
) -> None:
    async with syncing(spec_of(pair), tmp_path) as sync:
        await pair.a.do("create", "/n", b"0")
        await at_rest(sync)
    await pair.a.do("delete", "/n")
    await pair.b.do("create", "/m", b"1")
    async with syncing(spec_of(pair), tmp_path) as sync:
        await at_rest(sync)
        assert (await pair.are_equal()).keys() == {"/m"}
        assert sync.conflicts() == []


async def test_the_same_ensemble_given_twice_is_refused(pair: Pair) -> None:
    twice = spec_of(Pair(pair.a, pair.a))
    with pytest.raises(SpecError, match="A and B are the same ensemble"):
        await look_at(twice)


async def test_an_ensemble_without_the_path_is_refused(pair: Pair) -> None:
    pair.b.root = "/nowhere"
    with pytest.raises(SpecError, match="B has no node /nowhere; create it first"):
        await look_at(spec_of(pair))
