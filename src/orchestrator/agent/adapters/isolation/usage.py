"""Reads what the processes of a cgroup have used, dead ones included.

Files and units: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of the Linux kernel. Some
counters are missing on some kernels; what is not there is left out, never shown as 0.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orchestrator.agent.adapters.isolation import hierarchies
from orchestrator.mesos.types import Message

_TICKS = os.sysconf("SC_CLK_TCK")
_NO_LIMIT = 2**60  # v1 says "none" as the largest multiple of a page
_MB = 2**20
_NEARLY_BYTES = _MB


class Overrun(Message):
    """The kernel killed for memory. Bytes; None: not known."""

    limit_bytes: int | None
    used_bytes: int | None

    @property
    def sentence(self) -> str:
        """For the task's status, as Mesos words it."""
        limit = "none" if self.limit_bytes is None else f"{self.limit_bytes / _MB:.0f}MB"
        used = "unknown" if self.used_bytes is None else f"{self.used_bytes / _MB:.0f}MB"
        return f"Memory limit exceeded: Requested: {limit} Maximum Used: {used}"


class Usage(Message):
    """Of one container. Times in seconds; None: the kernel does not say."""

    user_s: float | None = None
    system_s: float | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_s: float | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    rss_bytes: int | None = None
    cache_bytes: int | None = None
    mapped_bytes: int | None = None
    swap_bytes: int | None = None
    processes: int | None = None
    threads: int | None = None


class Place(NamedTuple):
    """A container's cgroup in one hierarchy."""

    path: Path
    is_unified: bool


Places = Mapping[str, Place]  # by controller
Numbers = dict[str, float | int | None]


def overrun(cgroup: Path, *, is_unified: bool) -> Overrun | None:
    """Whether the kernel killed in this memory cgroup because its limit was reached.

    It also kills where the whole machine is out of memory; then the limit is not to blame.
    """
    events = fields(cgroup / ("memory.events" if is_unified else "memory.oom_control"))
    if not events.get("oom_kill"):
        return None
    limit = memory_limit(cgroup, is_unified=is_unified)
    if is_unified:
        peak = number(cgroup / "memory.peak") or number(cgroup / "memory.current")
        return Overrun(limit_bytes=limit, used_bytes=peak) if events.get("oom") else None
    peak = number(cgroup / "memory.max_usage_in_bytes") or 0
    if limit is None or peak < limit - _NEARLY_BYTES:  # v1's count of failures is not always kept
        return None
    return Overrun(limit_bytes=limit, used_bytes=peak)


def memory_limit(cgroup: Path, *, is_unified: bool) -> int | None:
    """The limit in force in bytes; None where there is none, or this is no memory cgroup."""
    return number(cgroup / ("memory.max" if is_unified else "memory.limit_in_bytes"))


def read(places: Places) -> Usage | None:
    """What the cgroups of one container say; None when there is none."""
    there = {controller: place for controller, place in places.items() if place.path.is_dir()}
    if not there:
        return None
    found = _counts(there.get("pids") or next(iter(there.values())))
    for controller, read_part in _PARTS.items():
        if (place := there.get(controller)) is not None:
            found |= read_part(place)
    return Usage(**found)  # type: ignore[arg-type]


def by_pid(pid: int, root: Path = Path("/")) -> Usage | None:
    """What the cgroups have used that a process is in, whoever made them; None at the top ones."""
    try:
        lines = (root / f"proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    mounted = hierarchies.detect(root)
    places: dict[str, Place] = {}
    for line in lines:
        hierarchy_id, names, path = line.split(":", 2)
        if path == "/":
            continue
        for one in mounted:
            if (hierarchy_id == "0" and one.is_unified) or one.controllers >= set(names.split(",")):
                place = Place(one.path / path.lstrip("/"), one.is_unified)
                used = one.controllers | ({"cpuacct"} if one.is_unified else set())
                places = dict.fromkeys(used, place) | places
    return read({name: place for name, place in places.items() if name in hierarchies.CONTROLLERS})


def fields(path: Path) -> dict[str, int]:
    """A file of "name number" lines; empty when it cannot be read."""
    found = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(" ")
        if value.strip().lstrip("-").isdigit():
            found[name] = int(value)
    return found


def number(path: Path) -> int | None:
    """A file of one number; None for "max", for v1's way to say it, or when it cannot be read."""
    text = _text(path).strip()
    value = int(text) if text.isdigit() else None
    return None if value is None or value >= _NO_LIMIT else value


def _cpuacct(place: Place) -> Numbers:
    path, is_unified = place
    if is_unified:
        stat = fields(path / "cpu.stat")
        return {
            "user_s": _scaled(stat.get("user_usec"), 1e-6),
            "system_s": _scaled(stat.get("system_usec"), 1e-6),
        }
    user, system = (number(path / f"cpuacct.usage_{mode}") for mode in ("user", "sys"))
    if user is not None and system is not None:  # exact, where cpuacct.stat counts in ticks
        return {"user_s": user * 1e-9, "system_s": system * 1e-9}
    stat = fields(path / "cpuacct.stat")
    return {
        "user_s": _scaled(stat.get("user"), 1 / _TICKS),
        "system_s": _scaled(stat.get("system"), 1 / _TICKS),
    }


def _cpu(place: Place) -> Numbers:
    path, is_unified = place
    stat = fields(path / "cpu.stat")
    throttled = "throttled_usec" if is_unified else "throttled_time"
    return {
        "periods": stat.get("nr_periods"),
        "throttled_periods": stat.get("nr_throttled"),
        "throttled_s": _scaled(stat.get(throttled), 1e-6 if is_unified else 1e-9),
    }


def _memory(place: Place) -> Numbers:
    path, is_unified = place
    stat = fields(path / "memory.stat")
    if is_unified:
        return {
            "memory_bytes": number(path / "memory.current"),
            "memory_limit_bytes": number(path / "memory.max"),
            "rss_bytes": stat.get("anon"),
            "cache_bytes": stat.get("file"),
            "mapped_bytes": stat.get("file_mapped"),
            "swap_bytes": number(path / "memory.swap.current"),
        }
    return {
        "memory_bytes": number(path / "memory.usage_in_bytes"),
        "memory_limit_bytes": number(path / "memory.limit_in_bytes"),
        "rss_bytes": stat.get("total_rss", stat.get("rss")),
        "cache_bytes": stat.get("total_cache", stat.get("cache")),
        "mapped_bytes": stat.get("total_mapped_file"),
        "swap_bytes": stat.get("total_swap"),
    }


def _counts(place: Place) -> Numbers:
    path, is_unified = place
    threads = _text(path / ("cgroup.threads" if is_unified else "tasks"))
    return {
        "processes": len(_text(path / "cgroup.procs").split()),
        "threads": len(threads.split()),
    }


_PARTS = {"cpuacct": _cpuacct, "cpu": _cpu, "memory": _memory}


def _scaled(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
