"""Starters: short-lived commands whose work is a container that goes on without them.

``runc run --detach --pid-file F`` is one. It ends with 0 when the container runs, whose first
process it has named in F; that process then becomes the supervisor's child, because the supervisor
is the nearest subreaper above it. Orphans are handed over only when the starter is gone, and F is
written before; so whoever sees the container's process as its child finds the starter ended.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import NamedTuple

from orchestrator.agent.adapters.supervisor import processes
from orchestrator.agent.adapters.supervisor.processes import Process

START_TIMEOUT_S = 60.0
MAX_COMPLAINT_BYTES = 2048
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_CLOCK_SLACK_S = 1.0  # file times are those of the last clock tick, and clocks are stepped


class Starter(NamedTuple):
    """A starter, as the journal keeps it. ``pid`` is 0 until it is known."""

    pid_file: str
    errors: str  # the file its standard error is appended to
    errors_from: int  # where in it what the starter wrote begins
    pid: int = 0
    start: int = 0  # clock ticks since boot


class Running(NamedTuple):
    """It did its work: this is the container's first process."""

    process: Process


class Gone(NamedTuple):
    """It did its work, and the container has ended since, unseen. Falsy, as it has no fields."""


class Failed(NamedTuple):
    """There is no container; says why."""

    problem: str


Outcome = Running | Gone | Failed


def prepare(pid_file: str, errors: str) -> Starter:
    """Make sure that a pid file found later is this starter's. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(pid_file)  # noqa: PTH108
    try:
        size = os.stat(errors).st_size  # noqa: PTH116
    except FileNotFoundError:
        size = 0
    return Starter(pid_file, errors, size)


def outcome(starter: Starter) -> Outcome | None:
    """What became of the starter; None while it works."""
    status = _wait(starter)
    if status == _WORKS:
        return None
    if status not in (0, _UNKNOWN):
        return Failed(complaint(starter, status))
    found = adoptable(starter)
    return Failed(complaint(starter, status)) if found is None else found


def adoptable(starter: Starter) -> Running | Gone | None:
    """What the pid file says: its process, that it is gone, or None when there is no such file.

    A process that is younger than the file is not the one the file is about.
    """
    found = _read(starter.pid_file)
    if found is None:
        return None
    pid, written_at = found
    process = processes.look_up(pid)
    if process is None or _started_at(process) > written_at + _CLOCK_SLACK_S:
        return Gone()
    return Running(process)


def complaint(starter: Starter, status: int) -> str:
    """The last line of what the starter wrote, or at least how it ended."""
    text = _tail(starter.errors, starter.errors_from)
    lines = [line for line in text.splitlines() if line.strip()]
    if lines:
        return _plain(lines[-1].strip())
    if status == _UNKNOWN:
        return "the supervisor ended while it started the container"
    if status < 0:
        return f"its starter was ended by signal {-status}"
    return f"its starter ended with status {status} and named no process"


_WORKS = 1 << 16  # neither is an exit code or a signal
_UNKNOWN = 1 << 17


def _wait(starter: Starter) -> int:
    """The exit code, or minus the signal, or one of the two above."""
    process = processes.look_up(starter.pid)
    if process is None or process.start != starter.start:
        return _UNKNOWN
    try:
        pid, status = os.waitpid(starter.pid, os.WNOHANG)
    except ChildProcessError:  # it was started by an earlier supervisor
        return _UNKNOWN if process.state in "ZX" else _WORKS
    return os.waitstatus_to_exitcode(status) if pid else _WORKS


def _read(pid_file: str) -> tuple[int, float] | None:
    try:
        with open(pid_file, "rb") as file:  # noqa: PTH123
            return int(file.read(32)), os.fstat(file.fileno()).st_mtime
    except (OSError, ValueError):
        return None


def _started_at(process: Process) -> float:
    booted_at = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return booted_at + process.start / _CLOCK_TICKS


def _plain(line: str) -> str:
    """The message of a line as runc logs it: time="..." level=error msg="..."."""
    _, is_logged, message = line.partition(' msg="')
    return message.removesuffix('"').replace('\\"', '"') if is_logged else line


def _tail(path: str, begin: int) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
            file.seek(max(begin, size - MAX_COMPLAINT_BYTES))
            return file.read(MAX_COMPLAINT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
