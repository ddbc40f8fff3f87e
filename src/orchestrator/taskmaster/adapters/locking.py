"""One writer at a time, among our processes and those of task-master-ai.

Ours lock the directory that the file is in, which the system releases with the process. Theirs make
a directory ``tasks.json.lock``, and take one that was not touched for 10 s for abandoned; we do the
same. Source: the package proper-lockfile, with the settings of task-master-ai 0.43.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STALE_S = 10.0
_WAIT_S = 30.0
_STEP_S = 0.02


class LockedError(OSError):
    """Another process holds the lock, and does not let go."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file. Raises LockedError after half a minute."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        theirs = path.with_name(path.name + ".lock")
        _make(theirs)
        try:
            yield
        finally:
            with suppress(OSError):
                theirs.rmdir()
    finally:
        os.close(handle)


def _make(directory: Path) -> None:
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            directory.mkdir()
        except FileExistsError:
            if time.monotonic() > until:
                raise LockedError(
                    f"another program holds {directory}; remove it if none runs"
                ) from None
            _remove_stale(directory)
            time.sleep(_STEP_S)
        else:
            return


def _remove_stale(directory: Path) -> None:
    with suppress(OSError):
        if time.time() - directory.stat().st_mtime > _STALE_S:
            directory.rmdir()
