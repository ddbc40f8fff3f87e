"""Two real ensembles, kept equal: ``python -m benchmarks.sync`` (needs ZooKeeper's jars).

Two servers, and `zk-migrate serve` as a process of its own; all on this machine, so that servers,
sync and writer share its processors. Values of 100 bytes. With ``--source watch`` the ensembles
are followed by watches, else by their transaction streams.

``raw_multi_per_s``     the baseline: nodes created on A by our client in multis of 500, pipelined
``snapshot_per_s``      the same nodes, from the beginning of the sync until both sides are equal
``snapshot_ratio``      the snapshot, by the baseline
``raw_set_per_s``       updates of A in multis of 100, pipelined, without a sync
``copied_per_s``        the same updates with one, until both sides are equal again
``vs_raw_multi``        copied, by raw
``kazoo_per_s``         a second baseline: kazoo's ``set``, one after the other
``vs_kazoo_single``     copied, by kazoo's
``paced_per_s``         updates a second that a writer then sends, each to another node, in multis
                        of 20
``ack_p95_ms``          how long A takes to acknowledge one of them
``lag_p95_ms``          from then on until a client of B sees it
``lag_ratio``           the lag, by the acknowledgement
``rss_mb``              memory of the sync in the end
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import aiohttp
from kazoo.client import KazooClient
from tests.support import zookeeper

from benchmarks import harness
from orchestrator.zookeeper.client import Client, ClientSettings, Gap
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.requests import Create, Request, SetData
from orchestrator.zookeeper.jute.watches import WatchEvent

_VALUE = b"x" * 100
_PER_DIRECTORY = 1_000
_SERVE = ["-m", "orchestrator.cli.zkmigrate.main", "serve"]
_POLL_S = 0.02
_TICK_S = 0.01
_TOGETHER = 20


class Sizes(NamedTuple):
    """How much is measured."""

    nodes: int
    updates: int
    singles: int
    rate: int
    paced_s: float


_FULL = Sizes(100_000, 100_000, 2_000, 10_000, 10.0)
_QUICK = Sizes(2_000, 2_000, 100, 1_000, 1.0)


class Served:
    """The server of syncs, over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, url: str, source: str) -> None:
        self._session = session
        self._source = source
        self._syncs = url + "/api/v1/syncs"

    async def begin(self, a: zookeeper.Ensemble, b: zookeeper.Ensemble) -> None:
        """Begin a sync, which goes on with the old one's place on disk gone."""
        ends = [{"address": each.uri("/"), "source": self._source} for each in (a, b)]
        body = {"name": "bench", "a": ends[0], "b": ends[1]}
        async with self._session.post(self._syncs, json=body) as answer:
            assert answer.status == 201, await answer.text()

    async def status(self) -> dict[str, Any]:
        """How it goes."""
        async with self._session.get(self._syncs + "/bench") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def at_rest(self, nodes: int) -> None:
        """Return when both sides have so many nodes and are equal, and nothing waits."""
        while True:
            now = await self.status()
            sides = [now[side] and now[side]["nodes"] for side in "ab"]
            if now["is_equal"] and not now["queue"] and sides == [nodes, nodes]:
                return
            await asyncio.sleep(_POLL_S)


def _paths(count: int) -> list[str]:
    return [f"/d{number // _PER_DIRECTORY}/n{number}" for number in range(count)]


async def _send(client: Client, requests: Sequence[Request[object]]) -> float:
    """Pipelined; returns the seconds until the last answer."""
    began = time.perf_counter()
    futures = []
    for request in requests:
        await client.room()
        futures.append(client.submit(request))
    await asyncio.gather(*futures)
    return time.perf_counter() - began


def _creates(paths: Sequence[str]) -> list[Request[object]]:
    parts = [paths[at : at + 500] for at in range(0, len(paths), 500)]
    return [Multi(tuple([Create(path, _VALUE) for path in part])) for part in parts]


def _sets(paths: Sequence[str], count: int, value: bytes) -> list[Request[object]]:
    chosen = [paths[n % len(paths)] for n in range(count)]
    parts = [chosen[at : at + 100] for at in range(0, count, 100)]
    return [Multi(tuple([SetData(path, value) for path in part])) for part in parts]


async def _shows(client: Client, path: str, value: bytes) -> None:
    """Return when a node has a value: a sync that did not hear of it yet says that all is equal."""
    while True:
        if (await client.get_data(path)).data == value:
            return
        await asyncio.sleep(_POLL_S)


class Seen:
    """When an update was sent to A, acknowledged there, and seen by a client of B."""

    def __init__(self) -> None:
        self.acks_s: list[float] = []
        self.lags_s: list[float] = []
        self._answered: dict[str, float] = {}

    def answered(self, paths: Sequence[str], sent: float, future: asyncio.Future[Any]) -> None:
        """A has them."""
        now = time.perf_counter()
        self.acks_s.append(now - sent)
        self._answered.update(dict.fromkeys(paths, now))

    def heard(self, news: WatchEvent | Gap) -> None:
        """B has it; 0 if that was heard before A's own answer."""
        path = news.path if isinstance(news, WatchEvent) else ""
        if path in self._answered:
            self.lags_s.append(time.perf_counter() - self._answered.pop(path))


