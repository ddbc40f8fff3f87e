"""What is heard from an ensemble that is followed: a snapshot, then every change in order.

A source is an observer of the transaction stream (`zookeeper.stream`), or watches with fresh reads
(`zookeeper.watching`). Both say the same things:

    SnapshotStarted  SnapshotNodes*  SnapshotEnded   Transaction*   Reached*   Interrupted   ...

- A snapshot is everything there is, parents before children. It may be fuzzy: a transaction after
  ``SnapshotEnded`` may already be in it, so applying one again has to change nothing.
- A source that was given a position goes on behind it without a snapshot, if the ensemble still
  has what came after; otherwise a snapshot says so.
- ``Interrupted`` says that nothing is heard for the moment. What follows either goes on exactly
  behind what was heard, or begins with a snapshot.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from orchestrator.zookeeper.jute.records import Acls, Znode


class SnapshotStarted(NamedTuple):
    """Everything follows; what is not in it does not exist. ``total`` is None if nobody knows."""

    total: int | None


class SnapshotNodes(NamedTuple):
    """A part of a snapshot: paths and their nodes."""

    nodes: list[tuple[str, Znode]]


class SnapshotEnded(NamedTuple):
    """The snapshot holds at least every transaction to ``zxid``."""

    zxid: int


class Created(msgspec.Struct, frozen=True, gc=False):
    """A node is there that was not. ``owner`` as in `Znode`; ``cversion`` is its parent's after
    it, -1 if the transaction does not say."""

    path: str
    data: bytes | None
    acl: Acls | None
    owner: int
    cversion: int


class DataSet(msgspec.Struct, frozen=True, gc=False):
    """A node's data was written; ``version`` is the one it has now."""

    path: str
    data: bytes | None
    version: int


class AclSet(msgspec.Struct, frozen=True, gc=False):
    """A node's access list was written; ``version`` is the aversion it has now."""

    path: str
    acl: Acls
    version: int


class Deleted(msgspec.Struct, frozen=True, gc=False):
    """A node is gone: deleted, expired, or with the session that owned it."""

    path: str


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What a fresh read showed, where steps in between cannot be known; None: it is not there."""

    path: str
    node: Znode | None


Step = Created | DataSet | AclSet | Deleted | Seen


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """What happened at once. ``session`` is the writer's, 0 where a source cannot tell; ``time``
    is in ms on the clock of the ensemble's leader; ``closed`` says that the writer's session ended
    with it (its ephemeral nodes are among the steps)."""

    zxid: int
    session: int
    time: int
    steps: tuple[Step, ...]
    closed: bool = False


class Reached(NamedTuple):
    """Everything to ``zxid`` was heard; said at least every few seconds, also when nothing
    happens."""

    zxid: int


class Interrupted(NamedTuple):
    """Nothing is heard until further notice, and why, in one sentence."""

    reason: str


Event = SnapshotStarted | SnapshotNodes | SnapshotEnded | Transaction | Reached | Interrupted
