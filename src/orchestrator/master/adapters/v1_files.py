"""The files that a master shows: a tree of names, each standing for a file or directory.

A master shows its log (``--log-file``) as ``/master/log``, as Mesos does. What a name stands for
bounds what can be reached below it: a path or link that leads outside is not found.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from os import stat_result
from pathlib import Path

from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos.operator import FileInfo
from orchestrator.mesos.types import TimeInfo
from orchestrator.runtime.owners import group_name, user_name

MAX_READ_BYTES = 16 * 4096  # of one request, as in Mesos (src/files/files.cpp)
MAX_ENTRIES = 10_000  # of one directory


class Files:
    """The tree; ``attached`` maps names such as ``/master/log`` to where they are."""

    def __init__(self, attached: Mapping[str, Path]) -> None:
        self.attached = dict(attached)

    def resolve(self, path: str) -> Path:
        """Where a name of the tree is. Raises OperatorError."""
        wanted = "/" + path.strip("/")
        for name, root in self.attached.items():
            if wanted == name:
                return root
            if wanted.startswith(name + "/"):
                return _below(root, wanted.removeprefix(name + "/"), path)
        raise OperatorError(404, f"'{path}' is not found")

    def browse(self, path: str) -> list[FileInfo]:
        """The entries of a directory, by name; a file is its only entry. Raises OperatorError."""
        found = self.resolve(path)
        try:
            entries = sorted(found.iterdir())[:MAX_ENTRIES] if found.is_dir() else []
            if not entries and not found.is_dir():
                return [_info("/" + path.strip("/"), found.stat())]
            return [_info(f"/{path.strip('/')}/{e.name}", e.lstat()) for e in entries]
        except OSError as error:
            raise _unreadable(path, error) from None

    def read(self, path: str, offset: int, length: int | None) -> tuple[int, bytes]:
        """A file's size, and a part of it (at most ``MAX_READ_BYTES``). Raises OperatorError."""
        found = self.resolve(path)
        if found.is_dir():
            raise OperatorError(400, f"'{path}' is a directory")
        wanted = MAX_READ_BYTES if length is None else min(length, MAX_READ_BYTES)
        try:
            with found.open("rb") as file:
                size = found.stat().st_size
                if not 0 <= offset < size:
                    return size, b""
                file.seek(offset)
                return size, file.read(max(wanted, 0))
        except OSError as error:
            raise _unreadable(path, error) from None


def _below(root: Path, rest: str, path: str) -> Path:
    if "\0" in rest:
        raise OperatorError(400, "A path must not contain a NUL character")
    try:
        found = (root / rest).resolve()
        is_inside = found.is_relative_to(root.resolve()) and found.exists()
    except (OSError, RuntimeError):  # a name too long, a loop of links
        is_inside = False
    if not is_inside:
        raise OperatorError(404, f"'{path}' is not found")
    return found


def _unreadable(path: str, error: OSError) -> OperatorError:
    status = 404 if isinstance(error, FileNotFoundError) else 500
    return OperatorError(status, f"'{path}' cannot be read: {error.strerror}")


def _info(path: str, of: stat_result) -> FileInfo:
    return FileInfo(
        path=path,
        nlink=of.st_nlink,
        size=of.st_size,
        mtime=TimeInfo(nanoseconds=of.st_mtime_ns),
        mode=of.st_mode,
        uid=user_name(of.st_uid),
        gid=group_name(of.st_gid),
    )


def shown_mode(mode: int) -> str:
    """``-rw-r--r--``."""
    return stat.filemode(mode)