async def _paced(a: Client, b: Client, paths: Sequence[str], sizes: Sizes) -> Seen:
    """Updates at a steady rate, each to another node."""
    seen = Seen()
    await b.add_watch("/", seen.heard)
    futures: list[asyncio.Future[Any]] = []
    began = time.perf_counter()
    for number in range(0, int(sizes.rate * sizes.paced_s), _TOGETHER):
        ahead = began + number / sizes.rate - time.perf_counter()
        if ahead > _TICK_S:
            await asyncio.sleep(ahead)
        await a.room()
        some = [paths[(number + each) % len(paths)] for each in range(_TOGETHER)]
        future = a.submit(Multi(tuple([SetData(path, b"p" * 100) for path in some])))
        future.add_done_callback(partial(seen.answered, some, time.perf_counter()))
        futures.append(future)
    await asyncio.gather(*futures)
    return seen


def _kazoo(node: zookeeper.Node, paths: Sequence[str], count: int) -> float:
    client = KazooClient(node.address)
    client.start()
    began = time.perf_counter()
    for number in range(count):
        client.set(paths[number], b"k" * 100)
    took = time.perf_counter() - began
    client.stop()
    client.close()
    return count / took


async def _measure(
    a: zookeeper.Ensemble, b: zookeeper.Ensemble, url: str, sizes: Sizes, source: str
) -> dict[str, float]:
    node = a.nodes[0]
    paths = _paths(sizes.nodes)
    figures: dict[str, float] = {}
    async with (
        aiohttp.ClientSession() as session,
        Client(ClientSettings(((node.host, node.port),))) as client,
    ):
        served = Served(session, url, source)
        await client.connected(60)
        for number in range(-(-sizes.nodes // _PER_DIRECTORY)):
            await client.create(f"/d{number}")
        figures["raw_multi_per_s"] = sizes.nodes / await _send(client, _creates(paths))
        raw_s = await _send(client, _sets(paths, sizes.updates, b"r" * 100))
        figures["raw_set_per_s"] = sizes.updates / raw_s
        figures["kazoo_per_s"] = await asyncio.to_thread(_kazoo, node, paths, sizes.singles)

        everything = sizes.nodes + -(-sizes.nodes // _PER_DIRECTORY)
        began = time.perf_counter()
        await served.begin(a, b)
        await served.at_rest(everything)
        figures["snapshot_per_s"] = everything / (time.perf_counter() - began)

        other = b.nodes[0]
        async with Client(ClientSettings(((other.host, other.port),))) as watcher:
            await watcher.connected(60)
            began = time.perf_counter()
            await _send(client, _sets(paths, sizes.updates, b"s" * 100))
            last = paths[(sizes.updates - 1) % len(paths)]
            await _shows(watcher, last, b"s" * 100)
            await served.at_rest(everything)
            figures["copied_per_s"] = sizes.updates / (time.perf_counter() - began)

            seen = await _paced(client, watcher, paths, sizes)
            await served.at_rest(everything)
        figures["paced_per_s"] = float(sizes.rate)
        figures["ack_p95_ms"] = harness.percentile(seen.acks_s, 95) * 1000
        figures["lag_p95_ms"] = harness.percentile(seen.lags_s, 95) * 1000
    return figures


def main() -> None:
    """Measure and report."""
    parser = harness.parser("Two real ensembles, kept equal.")
    parser.add_argument("--source", choices=("stream", "watch"), default="stream")
    parser.add_argument("--rate", type=int, help="paced updates a second")
    parser.add_argument("--nodes", type=int, help="nodes of the snapshot")
    flags = parser.parse_args()
    sizes = _QUICK if flags.quick else _FULL
    sizes = sizes._replace(rate=flags.rate or sizes.rate, nodes=flags.nodes or sizes.nodes)
    zookeeper.HEAP_MB = max(zookeeper.HEAP_MB, sizes.nodes // 500)
    with (
        zookeeper.ensemble(1, quorum=True) as a,
        zookeeper.ensemble(1, quorum=True) as b,
        TemporaryDirectory() as directory,
    ):
        a.start()
        b.start()
        port = harness.free_port()
        command = [*_SERVE, "--port", str(port), "--data-dir", f"{directory}/syncs"]
        with harness.server(command, port, Path(directory) / "log") as process:
            figures = asyncio.run(_measure(a, b, f"http://127.0.0.1:{port}", sizes, flags.source))
            figures["rss_mb"] = harness.rss_mb(process.pid)
    figures["snapshot_ratio"] = figures["snapshot_per_s"] / figures["raw_multi_per_s"]
    figures["vs_raw_multi"] = figures["copied_per_s"] / figures["raw_set_per_s"]
    figures["vs_kazoo_single"] = figures["copied_per_s"] / figures["kazoo_per_s"]
    figures["lag_ratio"] = figures["lag_p95_ms"] / figures["ack_p95_ms"]
    harness.report("sync", figures, flags.json)


if __name__ == "__main__":
    main()
