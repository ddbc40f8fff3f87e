"""A real master and real agents, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.conformance.raw_http import Json
from tests.support import free_port

_COMMAND = (sys.executable, "-m", "orchestrator.cli.main")
_START_S = 120.0
_STOP_S = 60.0


class Server:
    """One server process; its output is kept in ``log``."""

    def __init__(self, kind: str, directory: Path, *flags: str) -> None:
        self.port = free_port()
        self.directory = directory
        self.log = directory / f"{kind}.log"
        directory.mkdir(parents=True, exist_ok=True)
        self._command = [*_COMMAND, kind, "--port", str(self.port), "--data-dir", str(directory)]
        self._command += flags
        self.start()

    def start(self) -> None:
        """Start it, again after it was killed."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def wait_until_healthy(self) -> None:
        """Wait until /health answers."""
        wait_for(self._is_healthy, f"{self.log.name} did not start: {self.log}")

    def _is_healthy(self) -> bool:
        assert self.process.poll() is None, f"ended at once: {self.log.read_text()[-2000:]}"
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return get_status(self.port, "/health") == 200
        return False

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {_STOP_S} s: {self.log}") from None


class Cluster:
    """A master and its agents."""

    def __init__(
        self, directory: Path, agents: int, *master_flags: str, agent_flags: Sequence[str] = ()
    ) -> None:
        self._directory = directory
        self._agent_flags = agent_flags
        self.master = Server("master", directory / "master", *master_flags)
        self.agents: list[Server] = []
        self.master.wait_until_healthy()
        for _ in range(agents):
            self._add_agent()
        self.wait_until_registered()

    @property
    def port(self) -> int:
        """Where the master listens."""
        return self.master.port

    def get(self, path: str) -> Json:
        """What the master answers to a GET, as JSON."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return json.loads(answer.read())

    def wait_until_registered(self, timeout_s: float = _START_S) -> None:
        """Wait until all agents are connected."""
        wait_for(lambda: self._registered() == len(self.agents), "an agent is not there", timeout_s)

    def wait_until_idle(self) -> None:
        """Wait until no framework is subscribed and no task holds resources."""
        wait_for(self._is_idle, "frameworks or tasks of an earlier test stay")

    def _is_idle(self) -> bool:
        agents = self.get("/slaves")["slaves"]
        used = sum(agent["used_resources"]["cpus"] for agent in agents)
        connected = [f for f in self.get("/frameworks")["frameworks"] if f["connected"]]
        return not used and not connected

    def stop(self) -> None:
        """End everything, also what an agent that was killed has left behind."""
        for server in (*self.agents, self.master):
            if server.process.poll() is None:
                server.process.terminate()
        for server in (*self.agents, self.master):
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(_STOP_S)
            if server.process.poll() is None:
                server.kill()
        for pid in self.left_behind():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def left_behind(self) -> list[int]:
        """Processes that were started with a path of this cluster's directory."""
        wanted = str(self._directory).encode()
        servers = {server.process.pid for server in (*self.agents, self.master)}
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [
            pid for pid in pids if pid not in {os.getpid(), *servers} and wanted in _identity(pid)
        ]

    def _add_agent(self) -> None:
        number = len(self.agents)
        first_port = 31000 + 100 * number
        self.agents.append(
            Server(
                "agent",
                self._directory / f"agent{number}",
                "--master",
                f"http://127.0.0.1:{self.port}",
                "--hostname",
                f"agent{number}",
                "--resources",
                f"cpus:8;mem:4096;disk:4096;ports:[{first_port}-{first_port + 99}]",
                "--attributes",
                f"rack:r{number}",
                *self._agent_flags,
            )
        )

    def _registered(self) -> int:
        for agent in self.agents:
            if agent.process.poll() is not None:
                raise AssertionError(f"an agent ended: {agent.log.read_text()[-2000:]}")
        return sum(1 for agent in self.get("/slaves")["slaves"] if agent["active"])


def get_status(port: int, path: str) -> int:
    """The status code of a GET."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        status: int = answer.status
        return status


def wait_for(ask: Callable[[], bool], otherwise: str, timeout_s: float = _START_S) -> None:
    """Ask until the answer is true, outside of any event loop."""
    deadline = time.monotonic() + timeout_s
    while not ask():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def _identity(pid: int) -> bytes:
    with suppress(OSError):
        process = Path(f"/proc/{pid}")
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    return b""
