"""Files of cgroups, version 1 and 2; pure. Form: cgroups(7), the kernel's admin-guide."""

from __future__ import annotations

from typing import NamedTuple

_NO_LIMIT = 1 << 60


class Usage(NamedTuple):
    """Of one container."""

    cpu_s: float | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None
    processes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None


def parse_paths(cgroup: str) -> dict[str, str]:
    """Paths by controller in /proc/PID/cgroup; that of version 2 under the empty name."""
    found = {}
    for line in cgroup.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            found[controller] = path
    return found


def parse_mounts(mountinfo: str) -> dict[str, tuple[str, str]]:
    """Where hierarchies are mounted: root and mount point by controller, version 2 as ``""``."""
    found: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            found.setdefault("", (fields[3], fields[4]))
        elif kind[0] == "cgroup":
            for option in kind[2].split(","):
                found.setdefault(option, (fields[3], fields[4]))
    return found


def parse_number(text: str) -> int | None:
    """One number; None for what is none, as "max"."""
    word = text.strip()
    return int(word) if word.isascii() and word.isdigit() else None


def parse_limit(text: str) -> int | None:
    """A limit; version 1 says a number near 2**63 where there is none."""
    number = parse_number(text)
    return number if number is not None and number < _NO_LIMIT else None


def parse_pairs(text: str) -> dict[str, int]:
    """Lines of a name and a number: memory.stat, memory.events, cpu.stat, memory.oom_control."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        number = parse_number(value)
        if number is not None:
            found[name] = number
    return found


def parse_io(text: str) -> tuple[int, int]:
    """Bytes read and written, of io.stat (version 2), over all devices."""
    read = written = 0
    for line in text.splitlines():
        for word in line.split()[1:]:
            name, _, value = word.partition("=")
            read += (parse_number(value) or 0) * (name == "rbytes")
            written += (parse_number(value) or 0) * (name == "wbytes")
    return read, written


def parse_io_v1(text: str) -> tuple[int, int]:
    """The same of blkio.throttle.io_service_bytes."""
    read = written = 0
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3:
            read += (parse_number(words[2]) or 0) * (words[1] == "Read")
            written += (parse_number(words[2]) or 0) * (words[1] == "Write")
    return read, written


def working_set(usage: int | None, stat: dict[str, int]) -> int | None:
    """Memory in use without file pages that could go at once, as Kubernetes counts it."""
    if usage is None:
        return None
    idle = stat.get("total_inactive_file", stat.get("inactive_file", 0))
    return max(usage - idle, 0)
