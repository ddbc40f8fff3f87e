"""Reads the cgroups of containers; the files stay open from one report to the next."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.monitoring.probe.containers import usage
from orchestrator.monitoring.probe.containers.usage import Usage

_FILES = {
    "cpu": ("cpuacct", "cpuacct.usage", "cpu.stat"),
    "memory": ("memory", "memory.usage_in_bytes", "memory.current"),
    "memory_stat": ("memory", "memory.stat", "memory.stat"),
    "limit": ("memory", "memory.limit_in_bytes", "memory.max"),
    "oom": ("memory", "memory.oom_control", "memory.events"),
    "pids": ("pids", "pids.current", "pids.current"),
    "io": ("blkio", "blkio.throttle.io_service_bytes", "io.stat"),
}
"""Controller of version 1, its file, and the file of version 2."""
_READ_BYTES = 16 * 1024


class Hierarchies:
    """Where cgroups are mounted."""

    def __init__(self, proc: str, sys: str) -> None:
        self._proc = proc
        self._sys = sys
        self._mounts = usage.parse_mounts(_text(f"{proc}/self/mountinfo"))

    def files_of(self, pid: int) -> dict[str, tuple[str, bool]]:
        """Path of each file for the container of a process, and whether it is of version 2."""
        paths = usage.parse_paths(_text(f"{self._proc}/{pid}/cgroup"))
        found = {}
        for name, (controller, first, second) in _FILES.items():
            old = self._path(controller, paths.get(controller))
            new = self._path("", paths.get(""))
            if old is not None and controller in paths:
                found[name] = (f"{old}/{first}", False)
            elif new is not None:
                found[name] = (f"{new}/{second}", True)
        return found

    def _path(self, controller: str, path: str | None) -> str | None:
        if path is None or controller not in self._mounts:
            return None
        root, point = self._mounts[controller]
        below = path.removeprefix(root) if root != "/" else path
        if self._sys != "/sys" and point.startswith("/sys/"):
            point = self._sys + point.removeprefix("/sys")
        return f"{point}/{below.strip('/')}".rstrip("/")


class Group:
    """The cgroups of one container."""

    def __init__(self, files: dict[str, tuple[str, bool]]) -> None:
        self._open: dict[str, tuple[int, bool]] = {}
        for name, (path, is_new) in files.items():
            try:
                self._open[name] = (os.open(path, os.O_RDONLY | os.O_CLOEXEC), is_new)
            except OSError:
                continue  # that controller is not in use

    def close(self) -> None:
        """Close the files."""
        for descriptor, _ in self._open.values():
            os.close(descriptor)
        self._open = {}

    def read(self) -> Usage:
        """What is used now; None of what cannot be known."""
        stat = usage.parse_pairs(self._text("memory_stat")[0])
        memory = usage.parse_number(self._text("memory")[0])
        io, is_new = self._text("io")
        read, written = usage.parse_io(io) if is_new else usage.parse_io_v1(io)
        oom = usage.parse_pairs(self._text("oom")[0])
        return Usage(
            self._cpu_s(),
            usage.working_set(memory, stat),
            usage.parse_limit(self._text("limit")[0]),
            oom.get("oom_kill"),
            usage.parse_number(self._text("pids")[0]),
            read if io else None,
            written if io else None,
        )

    def _cpu_s(self) -> float | None:
        text, is_new = self._text("cpu")
        if is_new:
            used_us = usage.parse_pairs(text).get("usage_usec")
            return None if used_us is None else used_us / 1e6
        used_ns = usage.parse_number(text)
        return None if used_ns is None else used_ns / 1e9

    def _text(self, name: str) -> tuple[str, bool]:
        descriptor, is_new = self._open.get(name, (-1, False))
        if descriptor < 0:
            return "", False
        try:
            return os.pread(descriptor, _READ_BYTES, 0).decode("ascii", "replace"), is_new
        except OSError:
            return "", False


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
