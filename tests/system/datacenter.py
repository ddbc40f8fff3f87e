"""`orchestrator up` as its users run it: a process, a data directory and three ports."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.ports import free_ports
from tests.support.waiting import eventually

Json = Any
MOST_AGENTS = 3


class Datacenter:
    """One platform on one data directory, started and ended any number of times."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data_dir = directory / "data"
        self.log = directory / "log"
        first = free_ports(MOST_AGENTS + 2)
        self.master_port, self.marathon_port, self.agent_port = first, first + 1, first + 2
        self.marathon_url = f"http://127.0.0.1:{self.marathon_port}"
        self.master_url = f"http://127.0.0.1:{self.master_port}"
        self._environment = dict(os.environ) | dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None
        self.http = aiohttp.ClientSession()

    # --- the platform ----------------------------------------------------------------------------

    async def up(self, *flags: str) -> None:
        """Start the platform; return when Marathon answers."""
        arguments = ["up", "--data-dir", str(self.data_dir), "--app-port", "0", *flags]
        for name in ("master", "agent", "marathon"):
            arguments += [f"--{name}-port", str(getattr(self, f"{name}_port"))]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "orchestrator.cli.main", *arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
            )  # fmt: skip
        await eventually(self._is_up)

    async def _is_up(self) -> bool:
        assert self._process is not None and self._process.returncode is None, self.log.read_text()
        try:
            async with self.http.get(f"{self.marathon_url}/v2/info") as response:
                return response.status == 200 and bool((await response.json())["frameworkId"])
        except aiohttp.ClientError:
            return False

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal the platform and wait for its end; return its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), 60)

    def supervisor_pids(self) -> list[int]:
        """The processes that hold the tasks: they outlive the platform."""
        return [
            pid for pid, words in _processes()
            if any("supervisor" in word for word in words[:4])
            and any(str(self.data_dir) in word for word in words)
        ]  # fmt: skip

    async def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.returncode is None:
            await self.end(signal.SIGKILL)
        for pid in [*self.supervisor_pids(), *self.task_pids()]:
            _kill(pid)
        await self.http.close()

    # --- Marathon --------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: Json = None) -> Json:
        """Call Marathon; return the JSON answer. Raises aiohttp.ClientResponseError."""
        url = self.marathon_url + path
        async with self.http.request(method, url, json=body) as response:
            answer = await response.read()
            assert response.status < 400, f"{method} {path}: {response.status} {answer.decode()}"
            return await response.json(content_type=None) if answer else None

    async def tasks(self, app: str) -> list[Json]:
        """The tasks of an app that run."""
        found = await self.call("GET", f"/v2/apps/{app}/tasks")
        return [task for task in found["tasks"] if task["state"] == "TASK_RUNNING"]

    async def running(self, app: str, count: int, timeout_s: float = 60) -> list[Json]:
        """Wait until exactly so many tasks run and no deployment does; return them."""

        async def is_so() -> list[Json] | None:
            tasks = await self.tasks(app)
            settled = not await self.call("GET", "/v2/deployments")
            return tasks if len(tasks) == count and settled else None

        return await eventually(is_so, timeout_s)

    # --- processes -------------------------------------------------------------------------------

    def task_pids(self, marker: str = "") -> list[int]:
        """The leaders of the tasks of this platform, found by where they were started."""
        return [
            pid for pid, _ in _processes()
            if str(self.data_dir) in _working_directory(pid) and marker in _environment(pid)
            and os.getsid(pid) == pid
        ]  # fmt: skip


def _processes() -> list[tuple[int, list[str]]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            found.append((int(entry.name), words))
    return found


def _working_directory(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def _environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def datacenter(
    directory: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Datacenter]:
    """A datacenter that is gone afterwards, whatever happened."""
    platform = Datacenter(directory, environment)
    try:
        yield platform
    finally:
        await platform.close()
