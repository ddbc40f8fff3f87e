"""Looking at and ending processes, by pid."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    return False


def kill(pid: int) -> None:
    """``kill -9``."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def with_in_environment(text: str) -> list[int]:
    """The processes that carry the text in their environment or command line."""
    wanted, found = text.encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                content = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                if wanted in content and is_alive(int(entry.name)):
                    found.append(int(entry.name))
    return found


def supervisors_of(directory: Path) -> list[int]:
    """The pids of the supervisors of a directory; there should never be two."""
    program, found = b"orchestrator.agent.adapters.supervisor", []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if program in command and str(directory).encode() in command:
                found.append(int(entry.name))
    return found


def supervisor_of(directory: Path) -> int:
    """The pid of the supervisor of a directory."""
    (pid,) = supervisors_of(directory)
    return pid


def descriptors_of(pid: int) -> dict[str, str]:
    """What the process has open."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed in between
            found[entry.name] = str(entry.readlink())
    return found


def rss_kb_of(pid: int) -> int:
    """How much memory the process uses."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def end_all_below(directory: Path) -> None:
    """End whatever a test left: supervisors of the directory first, then tasks in it."""
    for pid in with_in_environment(str(directory)):
        kill(pid)
