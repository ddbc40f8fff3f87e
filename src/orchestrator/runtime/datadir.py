"""A directory for one server's state, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DataDirError(Exception):
    """The directory cannot be used; the text is one sentence for the operator."""


@contextmanager
def claim(path: Path) -> Iterator[Path]:
    """Create the directory where needed and keep others out until the context ends.

    The claim is an advisory lock on the file "lock" in it, which the kernel releases when the
    process ends in whatever way; it is not passed on to child processes. Raises DataDirError.
    """
    descriptor = _open_lock(path)
    try:
        _lock(descriptor, path)
        yield path
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True)
        return os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataDirError(f"cannot use the data directory {path}: {reason}") from None


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataDirError(f"the data directory {path} is in use by another process") from None
