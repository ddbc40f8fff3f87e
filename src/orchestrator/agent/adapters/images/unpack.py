"""A layer as a directory that overlayfs can mount.

A layer is a tar of what it changes; a member ``.wh.NAME`` says that NAME of the layers below is
gone, ``.wh..wh..opq`` that nothing of its directory in the layers below is left. overlayfs says the
same with a device 0/0 called NAME and an attribute of the directory, and so does what is made here.
A directory that is itself on an overlay refuses both. Nothing can be mounted there either;
layers are merged by copying, and other marks do for that.

Nobody has vouched for a layer. Names are resolved as if the directory were the root of all, so
links lead nowhere else; devices are left out, because a container has a /dev of its own; of the
extended attributes only file capabilities are kept, for others could speak to overlayfs. Bytes, as
they come and as they are written (a hole may be as large as it likes), and entries are counted.
Sources: the OCI Image Layer Filesystem Changeset specification; Linux' overlayfs.rst.
"""

# A layer may have a million entries, and Path doubles what each costs.
# ruff: noqa: PTH101, PTH102, PTH108, PTH112, PTH114, PTH115, PTH211

from __future__ import annotations

import ctypes
import errno
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol, cast

from orchestrator.agent.adapters.archives import ArchiveError, Header

MAX_ENTRIES = 1_000_000
MAX_LINKS = 40
CHUNK_BYTES = 1024 * 1024
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
RESERVED = ".wh..wh."
OPAQUE_ATTRIBUTE = "trusted.overlay.opaque"
OPAQUE_ON_OVERLAY = "trusted.orchestrator.opaque"
_REFUSED = (errno.EPERM, errno.EOPNOTSUPP)  # overlayfs, of what means something to it
CAPABILITY = "security.capability"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


_TOO_LARGE = "a layer is larger, unpacked, than this agent allows"


class LayerError(Exception):
    """The layer cannot be unpacked; says why."""


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def unpack(blob: Path, directory: Path, max_bytes: int) -> str:
    """Unpack a layer, packed by gzip or not, into an empty directory; returns its diff id.

    That is the digest of the tar itself. What is unpacked is on disk when this returns. Raises
    LayerError, OSError.
    """
    with blob.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic == _ZSTD:
            raise LayerError("a layer is packed with zstd, which this agent cannot unpack")
        packed: _Readable = gzip.GzipFile(fileobj=file) if magic[:2] == _GZIP else file
        stream = _Measured(packed, max_bytes)
        try:
            with tarfile.open(
                fileobj=cast(IO[bytes], stream), mode="r|", bufsize=CHUNK_BYTES, tarinfo=Header
            ) as archive:
                _Unpacking(directory, max_bytes).all_of(archive)
            while stream.read(CHUNK_BYTES):
                pass  # what follows the last member counts for the digest too
        except ArchiveError as error:
            raise LayerError(f"a layer cannot be unpacked: {error}") from None
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise LayerError(f"a layer is damaged: {error}") from None
    _sync(directory)
    return stream.digest


class _Measured:
    """Digests what is read and stops at a limit."""

    def __init__(self, source: _Readable, max_bytes: int) -> None:
        self._source = source
        self._left = max_bytes
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self._left -= len(data)
        if self._left < 0:
            raise LayerError(_TOO_LARGE)
        return data


