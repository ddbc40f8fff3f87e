"""Removes directories that somebody else filled, however deep they are.

The library's rmtree calls itself and keeps a descriptor open for every level: a task that makes its
sandbox a few thousand levels deep would end the agent that tidies up. Here what lies in a directory
is taken up to the top before the directory goes, so no more than two are open at a time. Links are
removed, never followed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: Path) -> None:
    """Remove a directory with all that is in it. Raises OSError."""
    fresh = (f".{secrets.token_hex(8)}-{number}" for number in itertools.count())
    with _opened(str(path)) as top:
        while entries := _entries(top):
            for name, is_directory in entries:
                if is_directory:
                    _take_apart(top, name, fresh)
                else:
                    os.unlink(name, dir_fd=top)
    path.rmdir()


def _take_apart(top: int, name: str, fresh: Iterator[str]) -> None:
    """Remove a directory of the top; what is in those inside it comes to the top instead."""
    with _opened(name, top) as directory:
        for inner, is_directory in _entries(directory):
            if not is_directory:
                os.unlink(inner, dir_fd=directory)
            elif not _try_to_remove(inner, directory):
                os.rename(inner, next(fresh), src_dir_fd=directory, dst_dir_fd=top)
    os.rmdir(name, dir_fd=top)


def _try_to_remove(name: str, parent: int) -> bool:
    with contextlib.suppress(OSError):  # mostly that it is not empty; what else it is, is seen then
        os.rmdir(name, dir_fd=parent)
        return True
    return False


def _entries(directory: int) -> list[tuple[str, bool]]:
    """Names, and whether each is a directory."""
    with os.scandir(directory) as found:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]


@contextmanager
def _opened(path: str, parent: int | None = None) -> Iterator[int]:
    fd = os.open(path, _DIRECTORY, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)
