"""An agent under load whose agent, supervisor and Engine are killed at random instants.

One framework, which speaks the protocol only, keeps commands, runc containers and Docker containers
running, ends some, and lets others end by themselves. ``strike`` kills something with -9 and starts
it again where nobody else does. ``verdicts`` then holds every task ever launched against what was
reported of it and what is there of it on this machine; ``leftovers`` are what was not cleared away.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.conformance.cluster import Cluster, Server
from tests.conformance.raw_framework import Offer, RawFramework
from tests.conformance.raw_http import Json
from tests.support.docker_engine import IMAGE, DockerEngine

TERMINAL = frozenset(
    {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_ERROR", "TASK_DROPPED"}
)
NATIVE_IMAGE = "tiny:1"
MAX_LIVE = 20
COMMANDS = (
    "sleep 1000",
    "sleep 1000",
    "sleep 2",
    "exit 3",
    "for i in $(seq 200); do echo $i; done",
)
SETTLE_S = 90.0


class FaultDriver:
    """Drives the one agent of a cluster, from a seed."""

    def __init__(
        self, cluster: Cluster, framework: RawFramework, engine: DockerEngine, seed: int
    ) -> None:
        self.cluster = cluster
        self.framework = framework
        self.engine = engine
        self.random = random.Random(seed)
        self.launched: dict[str, str] = {}  # task: kind
        self.strikes: Counter[str] = Counter()
        self.is_loading = True
        self.pause_s = 2.0  # at most, between two strikes

    @property
    def agent(self) -> Server:
        """The one under fire."""
        return self.cluster.agents[0]

    # --- load ----------------------------------------------------------------------------------

    async def load(self) -> None:
        """Launch and kill as long as ``is_loading``."""
        while self.is_loading:
            live = self.live()
            if len(live) < MAX_LIVE and (offers := self.framework.offers()):
                await self._launch(offers[-1], MAX_LIVE - len(live))
            elif live and self.random.random() < 0.3:
                await self.framework.kill(self.random.choice(sorted(live)))
            await asyncio.sleep(0.05)

    def live(self) -> set[str]:
        """The tasks that have no end yet, as far as the framework was told."""
        return {task for task in self.launched if self.end_of(task) is None}

    def end_of(self, task: str) -> str | None:
        """The terminal state that was reported of a task."""
        return next((state for state in self.framework.states(task) if state in TERMINAL), None)

    async def _launch(self, offer: Offer, most: int) -> None:
        tasks = []
        for _ in range(min(most, self.random.randint(1, 4))):
            kind = self.random.choice(["command", "command", "runc", "docker"])
            command = self.random.choice(COMMANDS)
            task = self.framework.task(offer, command, **_container(kind))
            self.launched[task["task_id"]["value"]] = kind
            tasks.append(task)
        await self.framework.launch(offer, tasks)

    # --- faults --------------------------------------------------------------------------------

    async def strike(self) -> None:
        """Kill one of the three with -9 after a random while."""
        await asyncio.sleep(self.random.uniform(0.0, self.pause_s))
        what = self.random.choice(["agent", "agent", "supervisor", "engine"])
        self.strikes[what] += 1
        match what:
            case "agent":
                self.agent.kill()
                await asyncio.sleep(self.random.uniform(0.0, 0.2))
                self.agent.start()
            case "supervisor":
                for pid in self.supervisors():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            case _:
                self.engine.kill()
                await asyncio.to_thread(self.engine.start)

    def supervisors(self) -> list[int]:
        """The supervisor's process, if it runs."""
        wanted = f"agent.adapters.supervisor\0{self.agent.directory.resolve()}".encode()
        return [pid for pid, line in _command_lines() if wanted in line]

    # --- the end -------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until the agent is registered and of every task life or end is known."""
        await asyncio.to_thread(self.cluster.wait_until_registered, SETTLE_S)
        await self.framework.reconcile()
        await self.framework.wait_for(lambda: not self._undecided(), SETTLE_S)

    async def end_all(self) -> None:
        """Kill what still runs, and wait for all ends."""
        for task in sorted(self.live()):
            await self.framework.kill(task)
        await self.framework.wait_for(lambda: not self.live(), SETTLE_S)

    def _undecided(self) -> list[str]:
        """Tasks that were launched and of which neither life nor end was reported."""
        early: tuple[list[str], ...] = ([], ["TASK_STAGING"], ["TASK_STARTING"])
        return [task for task in self.launched if self.framework.states(task)[-1:] in early]

    def verdicts(self) -> list[str]:
        """What is wrong with a task, in a sentence each; empty when all is well."""
        running = Counter(_tasks_running(self.framework.id))
        judged = (self._verdict(task, running[task]) for task in self.launched)
        return [problem for problem in judged if problem]

    def _verdict(self, task: str, leaders: int) -> str | None:
        ends = {
            status["uuid"]: status["state"]
            for status in self.framework.statuses(task)
            if status["state"] in TERMINAL and "uuid" in status
        }
        kind, end = self.launched[task], self.end_of(task)
        if len(ends) > 1:
            return f"{task} ({kind}) ended {len(ends)} times: {sorted(ends.values())}"
        if end is None and leaders != 1:
            return f"{task} ({kind}) is reported running and has {leaders} first processes"
        if end is not None and leaders:
            return f"{task} ({kind}) is reported {end} and still runs"
        return None

    def leftovers(self) -> list[str]:
        """What of ended containers is still on this machine."""
        ids = {
            status["container_status"]["container_id"]["value"]
            for status in self.framework.statuses()
            if "container_id" in status.get("container_status", {})
        }
        mounts = Path("/proc/self/mountinfo").read_text()
        containers = [one["Names"][0] for one in self.engine.containers()]
        kept = [path.name for path in self.agent.directory.glob("native/containers/*")]
        kept += [path.name for path in self.agent.directory.glob("network/containers/*")]
        found = [f"mount of {id_}" for id_ in ids if id_ in mounts]
        found += [f"cgroup {path}" for path in _cgroups() if path.name in ids]
        found += [f"container {name}" for name in containers if name.startswith("/mesos-")]
        return found + [f"directory {name}" for name in kept if name in ids]


