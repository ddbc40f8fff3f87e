"""/files/browse, /files/read and /files/download, for what lies in sandboxes and nothing else.

Source: src/files/files.cpp of Apache Mesos. Offsets and lengths are bytes; a read without an offset
tells the file's size, and reads at most ``MAX_READ_BYTES`` at once. A sandbox is found under its
real path, where ``runs/latest`` leads to its newest container, and under Mesos' virtual one,
``/frameworks/F/executors/E/runs/latest`` (getExecutorVirtualPath in src/slave/paths.cpp).

Who owns a sandbox may exchange its files while they are looked at. So a path is taken hold of first
(O_PATH, which neither waits for a FIFO nor wakes a device), what is held has to be a file or a
directory of the sandbox that was named, and only that is opened.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath

from orchestrator.mesos.types import Message
from orchestrator.runtime.owners import group_name, user_name

MAX_READ_BYTES = 16 * 4096
MAX_ENTRIES = 10_000
_VIRTUAL_PARTS = 6  # frameworks/F/executors/E/runs/R
_SANDBOX_PARTS = 7  # below "slaves": A/frameworks/F/executors/E/runs/R


class FilesError(Exception):
    """The path or the range cannot be served; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FileInfo(Message):
    """A line of ``ls -l``."""

    mode: str
    mtime: float
    nlink: int
    path: str
    size: int
    uid: str
    gid: str


class Chunk(Message, omit_defaults=False):
    """Some bytes of a file as text, and where they start."""

    data: str
    offset: int


@contextmanager
def opened(work_dir: Path, asked: str | None) -> Iterator[int]:
    """A descriptor of the file or directory that is asked for. Raises FilesError."""
    if not asked:
        raise FilesError(400, "Expecting 'path=value' in query.\n")
    with contextlib.ExitStack() as stack:
        try:
            sandbox, rest = _sandbox_and_rest(work_dir, asked)
            found = os.open(sandbox.joinpath(*rest), os.O_PATH | os.O_CLOEXEC)
            stack.callback(os.close, found)
            _check_place(found, sandbox, asked)
            fd = os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC)
            stack.callback(os.close, fd)
        except (OSError, ValueError):
            raise FilesError(404, f"'{asked}' does not exist, or cannot be opened.\n") from None
        yield fd


def _sandbox_and_rest(work_dir: Path, asked: str) -> tuple[Path, tuple[str, ...]]:
    """The sandbox that a path begins with, and what follows. Raises FilesError."""
    parts = PurePosixPath(asked).parts
    slaves = (work_dir / "slaves").resolve()
    if ".." not in parts and "\0" not in asked:
        if parts[1:2] == ("frameworks",) and len(parts) >= 1 + _VIRTUAL_PARTS:
            run = _newest(slaves, parts[1 : 1 + _VIRTUAL_PARTS])
            if run is not None:
                return run, parts[1 + _VIRTUAL_PARTS :]
        elif "slaves" in parts[:-_SANDBOX_PARTS]:
            at = len(slaves.parts) if asked.startswith(f"{slaves}/") else parts.index("slaves") + 1
            end = at + _SANDBOX_PARTS
            if Path(*parts[:at]).resolve() == slaves and parts[end - 2 : end - 1] == ("runs",):
                return Path(*parts[:end]).resolve(), parts[end:]
    raise FilesError(404, f"'{asked}' is not in a sandbox of this agent.\n")


def _newest(slaves: Path, names: tuple[str, ...]) -> Path | None:
    """An agent may have had several ids, and an executor a sandbox under each."""
    agents = [entry for entry in slaves.iterdir() if entry.is_dir()] if slaves.is_dir() else []
    runs = [run for agent in agents if (run := agent.joinpath(*names)).is_dir()]
    newest = max(runs, key=lambda run: run.stat().st_mtime, default=None)
    return newest.resolve() if newest else None


def _check_place(fd: int, sandbox: Path, asked: str) -> None:
    actual = Path(f"/proc/self/fd/{fd}").readlink()
    if not actual.is_relative_to(sandbox):
        raise FilesError(404, f"'{asked}' leads out of its sandbox.\n")
    mode = os.fstat(fd).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FilesError(400, f"'{asked}' is neither a file nor a directory.\n")


def browse(work_dir: Path, asked: str | None) -> list[FileInfo]:
    """The files of a directory. Raises FilesError."""
    return [_info(path, found) for path, found in entries(work_dir, asked)]


def entries(work_dir: Path, asked: str | None) -> list[tuple[Path, os.stat_result]]:
    """What a directory has, by name, at most ``MAX_ENTRIES`` of it. Raises FilesError."""
    with opened(work_dir, asked) as fd:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise FilesError(400, f"'{asked}' is not a directory.\n")
        with os.scandir(fd) as scan:
            there = sorted(islice(scan, MAX_ENTRIES), key=lambda entry: entry.name)
        shown, found = Path(str(asked).rstrip("/")), []
        for entry in there:
            with contextlib.suppress(OSError):  # gone since
                found.append((shown / entry.name, entry.stat(follow_symlinks=False)))
    return found


def attached(work_dir: Path) -> dict[str, str]:
    """Mesos' virtual paths, and where they lead."""
    pattern = "slaves/*/frameworks/*/executors/*/runs/latest"
    found = islice(work_dir.glob(pattern), MAX_ENTRIES)
    return {f"/{PurePosixPath(*run.parts[-6:])}": str(run.resolve()) for run in found}


def read(work_dir: Path, asked: str | None, offset: int, length: int | None) -> Chunk:
    """Bytes of a file from the offset, -1 for none but its size. Raises FilesError."""
    data, at, _ = read_bytes(work_dir, asked, offset, length)
    return Chunk(data=data.decode("utf-8", errors="replace"), offset=at)


def read_bytes(
    work_dir: Path, asked: str | None, offset: int, length: int | None
) -> tuple[bytes, int, int]:
    """The bytes, where they start, and the file's size. Raises FilesError."""
    if offset < -1:
        raise FilesError(400, f"Negative offset provided: {offset}.\n")
    if length is not None and length < -1:
        raise FilesError(400, f"Negative length provided: {length}.\n")
    with file_opened(work_dir, asked) as fd:
        size = os.fstat(fd).st_size
        if offset == -1 or offset >= size:
            return b"", size, size
        wanted = MAX_READ_BYTES if length in (None, -1) else min(length or 0, MAX_READ_BYTES)
        return os.pread(fd, wanted, offset), offset, size


@contextmanager
def file_opened(work_dir: Path, asked: str | None) -> Iterator[int]:
    """As ``opened``, for what is no directory. Raises FilesError."""
    with opened(work_dir, asked) as fd:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise FilesError(400, "Cannot read a directory.\n")
        yield fd


def _info(path: Path, found: os.stat_result) -> FileInfo:
    return FileInfo(
        mode=stat.filemode(found.st_mode),
        mtime=found.st_mtime,
        nlink=found.st_nlink,
        path=str(path),
        size=found.st_size,
        uid=user_name(found.st_uid),
        gid=group_name(found.st_gid),
    )
