"""Watches: the requests that set and end them, and the events that servers send.

One-shot watches come with a read and end with their first event. Persistent ones (3.6) stay, and
recursive ones are about everything below too; they never fire for children as such. A connection
that took a session up again sends ``SetWatches`` first, or the server watches nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.errors import FrameError
from orchestrator.zookeeper.jute.request import Request

SET_WATCHES_BYTES = 128 * 1024
"""How much of paths one SetWatches holds, as in ZooKeeper's own client."""


class EventType(IntEnum):
    """What happened (``Watcher.Event.EventType``)."""

    NONE = -1
    CREATED = 1
    DELETED = 2
    DATA_CHANGED = 3
    CHILDREN_CHANGED = 4
    DATA_WATCH_REMOVED = 5
    CHILD_WATCH_REMOVED = 6
    PERSISTENT_WATCH_REMOVED = 7


class WatchEvent(NamedTuple):
    """A node changed. ``zxid`` is the change's since 3.9, -1 before."""

    type: EventType
    path: str
    zxid: int


def read_event(frame: bytes, at: int, root: str, zxid: int) -> WatchEvent:
    """An event's body; the header has the zxid. Raises FrameError."""
    with wire.decoding():
        code, at = wire.read_int(frame, at)
        _, at = wire.read_int(frame, at)  # the state of the session, known from elsewhere
        path, at = wire.read_path(frame, at, root)
        try:
            return WatchEvent(EventType(code), path, zxid)
        except ValueError:
            raise FrameError(f"an event of unknown type {code} came for {path}") from None


class AddMode(IntEnum):
    """``AddWatchMode``."""

    PERSISTENT = 0
    PERSISTENT_RECURSIVE = 1


class AddWatch(Request[None], frozen=True, gc=False):
    """Set a watch that stays (3.6); the node need not be there."""

    opcode = 106
    path: str
    mode: AddMode = AddMode.PERSISTENT_RECURSIVE

    def encode(self, root: str) -> bytes:
        """Path, mode."""
        return wire.path(root, self.path) + wire.pack_int(self.mode)

    def read(self, frame: bytes, at: int, root: str) -> None:
        """An error code that is always 0."""


class WatcherType(IntEnum):
    """Which watches of a path; those that stay count among ``ANY`` only."""

    CHILDREN = 1
    DATA = 2
    ANY = 3


class RemoveWatches(Request[None], frozen=True, gc=False):
    """End watches of a path (3.5). `NoWatcher` if there are none."""

    opcode = 18
    path: str
    type: WatcherType = WatcherType.ANY

    def encode(self, root: str) -> bytes:
        """Path, type."""
        return wire.path(root, self.path) + wire.pack_int(self.type)

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class CheckWatches(Request[None], frozen=True, gc=False):
    """Whether the server has such watches for this session (3.5); `NoWatcher` if not."""

    opcode = 17
    path: str
    type: WatcherType = WatcherType.ANY

    def encode(self, root: str) -> bytes:
        """Path, type."""
        return wire.path(root, self.path) + wire.pack_int(self.type)

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class SetWatches(Request[None], frozen=True, gc=False):
    """Set one-shot watches again. Those whose node changed after ``zxid`` fire at once."""

    opcode = 101
    zxid: int
    data: tuple[str, ...] = ()
    exists: tuple[str, ...] = ()
    children: tuple[str, ...] = ()

    def encode(self, root: str) -> bytes:
        """The zxid and a vector for each kind."""
        kinds = (self.data, self.exists, self.children)
        return wire.LONG.pack(self.zxid) + b"".join([_paths(root, each) for each in kinds])

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class SetWatches2(Request[None], frozen=True, gc=False):
    """As SetWatches, with those that stay (3.6): they are set, but what they missed is lost."""

    opcode = 105
    zxid: int
    data: tuple[str, ...] = ()
    exists: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    persistent: tuple[str, ...] = ()
    recursive: tuple[str, ...] = ()

    def encode(self, root: str) -> bytes:
        """The zxid and a vector for each kind."""
        kinds = (self.data, self.exists, self.children, self.persistent, self.recursive)
        return wire.LONG.pack(self.zxid) + b"".join([_paths(root, each) for each in kinds])

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


def _paths(root: str, paths: tuple[str, ...]) -> bytes:
    return wire.pack_int(len(paths)) + b"".join([wire.path(root, each) for each in paths])


class Kind(IntEnum):
    """The five kinds of watches, in the order of SetWatches2."""

    DATA = 0
    EXISTS = 1
    CHILDREN = 2
    PERSISTENT = 3
    RECURSIVE = 4


def set_again(zxid: int, watches: list[tuple[Kind, str]]) -> Iterator[SetWatches | SetWatches2]:
    """The requests that set all these watches, each of a size that servers read; the older one
    where it is enough, since older servers know no other."""
    part: list[tuple[Kind, str]] = []
    size_bytes = 0
    for kind, path in watches:
        part.append((kind, path))
        size_bytes += 4 + 4 * len(path)  # UTF-8 takes four bytes at most
        if size_bytes >= SET_WATCHES_BYTES:
            yield _set_part(zxid, part)
            part, size_bytes = [], 0
    if part:
        yield _set_part(zxid, part)


def _set_part(zxid: int, part: list[tuple[Kind, str]]) -> SetWatches | SetWatches2:
    data, exists, children, persistent, recursive = (
        tuple([path for kind, path in part if kind is wanted]) for wanted in Kind
    )
    if persistent or recursive:
        return SetWatches2(zxid, data, exists, children, persistent, recursive)
    return SetWatches(zxid, data, exists, children)
