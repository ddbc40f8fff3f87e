"""Hours of a datacenter whose containers come and go: what is kept of it does not grow."""

from __future__ import annotations

import gc
import random
import sys
from pathlib import Path

import pytest
from tests.unit.monitoring.reports import report

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.history.ring import Ring
from orchestrator.monitoring.app.history.topology import TopologyLog
from orchestrator.monitoring.app.intake import Intake
from orchestrator.monitoring.app.roster import Roster
from orchestrator.monitoring.app.watching import Watching
from orchestrator.monitoring.render import query as queries
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.views import VIEWS
from orchestrator.monitoring.report import Connection, Limits, Node, Report, codec

STEP_S = 15.0
HOSTS = 4
_WARM_UP = 300  # rounds: more than an hour, after which series are given up


class Datacenter:
    """Probes that report at their times, and an app's memory that takes it in; no clock runs."""

    def __init__(self, directory: Path) -> None:
        self.picture = Picture()
        self._counts = Counts()
        self._intake = Intake(self.picture, Roster(100), self._counts, Limits(), 10_000)
        self._ring, self._log = Ring(10_000), TopologyLog(directory)
        self._watching = Watching(self.picture, self._counts, 10)
        self._intake.measure.append(self._ring.put)
        self._intake.remember.append(self._log.report)
        self._directory = directory
        self._random = random.Random(7)
        self._round = 0
        self._watchers = [
            self._watching.watch(VIEWS[name], queries.parse(text), 0.0)[1]
            for name, text in (("containers", ""), ("processes", "cpu > 4%"), ("hosts", ""))
        ]

    async def play(self, rounds: int) -> None:
        """So many times 15 s."""
        for _ in range(rounds):
            self._round += 1
            now = 1_000_000.0 + self._round * STEP_S
            for host in range(HOSTS):
                data = codec.encode(self._said(f"host{host}", now))
                self._intake.take(data, codec.MSGPACK, "", now)
            self._watching.tick(now)
            for watcher in self._watchers:
                while watcher.has_next:
                    await watcher.next()
            self._log.flush(now)
            for file in list(self._directory.iterdir())[:-2]:
                file.unlink()
        self._ring.take_changed_blocks()
        for slot in self._ring.dirty_slots(2**40):
            self._ring.clean_slot(slot)

    def close(self) -> None:
        """Write no more."""
        self._log.close()

    def _said(self, host: str, now: float) -> Report:
        """Each container lives for ten rounds, under a name that was never there before."""
        draw = self._random.random
        ids = [f"{host}-{n}-{(self._round + n) // 10}" for n in range(5)]
        containers = [
            Node(id=id, label=f"web{n}", latest={"state": "running"}, parents={"host": [host]},
                 metrics={"cpu_percent": draw() * 9})
            for n, id in enumerate(ids)
        ]  # fmt: skip
        processes = [
            Node(id=f"{host};{id}", label="nginx", parents={"host": [host], "container": [id]},
                 metrics={"cpu_percent": draw() * 9})
            for id in ids
        ]  # fmt: skip
        connections = [
            Connection(source=f"10.0.0.1;{1000 + n}", target=f";8.8.{n}.{self._round % 250};443",
                       source_process=f"{host};{id}", bytes_sent=self._round)
            for n, id in enumerate(ids)
        ]  # fmt: skip
        nodes = {"host": [Node(id=host)], "container": containers, "process": processes}
        return report(host, self._round, taken_at=now, nodes=nodes, connections=connections)


def _used_blocks() -> int:
    """Of Python's own memory: nothing that grows does without."""
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize(
    "rounds",
    [_WARM_UP, pytest.param(40_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
)
async def test_the_memory_of_an_app_stays_flat(tmp_path: Path, rounds: int) -> None:
    datacenter = Datacenter(tmp_path)
    outside = _used_blocks()
    await datacenter.play(_WARM_UP)
    before = _used_blocks() - outside
    await datacenter.play(rounds)
    grown = _used_blocks() - outside - before
    datacenter.close()
    assert len(datacenter.picture.nodes("container")) == HOSTS * 5
    assert grown < 0.1 * before, f"{before} blocks grew by {grown}"
