"""What the engine asks for, in the order in which it has to happen.

``Save`` is ``runtime.machine.Save``: a write goes out only when the intent saved before it is
durable, and all saves of one answer are one commit.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from orchestrator.migration.core.sides import Role, Side
from orchestrator.runtime.machine import Save
from orchestrator.zookeeper.jute.records import Acls


class Create(msgspec.Struct, frozen=True, gc=False):
    """Create a node; fails if it exists. ``ephemeral`` only in batches of role PROXY."""

    path: str
    data: bytes | None
    acl: Acls
    container: bool = False
    ttl_ms: int = 0
    ephemeral: bool = False


class SetData(msgspec.Struct, frozen=True, gc=False):
    """Set data, if the node has this version."""

    path: str
    data: bytes | None
    version: int


class SetAcl(msgspec.Struct, frozen=True, gc=False):
    """Set an access list, if the node has this aversion. Servers take it in no multi, so it is
    the only operation of its batch, and sent as a request of its own."""

    path: str
    acl: Acls
    version: int


class Delete(msgspec.Struct, frozen=True, gc=False):
    """Delete a node, if it has this version and no children; version -1: any."""

    path: str
    version: int


class Check(msgspec.Struct, frozen=True, gc=False):
    """Go on only if the node has this version."""

    path: str
    version: int


Op = Create | SetData | SetAcl | Delete | Check


class Write(NamedTuple):
    """Send a batch: one multi, or one ``SetAcl``. Numbers grow from 1 and go on after restarts."""

    side: Side
    role: Role
    batch: int
    ops: tuple[Op, ...]


class Read(NamedTuple):
    """Read these paths of a side, with their access lists, in any order; 1,000 at most."""

    side: Side
    token: int
    paths: tuple[str, ...]
    children: bool = False


class Barrier(NamedTuple):
    """Find out a zxid by which everything written so far is decided (see ``events``)."""

    side: Side
    token: int


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Problem(StrEnum):
    """What an alert is about."""

    NOT_EMPTY_TARGET = "target_not_empty"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    UNREADABLE_ACL = "unreadable_acl"
    SPLIT = "transaction_split"
    OWNER = "owner_conflict"
    CONTENDER = "contender_without_authority"
    DIFFERENCE = "difference"
    STRUCTURE = "parent_created"
    OVERTAKEN = "change_overtaken"


class Alert(NamedTuple):
    """Tell a person: one sentence, and the path of the view it is about, if one."""

    problem: Problem
    severity: Severity
    text: str
    path: str = ""


class Version(msgspec.Struct, frozen=True):
    """What one side had in a conflict. ``data`` is kept to the first 1,024 bytes, None also if
    the node is absent; ``time_ms`` as its leader's clock said, 0 if nobody knows."""

    present: bool
    data: bytes | None
    digest: str
    size_b: int
    acl: tuple[tuple[int, str, str], ...]
    time_ms: int


class Conflict(msgspec.Struct, frozen=True):
    """Two changes that do not go together. ``decision`` is who won (``A``, ``B``, ``value``), or
    ``held``; ``reason`` is the rule that decided; ``decided_at`` in Unix seconds."""

    number: int
    path: str
    kind: str
    a: Version
    b: Version
    decision: str
    reason: str
    found_at: float
    decided_at: float


class ConflictFound(NamedTuple):
    """A conflict was found or decided; the same is in the engine's log."""

    conflict: Conflict


class Reply(NamedTuple):
    """Answers ``Operated``; ``refusal`` is a sentence, empty if it was done. ``result`` is one
    sentence of what came out (of a verification: what differed)."""

    token: int
    refusal: str = ""
    result: str = ""
    paths: tuple[str, ...] = ()


Send = Write | Read | Barrier | Alert | ConflictFound | Reply
Effect = Save | Send
