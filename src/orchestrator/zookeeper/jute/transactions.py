"""Transactions as servers log them and tell those that learn: a header, a body, and in newer
versions a digest of the whole tree behind it, which is not read.

What is written in one is the outcome, not the wish: new versions, names with their number, the
parent's count of creations.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import msgspec

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.errors import FrameError
from orchestrator.zookeeper.jute.records import CONTAINER_OWNER, Acls, ttl_owner

_HEADER = struct.Struct(">qiqqi")
_INT = wire.INT.unpack_from
_PART = struct.Struct(">ii")  # type, bytes
_DIGEST_BYTES = 12
_MULTI = 14
_ERROR = -1
_CLOSE = -11


class TxnHeader(msgspec.Struct, frozen=True, gc=False):
    """``session`` is the writer's, ``time`` in ms on the leader's clock, ``type`` an opcode."""

    session: int
    cxid: int
    zxid: int
    time: int
    type: int


class CreateTxn(msgspec.Struct, frozen=True, gc=False):
    """A node was created, of any kind; ``owner`` as in `records.Znode`. ``cversion`` is the
    parent's count of creations after it, -1 if it is one more than it was."""

    path: str
    data: bytes | None
    acl: Acls
    owner: int
    cversion: int


class DeleteTxn(msgspec.Struct, frozen=True, gc=False):
    """A node was deleted."""

    path: str


class SetDataTxn(msgspec.Struct, frozen=True, gc=False):
    """Data was written, and has this version now."""

    path: str
    data: bytes | None
    version: int


class SetAclTxn(msgspec.Struct, frozen=True, gc=False):
    """An access list was written, and has this version now."""

    path: str
    acl: Acls
    version: int


class CheckTxn(msgspec.Struct, frozen=True, gc=False):
    """A version was as expected."""

    path: str
    version: int


class ErrorTxn(msgspec.Struct, frozen=True, gc=False):
    """Nothing happened, because of an error of ``KeeperException.Code``; 0 if it is not said."""

    error: int


class OpenSessionTxn(msgspec.Struct, frozen=True, gc=False):
    """The header's session began."""

    timeout_ms: int


class CloseSessionTxn(msgspec.Struct, frozen=True, gc=False):
    """The header's session ended, and these nodes with it; None if the server does not say
    which (before 3.6)."""

    paths: tuple[str, ...] | None


class MultiTxn(msgspec.Struct, frozen=True, gc=False):
    """Many at once. If one is an `ErrorTxn`, none of them happened."""

    txns: tuple[Body, ...]


Body = (
    CreateTxn
    | DeleteTxn
    | SetDataTxn
    | SetAclTxn
    | CheckTxn
    | ErrorTxn
    | OpenSessionTxn
    | CloseSessionTxn
    | MultiTxn
)
_Reader = Callable[[bytes, int, int], tuple[Body, int]]


def read_transaction(frame: bytes, at: int = 0) -> tuple[TxnHeader, Body]:
    """A whole transaction. Raises FrameError, also for one of a type that is not known: nobody
    could tell what it changed."""
    try:
        header = TxnHeader(*_HEADER.unpack_from(frame, at))
        read = _READERS.get(header.type) or _refuse(header.type)
        body, _ = read(frame, at + _HEADER.size, header.session)
    except wire.BROKEN as error:
        raise wire.broken(error) from error
    return header, body


def _refuse(kind: int) -> _Reader:
    raise FrameError(f"a transaction of type {kind}, which is not known")


def _create(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    path, at = wire.read_text(frame, at)
    data, at = wire.read_buffer(frame, at)
    acl, at = wire.read_acls(frame, at)
    is_ephemeral = frame[at : at + 1] == b"\x01"
    cversion, at = wire.read_int(frame, at + 1)
    return CreateTxn(path, data, acl, session if is_ephemeral else 0, cversion), at


def _create_container(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    path, at = wire.read_text(frame, at)
    data, at = wire.read_buffer(frame, at)
    acl, at = wire.read_acls(frame, at)
    cversion, at = wire.read_int(frame, at)
    return CreateTxn(path, data, acl, CONTAINER_OWNER, cversion), at


def _create_ttl(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    path, at = wire.read_text(frame, at)
    data, at = wire.read_buffer(frame, at)
    acl, at = wire.read_acls(frame, at)
    cversion, at = wire.read_int(frame, at)
    (ttl_ms,) = wire.LONG.unpack_from(frame, at)
    return CreateTxn(path, data, acl, ttl_owner(ttl_ms), cversion), at + 8


def _delete(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    path, at = wire.read_text(frame, at)
    return DeleteTxn(path), at


def _set_data(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    """Most are of this type, so it has no calls in it."""
    (size,) = _INT(frame, at)
    if size < 0:
        raise FrameError("data is written to no path")
    at += 4
    end = at + size
    raw = frame[at:end]
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        path, _ = wire.read_text(frame, at - 4)
    (size,) = _INT(frame, end)
    at = end + 4
    end = at + size if size > 0 else at
    (version,) = _INT(frame, end)  # there, so that what is before it is whole
    return SetDataTxn(path, frame[at:end] if size >= 0 else None, version), end + 4


def _set_acl(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    path, at = wire.read_text(frame, at)
    acl, at = wire.read_acls(frame, at)
    version, at = wire.read_int(frame, at)
    return SetAclTxn(path, acl, version), at


def _check(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    path, at = wire.read_text(frame, at)
    version, at = wire.read_int(frame, at)
    return CheckTxn(path, version), at


def _error(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    error, at = wire.read_int(frame, at)
    return ErrorTxn(error), at


def _open_session(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    timeout_ms, at = wire.read_int(frame, at)
    return OpenSessionTxn(timeout_ms), at


def _close_session(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    """Without paths, a digest may stand in their place. It begins with its version, 2: two paths
    do not fit into what is behind that."""
    left = len(frame) - at
    try:
        paths, end = wire.read_texts(frame, at)
    except (FrameError, *wire.BROKEN):
        if left in (0, _DIGEST_BYTES):
            return CloseSessionTxn(None), at
        raise
    if left == _DIGEST_BYTES and end != len(frame):
        return CloseSessionTxn(None), at
    return CloseSessionTxn(tuple(paths)), end


def _multi(frame: bytes, at: int, session: int) -> tuple[Body, int]:
    count, at = wire.read_int(frame, at)
    found: list[Body] = []
    for _ in range(count):
        kind, size = _PART.unpack_from(frame, at)
        at += 8
        end = at + max(size, 0)
        if end > len(frame):
            raise FrameError(f"a part of {size} bytes ends behind its transaction")
        if kind == _ERROR and size != wire.INT.size:
            # a leader that tells a failed multi again has changed the types of its parts alone
            found.append(ErrorTxn(0))
            at = end
            continue
        read = _PARTS.get(kind) or _refuse(kind)
        body, at = read(frame, at, session)
        if at != end:
            raise FrameError(f"a part of type {kind} has {size} bytes, which it should not have")
        found.append(body)
    return MultiTxn(tuple(found)), at


_PARTS: dict[int, _Reader] = {
    1: _create,
    15: _create,
    19: _create_container,
    21: _create_ttl,
    2: _delete,
    20: _delete,  # of a container, or of a node whose time was over
    5: _set_data,
    16: _set_data,  # a new configuration, written to /zookeeper/config
    7: _set_acl,
    13: _check,
    _ERROR: _error,
}
_READERS: dict[int, _Reader] = {
    **_PARTS,
    -10: _open_session,
    _CLOSE: _close_session,
    _MULTI: _multi,
}
