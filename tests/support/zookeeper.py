"""A real ZooKeeper ensemble of Debian's package: small, fast and gone afterwards.

Ticks are short, so that sessions may be, and nothing is forced to disk: a test that kills a node
kills a process and not a machine. Every node is a process of ours and is stopped by its pid.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.support.ports import free_ports

TICK_MS = 250
HEAP_MB = 256
"""Of each server's Java; what holds a million nodes needs more."""
_JARS = Path("/usr/share/java")
_OTHERS = Path("/usr/local/share/zookeeper-tests")
"""Releases of other Debians, which ``install-zookeeper`` puts there."""
_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
_START_S = 120.0


def missing(release: str = "") -> str | None:
    """Why there can be no ensemble here, of this Debian's release or of "3.4" or "3.9"; None if
    there can."""
    if shutil.which("java") is None:
        return "there is no java"
    if not (_JARS / "zookeeper.jar").exists():
        return "Debian's package zookeeper is not installed"
    if not (_OTHERS / release).exists():
        return f"ZooKeeper {release} is not installed (tests/support/install-zookeeper)"
    return None


class Place(NamedTuple):
    """An address, and the command that runs others where it is."""

    host: str
    prefix: tuple[str, ...] = ()


HERE = Place("127.0.0.1")


def with_clock(ahead_s: int) -> Place:
    """Here, with a clock that is wrong; what only measures how long things take is right."""
    library = f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketime.so.1"
    clock = (f"LD_PRELOAD={library}", f"FAKETIME={ahead_s:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    return Place(HERE.host, ("env", *clock))


class Node:
    """One server of an ensemble."""

    def __init__(
        self,
        number: int,
        host: str,
        port: int,
        directory: Path,
        prefix: Sequence[str],
        properties: Sequence[str] = (),
        release: str = "",
    ) -> None:
        self.number = number
        self._release = release
        self._prefix = prefix
        self._properties = properties
        self.host = host
        self.port = port
        self.quorum_port = 0
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        """Start it, again after it was killed."""
        command = [
            *self._prefix, "java", "-Xms32m", f"-Xmx{HEAP_MB}m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no",
            "-Dzookeeper.admin.enableServer=false", "-Dzookeeper.commitLogCount=50",
            "-Dzookeeper.jmx.log4j.disable=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            *[f"-D{each}" for each in self._properties],
            "-cp", _class_path(self._release), _MAIN,
            str(self.directory / "zoo.cfg"),
        ]  # fmt: skip
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def role(self) -> str | None:
        """ "leader", "follower" or "standalone"; None if it does not serve."""
        with suppress(OSError), socket.create_connection((self.host, self.port), 1) as connection:
            connection.sendall(b"srvr")
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
            for line in answer.decode().splitlines():
                if line.startswith("Mode: "):
                    return line.removeprefix("Mode: ")
        return None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal (SIGSTOP, SIGCONT)."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
                self.process.kill()
            self.process.wait()
            self.process = None


class Ensemble:
    """All its nodes."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    def uri(self, path: str) -> str:
        """Where it is, as a setting."""
        return f"zk://{','.join(node.address for node in self.nodes)}{path}"

    def start(self) -> None:
        """Start all nodes; return when they serve."""
        for node in self.nodes:
            node.start()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Return when all nodes serve."""
        deadline = time.monotonic() + _START_S
        while not all(node.role() for node in self.nodes):
            if time.monotonic() > deadline:
                logs = "\n".join((node.directory / "log").read_text() for node in self.nodes)
                raise AssertionError(f"ZooKeeper does not start:\n{logs[-3000:]}")
            time.sleep(0.05)

    def leader(self) -> Node:
        """The node that leads the ensemble."""
        return next(node for node in self.nodes if node.role() in ("leader", "standalone"))


@contextmanager
def ensemble(
    size: int = 3,
    tick_ms: int = TICK_MS,
    places: Sequence[Place] | None = None,
    lines: Sequence[str] = (),
    properties: Sequence[str] = (),
    *,
    quorum: bool = False,
    within: Path | None = None,
    release: str = "",
) -> Iterator[Ensemble]:
    """Nodes that are configured; ``start()`` starts them. ``places`` are where, else here;
    ``lines`` are more of the configuration, ``properties`` of Java's. With ``quorum``, a single
    node is an ensemble too, with a quorum port. ``within`` is where their data is, else it is
    among temporary files. ``release`` as of ``missing``."""
    directory = Path(tempfile.mkdtemp(prefix="zookeeper-", dir=within))
    nodes = [
        _node(directory, number, place, properties, release)
        for number, place in enumerate(places or [HERE] * size, start=1)
    ]
    _configure(nodes, tick_ms, lines, quorum=quorum or len(nodes) > 1)
    try:
        yield Ensemble(nodes)
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(directory, ignore_errors=True)


def _class_path(release: str) -> str:
    others = sorted((_OTHERS / release).glob("*.jar")) if release else [_JARS / "zookeeper.jar"]
    shared = [_JARS / f"{name}.jar" for name in ("slf4j-simple", "slf4j-api", "netty-codec")]
    return ":".join(str(jar) for jar in [*others, *shared])


def _node(
    directory: Path, number: int, place: Place, properties: Sequence[str], release: str
) -> Node:
    home = directory / str(number)
    home.mkdir()
    (home / "myid").write_text(str(number))
    return Node(number, place.host, 0, home, place.prefix, properties, release)


def _configure(nodes: list[Node], tick_ms: int, more: Sequence[str], *, quorum: bool) -> None:
    first = free_ports(3 * len(nodes))
    peers = []
    for node in nodes:
        base = first + 3 * (node.number - 1)
        node.port, node.quorum_port = base, base + 1
        peers.append(f"server.{node.number}={node.host}:{base + 1}:{base + 2}")
    for node in nodes:
        lines = [
            f"tickTime={tick_ms}", "initLimit=40", "syncLimit=8", f"dataDir={node.directory}",
            f"clientPort={node.port}", f"clientPortAddress={node.host}", "maxClientCnxns=0",
            "admin.enableServer=false", "4lw.commands.whitelist=srvr",
            *(["standaloneEnabled=false", *peers] if quorum else []), *more,
        ]  # fmt: skip
        (node.directory / "zoo.cfg").write_text("\n".join(lines) + os.linesep)
