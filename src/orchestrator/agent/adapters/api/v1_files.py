"""Sandboxes' files as LIST_FILES and READ_FILE of the v1 operator API show them (agent.proto)."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.agent.adapters.api import files
from orchestrator.agent.adapters.api.files import FilesError
from orchestrator.mesos.operator import FileInfo
from orchestrator.mesos.types import TimeInfo
from orchestrator.runtime.owners import group_name, user_name


class SandboxFiles:
    """Its methods block and raise FilesError."""

    def __init__(self, work_dir: Path) -> None:
        self._work_dir = work_dir

    def browse(self, path: str) -> list[FileInfo]:
        """The entries of a directory, by name."""
        found = files.entries(self._work_dir, path)
        return [_info(str(place), info) for place, info in found]

    def read(self, path: str, offset: int, length: int | None) -> tuple[int, bytes]:
        """A file's size, and a part of it (at most ``files.MAX_READ_BYTES``)."""
        if offset < 0:
            raise FilesError(400, f"Negative offset provided: {offset}.\n")
        data, _, size = files.read_bytes(self._work_dir, path, offset, length)
        return size, data


def _info(path: str, found: os.stat_result) -> FileInfo:
    return FileInfo(
        path=path,
        nlink=found.st_nlink,
        size=found.st_size,
        mtime=TimeInfo(nanoseconds=found.st_mtime_ns),
        mode=found.st_mode,
        uid=user_name(found.st_uid),
        gid=group_name(found.st_gid),
    )
