"""What of a node is compared: a digest of its data, its access list, its lifetime.

A tree of a million nodes keeps no data, only 16 bytes of BLAKE2b of it. Access lists are few, so
each gets a number in a table. ``UNKNOWN`` stands where a source could not see something: it is
equal to everything and is never copied.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from orchestrator.zookeeper.jute.records import OPEN, Acls, Lifetime, lifetime

UNKNOWN = -1
EPHEMERAL = -2
PLAIN = 0
CONTAINER = 1
_TTL = 2  # and more: two more than the milliseconds

NO_DATA = b"\0" * 16
"""The digest of data None, which is not that of ``b""``."""


class Content(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What two nodes have to have in common to be the same; ``kind`` is the lifetime."""

    data: bytes
    acl: int
    kind: int

    @property
    def parts(self) -> tuple[bytes, int, int]:
        """All of it, to be looked at part by part."""
        return self.data, self.acl, self.kind


class State(msgspec.Struct, frozen=True, gc=False):
    """A node on one side; ``owner`` is the session of an ephemeral one, else 0."""

    content: Content
    version: int
    aversion: int
    owner: int = 0


def digest(data: bytes | None) -> bytes:
    """16 bytes for data of any size."""
    return NO_DATA if data is None else blake2b(data, digest_size=16).digest()


def kind_of(owner: int, sees_lifetimes: bool) -> int:
    """The lifetime of a node with this owner, as a source shows it."""
    if owner == 0:
        return PLAIN if sees_lifetimes else UNKNOWN
    seen = lifetime(owner)
    if seen.session:
        return EPHEMERAL
    return CONTAINER if seen.container else _TTL + seen.ttl_ms


def lifetime_of(kind: int) -> Lifetime:
    """What to create a node with; what is unknown becomes persistent."""
    if kind >= _TTL:
        return Lifetime(ttl_ms=kind - _TTL)
    return Lifetime(container=kind == CONTAINER)


class AclTable:
    """Access lists by number; new ones are kept until ``fresh`` has taken them to be saved."""

    def __init__(self) -> None:
        self._numbers: dict[Acls, int] = {}
        self._lists: list[Acls] = []
        self._digests: list[bytes] = []
        self._fresh: list[int] = []

    def number(self, acl: Acls | None) -> int:
        """The number of a list, new or known; None is UNKNOWN."""
        if acl is None:
            return UNKNOWN
        number = self._numbers.get(acl)
        if number is None:
            number = self._add(acl)
            self._fresh.append(number)
        return number

    def restore(self, acl: Acls) -> None:
        """Take in the next list of those that were saved, in the order of their numbers."""
        self._add(acl)

    def acl(self, number: int) -> Acls:
        """The list of a number; UNKNOWN must not be asked for."""
        return self._lists[number] if number >= 0 else OPEN

    def digest(self, number: int) -> bytes:
        """16 bytes that tell lists apart, the same in every process."""
        return self._digests[number] if number >= 0 else NO_DATA

    def fresh(self) -> list[tuple[int, Acls]]:
        """Lists that were not saved yet; they are taken to be saved now."""
        taken, self._fresh = self._fresh, []
        return [(number, self._lists[number]) for number in taken]

    def _add(self, acl: Acls) -> int:
        number = self._numbers[acl] = len(self._lists)
        self._lists.append(acl)
        self._digests.append(digest(msgspec.msgpack.encode(acl)))
        return number
