"""The processes that run, read once a report for all sources.

What changes is read through a kept descriptor of /proc/PID/stat: one pread, and no parsing at all
if the text is that of the last time, as it is for most processes of a machine. What hardly ever
changes (command line, user, namespace, container) is read when a process appears, and again while
it is young or when its name has changed: what starts a program forks first and execs later.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from orchestrator.monitoring.probe.processes.parsing import (
    Stat,
    parse_container,
    parse_name,
    parse_stat,
)

_LOOKS = 2
"""At every process, in two readings: by the second one it is what it was started for."""
_SPARE = 1024
"""Descriptors left for everything else."""
_STAT_BYTES = 1024
_COMMAND_BYTES = 16 * 1024
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Process:
    """One process, as far as it may be seen; ``before`` is its stat one reading ago."""

    __slots__ = (
        "before",
        "command",
        "container",
        "descriptor",
        "digest",
        "has_changed",
        "looks",
        "name",
        "namespace",
        "pid",
        "revision",
        "stat",
        "uid",
    )  # fmt: skip

    def __init__(self, pid: int, descriptor: int, digest: int, stat: Stat) -> None:
        self.pid = pid
        self.descriptor = descriptor
        """Of its stat; -1 if it is opened each time."""
        self.digest = digest
        """Of the text of its stat: whole texts would be a third of the probe's memory."""
        self.stat = stat
        self.before = stat
        self.has_changed = True
        """Whether the stat differs from that of the reading before."""
        self.looks = 0
        self.revision = 0
        """Grows when what follows has changed."""
        self.name = ""
        self.command = b""
        """As it is in /proc/PID/cmdline."""
        self.uid = -1
        self.namespace = 0
        """Inode of its network namespace; 0 if it may not be seen."""
        self.container = ""


class ProcessTable:
    """All processes of a mounted /proc."""

    def __init__(self, proc: str = "/proc") -> None:
        self.proc = proc
        self.read_at = 0.0
        self.interval_s = 0.0
        """Between the last two readings; 0 after the first."""
        self._known: dict[int, Process] = {}
        self._room = _raise_limit() - _SPARE

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Process]:
        return iter(self._known.values())

    def get(self, pid: int) -> Process | None:
        """One of them."""
        return self._known.get(pid)

    def refresh(self, now: float) -> None:
        """Read all of them. Raises OSError if there is no /proc."""
        pids = [int(name) for name in os.listdir(self.proc) if name.isdigit()]  # noqa: PTH208
        self.interval_s = now - self.read_at if self.read_at else 0.0
        self.read_at = now
        known = self._known
        for pid in known.keys() - set(pids):
            self._forget(pid)
        for pid in pids:
            process = known.get(pid)
            if process is None or not self._again(process):
                self._add(pid)

    def close(self) -> None:
        """Close what is open."""
        for pid in list(self._known):
            self._forget(pid)

    def _again(self, process: Process) -> bool:
        """Read a known one; False if it is gone, or its pid another's."""
        try:
            if process.descriptor >= 0:
                text = os.pread(process.descriptor, _STAT_BYTES, 0)
            else:
                text = _read(f"{self.proc}/{process.pid}/stat", _STAT_BYTES)
        except OSError:
            self._forget(process.pid)
            return False
        is_young = process.looks < _LOOKS
        digest = hash(text)
        process.has_changed = digest != process.digest
        process.before = process.stat
        if process.has_changed:
            stat = parse_stat(text)
            if stat.started_ticks != process.stat.started_ticks:
                self._forget(process.pid)
                return False
            is_young = is_young or stat.name != process.stat.name
            process.digest, process.stat = digest, stat
        if is_young:
            self._look(process)
        return True

    def _add(self, pid: int) -> None:
        path = f"{self.proc}/{pid}/stat"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            text = os.pread(descriptor, _STAT_BYTES, 0)
            stat = parse_stat(text)
        except (OSError, ValueError, IndexError):
            os.close(descriptor)
            return
        if self._room <= 0:
            os.close(descriptor)
            descriptor = -1
        else:
            self._room -= 1
        process = self._known[pid] = Process(pid, descriptor, hash(text), stat)
        self._look(process)

    def _look(self, process: Process) -> None:
        """Read what hardly ever changes."""
        process.looks += 1
        base = f"{self.proc}/{process.pid}"
        command = _read_or_nothing(f"{base}/cmdline", _COMMAND_BYTES)
        try:
            uid = os.stat(base).st_uid  # noqa: PTH116
        except OSError:
            uid = process.uid
        namespace = namespace_of(f"{base}/ns/net") or process.namespace
        container = parse_container(_read_or_nothing(f"{base}/cgroup", _COMMAND_BYTES))
        news = (parse_name(process.stat.name), command, uid, namespace, container)
        if news != (
            process.name,
            process.command,
            process.uid,
            process.namespace,
            process.container,
        ):
            process.name, process.command, process.uid, process.namespace, process.container = news
            process.revision += 1

    def _forget(self, pid: int) -> None:
        process = self._known.pop(pid)
        if process.descriptor >= 0:
            os.close(process.descriptor)
            self._room += 1


def namespace_of(path: str) -> int:
    """The inode that a link such as /proc/PID/ns/net names; 0 if it may not be read."""
    try:
        link = os.readlink(path)  # noqa: PTH115
        return int(link.partition("[")[2].rstrip("]"))
    except (OSError, ValueError):
        return 0


def _read(path: str, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def _read_or_nothing(path: str, size: int) -> bytes:
    try:
        return _read(path, size)
    except OSError:
        return b""


def _raise_limit() -> int:
    """Open files this process may have, after it asked for as many as it can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted
