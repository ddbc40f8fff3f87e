"""Connections cut, sessions expired, servers and the engine killed: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
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


KEYS = 12


class Writer:
    """Writes its own nodes, and some that the other side writes too, as long as it is let."""

    def __init__(self, name: str, pair: Pair, seed: int) -> None:
        side = pair.a if name == "a" else pair.b
        self.name = name
        self.own: dict[str, bytes | None] = {}
        self.count = 0
        self._zk = KazooClient(side.ensemble.uri("").removeprefix("zk://") + side.root)
        self._random = random.Random(seed)

    def run(self, until: asyncio.Event) -> None:
        """Write until told to stop; what a server did not answer is written again."""
        self._zk.start(60)
        while not until.is_set():
            self._step()
        self._zk.stop()
        self._zk.close()

    def _step(self) -> None:
        self.count += 1
        number = self._random.randrange(KEYS)
        is_own = self._random.random() < 0.7
        path = f"/{self.name}{number}" if is_own else f"/shared{number}"
        value = None if self._random.random() < 0.2 else f"{self.name}{self.count}".encode()
        while True:
            try:
                self._write(path, value)
            except KazooException:
                continue
            break
        if is_own:
            self.own[path] = value

    def _write(self, path: str, value: bytes | None) -> None:
        is_there = self._zk.exists(path)
        if value is None:
            if is_there:
                self._zk.delete(path)
        elif is_there:
            self._zk.set(path, value)
        else:
            self._zk.create(path, value)


@pytest.mark.parametrize("source", ["stream", "watch"])
async def test_two_writers_agree_in_the_end_whatever_is_killed(tmp_path: Path, source: str) -> None:
    await _storm(tmp_path, kills=3, pause_s=1.0, seed=1, source=source)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
async def test_two_writers_agree_in_the_end_for_minutes(tmp_path: Path, seed: int) -> None:
    await _storm(tmp_path, kills=40, pause_s=4.0, seed=seed, source="auto")


async def _storm(directory: Path, kills: int, pause_s: float, seed: int, source: str) -> None:
    """Both sides written at once, meanwhile servers and the engine are killed with -9. Then both
    are equal, and what only one side wrote is as that side left it."""
    chance = random.Random(seed)
    with zookeeper.ensemble(3, lines=LINES) as a, zookeeper.ensemble(3, lines=LINES) as b:
        a.start()
        b.start()
        async with sides(a, b) as pair:
            served = Served(directory)
            await served.start()
            a_end, b_end = (address_of(side) | {"source": source} for side in pair)
            await served.begin(a_end, b_end, policy="lww")
            await served.at_rest()
            stop = asyncio.Event()
            writers = [Writer(name, pair, seed) for name in "ab"]
            running = [asyncio.create_task(asyncio.to_thread(w.run, stop)) for w in writers]
            for _ in range(kills):
                await asyncio.sleep(pause_s * chance.random())
                if chance.random() < 0.5:
                    await served.kill()
                    await served.start()
                else:
                    node = chance.choice([*a.nodes, *b.nodes])
                    node.kill()
                    await asyncio.sleep(pause_s * chance.random())
                    node.start()
                    await asyncio.to_thread((a if node in a.nodes else b).wait_until_up)
            stop.set()
            await asyncio.gather(*running)
            found = await pair.are_equal()
            await served.at_rest()
            for writer in writers:
                mine = {path: node.data for path, node in found.items() if path[1] == writer.name}
                wanted = {path: value for path, value in writer.own.items() if value is not None}
                assert mine == wanted
            await served.stop()
            assert min(writer.count for writer in writers) > KEYS
