"""How quick our ZooKeeper client is: ``python -m benchmarks.zk_client`` (needs ZooKeeper's jars).

One server, values of 100 bytes, requests pipelined; medians of rounds in which our client and kazoo
take turns. Processor time is this process's, not the server's.

``set_per_s``, ``set_us``            writes in a second, and processor time of each
``kazoo_set_per_s``, ``_us``         the baseline: the same by kazoo's asynchronous calls
``set_speedup``                      ours a second, by kazoo's
``multi_per_s``, ``multi_us``        writes in multis of 100, counted one by one
``kazoo_multi_per_s``, ``_us``       the same by kazoo's transactions
``multi_speedup``                    ours a second, by kazoo's
``read_per_s``, ``read_us``          reads in multiReads of 100, which kazoo does not know
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from kazoo.client import KazooClient
from tests.support import zookeeper

from benchmarks import harness
from orchestrator.zookeeper.client import Client, ClientSettings
from orchestrator.zookeeper.jute.multi import Multi, MultiRead
from orchestrator.zookeeper.jute.requests import Create, GetData, Request, SetData

_VALUE = b"x" * 100
_NODES = 100
_PER_MULTI = 100
_SETS = Multi(tuple([SetData(f"/{number}", _VALUE) for number in range(_PER_MULTI)]))
_READS = MultiRead(tuple([GetData(f"/{number}") for number in range(_PER_MULTI)]))

Round = Callable[[int], Awaitable[None]]


class Ours:
    """The rounds of our client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def fill(self) -> None:
        """Create what is written and read."""
        for number in range(_NODES):
            await self._client.call(Create(f"/{number}", _VALUE))

    async def set(self, count: int) -> None:
        """Single writes."""
        await self._pipeline([SetData(f"/{n % _NODES}", _VALUE) for n in range(count)])

    async def multi(self, count: int) -> None:
        """Writes in multis."""
        await self._pipeline([_SETS] * (count // _PER_MULTI))

    async def read(self, count: int) -> None:
        """Reads in multiReads."""
        await self._pipeline([_READS] * (count // _PER_MULTI))

    async def _pipeline(self, requests: list[Request[object]]) -> None:
        futures = []
        for request in requests:
            await self._client.room()
            futures.append(self._client.submit(request))
        for future in futures:
            await future


class Kazoos:
    """The rounds of kazoo."""

    def __init__(self, client: KazooClient) -> None:
        self._client = client

    async def set(self, count: int) -> None:
        """Single writes."""
        await asyncio.to_thread(self._set, count)

    async def multi(self, count: int) -> None:
        """Writes in transactions."""
        await asyncio.to_thread(self._multi, count)

    def _set(self, count: int) -> None:
        answers = [self._client.set_async(f"/{n % _NODES}", _VALUE) for n in range(count)]
        for answer in answers:
            answer.get()

    def _multi(self, count: int) -> None:
        answers = []
        for _ in range(count // _PER_MULTI):
            transaction = self._client.transaction()
            for number in range(_PER_MULTI):
                transaction.set_data(f"/{number}", _VALUE)
            answers.append(transaction.commit_async())
        for answer in answers:
            answer.get()


async def _measured(work: Round, count: int) -> tuple[float, float]:
    """Operations in a second, and the processor time of each in us."""
    began, used = time.perf_counter(), _cpu_s()
    await work(count)
    return count / (time.perf_counter() - began), (_cpu_s() - used) / count * 1e6


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _rounds(ours: Ours, kazoos: Kazoos, rounds: int, count: int) -> harness.Figures:
    works: list[tuple[str, Round, int]] = [
        ("set", ours.set, count),
        ("kazoo_set", kazoos.set, count // 4),
        ("multi", ours.multi, count * 5),
        ("kazoo_multi", kazoos.multi, count),
        ("read", ours.read, count * 5),
    ]
    seen: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, work, operations in works:
            per_s, each_us = await _measured(work, operations)
            if number:  # the first warms the server up
                seen[f"{name}_per_s"].append(per_s)
                seen[f"{name}_us"].append(each_us)
    figures = {name: harness.median(values) for name, values in seen.items()}
    for name in ("set", "multi"):
        figures[f"{name}_speedup"] = figures[f"{name}_per_s"] / figures[f"kazoo_{name}_per_s"]
    return figures


async def _compare(node: zookeeper.Node, quick: bool) -> harness.Figures:
    kazoo = KazooClient(node.address)
    await asyncio.to_thread(kazoo.start)
    try:
        async with Client(ClientSettings(((node.host, node.port),))) as client:
            await client.connected(60)
            ours = Ours(client)
            await ours.fill()
            rounds, count = (1, 1_000) if quick else (5, 20_000)
            return await _rounds(ours, Kazoos(kazoo), rounds, count)
    finally:
        await asyncio.to_thread(kazoo.stop)
        await asyncio.to_thread(kazoo.close)


def main() -> None:
    """Measure and report."""
    flags = harness.parser("Our ZooKeeper client beside kazoo.").parse_args()
    with zookeeper.ensemble(1) as alone:
        alone.start()
        figures = asyncio.run(_compare(alone.nodes[0], flags.quick))
    harness.report("zk_client", figures, flags.json)


if __name__ == "__main__":
    main()
