"""The whole state of a Marathon in one file, and back.

A backup is lines of JSON: a head that says what it is, one line an object (its value in base64),
and a last line with the SHA-256 of all that precedes it:

    {"backup": "orchestrator-marathon", "version": 1, "format": 1, "objects": 2, "time": "..."}
    {"key": "apps/web", "value": "eyJpZCI6..."}
    {"key": "framework", "value": "OWYzYS4uLg=="}
    {"sha256": "5e8f..."}

A file is written beside its name, and gets the name when it is whole and on disk; one that is there
already is never replaced. A file that is damaged, cut short or newer than this program is refused
before anything of it is used.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from orchestrator.marathon.core import stored_format
from orchestrator.marathon.core.stored_format import StateError

VERSION = 1
_KIND = "orchestrator-marathon"
_MAX_BYTES = 4 * 1024**3  # more than any state; what a mistaken name must not fill the memory with
_Line = TypeVar("_Line", bound=msgspec.Struct)


class BackupError(Exception):
    """A backup cannot be written or used; the text says why."""


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    backup: str
    version: int
    format: int  # of the objects
    objects: int
    time: str


class _Object(msgspec.Struct, frozen=True):
    key: str
    value: bytes


class _End(msgspec.Struct, frozen=True):
    sha256: str


def write(path: Path, objects: Mapping[str, bytes], time: str) -> None:
    """Write a new file; ``time`` is for people. Raises BackupError."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
            digest = hashlib.sha256()
            for line in _lines(objects, time):
                digest.update(line)
                file.write(line)
            file.write(_line(_End(digest.hexdigest())))
            file.flush()
            os.fsync(file.fileno())
            Path(path).hardlink_to(file.name)  # fails if there is such a file
            _sync_directory(path.parent)
    except FileExistsError:
        raise BackupError(f"{path} exists already; a backup never replaces a file") from None
    except (OSError, StateError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BackupError(f"cannot write the backup {path}: {reason}") from None


def read(path: Path) -> dict[str, bytes]:
    """The objects of a file. Raises BackupError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BackupError(f"{path} is too large to be a backup")
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise BackupError(f"cannot read the backup {path}: {error.strerror}") from None
    if not lines:
        raise BackupError(f"{path} is empty")
    head = _head(lines[0], path)
    end = _decoded(lines[-1], _End, path, len(lines))
    if hashlib.sha256(b"".join(lines[:-1])).hexdigest() != end.sha256:
        raise BackupError(f"{path} is damaged: its content does not match its checksum")
    found = [_decoded(line, _Object, path, at) for at, line in enumerate(lines[1:-1], start=2)]
    if len(found) != head.objects:
        raise BackupError(f"{path} is damaged: it holds {len(found)} objects of {head.objects}")
    return _checked({each.key: each.value for each in found}, path)


def _lines(objects: Mapping[str, bytes], time: str) -> Iterator[bytes]:
    kept = stored_format.number(objects)
    yield _line(_Head(backup=_KIND, version=VERSION, format=kept, objects=len(objects), time=time))
    for key in sorted(objects):
        yield _line(_Object(key, objects[key]))


def _line(content: msgspec.Struct) -> bytes:
    return msgspec.json.encode(content) + b"\n"


def _head(line: bytes, path: Path) -> _Head:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        head = msgspec.json.decode(line, type=_Head)
        if head.backup == _KIND:
            if head.version > VERSION:
                raise BackupError(
                    f"{path} was written by a newer Orchestrator (version {head.version} of"
                    f" backups; this one knows {VERSION}): restore it with that one"
                )
            return head
    raise BackupError(f"{path} is no backup of a Marathon")


def _decoded(line: bytes, type_: type[_Line], path: Path, number: int) -> _Line:
    try:
        return msgspec.json.decode(line, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BackupError(f"{path} is damaged or cut short: line {number} is unreadable") from None


def _checked(objects: dict[str, bytes], path: Path) -> dict[str, bytes]:
    try:
        stored_format.number(objects)
    except StateError as error:
        raise BackupError(f"{path} cannot be restored: {error}") from None
    return objects


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
