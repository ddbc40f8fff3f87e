"""Several Marathons, a master and agents as processes, and a ZooKeeper ensemble of their own."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.support.zookeeper import Ensemble
from tests.system.masters import Process

Json = Any
TAKE_OVER_S = 60.0
_SESSION_TIMEOUT_S = "1"


class Marathon(Process):
    """One of the Marathons."""

    def __init__(self, directory: Path, number: int, *arguments: str) -> None:
        self.port = free_port()
        super().__init__(
            directory, f"marathon{number}", "marathon", "--port", str(self.port), *arguments
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Cluster:
    """All of them; any Marathon is asked, as they pass requests on."""

    def __init__(self, directory: Path, ensemble: Ensemble, marathons: int, agents: int) -> None:
        self.directory = directory
        master_port = free_port()
        master_url = f"http://127.0.0.1:{master_port}"
        self._master = Process(
            directory, "master", "master", "--port", str(master_port),
            "--data-dir", str(directory / "master"),
        )  # fmt: skip
        self._agents = [self._agent(number, master_url) for number in range(agents)]
        self.marathons = [
            Marathon(
                directory, number, "--master", master_url, "--zk", ensemble.uri("/marathon"),
                "--zk-session-timeout-s", _SESSION_TIMEOUT_S,
                "--master-encoding", ("json", "protobuf")[number % 2],
            )
            for number in range(marathons)
        ]  # fmt: skip
        self.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3))

    def _agent(self, number: int, master_url: str) -> Process:
        ports = f"ports:[{31000 + number * 500}-{31499 + number * 500}]"
        return Process(
            self.directory, f"agent{number}", "agent", "--port", str(free_port()),
            "--data-dir", str(self.directory / f"agent{number}"), "--master", master_url,
            "--resources", f"cpus:64;mem:65536;disk:65536;{ports}", "--docker-socket", "",
        )  # fmt: skip

    async def start(self) -> None:
        for process in (self._master, *self._agents, *self.marathons):
            await process.start()
        await eventually(self.leader, TAKE_OVER_S)

    async def close(self) -> None:
        """End all servers and tasks."""
        for process in (*self.marathons, *self._agents, self._master):
            await process.kill()
        for pid in _pids_below(self.directory):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self.http.close()

    async def leader(self) -> Marathon | None:
        """The Marathon that says of itself that it leads."""
        for marathon in self.marathons:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.http.get(f"{marathon.url}/metrics") as answer:
                    if "marathon_elected 1.0" in await answer.text():
                        return marathon
        return None

    async def kill_leader(self) -> None:
        """``kill -9`` for who leads; return when another does; the killed one comes back."""
        leader = await eventually(self.leader, TAKE_OVER_S)
        await leader.kill()
        await eventually(self.leader, TAKE_OVER_S)
        await leader.start()

    async def call(self, method: str, path: str, body: Json = None) -> Json:
        """Ask any Marathon until one answers."""

        async def answered() -> tuple[int, str] | None:
            for marathon in self.marathons:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with self.http.request(method, marathon.url + path, json=body) as answer:
                        text = await answer.text()
                        assert answer.status < 500, text
                        return answer.status, text
            return None

        status, text = await eventually(answered, TAKE_OVER_S)
        assert status < 400, f"{method} {path}: {status} {text}"
        return json.loads(text)

    async def passed_on_by(self, marathon: Marathon) -> Json:
        """The tasks as one Marathon says them, if it asks another for them."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.http.get(f"{marathon.url}/v2/tasks") as answer:
                is_passed_on = "X-Marathon-Via" in answer.headers and answer.status == 200
                return await answer.json() if is_passed_on else None
        return None

    async def settled(self, timeout_s: float) -> None:
        """Wait until no deployment is left."""

        async def is_so() -> bool:
            return bool(await self.call("GET", "/v2/deployments") == [])

        await eventually(is_so, timeout_s)

    async def running(self, app: str) -> dict[str, str]:
        """The tasks of an app that Marathon says run, with their app's version."""
        tasks = (await self.call("GET", f"/v2/apps{app}/tasks"))["tasks"]
        return {task["id"]: task["version"] for task in tasks if task["state"] == "TASK_RUNNING"}

    def processes(self) -> Counter[str]:
        """How many first processes each task has on this machine."""
        return Counter(task for task in map(_task_of, _pids_below(self.directory)) if task)


@asynccontextmanager
async def cluster(
    directory: Path, ensemble: Ensemble, marathons: int = 3, agents: int = 2
) -> AsyncIterator[Cluster]:
    """A cluster that is gone afterwards."""
    running = Cluster(directory, ensemble, marathons, agents)
    try:
        await running.start()
        yield running
    finally:
        await running.close()


def launches(directory: Path) -> Counter[str]:
    """How often each task was started, as the tasks themselves wrote it down."""
    files = (directory / "starts").glob("*")
    return Counter({file.name: len(file.read_text().splitlines()) for file in files})


def _pids_below(directory: Path) -> Iterator[int]:
    needle = str(directory).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if needle in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes():
                    yield int(entry.name)


def _task_of(pid: int) -> str | None:
    """The task that a process is the first of."""
    with suppress(OSError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] == "Z" or os.getsid(pid) != pid:
            return None
        for part in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if part.startswith(b"MESOS_TASK_ID="):
                return part.partition(b"=")[2].decode()
    return None
