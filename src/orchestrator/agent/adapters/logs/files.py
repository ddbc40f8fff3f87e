"""One stream of a task's output: the file it writes to, and what has been cut off that.

The writer has the file open for appending, so bytes may vanish from its front without it noticing
(fallocate with FALLOC_FL_COLLAPSE_RANGE, on ext4 and XFS): no byte is lost, and nobody stands
between the task and its file. Where the file system cannot do that, the file is emptied instead,
and what is written between the last look and that is lost. So it is where the writer has run far
ahead: to take the front off a file waits until all of it is on the disk.

The task may do with its files what it likes, and the agent may be root: links are not followed, and
a file that has a second name is left alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from orchestrator.agent.adapters.logs.ledger import Key, Ledger, Marks
from orchestrator.agent.core.logs import Cut, plan_cut

_COLLAPSE_RANGE = 0x08
_CATCHING_UP = 3  # rounds, with a writer that may be as fast as we are
_COMPARED_BYTES = 64 * 1024
_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_UNABLE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
logger = logging.getLogger(__name__)
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)


class Rotated(NamedTuple):
    """What a rotation did: ``bytes`` cut off, ``dropped`` of them kept nowhere."""

    bytes: int
    dropped: int


class Piece(NamedTuple):
    """Bytes of the stream from ``at`` on; ``dropped``: those wanted before that are gone."""

    data: bytes
    at: int
    dropped: int


class LogFile:
    """``stdout`` or ``stderr`` of a container. Used from several threads; its methods block."""

    def __init__(self, directory: Path, key: Key, ledger: Ledger) -> None:
        self.key = key
        self.path = directory / key[1]
        self._ledger = ledger
        self._lock = threading.RLock()
        self._marks: Marks | None = None

    @property
    def marks(self) -> Marks:
        """What is remembered; after a death in the middle of a cut, what has become of that."""
        with self._lock:
            if self._marks is None:
                self._marks = self._settled(self._ledger.marks(self.key))
            return self._marks

    def size(self) -> int:
        """How large the file is that is written to; 0 where there is none."""
        try:
            return self.path.lstat().st_size
        except OSError:
            return 0

    # --- rotation ----------------------------------------------------------------------------

    def rotate(self, limit: int, kept_files: int) -> Rotated | None:
        """Cut the file if it is larger than the limit. Raises OSError when it cannot be."""
        with self._lock, self._opened(os.O_RDWR) as fd:
            found = os.fstat(fd)
            cut = plan_cut(found.st_size, limit, max(found.st_blksize, 1))
            if cut is None:
                return None
            kept = self._keep(fd, cut, found, kept_files) if kept_files else 0
            self._put(replace(self.marks, cutting=cut.end, size=found.st_size, inode=found.st_ino))
            lost = _emptied(fd) - cut.end if cut.is_late else 0
            removed = cut.end if cut.is_late else self._remove(fd, cut.end)
            self._put(replace(self.marks, cut=self.marks.cut + removed, cutting=0, size=0))
            return Rotated(removed + lost, removed + lost - kept)

    def _keep(self, fd: int, cut: Cut, found: os.stat_result, kept_files: int) -> int:
        """Copy what is kept beside the file; gives how much.

        On a full disk nothing is, and neither where the task has put something in the way: a bound
        that holds is worth more than what it cuts off.
        """
        temporary = self.path.with_name(f".{self.path.name}.rotating")
        try:
            temporary.unlink(missing_ok=True)
            self._copy_out(fd, cut, found, temporary)
            for number in range(kept_files, 1, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._rotated(number - 1).replace(self._rotated(number))
            temporary.replace(self._rotated(1))
        except OSError as error:
            logger.warning("%s: what was cut off it is not kept: %s", self.path, error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return 0
        return cut.end - cut.kept_from

    def _copy_out(self, fd: int, cut: Cut, found: os.stat_result, to: Path) -> None:
        out = os.open(to, _NEW, 0o600)
        try:
            _copy(out, fd, cut.kept_from, cut.end)
            os.fchown(out, found.st_uid, found.st_gid)
            os.fchmod(out, stat.S_IMODE(found.st_mode))
        finally:
            os.close(out)

    def _remove(self, fd: int, end: int) -> int:
        """Take the front off the file; gives how many bytes went."""
        if _libc.fallocate(fd, _COLLAPSE_RANGE, 0, end) == 0:
            return end
        code = ctypes.get_errno()
        if code not in _UNABLE:
            raise OSError(code, os.strerror(code), str(self.path))
        return self._empty(fd, end)

    def _empty(self, fd: int, end: int) -> int:
        """The same where the file system cannot: keep the rest too, then remove everything."""
        with contextlib.suppress(OSError):
            kept = os.open(self._rotated(1), os.O_WRONLY | os.O_APPEND | _OPEN)
            try:
                for _ in range(_CATCHING_UP):
                    size = os.fstat(fd).st_size
                    _append(kept, fd, end, size)
                    end = size
            finally:
                os.close(kept)
        _emptied(fd)
        return end

    def _settled(self, marks: Marks) -> Marks:
        if not marks.cutting:
            return marks
        try:
            with self._opened(os.O_RDWR) as fd:
                if self._is_uncut(fd, marks):
                    self._remove(fd, marks.cutting)
        except OSError:
            pass  # its sandbox is gone
        return replace(marks, cut=marks.cut + marks.cutting, cutting=0, size=0)

    def _is_uncut(self, fd: int, marks: Marks) -> bool:
        """Whether the file still begins with what has been copied from it."""
        if os.fstat(fd).st_size < marks.size:
            return False
        with self._opened(os.O_RDONLY, self._rotated(1)) as kept:
            length = os.fstat(kept).st_size
            start = marks.cutting - length
            compared = min(length, _COMPARED_BYTES)
            return all(
                os.pread(kept, compared, at) == os.pread(fd, compared, start + at)
                for at in (0, length - compared)
            )

    # --- reading -----------------------------------------------------------------------------

    def read(self, at: int, size: int) -> Piece:
        """Bytes of the stream from ``at``, as far as they are still there. Raises OSError."""
        with self._lock, self._opened(os.O_RDONLY) as fd:
            self._notice(fd, at)
            cut = self.marks.cut
            if at >= cut:
                return Piece(os.pread(fd, size, at - cut), at, 0)
            old, start = self._read_rotated(at, cut, size)
            rest = os.pread(fd, size - len(old), 0) if start + len(old) == cut else b""
            return Piece(old + rest, start, start - at)

    def end(self) -> int:
        """How many bytes the stream has had so far."""
        with self._lock:
            return self.marks.cut + self.size()

    def shipped(self, at: int) -> Marks:
        """All up to there is delivered; gives the marks, for the caller to save with others."""
        with self._lock:
            self._marks = replace(self.marks, shipped=at)
            return self._marks

    def _notice(self, fd: int, at: int) -> None:
        """A task may put another file in its place, or empty it: the stream goes on with that."""
        found, marks = os.fstat(fd), self.marks
        is_other = marks.inode not in (0, found.st_ino)
        if is_other or at > marks.cut + found.st_size:
            self._put(replace(marks, cut=at, inode=found.st_ino))
        elif not marks.inode:
            self._marks = replace(marks, inode=found.st_ino)

    def _read_rotated(self, at: int, cut: int, size: int) -> tuple[bytes, int]:
        try:
            with self._opened(os.O_RDONLY, self._rotated(1)) as fd:
                first = cut - os.fstat(fd).st_size
                start = max(at, first)
                return os.pread(fd, min(size, cut - start), start - first), start
        except OSError:
            return b"", cut

    # --- files -------------------------------------------------------------------------------

    def _rotated(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _put(self, marks: Marks) -> None:
        self._ledger.save({self.key: marks})
        self._marks = marks

    @contextmanager
    def _opened(self, mode: int, path: Path | None = None) -> Iterator[int]:
        fd = os.open(path or self.path, mode | _OPEN)
        try:
            if Path(f"/proc/self/fd/{fd}").readlink().parent != self.path.parent:
                raise OSError(errno.ELOOP, "a link leads there")
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                raise OSError(errno.EINVAL, "it is no ordinary file, or has a second name")
            yield fd
        finally:
            os.close(fd)


def _emptied(fd: int) -> int:
    """Empty the file; gives how large it was."""
    size = os.fstat(fd).st_size
    os.ftruncate(fd, 0)
    return size


def _copy(out: int, fd: int, start: int, end: int) -> None:
    while start < end:
        if not (sent := os.sendfile(out, fd, start, end - start)):
            raise OSError(errno.EIO, "the file became shorter meanwhile")
        start += sent


def _append(out: int, fd: int, start: int, end: int) -> None:
    """As ``_copy``, to a file that is open for appending, which sendfile refuses."""
    while start < end and (data := os.pread(fd, min(1024 * 1024, end - start), start)):
        start += os.write(out, data)