def _container(kind: str) -> Json:
    if kind == "docker":
        docker = {"image": IMAGE, "network": "NONE"}
        return {"container": {"type": "DOCKER", "docker": docker}}
    if kind == "runc":
        image = {"type": "DOCKER", "docker": {"name": NATIVE_IMAGE}}
        return {"container": {"type": "MESOS", "mesos": {"image": image}}}
    return {}


def _tasks_running(framework_id: str) -> Iterator[str]:
    """The framework's tasks, once for each living process that is the first of one."""
    wanted = f"MESOS_FRAMEWORK_ID={framework_id}".encode()
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            environ = (process / "environ").read_bytes() if process.name.isdigit() else b""
            if wanted in environ.split(b"\0") and _is_first(process):
                variables = [part.partition(b"=") for part in environ.split(b"\0")]
                yield next(
                    value for name, _, value in variables if name == b"MESOS_TASK_ID"
                ).decode()


def _is_first(process: Path) -> bool:
    """Whether it leads its session, or is the first of its pid namespace."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    lines = (process / "status").read_text().splitlines()
    pids = next(line for line in lines if line.startswith("NSpid:")).split()[1:]
    if fields[0] == "Z":
        return False
    return pids[-1] == "1" if len(pids) > 1 else fields[3] == process.name


def _command_lines() -> Iterator[tuple[int, bytes]]:
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            yield int(process.name), (process / "cmdline").read_bytes()


def _cgroups() -> Iterator[Path]:
    for directory, _, _ in os.walk("/sys/fs/cgroup"):
        yield Path(directory)
