"""How fast another master takes over: ``python -m benchmarks.failover``.

A real ZooKeeper ensemble of three nodes, three real masters with their default settings, thousands
of simulated agents with ten tasks each. The leader is ended with ``kill -9``, several times.
Printed are the medians, and the worst case, of

``leader_s``            from the kill to the moment another master serves; most of it is the time
                        ZooKeeper waits for the dead one (``--zk-session-timeout-s``)
``reregistered_s``      from the kill until every agent is registered again with all its tasks
``registering_s``       the latter's part after the new leader serves
``stub_registering_s``  the baseline: the same registrations taken by a stub of the same HTTP and
                        WebSocket stack that decides nothing and keeps nothing
``ratio_to_stub``       stub_registering_s / registering_s
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import uvloop
from tests.support import zookeeper

from benchmarks import harness
from benchmarks.simulated.returning import ReturningFleet
from benchmarks.simulated.stub import Recording
from orchestrator.mesos.types import FrameworkID, FrameworkInfo
from orchestrator.zookeeper.leader import follow
from orchestrator.zookeeper.uri import parse

MASTERS = 3
TASKS_AN_AGENT = 10
ZOOKEEPER_TICK_MS = 500
_POLL_S = 0.02
_PATIENCE_S = 120.0
_FRAMEWORK = FrameworkInfo(
    user="root", name="load", id=FrameworkID(value="load-0000"), failover_timeout=3600.0
)


class Master:
    """One master process."""

    def __init__(self, uri: str, log: Path) -> None:
        self.port = harness.free_port()
        self._uri = uri
        self._log = log
        self.start()

    def start(self) -> None:
        """Start it, again after it was killed."""
        command = ("-m", "orchestrator.cli.main", "master", "--port", str(self.port))
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, "--zk", self._uri], stdout=log, stderr=log
            )

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.wait()

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask; status 0 when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with suppress(OSError):
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()
        return 0, b""

    def leads(self) -> bool:
        """Whether it serves: a standby redirects, one that still recovers refuses."""
        return self.get("/flags")[0] == 200

    def running_tasks(self) -> int:
        """How many tasks it knows to run."""
        return int(json.loads(self.get("/metrics/snapshot")[1])["master/tasks_running"])


class Masters:
    """All of them."""

    def __init__(self, uri: str, directory: Path) -> None:
        self.all = [Master(uri, directory / f"master{number}.log") for number in range(MASTERS)]

    async def leader(self) -> Master:
        """Wait for one that leads."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for master in self.all:
                if await asyncio.to_thread(master.leads):
                    return master
            await asyncio.sleep(_POLL_S)
        raise SystemExit("nobody leads")

    def stop(self) -> None:
        """End them."""
        for master in self.all:
            master.kill()


@contextmanager
def _cluster() -> Iterator[tuple[Masters, str, Path]]:
    if reason := zookeeper.missing():
        raise SystemExit(f"this benchmark needs ZooKeeper: {reason}")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ensemble = stack.enter_context(zookeeper.ensemble(3, tick_ms=ZOOKEEPER_TICK_MS))
        ensemble.start()
        uri = ensemble.uri("/mesos")
        masters = Masters(uri, directory)
        stack.callback(masters.stop)
        yield masters, uri, directory


async def run(agents: int, kills: int) -> dict[str, float]:
    """Measure everything; return the figures."""
    with _cluster() as (masters, uri, directory):
        fleet = ReturningFleet(agents)
        following = asyncio.create_task(follow(parse(uri), fleet.follow))
        try:
            leader = await _prepare(masters, fleet)
            leader_s, reregistered_s = [], []
            for number in range(kills):
                led, returned, leader = await _fail_over(masters, leader, fleet)
                leader_s.append(led)
                reregistered_s.append(returned)
                harness.say(f"kill {number + 1}: leader {led:.2f} s, all back {returned:.2f} s")
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        if fleet.kills:
            raise SystemExit(f"{len(fleet.kills)} tasks were to be killed: {fleet.kills[:5]}")
        masters.stop()
        stub_s = [await _stub_round(fleet, directory) for _ in range(kills)]
        await fleet.close()
    registering_s = [all_ - led for all_, led in zip(reregistered_s, leader_s, strict=True)]
    return {
        "leader_s": harness.median(leader_s),
        "leader_worst_s": max(leader_s),
        "reregistered_s": harness.median(reregistered_s),
        "reregistered_worst_s": max(reregistered_s),
        "registering_s": harness.median(registering_s),
        "stub_registering_s": harness.median(stub_s),
        "ratio_to_stub": harness.median(stub_s) / harness.median(registering_s),
    }


async def _prepare(masters: Masters, fleet: ReturningFleet) -> Master:
    """Register all agents, first without tasks and then, by a fail-over, with them."""
    leader = await masters.leader()
    await _registered(fleet, len(fleet.agents))
    for agent in fleet.agents:
        agent.run("load", _FRAMEWORK, TASKS_AN_AGENT)
    *_, leader = await _fail_over(masters, leader, fleet)
    harness.say(f"{len(fleet.agents)} agents with {leader.running_tasks()} tasks are registered")
    return leader


async def _fail_over(
    masters: Masters, leader: Master, fleet: ReturningFleet
) -> tuple[float, float, Master]:
    began = time.perf_counter()
    leader.kill()
    following = await masters.leader()
    led_s = time.perf_counter() - began
    await _registered(fleet, len(fleet.agents))
    wanted = len(fleet.agents) * TASKS_AN_AGENT
    while await asyncio.to_thread(following.running_tasks) < wanted:
        await asyncio.sleep(_POLL_S)
        if time.perf_counter() - began > _PATIENCE_S:
            raise SystemExit(f"of {wanted} tasks {following.running_tasks()} are known")
    returned_s = time.perf_counter() - began
    leader.start()
    return led_s, returned_s, following


async def _registered(fleet: ReturningFleet, count: int) -> None:
    """Wait until exactly so many agents are registered."""
    done = asyncio.Event()

    def look() -> None:
        if fleet.registered == count:
            done.set()

    fleet.news = look
    look()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await done.wait()
    except TimeoutError:
        raise SystemExit(f"{fleet.registered} agents are registered, not {count}") from None
    finally:
        fleet.news = lambda: None


async def _stub_round(fleet: ReturningFleet, directory: Path) -> float:
    """Have the fleet register, spread over the same time, with a stub."""
    file = directory / "recording.json"
    file.write_bytes(msgspec.json.encode(Recording(b"", b"", b"", 1)))
    port = harness.free_port()
    command = ("-m", "benchmarks.simulated.stub", str(port), str(file))
    fleet.follow(None)
    await _registered(fleet, 0)  # the end of the former master is noticed
    with harness.server(command, port, directory / "stub.log"):
        began = time.perf_counter()
        fleet.follow(f"http://127.0.0.1:{port}")
        await _registered(fleet, len(fleet.agents))
        return time.perf_counter() - began


def main() -> None:
    """Run it and print the figures."""
    flags = harness.parser("How fast another master takes over.")
    flags.add_argument("--agents", type=int, default=5000, help="simulated agents")
    flags.add_argument("--kills", type=int, default=5, help="how often the leader is killed")
    arguments = flags.parse_args()
    if arguments.quick:
        arguments.agents, arguments.kills = 200, 2
    harness.allow_many_sockets()
    gc.freeze()
    figures = uvloop.run(run(arguments.agents, arguments.kills))
    harness.report("failover", figures, arguments.json)


if __name__ == "__main__":
    main()
