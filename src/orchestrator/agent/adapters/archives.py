"""Unpacks an archive that nobody has vouched for, so that nothing of it lands elsewhere.

Each member is looked at when its turn comes, with the links unpacked before it in place: what would
lie, or point, outside the directory is refused, and so is what is neither file, directory nor link.
Owners and special permissions of the archive do not count. (The filters of tarfile do this since
Python 3.11.4; older 3.11 releases are in use.)

    python -m orchestrator.agent.adapters.archives NAME DIRECTORY MAX_BYTES [UID GID GROUP...]

unpacks the archive on standard input into the directory, as the user given. The agent runs it as a
process of its own: it can be ended at any moment, cannot hold up the agent, and what the archive
still might do wrong it does with the rights of the task's user. Standard library only.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import shutil
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".zip", ".gz")
MAX_MEMBERS = 1_000_000
MAX_LINKS = 40
MAX_EXTENSION_BYTES = 1024 * 1024
_MODE_MASK = 0o755
_CHUNK_BYTES = 1024 * 1024
_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(gzip.BadGzipFile, NotImplementedError, RuntimeError),
)


class ArchiveError(Exception):
    """The archive is damaged, too large, or would write where it must not."""


class Header(tarfile.TarInfo):
    """A header of a tar, of which what goes on about it in further blocks is bounded.

    tarfile reads such blocks (long names, attributes) into memory, whatever length they claim.
    """

    _EXTENSIONS = (
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    )

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """What follows the header. tarfile names this as the method for subclasses to override.

        Raises ArchiveError.
        """
        if self.type in self._EXTENSIONS and self.size > MAX_EXTENSION_BYTES:
            raise ArchiveError(f"it has a header of more than {MAX_EXTENSION_BYTES} bytes")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found


class Budget:
    """What may still be unpacked: an archive of a kilobyte can hold a petabyte."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = self._members = 0

    def take(self, size: int, *, members: int = 1) -> None:
        """Account for one more member. Raises ArchiveError."""
        self._bytes += size
        self._members += members
        if self._bytes > self._max_bytes:
            raise ArchiveError(f"it unpacks to more than the {self._max_bytes} bytes allowed")
        if self._members > MAX_MEMBERS:
            raise ArchiveError(f"it has more than {MAX_MEMBERS} members")


def is_archive(name: str) -> bool:
    """Whether a file of this name is unpacked."""
    return name.endswith(SUFFIXES)


def unpack(file: IO[bytes], name: str, directory: Path, max_bytes: int) -> None:
    """Unpack what ``name`` says the file is. Raises ArchiveError, OSError."""
    budget = Budget(max_bytes)
    try:
        if name.endswith(".zip"):
            _unzip(file, directory.resolve(), budget)
        elif name.endswith((".tar.gz", ".tgz")) or not name.endswith(".gz"):
            _untar(file, directory.resolve(), budget)
        else:
            _gunzip(file, directory / name.removesuffix(".gz"), budget)
    except _DAMAGE as error:
        raise ArchiveError(f"the archive cannot be unpacked: {error}") from None


def _untar(file: IO[bytes], root: Path, budget: Budget) -> None:
    with tarfile.open(fileobj=file, tarinfo=Header) as archive:
        for member in archive:
            budget.take(member.size if member.isreg() else 0)
            _check(member, root)
            member.mode &= _MODE_MASK
            member.uid, member.gid = os.geteuid(), os.getegid()
            member.uname = member.gname = ""
            if hasattr(tarfile, "data_filter"):
                archive.extract(member, root, filter="data")
            else:
                archive.extract(member, root)


def _check(member: tarfile.TarInfo, root: Path) -> None:
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise ArchiveError(f"'{member.name}' is neither a file nor a directory")
    places = [root / member.name]
    if member.issym():
        places.append(places[0].parent / member.linkname)
    if member.islnk():
        places.append(root / member.linkname)
    for place in places:
        _check_place(place, member.name, root)


def _check_place(place: Path, name: str, root: Path) -> None:
    """Follow a path link by link, as the kernel will.

    ``Path.resolve`` takes for no link what it cannot look at, and links can be laid so that a short
    path becomes too long for that on its way.
    """
    at, rest, links = Path("/"), list(reversed(place.parts[1:])), 0
    while rest:
        part = rest.pop()
        target = _target_of(at / part, name)
        if part == "..":
            at = at.parent
        elif target is None:
            at /= part
        elif (links := links + 1) > MAX_LINKS:
            raise ArchiveError(f"'{name}' leads through more than {MAX_LINKS} links")
        else:
            at = Path("/") if target.is_absolute() else at
            rest.extend(reversed(target.relative_to(target.anchor).parts))
    if not at.is_relative_to(root):
        raise ArchiveError(f"'{name}' lies or leads outside the sandbox")


def _target_of(path: Path, name: str) -> Path | None:
    """Where a link leads; None where there is no link."""
    try:
        return path.readlink()
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
            return None
        raise ArchiveError(f"'{name}' leads where nobody can follow: {error.strerror}") from None


def _unzip(file: IO[bytes], root: Path, budget: Budget) -> None:
    """Links of a zip file become files that hold where they lead."""
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            budget.take(member.file_size)
            place = root / member.filename
            _check_place(place, member.filename, root)
            if member.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, place.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK_BYTES)
            if mode := (member.external_attr >> 16) & _MODE_MASK:
                place.chmod(mode | 0o600)


def _gunzip(file: IO[bytes], target: Path, budget: Budget) -> None:
    with gzip.open(file) as source, target.open("wb") as unpacked:
        while chunk := source.read(_CHUNK_BYTES):
            budget.take(len(chunk), members=0)
            unpacked.write(chunk)


def _become(uid: int, gid: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setgid(gid)
    os.setuid(uid)


def main() -> int:
    """See the module."""
    name, directory, max_bytes, *identity = sys.argv[1:]
    if identity:
        uid, gid, *groups = map(int, identity)
        _become(uid, gid, groups)
    try:
        unpack(sys.stdin.buffer, name, Path(directory), int(max_bytes))
    except ArchiveError as error:
        sys.stderr.write(str(error))
        return 1
    except OSError as error:
        sys.stderr.write(f"'{error.filename or name}': {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
