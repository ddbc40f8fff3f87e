"""A real Docker Engine for tests, on its own socket, directories and bridge.

``with docker_engine() as engine:`` starts Debian's dockerd (with its containerd as a child), makes
``IMAGE`` from a few programs of this machine, as no registry can be reached, and ends all of it by
pid. It needs root. The storage driver is vfs because the machine's root may itself be an overlay.
Networks work without iptables: ports are published by docker-proxy.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support import images

IMAGE = "orchestrator-test:1"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0


class DockerEngineError(Exception):
    """The Engine cannot be had here; says why."""


class DockerEngine:
    """A running Engine; ``socket`` is where it listens."""

    def __init__(self, directory: Path, bridge: str | None) -> None:
        self.directory = directory
        self.socket = directory / "docker.sock"
        self.bridge = bridge
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start dockerd and wait until it answers; also again after ``stop``."""
        log = (self.directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise DockerEngineError(f"dockerd does not start: {self._last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End dockerd, which ends its containers and its containerd."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End dockerd as a crash would: its containers go on, its containerd dies with it.

        The note of containerd's pid is taken away: where nobody reaps the dead, the next dockerd
        would take it for alive.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            (self.directory / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def configure(self, settings: dict[str, Any]) -> None:
        """Change settings that dockerd takes while it runs, and later starts too."""
        (self.directory / "daemon.json").write_text(json.dumps(settings))
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def answers(self) -> bool:
        """Whether the API is there."""
        with suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/_ping")[0] == 200
        return False

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request to the API, by itself and not through the code under test."""
        connection = _Connection(self.socket)
        try:
            connection.request(method, path, body, {"Content-Type": "application/x-tar"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def containers(self) -> list[dict[str, Any]]:
        """All containers, also those that have ended."""
        found: list[dict[str, Any]] = json.loads(self.request("GET", "/containers/json?all=1")[1])
        return found

    def import_image(self, name: str = IMAGE) -> None:
        """Make an image of images.PROGRAMS and what they need."""
        repository, _, tag = name.partition(":")
        path = f"/images/create?fromSrc=-&repo={repository}&tag={tag}"
        status, answer = self.request("POST", path, images.root_file_system())
        if status != 200 or b'"error"' in answer:
            raise DockerEngineError(f"the image cannot be imported: {answer!r}")

    def _command(self) -> list[str]:
        options = {
            "host": f"unix://{self.socket}",
            "data-root": self.directory / "data",
            "exec-root": self.directory / "exec",
            "pidfile": self.directory / "pid",
            "config-file": self.directory / "daemon.json",
            "storage-driver": "vfs",
            "bridge": self.bridge or "none",
            "iptables": "false",
            "ip6tables": "false",
            "ip-forward": "false",
            "shutdown-timeout": "1",
        }
        return ["dockerd", *(f"--{name}={value}" for name, value in options.items())]

    def _last_words(self) -> str:
        lines = (self.directory / "log").read_text(errors="replace").splitlines()
        return " | ".join(lines[-3:])


@contextmanager
def docker_engine() -> Iterator[DockerEngine]:
    """An Engine that has ``IMAGE``. Raises DockerEngineError with the reason when there is none."""
    if shutil.which("dockerd") is None:
        raise DockerEngineError("dockerd is not installed (Debian: docker.io)")
    if os.geteuid() != 0:
        raise DockerEngineError("dockerd needs root")
    directory = Path(tempfile.mkdtemp(prefix="docker-"))
    (directory / "daemon.json").write_text("{}")
    engine = DockerEngine(directory, _add_bridge())
    try:
        engine.start()
        engine.import_image()
        yield engine
    finally:
        engine.stop()
        _remove_bridge(engine.bridge)
        _remove(directory)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


def _add_bridge() -> str | None:
    """A bridge of our own: two Engines on one machine would fight over docker0."""
    if shutil.which("ip") is None:
        return None
    for number in range(1, 250):
        name = f"orch-test{number}"
        if _succeeds("ip", "link", "add", name, "type", "bridge"):
            address = f"10.213.{number}.1/24"
            subprocess.run(["ip", "address", "add", address, "dev", name], check=True)
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
            return name
    return None


def _remove_bridge(name: str | None) -> None:
    if name is not None:
        _succeeds("ip", "link", "delete", name)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _remove(directory: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.startswith(f"{directory}/"):
            _succeeds("umount", "--lazy", mount)
    shutil.rmtree(directory, ignore_errors=True)