class _Unpacking:
    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root = str(root)
        self._left = max_bytes
        self._entries = 0
        self._times: list[tuple[str, float]] = []  # of directories, which change until the end

    def all_of(self, archive: tarfile.TarFile) -> None:
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined] # all there are; needed by nobody
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                raise LayerError(f"a layer has more than {MAX_ENTRIES} entries")
            try:
                self._one(archive, member)
            except (ValueError, UnicodeError) as error:  # a zero byte in a name, for one
                raise LayerError(f"a layer has an entry that cannot be made: {error}") from None
        for path, modified in reversed(self._times):
            if os.path.isdir(path) and not os.path.islink(path):
                os.utime(path, (modified, modified))

    def _one(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        *parents, name = _parts(member.name) or [""]
        if name == "":
            return self._own(self._root, member)  # the root itself
        directory = self._directory(parents)
        if name.startswith(WHITEOUT):
            return self._white_out(directory, name)
        path = f"{directory}/{name}"
        if member.isdir():
            return self._make_directory(path, member)
        if member.isreg():
            remove(path)
            self._write(archive, path, member)
        elif member.issym():
            remove(path)
            os.symlink(member.linkname, path)
        elif member.islnk():
            return self._link(path, member)
        elif member.isfifo():
            remove(path)
            os.mkfifo(path)
        else:
            return None  # a device
        return self._own(path, member)

    def _directory(self, parts: Sequence[str]) -> str:
        """The directory of this name, made where it is missing; links are followed inside only."""
        at: list[str] = []
        rest = list(reversed(parts))
        links = 0
        while rest:
            part = rest.pop()
            if part == "..":
                at = at[:-1]
                continue
            path = "/".join((self._root, *at, part))
            kind = _kind(path)
            if kind is not None and stat.S_ISLNK(kind):
                links += 1
                if links > MAX_LINKS:
                    raise LayerError(f"'{part}' is a link that leads in a circle")
                target = os.readlink(path)
                at = [] if target.startswith("/") else at
                rest.extend(reversed(_steps(target)))
                continue
            if kind is None or not stat.S_ISDIR(kind):
                remove(path)
                os.mkdir(path, 0o755)
                if kind is not None and stat.S_ISCHR(kind):
                    _make_opaque(path)
            at.append(part)
        return "/".join((self._root, *at))

    def _make_directory(self, path: str, member: tarfile.TarInfo) -> None:
        kind = _kind(path)
        if kind is None or not stat.S_ISDIR(kind):
            remove(path)
            os.mkdir(path)
            if kind is not None and stat.S_ISCHR(kind):  # removed below, and made anew here
                _make_opaque(path)
        self._own(path, member)
        self._times.append((path, member.mtime))

    def _write(self, archive: tarfile.TarFile, path: str, member: tarfile.TarInfo) -> None:
        self._left -= member.size
        if self._left < 0:
            raise LayerError(_TOO_LARGE)
        content: IO[bytes] | None = archive.extractfile(member)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            if content is not None:
                shutil.copyfileobj(content, file, CHUNK_BYTES)

    def _link(self, path: str, member: tarfile.TarInfo) -> None:
        *parents, name = _parts(member.linkname) or [""]
        target = f"{self._directory(parents)}/{name}"
        kind = _kind(target)
        if kind is None or stat.S_ISDIR(kind) or stat.S_ISCHR(kind):
            raise LayerError(f"'{member.name}' is a link to '{member.linkname}', which is no file")
        if target != path:
            remove(path)
            os.link(target, path, follow_symlinks=False)

    def _white_out(self, directory: str, name: str) -> None:
        if name == OPAQUE:
            return _make_opaque(directory)
        if name.startswith(RESERVED) or name == WHITEOUT:
            return None
        path = f"{directory}/{name.removeprefix(WHITEOUT)}"
        if name in (WHITEOUT + ".", WHITEOUT + ".."):
            raise LayerError(f"'{name}' cannot be removed")
        kind = _kind(path)
        if kind is None:
            _make_whiteout(path)
        elif stat.S_ISDIR(kind):
            _make_opaque(path)  # it speaks of the layers below; what this layer has stays
        return None

    def _own(self, path: str, member: tarfile.TarInfo) -> None:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
        if member.issym():
            return os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)
        os.chmod(path, member.mode & 0o7777)
        if capability := member.pax_headers.get(f"SCHILY.xattr.{CAPABILITY}"):
            os.setxattr(path, CAPABILITY, capability.encode("utf-8", "surrogateescape"))
        return os.utime(path, (member.mtime, member.mtime))


def _make_whiteout(path: str) -> None:
    try:
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 1))  # layers have no other devices


def _make_opaque(directory: str) -> None:
    try:
        os.setxattr(directory, OPAQUE_ATTRIBUTE, b"y")
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        os.setxattr(directory, OPAQUE_ON_OVERLAY, b"y")


def _steps(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _parts(name: str) -> list[str]:
    """The name's parts; ".." leads no higher than the root."""
    parts: list[str] = []
    for part in _steps(name):
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return parts


def _kind(path: str) -> int | None:
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return None


def remove(path: str) -> None:
    """Remove whatever is there, if anything is."""
    kind = _kind(path)
    if kind is None:
        return
    if stat.S_ISDIR(kind):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _sync(directory: Path) -> None:
    """Write out the file system: a layer that is kept must be whole after a power cut too."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), "the layer cannot be written to disk")
    finally:
        os.close(fd)
