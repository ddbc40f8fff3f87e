"""Cgroups as the directories they are: writing to their files, listing and removing them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from pathlib import Path

REMOVAL_PATIENCE_S = 2.0
_PAUSE_S = 0.005
logger = logging.getLogger(__name__)


def write(path: str, value: str) -> None:
    """Write to a file of a cgroup. Raises OSError that names it."""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        error.filename = path  # a failed write does not say where
        raise


def names(base: Path | str) -> list[str]:
    """The cgroups right below one; none where there is no such cgroup."""
    try:
        with os.scandir(base) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def remove(path: str) -> None:
    """Remove a cgroup and those inside; what runs in it is killed and waited for, for a while."""
    deadline = time.monotonic() + REMOVAL_PATIENCE_S
    while not _try_to_remove(path):
        if time.monotonic() > deadline:
            logger.warning("the cgroup %s cannot be removed: something in it does not end", path)
            return
        _kill_members(path)
        time.sleep(_PAUSE_S)


def _try_to_remove(path: str) -> bool:
    try:
        os.rmdir(path)  # noqa: PTH106 (a Path would cost more than the call)
    except FileNotFoundError:
        return True
    except OSError:
        below = [_try_to_remove(f"{path}/{name}") for name in names(path)]
        return bool(below) and all(below) and _try_to_remove(path)
    return True


def _kill_members(path: str) -> None:
    for name in names(path):
        _kill_members(f"{path}/{name}")
    with contextlib.suppress(OSError):
        for pid in map(int, Path(f"{path}/cgroup.procs").read_text().split()):
            if pid > 1:
                os.kill(pid, signal.SIGKILL)
