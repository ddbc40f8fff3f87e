"""What the engine is told. The shell promises, for each side:

- ``Heard`` passes on everything a source says, in order. ``Znode.cversion`` and
  ``Created.cversion`` are the number of creates below the parent, as servers store it and the
  stream shows it; a source that sees only the served value gives ``(cversion + children) // 2``.
- ``SessionOpened`` comes before the first write in a session. After a restart the shell goes on in
  the sessions it had (by id and password) as long as they live.
- Batches of one side and role are sent in the order of their numbers, on one connection. Each
  ``Write`` has one outcome: `Written`, `Refused` or `Lost`. After `Lost`, all batches behind it on
  that connection are `Lost` too, unless their answers have come.
- ``BarrierPassed`` answers ``Barrier``: everything the engine's sessions wrote earlier on that
  side was applied at or before ``zxid``, or never will be. So after a lost connection the shell
  first goes on in the same session on a new connection (servers then refuse what is still
  under way on the old one), or waits until that session has ended; it then sends ``sync``, reads,
  and gives the zxid of that answer.
- ``Operated`` is a command; it is answered by ``Reply`` with the same token.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from orchestrator.migration.core.sides import Role, Side
from orchestrator.zookeeper import source
from orchestrator.zookeeper.jute.records import Znode


class Heard(NamedTuple):
    """A side's source said something."""

    side: Side
    event: source.Event


class SourceOpened(NamedTuple):
    """What a side's source can see, said before anything else of it is heard. One that sees nodes
    only as a client does shows every lifetime but ephemeral as persistent: it is then taken to be
    the other side's, and copies are made persistent. ``reveals``: its first snapshot shows what was
    only taken to be so before."""

    side: Side
    sees_lifetimes: bool
    reveals: bool = False


class SessionOpened(NamedTuple):
    """From here on, the engine's writes in this role carry this session, new or gone on with."""

    side: Side
    role: Role
    session: int


class Written(NamedTuple):
    """A batch was applied, whole, as the transaction ``zxid``."""

    batch: int
    zxid: int


class Refusal(StrEnum):
    """Why a server did not apply a batch."""

    EXISTS = "exists"
    MISSING = "missing"  # the node, or the parent of one to create
    VERSION = "version"
    NOT_EMPTY = "not_empty"
    NO_AUTH = "no_auth"
    EPHEMERAL_PARENT = "ephemeral_parent"
    TOO_LARGE = "too_large"  # also when the shell does not send it, because it knows the limit
    OTHER = "other"  # invalid ACL, quota exceeded, read-only, unimplemented ...


class Refused(NamedTuple):
    """Nothing of a batch was applied, because of ``ops[op]``; ``zxid`` is that of the answer,
    0 if there was none."""

    batch: int
    zxid: int
    op: int
    refusal: Refusal
    reason: str = ""


class Lost(NamedTuple):
    """Nobody knows whether a batch was, or will be, applied."""

    batch: int


class BarrierPassed(NamedTuple):
    """The answer to ``Barrier``."""

    side: Side
    token: int
    zxid: int


class Shown(NamedTuple):
    """What a fresh read showed of a path of that side; ``children`` (names, in any order) only
    if they were asked for."""

    path: str
    node: Znode | None
    children: tuple[str, ...] = ()


class ReadDone(NamedTuple):
    """The answer to ``Read``; empty if it could not be done (the engine asks again)."""

    side: Side
    token: int
    nodes: tuple[Shown, ...]


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Write nothing more for now; what is under way ends. Remembered across restarts."""


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Go on writing."""


class Resolve(msgspec.Struct, frozen=True, tag="resolve"):
    """Settle a held conflict: by one side's state, or by a value for both (``data``)."""

    path: str
    winner: Side | None = None
    data: bytes | None = None


class SetAuthority(msgspec.Struct, frozen=True, tag="authority"):
    """Let this side elect in all election directories; answered when it does."""

    side: Side


class Verify(msgspec.Struct, frozen=True, tag="verify"):
    """Read everything below ``path`` (of the view) on both sides and compare; answered at the
    end. With ``repair``, what was found is put right."""

    path: str = "/"
    repair: bool = False


Command = Pause | Resume | Resolve | SetAuthority | Verify


class Operated(NamedTuple):
    """Somebody commands."""

    token: int
    command: Command


Event = (
    Heard
    | SourceOpened
    | SessionOpened
    | Written
    | Refused
    | Lost
    | BarrierPassed
    | ReadDone
    | Operated
)  # fmt: skip
