"""What the files of /proc/PID say; pure. Form of each: proc(5)."""

from __future__ import annotations

import re
from typing import NamedTuple

_CONTAINER = re.compile(rb"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])")
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NATIVE = re.compile(rb"/orchestrator/[^/\s]+/(%s)(?=[/\s]|$)" % _UUID)
_MESOS = re.compile(rb"/mesos/(%s)(?=[/\s]|$)" % _UUID)
_STATES = {b"Z": "dead", b"X": "dead", b"T": "paused", b"t": "paused"}


class Stat(NamedTuple):
    """Of /proc/PID/stat."""

    name: bytes
    state: str
    """running, paused or dead, as a report tells it."""
    parent: int
    cpu_ticks: int
    threads: int
    started_ticks: int
    """Since the machine started: with the pid it names a process for good."""
    pages: int
    """Resident."""


def parse_stat(data: bytes) -> Stat:
    """Read it. Raises ValueError or IndexError if it has another form.

    The name may hold anything, also spaces and parentheses; all that follows has none.
    """
    end = data.rindex(b")")
    fields = data[end + 2 :].split(b" ", 22)
    return Stat(
        data[data.index(b"(") + 1 : end],
        _STATES.get(fields[0], "running"),
        int(fields[1]),
        int(fields[11]) + int(fields[12]),
        int(fields[17]),
        int(fields[19]),
        int(fields[21]),
    )


def parse_command(data: bytes) -> list[str]:
    """Words of /proc/PID/cmdline; none of a kernel thread or a dead process."""
    text = data.rstrip(b"\0")
    if not text:
        return []
    return [_shown(word) for word in text.split(b"\0")]


def parse_container(cgroup: bytes) -> str:
    """The container id in /proc/PID/cgroup, of whatever engine made it; empty if there is none.

    Docker, containerd, CRI-O and podman name a cgroup with 64 hexadecimal digits, Mesos and our
    agent with a UUID. Of nested ones (Docker in Docker) the innermost counts.
    """
    for pattern in (_CONTAINER, _NATIVE, _MESOS):
        if found := pattern.findall(cgroup):
            return str(found[-1].decode())
    return ""


def parse_name(data: bytes) -> str:
    """The name in a stat, which may be any bytes."""
    return _shown(data)


def _shown(word: bytes) -> str:
    text = word.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
