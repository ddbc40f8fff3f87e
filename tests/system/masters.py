"""Several masters on a real ZooKeeper ensemble, as processes, and those who follow their leader."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.conformance.raw_framework import RawFramework
from tests.conformance.raw_http import Answer, get
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.support.zookeeper import HERE, Ensemble, Place

Json = Any
FAIL_OVER_S = 10.0  # what the scope allows
_COMMAND = (sys.executable, "-m", "orchestrator.cli.main")


class Process:
    """One server; its output is kept."""

    def __init__(
        self, directory: Path, name: str, *arguments: str, prefix: Sequence[str] = ()
    ) -> None:
        self.log = directory / f"{name}.log"
        self._command = [*prefix, *_COMMAND, *arguments]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def last_words(self, count: int = 4_000) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-count:] if self.log.exists() else ""

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), 60)


class Master(Process):
    """One of the masters."""

    def __init__(self, directory: Path, number: int, uri: str, place: Place) -> None:
        self.port = free_port()
        self.host = place.host
        super().__init__(
            directory, f"master{number}", "master", "--host", place.host,
            "--port", str(self.port), "--zk", uri, prefix=place.prefix,
        )  # fmt: skip

    async def ask(self, path: str) -> Answer | None:
        """GET; None when there is no answer."""
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            return await get(self.port, path, self.host)
        return None

    async def leads(self) -> bool:
        """Whether it serves as the leader."""
        answer = await self.ask("/flags")
        return answer is not None and answer.status == 200

    async def redirects(self) -> bool:
        """Whether it sends others to the leader."""
        answer = await self.ask("/state")
        return answer is not None and answer.status == 307

    async def figure(self, name: str) -> float | None:
        """One of /metrics/snapshot."""
        answer = await self.ask("/metrics/snapshot")
        return float(json.loads(answer.body)[f"master/{name}"]) if answer else None


class Masters:
    """All of them, with agents that follow the leader."""

    def __init__(self, directory: Path, ensemble: Ensemble, places: Sequence[Place]) -> None:
        self.directory = directory
        self.uri = ensemble.uri("/mesos")
        self.all = [Master(directory, n, self.uri, place) for n, place in enumerate(places)]
        self.followers: list[Process] = []

    async def start(self) -> None:
        for master in self.all:
            await master.start()

    async def leader(self, timeout_s: float = FAIL_OVER_S) -> Master:
        """Wait for one that leads, and see that no second one does."""

        async def leading() -> list[Master]:
            return [master for master in self.all if await master.leads()]

        found = await eventually(leading, timeout_s, interval_s=0.02)
        assert len(found) == 1, "two masters lead"
        return found[0]

    async def add_agents(self, count: int) -> None:
        """Start real agents; return when they are registered."""
        for number in range(count):
            port, directory = free_port(), self.directory / f"agent{number}"
            ports = f"ports:[{31000 + number * 100}-{31099 + number * 100}]"
            resources = f"cpus:8;mem:4096;disk:4096;{ports}"
            agent = Process(
                self.directory, f"agent{number}", "agent", "--port", str(port),
                "--data-dir", str(directory), "--master", self.uri,
                "--resources", resources, "--docker-socket", "",
            )  # fmt: skip
            self.followers.append(agent)
            await agent.start()
        await self.registered(count)

    async def start_marathon(self) -> str:
        """Start a Marathon that follows the leader; its URL."""
        port = free_port()
        marathon = Process(
            self.directory, "marathon", "marathon", "--port", str(port),
            "--data-dir", str(self.directory / "marathon"), "--master", self.uri,
        )  # fmt: skip
        self.followers.append(marathon)
        await marathon.start()
        return f"http://127.0.0.1:{port}"

    async def registered(self, count: int, timeout_s: float = 60.0) -> None:
        """Wait until so many agents are registered with the leader."""

        async def are_there() -> bool:
            leader = await self.leader()
            return await leader.figure("slaves_active") == count

        try:
            await eventually(are_there, timeout_s, interval_s=0.05)
        except AssertionError as error:
            said = "\n".join(
                f"{p.log.name}: {p.last_words()}" for p in (*self.all, *self.followers)
            )
            raise AssertionError(f"not {count} agents are registered:\n{said}") from error

    async def close(self) -> None:
        """End all servers."""
        for process in (*self.all, *self.followers):
            await process.kill()


@asynccontextmanager
async def masters(
    directory: Path, ensemble: Ensemble, places: Sequence[Place] = (HERE,) * 3
) -> AsyncIterator[Masters]:
    """Masters, one a place, that are gone afterwards."""
    running = Masters(directory, ensemble, places)
    try:
        await running.start()
        yield running
    finally:
        await running.close()


class FollowingFramework:
    """A framework that subscribes with each leader anew, and remembers every status it heard."""

    def __init__(self, cluster: Masters) -> None:
        self._cluster = cluster
        self.raw = RawFramework(0, failover_timeout=3600.0)
        self.heard: dict[str, list[str]] = {}

    async def __aenter__(self) -> FollowingFramework:
        await self.subscribe()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.raw.disconnect()

    async def subscribe(self) -> None:
        """Subscribe with whoever leads."""
        leader = await self._cluster.leader()
        self.raw.host, self.raw.port = leader.host, leader.port
        answer = await self.raw.subscribe()
        assert answer["type"] == "SUBSCRIBED", answer

    async def moved(self) -> None:
        """The leader was killed: the stream ends, and another master takes the framework."""
        await self.raw.wait_for_end()
        await self.move()

    async def move(self) -> None:
        """Leave the stream for one of whoever leads now."""
        self.remember()
        await self.raw.disconnect()
        await eventually(self._try, FAIL_OVER_S * 2, interval_s=0.05)

    async def _try(self) -> bool:
        try:
            await self.subscribe()
        except (OSError, AssertionError, asyncio.IncompleteReadError):
            await self.raw.disconnect()
            return False
        return True

    async def launch(self, agents: int, tasks_an_agent: int, command: str) -> list[str]:
        """Launch tasks on so many agents; return when they run."""
        task_ids: list[str] = []
        for offer in await self.raw.wait_for_offers(agents):
            tasks = [self.raw.task(offer, command) for _ in range(tasks_an_agent)]
            task_ids += await self.raw.launch(offer, tasks)
        await self.raw.wait_for_state("TASK_RUNNING", task_ids)
        return task_ids

    async def reconcile(self, task_ids: Sequence[str]) -> set[str]:
        """Ask for the state of every task; return all states that are answered."""
        before = len(self.raw.statuses())
        await self.raw.reconcile(*((task_id, None) for task_id in task_ids))
        wanted = set(task_ids)

        def answered() -> bool:
            return wanted <= {s["task_id"]["value"] for s in self.raw.statuses()[before:]}

        await self.raw.wait_for(answered)
        return {status["state"] for status in self.raw.statuses()[before:]}

    def remember(self) -> None:
        """Keep what was heard, which the next subscription forgets."""
        for status in self.raw.statuses():
            self.heard.setdefault(status["task_id"]["value"], []).append(status["state"])
        self.raw.events.clear()

    def states(self) -> set[str]:
        """Every state that any task was ever told to be in."""
        return {state for states in self.heard.values() for state in states}
