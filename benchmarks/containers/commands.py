"""Commands: the supervisor, with and without cgroups, against bare posix_spawn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import harness
from orchestrator.agent.adapters.isolation import setting
from orchestrator.agent.adapters.isolation.cgroups import Cgroups, open_cgroups
from orchestrator.agent.adapters.isolation.quota import Quota
from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.adapters.supervisor.client import Fact, SupervisorClient

AT_ONCE = 64
PROGRAM = "/bin/true"
_ROUNDS = 5
_TASKS, _FEW_TASKS = 2_000, 200
_REMOVED_AT_ONCE = 32
_TICKS = os.sysconf("SC_CLK_TCK")
_LIMITS = Quota(cpus=0.1, memory_bytes=32 << 20, memory_limit_bytes=32 << 20, pids=64)


class Launches:
    """Keeps ``AT_ONCE`` tasks going until ``wanted`` have ended."""

    def __init__(self, cgroups: Cgroups, sandbox: Path) -> None:
        self.is_connected = asyncio.Event()
        self.client = SupervisorClient(
            sandbox / "supervisor", lambda _: self.is_connected.set(), self._hear
        )
        self._cgroups = cgroups
        self._sandbox = str(sandbox)
        self._launched = self._ended = self._wanted = 0
        self._to_remove: list[str] = []
        self._done = asyncio.Event()

    async def run(self, wanted: int) -> float:
        """Return tasks per second, from the first order to the last exit."""
        self._wanted += wanted
        self._done.clear()
        began = time.perf_counter()
        for _ in range(min(AT_ONCE, wanted)):
            self._launch()
        await self._done.wait()
        return wanted / (time.perf_counter() - began)

    def _hear(self, fact: Fact) -> None:
        if not isinstance(fact, wire.Exited):
            return
        if fact.code != 0:
            raise SystemExit(f"a task failed: {fact}")
        self._ended += 1
        self._clear_away(fact.container_id)
        if self._launched < self._wanted:
            self._launch()
        elif self._ended == self._wanted:
            self._done.set()

    def _launch(self) -> None:
        self._launched += 1
        name = f"task-{self._launched}"
        place = self._cgroups.create(name, _LIMITS)
        request = wire.Launch(name, [PROGRAM], {}, self._sandbox)
        self.client.send(request._replace(enters=place.enters, roster=place.roster))

    def _clear_away(self, name: str) -> None:
        self.client.send(wire.Forget(name))
        self._to_remove.append(name)
        if len(self._to_remove) >= _REMOVED_AT_ONCE or self._ended == self._wanted:
            self._cgroups.remove(self._to_remove)
            self._to_remove.clear()


@asynccontextmanager
async def _launching(directory: Path, isolation: str) -> AsyncIterator[Launches]:
    cgroups = open_cgroups(setting.parse(isolation), "orchestrator-benchmark", directory)
    launches = Launches(cgroups, directory)
    connection = asyncio.create_task(launches.client.run())
    try:
        await launches.is_connected.wait()
        yield launches
        launches.client.send(wire.Shutdown())
    finally:
        connection.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connection
        cgroups.close()


def bare_per_s(wanted: int) -> float:
    """Start and wait for the same program, as many at a time, and nothing else."""
    running: set[int] = set()
    began = time.perf_counter()
    for _ in range(wanted):
        if len(running) == AT_ONCE:
            running.remove(os.wait()[0])
        running.add(os.posix_spawn(PROGRAM, [PROGRAM], {}, setsid=True))
    while running:
        running.remove(os.wait()[0])
    return wanted / (time.perf_counter() - began)


def _processor_s(directory: Path) -> float:
    """Used so far by this process, and by the supervisor of the directory with all its tasks."""
    name = str(directory / "supervisor").encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and name in (entry / "cmdline").read_bytes().split(b"\0"):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                return sum(map(int, fields[11:15])) / _TICKS + time.process_time()
    raise SystemExit("there is no supervisor")


async def figures(*, is_quick: bool) -> dict[str, float]:
    """Those of commands; the kinds alternate in every round."""
    rounds, tasks = (1, _FEW_TASKS) if is_quick else (_ROUNDS, _TASKS)
    isolated, plain, bare, spent_ms = [], [], [], []
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        async with (
            _launching(Path(one), "cgroups/all") as in_cgroups,
            _launching(Path(other), "posix/cpu") as without,
        ):
            for round_ in range(rounds):
                before = _processor_s(Path(one))
                isolated.append(await in_cgroups.run(tasks))
                spent_ms.append((_processor_s(Path(one)) - before) / tasks * 1e3)
                plain.append(await without.run(tasks))
                bare.append(await asyncio.to_thread(bare_per_s, tasks))
                harness.say(f"round {round_ + 1}: {isolated[-1]:.0f} commands/s")
    return {
        "processes_per_s": harness.median(isolated),
        "process_cpu_ms": harness.median(spent_ms),
        "without_cgroups_per_s": harness.median(plain),
        "bare_per_s": harness.median(bare),
        "ratio_to_bare": harness.median([a / b for a, b in zip(isolated, bare, strict=True)]),
    }
