"""Both sides written at once while servers and the engine are killed and cables pulled: in the end
both are equal, and hold what the rules say."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError
from tests.integration.migration.conftest import LINES, Pair, Znode, sides
from tests.integration.migration.serving import Served, address_of
from tests.support import network, zookeeper

KEYS = 12
MEMBERS = 3
SKEW_MS = 20
_APART_S = 0.2  # more than the skew, and than a server's clock is read after a client's


class Write(NamedTuple):
    """What a writer did last with a node; ``value`` is None for a deletion."""

    value: bytes | None
    begun: float
    ended: float


class Writer:
    """Writes nodes of its own, and some that the other side writes too, as long as it is let."""

    def __init__(self, name: str, pair: Pair, seed: int) -> None:
        side = pair.a if name == "a" else pair.b
        self.name = name
        self.last: dict[str, Write] = {}
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
        begun, is_retried = time.time(), False
        while True:
            try:
                is_written = self._write(path, value)
            except (KazooException, KazooTimeoutError):
                is_retried = True  # the first try may have done it
                continue
            break
        if is_written or is_retried:
            self.last[path] = Write(value, begun, time.time())

    def _write(self, path: str, value: bytes | None) -> bool:
        is_there = self._zk.exists(path)
        if value is None:
            if is_there:
                self._zk.delete(path)
            return bool(is_there)
        if is_there:
            self._zk.set(path, value)
        else:
            self._zk.create(path, value)
        return True


def allowed(a: Write | None, b: Write | None) -> set[bytes | None]:
    """What may be left of a node, by last-write-wins and with an update before a deletion."""
    if a is None or b is None:
        only = a or b
        return {only.value if only is not None else None}
    first, later = sorted((a, b), key=lambda write: write.begun)
    if later.value is not None and later.begun - first.ended > _APART_S:
        return {later.value}
    return {a.value, b.value}


def check(found: dict[str, Znode], a: Writer, b: Writer) -> None:
    """Every node that either wrote, and none besides."""
    wrong = {}
    for path in a.last.keys() | b.last.keys() | found.keys():
        left = found[path].data if path in found else None
        if left not in allowed(a.last.get(path), b.last.get(path)):
            wrong[path] = (left, a.last.get(path), b.last.get(path))
    assert wrong == {}


class Storm:
    """What goes wrong, one thing after the other."""

    def __init__(
        self,
        ensembles: tuple[zookeeper.Ensemble, zookeeper.Ensemble],
        served: Served,
        cables: network.Network | None,
        chance: random.Random,
    ) -> None:
        self.pause_s = 1.0
        self._things: list[Callable[[], Awaitable[None]]] = [self._engine, self._server]
        if cables is not None:
            self._things.append(self._cable)
        self._due = list(self._things)
        self._ensembles = ensembles
        self._served = served
        self._cables = cables
        self._chance = chance

    async def blow(self) -> None:
        """One thing, and its end; each of them once, before any comes again."""
        await self.rest()
        self._due = self._due or list(self._things)
        self._chance.shuffle(self._due)
        await self._due.pop()()

    async def rest(self) -> None:
        await asyncio.sleep(self.pause_s * self._chance.random())

    async def _engine(self) -> None:
        await self._served.kill()
        await self._served.start()

    async def _server(self) -> None:
        ensemble = self._chance.choice(self._ensembles)
        node = self._chance.choice(ensemble.nodes)
        node.kill()
        await self.rest()
        node.start()
        await asyncio.to_thread(ensemble.wait_until_up)

    async def _cable(self) -> None:
        """Of one server, or of so many that its side has no quorum; packets just vanish."""
        assert self._cables is not None
        ensemble = self._chance.choice(self._ensembles)
        nodes = self._chance.sample(ensemble.nodes, self._chance.choice((1, 2)))
        hosts = {node.host for node in nodes}
        places = [place for place in self._cables.places if place.host in hosts]
        for place in places:
            self._cables.cut(place)
        await self.rest()
        await self.rest()
        for place in places:
            self._cables.heal(place)
        await asyncio.to_thread(ensemble.wait_until_up)


@contextmanager
def cables() -> Iterator[network.Network | None]:
    """A network for both sides, where one can be made."""
    if network.missing():
        yield None
        return
    with network.network(2 * MEMBERS) as found:
        yield found


@pytest.mark.parametrize("source", ["stream", "watch"])
async def test_two_writers_agree_in_the_end_whatever_fails(tmp_path: Path, source: str) -> None:
    await storm(tmp_path, faults=4, pause_s=1.0, seed=1, source=source)


@pytest.mark.soak
@pytest.mark.parametrize("source", ["stream", "watch"])
@pytest.mark.parametrize("seed", range(3))
async def test_two_writers_agree_in_the_end_for_minutes(
    tmp_path: Path, seed: int, source: str
) -> None:
    await storm(tmp_path, faults=40, pause_s=4.0, seed=seed, source=source)


async def storm(directory: Path, faults: int, pause_s: float, seed: int, source: str) -> None:
    """So many faults; what fails when is by chance."""
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with cables() as net:
        places = net.places if net is not None else [zookeeper.HERE] * (2 * MEMBERS)
        with (
            zookeeper.ensemble(lines=LINES, places=places[:MEMBERS]) as a,
            zookeeper.ensemble(lines=LINES, places=places[MEMBERS:]) as b,
        ):
            a.start()
            b.start()
            async with sides(a, b) as pair:
                served = Served(directory)
                await served.start()
                a_end, b_end = (address_of(side) | {"source": source} for side in pair)
                await served.begin(a_end, b_end, policy="lww", skew_ms=SKEW_MS)
                await served.at_rest()
                stop = asyncio.Event()
                writers = [Writer(name, pair, seed) for name in "ab"]
                running = [asyncio.create_task(asyncio.to_thread(w.run, stop)) for w in writers]
                weather = Storm((a, b), served, net, random.Random(seed))
                weather.pause_s = pause_s
                for _ in range(faults):
                    await weather.blow()
                stop.set()
                await asyncio.gather(*running)
                found = await pair.are_equal()
                await served.at_rest()
                check(found, *writers)
                await served.stop()
                assert min(writer.count for writer in writers) > KEYS
