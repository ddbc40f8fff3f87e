"""Looks at each program that begins, while it is there, and tells of it once when it has ended.

What a report has told of already is not told again. A machine that starts programs all the time
would keep the probe busy, so only so many are looked at; how many were not is said in the report.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import time
from typing import NamedTuple

from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.kernel.netlink import CONNECTOR, drain, open_netlink
from orchestrator.monitoring.probe.processes.parsing import (
    parse_command,
    parse_container,
    parse_name,
    parse_stat,
)
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.probe.short_lived.parsing import (
    GROUP,
    Began,
    Ended,
    events,
    exit_code,
    listen,
)
from orchestrator.monitoring.report import Node, ids, keys

MAX_TOLD = 500
"""In one report."""
LOOKS_PER_S = 50
_MAX_REMEMBERED = 5_000
_BUFFER_BYTES = 4 * 1024 * 1024
_READ_BYTES = 16 * 1024
_FIRST_PID_NAMESPACE = 0xEFFF_FFFC  # PROC_PID_INIT_INO of linux/proc_ns.h


def source(setup: Setup) -> Source:
    """The source."""
    seen = ShortLived(setup.config.proc, setup.host_id, setup.hiding)
    return Source("short_lived", reporter=seen, ticker=seen, close=seen.close)


class Seen(NamedTuple):
    """A program as it was when it began."""

    name: str
    parent: int
    command: str
    container: str
    began_at: float


class ShortLived:
    """Reporter of those that have ended; hears the kernel from its first tick on."""

    period_s = 30.0

    def __init__(self, proc: str, host_id: str, hiding: Hiding) -> None:
        self._proc = proc
        self._host_id = host_id
        self._hiding = hiding
        self._socket: socket.socket | None = None
        self._problem = ""
        self._seen: dict[int, Seen] = {}
        self._ended: list[Node] = []
        self._reported_at = 0.0
        self._missed = 0
        self._looks = float(LOOKS_PER_S)
        self._looked_at = 0.0

    async def tick(self, now: float) -> None:
        """Begin to hear, and try again where that failed."""
        del now
        if self._socket is not None:
            return
        if not is_heard_here():
            self._problem = "short-lived processes are not seen from within a PID namespace"
            return
        try:
            self._socket = open_netlink(CONNECTOR, groups=GROUP, buffer_bytes=_BUFFER_BYTES)
            self._socket.send(listen())
        except OSError as error:
            self._problem = f"short-lived processes are not seen: {error.strerror or error}"
            self.close()
            return
        self._problem = ""
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def report(self, now: float) -> Parts:
        """Those that began since the last report and have ended."""
        problems = [self._problem] if self._problem else []
        if self._missed:
            problems.append(f"{self._missed} short-lived processes began too fast to be looked at")
        nodes, self._ended, self._missed = self._ended, [], 0
        self._reported_at = now
        return Parts(nodes={"process": nodes} if nodes else {}, problems=problems)

    def close(self) -> None:
        """Hear no more."""
        opened, self._socket = self._socket, None
        if opened is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                asyncio.get_running_loop().remove_reader(opened)
            opened.close()

    def _hear(self) -> None:
        assert self._socket is not None
        now = time.time()
        try:
            for data in drain(self._socket):
                for event in events(data):
                    self._note(event, now)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                self._problem = f"short-lived processes are not seen: {error.strerror or error}"
                self.close()
            self._missed += 1

    def _note(self, event: Began | Ended, now: float) -> None:
        match event:
            case Began(pid):
                self._look(pid, now)
            case Ended(pid, status):
                seen = self._seen.pop(pid, None)
                if seen is not None and seen.began_at > self._reported_at:
                    self._end(pid, seen, status, now)

    def _look(self, pid: int, now: float) -> None:
        moment = time.monotonic()
        self._looks = min(LOOKS_PER_S, self._looks + (moment - self._looked_at) * LOOKS_PER_S)
        self._looked_at = moment
        if self._looks < 1:
            self._missed += 1
            return
        self._looks -= 1
        base = f"{self._proc}/{pid}"
        try:
            stat = parse_stat(_read(f"{base}/stat"))
            words = parse_command(_read(f"{base}/cmdline"))
            container = parse_container(_read(f"{base}/cgroup"))
        except (OSError, ValueError, IndexError):  # it has ended already
            self._missed += 1
            return
        while len(self._seen) >= _MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        name = parse_name(stat.name)
        command = self._hiding.command(words) or f"[{name}]"
        self._seen[pid] = Seen(name, stat.parent, command, container, now)

    def _end(self, pid: int, seen: Seen, status: int, now: float) -> None:
        if len(self._ended) >= MAX_TOLD:
            self._missed += 1
            return
        latest = {
            keys.PID: str(pid),
            keys.PARENT_PID: str(seen.parent),
            keys.STATE: "exited",
            keys.STARTED_AT: f"{seen.began_at:.2f}",
            keys.ENDED_AT: f"{now:.2f}",
            keys.EXIT_CODE: str(exit_code(status)),
            keys.COMMAND: seen.command,
        }
        parents = {"host": [self._host_id]}
        if seen.container:
            parents["container"] = [seen.container]
        id = ids.process(self._host_id, pid)
        self._ended.append(Node(id, seen.name[:512], latest, parents=parents))  # type: ignore[arg-type]


def is_heard_here() -> bool:
    """Whether the kernel tells this process anything: only in the machine's own PID namespace."""
    return os.readlink("/proc/self/ns/pid") == f"pid:[{_FIRST_PID_NAMESPACE}]"  # noqa: PTH115


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _READ_BYTES)
    finally:
        os.close(descriptor)
