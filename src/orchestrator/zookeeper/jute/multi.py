"""Many operations in one request: ``multi``, which does all or none, and ``multiRead`` (3.6)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.errors import (
    RUNTIME_INCONSISTENCY,
    FrameError,
    MultiFailed,
    ServerError,
    server_error,
)
from orchestrator.zookeeper.jute.reads import read_data
from orchestrator.zookeeper.jute.records import Stat
from orchestrator.zookeeper.jute.requests import (
    Check,
    Create,
    Create2,
    CreateContainer,
    CreatedNode,
    CreateTtl,
    Data,
    Delete,
    GetChildren,
    GetData,
    Request,
    SetData,
)
from orchestrator.zookeeper.jute.writes import read_created

Op = Create | Create2 | CreateContainer | CreateTtl | Delete | SetData | Check
OpResult = str | CreatedNode | Stat | None
"""Of SetData the statistics; of creations the path (servers of 3.8 give no more in a multi), or
path and statistics; nothing of Delete and Check."""
ReadOp = GetData | GetChildren
ReadResult = Data | list[str] | ServerError

T = TypeVar("T")
_Reader = Callable[[bytes, int, str], tuple[T, int]]
_HEADER = struct.Struct(">i?i")  # opcode, whether this is the end, error
_END = _HEADER.pack(-1, True, -1)
_HEADERS = {
    each.opcode: _HEADER.pack(each.opcode, False, -1)
    for each in (
        Create, Create2, CreateContainer, CreateTtl, Delete, SetData, Check, GetData, GetChildren,
    )
}  # fmt: skip
_ERROR = -1


class Multi(Request[list[OpResult]], frozen=True, gc=False):
    """All of these, or none: then reading the reply raises MultiFailed. Whoever does not need what
    came of each saves its reading with ``brief``, and gets an empty list."""

    opcode = 14
    ops: tuple[Op, ...]
    brief: bool = False

    def encode(self, root: str) -> bytes:
        """Each operation behind its header."""
        return _encode(self.ops, root)

    def read(self, frame: bytes, at: int, root: str) -> list[OpResult]:
        """What came of each operation, in their order. Raises MultiFailed."""
        if self.brief and _HEADER.unpack_from(frame, at)[0] != _ERROR:
            return []  # of one that failed, every result is an error
        results, errors = _read_all(frame, at, root, _RESULTS)
        _expect(len(self.ops), len(results))
        if errors:
            raise self._failure(errors)
        return results

    def _failure(self, errors: dict[int, int]) -> MultiFailed:
        """Before the one that failed stand zeros, behind it ``RUNTIME_INCONSISTENCY``."""
        causes = [at for at, code in errors.items() if code not in (0, RUNTIME_INCONSISTENCY)]
        index = causes[0] if causes else next(iter(errors))
        return MultiFailed(index, server_error(errors[index], self.ops[index].path))


class MultiRead(Request[list[ReadResult]], frozen=True, gc=False):
    """The data or the children of many nodes; one that cannot be read spoils no other."""

    opcode = 22
    ops: tuple[ReadOp, ...]

    def encode(self, root: str) -> bytes:
        """Each operation behind its header."""
        return _encode(self.ops, root)

    def read(self, frame: bytes, at: int, root: str) -> list[ReadResult]:
        """What came of each operation, in their order."""
        found, errors = _read_all(frame, at, root, _READS)
        _expect(len(self.ops), len(found))
        results: list[ReadResult] = []
        for index, each in enumerate(found):
            if each is None:
                results.append(server_error(errors[index], self.ops[index].path))
            else:
                results.append(each)
        return results


def _encode(ops: tuple[Op, ...] | tuple[ReadOp, ...], root: str) -> bytes:
    parts = []
    for op in ops:
        parts.append(_HEADERS[op.opcode])
        parts.append(op.encode(root))
    parts.append(_END)
    return b"".join(parts)


def _read_all(
    frame: bytes, at: int, root: str, readers: dict[int, _Reader[T]]
) -> tuple[list[T | None], dict[int, int]]:
    """What stands behind each header; None in the place of an error, whose code is by its index."""
    results: list[T | None] = []
    errors: dict[int, int] = {}
    while True:
        opcode, ends, _ = _HEADER.unpack_from(frame, at)
        at += _HEADER.size
        if ends:
            return results, errors
        if opcode == _ERROR:
            errors[len(results)], at = wire.read_int(frame, at)
            results.append(None)
        elif opcode in readers:
            result, at = readers[opcode](frame, at, root)
            results.append(result)
        else:
            raise FrameError(f"a multi is answered with operation {opcode}, which is unknown")


def _expect(asked: int, answered: int) -> None:
    if asked != answered:
        raise FrameError(f"a multi of {asked} operations is answered with {answered} results")


def _nothing(frame: bytes, at: int, root: str) -> tuple[OpResult, int]:
    return None, at


def _read_stat(frame: bytes, at: int, root: str) -> tuple[OpResult, int]:
    return wire.read_stat(frame, at)


def _read_data(frame: bytes, at: int, root: str) -> tuple[Data | list[str], int]:
    return read_data(frame, at)


def _read_names(frame: bytes, at: int, root: str) -> tuple[Data | list[str], int]:
    return wire.read_texts(frame, at)


_RESULTS: dict[int, _Reader[OpResult]] = {
    Create.opcode: wire.read_path,
    Create2.opcode: read_created,
    CreateContainer.opcode: read_created,
    CreateTtl.opcode: read_created,
    SetData.opcode: _read_stat,
    Delete.opcode: _nothing,
    Check.opcode: _nothing,
}
_READS: dict[int, _Reader[Data | list[str]]] = {
    GetData.opcode: _read_data,
    GetChildren.opcode: _read_names,
}
