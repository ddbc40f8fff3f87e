"""What a znode is: its data, its access list, its statistics, and how long it lives.

Names and fields are those of ``zookeeper.jute``; times are milliseconds since 1970, on the clock
of the ensemble's leader.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

CONTAINER_OWNER = -(1 << 63)
"""The owner of a container, as the server stores it; clients are shown 0."""

_EXTENDED = 0xFF << 56  # EphemeralType: the high byte of the owner, with extended types enabled
_TTL_BITS = 0xFF << 56
_TTL_MASK = (1 << 40) - 1


class Acl(NamedTuple):
    """One entry of an access list; ``permissions`` are ZooDefs.Perms' bits (31 is all)."""

    permissions: int
    scheme: str
    id: str


Acls = tuple[Acl, ...]

OPEN: Acls = (Acl(31, "world", "anyone"),)


class Stat(NamedTuple):
    """A node's statistics, in the order of the wire."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    data_length: int
    num_children: int
    pzxid: int


class Znode(msgspec.Struct, frozen=True, gc=False):
    """A node as it stands.

    ``data`` None and ``b""`` are two things, on the wire and to clients. ``acl`` None means that
    the source could not read it. ``owner`` is the server's field: 0 for a persistent node, else a
    session, a container or a time to live; see `lifetime`. A source that sees nodes only as a
    client does shows containers and nodes with a TTL as persistent.
    """

    data: bytes | None
    acl: Acls | None
    owner: int
    version: int
    cversion: int
    aversion: int
    mtime: int
    mzxid: int
    czxid: int


class Lifetime(NamedTuple):
    """What a node's owner says: one of a session, a container, a TTL in ms, or nothing at all."""

    session: int = 0
    container: bool = False
    ttl_ms: int = 0


PERSISTENT = Lifetime()


def lifetime(owner: int) -> Lifetime:
    """Read an owner as servers store it (``EphemeralType`` of ZooKeeper)."""
    if owner == 0:
        return PERSISTENT
    if owner == CONTAINER_OWNER:
        return Lifetime(container=True)
    unsigned = owner & 0xFFFFFFFFFFFFFFFF
    if unsigned & _EXTENDED == _TTL_BITS:
        return Lifetime(ttl_ms=unsigned & _TTL_MASK)
    return Lifetime(session=owner)


def ttl_owner(ttl_ms: int) -> int:
    """The owner, as a signed 64-bit number, that servers store for a TTL."""
    return (_TTL_BITS | (ttl_ms & _TTL_MASK)) - (1 << 64)
