"""Requests that change nodes, and the check that a multi may hold beside them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.records import OPEN, Acls, Stat
from orchestrator.zookeeper.jute.request import Request

ANY = -1  # any version


class CreateMode(IntEnum):
    """How long a node lives and whether its name gets a number (``CreateMode`` of ZooKeeper)."""

    PERSISTENT = 0
    EPHEMERAL = 1
    PERSISTENT_SEQUENTIAL = 2
    EPHEMERAL_SEQUENTIAL = 3
    CONTAINER = 4
    PERSISTENT_WITH_TTL = 5
    PERSISTENT_SEQUENTIAL_WITH_TTL = 6


class CreatedNode(NamedTuple):
    """A node as it was created; its path has the number of a sequential node."""

    path: str
    stat: Stat


class Create(Request[str], frozen=True, gc=False):
    """Create a node, as all versions know it; for the plain modes. The reply is its path."""

    opcode = 1
    path: str
    data: bytes | None = b""
    acl: Acls = OPEN
    mode: CreateMode = CreateMode.PERSISTENT

    def encode(self, root: str) -> bytes:
        """Path, data, access list, mode."""
        return _creation(root, self.path, self.data, self.acl, self.mode)

    def read(self, frame: bytes, at: int, root: str) -> str:
        """The path."""
        return wire.read_path(frame, at, root)[0]


class Create2(Request[CreatedNode], frozen=True, gc=False):
    """Create a node and hear its statistics too (3.5)."""

    opcode = 15
    path: str
    data: bytes | None = b""
    acl: Acls = OPEN
    mode: CreateMode = CreateMode.PERSISTENT

    def encode(self, root: str) -> bytes:
        """Path, data, access list, mode."""
        return _creation(root, self.path, self.data, self.acl, self.mode)

    def read(self, frame: bytes, at: int, root: str) -> CreatedNode:
        """The path and the statistics."""
        return read_created(frame, at, root)[0]


class CreateContainer(Request[CreatedNode], frozen=True, gc=False):
    """Create a container: the server removes it some time after its last child (3.5)."""

    opcode = 19
    path: str
    data: bytes | None = b""
    acl: Acls = OPEN

    def encode(self, root: str) -> bytes:
        """As `Create2`."""
        return _creation(root, self.path, self.data, self.acl, CreateMode.CONTAINER)

    def read(self, frame: bytes, at: int, root: str) -> CreatedNode:
        """The path and the statistics."""
        return read_created(frame, at, root)[0]


class CreateTtl(Request[CreatedNode], frozen=True, gc=False):
    """Create a node that the server removes when it was not written for ``ttl_ms`` and has no
    children (3.5.3; off unless the server's ``extendedTypesEnabled`` is set)."""

    opcode = 21
    path: str
    ttl_ms: int
    data: bytes | None = b""
    acl: Acls = OPEN
    sequential: bool = False

    def encode(self, root: str) -> bytes:
        """As `Create2`, and the time."""
        mode = (
            CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL
            if self.sequential
            else CreateMode.PERSISTENT_WITH_TTL
        )
        created = _creation(root, self.path, self.data, self.acl, mode)
        return created + wire.LONG.pack(self.ttl_ms)

    def read(self, frame: bytes, at: int, root: str) -> CreatedNode:
        """The path and the statistics."""
        return read_created(frame, at, root)[0]


def _creation(root: str, path: str, data: bytes | None, acl: Acls, mode: CreateMode) -> bytes:
    return wire.path(root, path) + wire.buffer(data) + wire.acls(acl) + wire.pack_int(mode)


def read_created(frame: bytes, at: int, root: str) -> tuple[CreatedNode, int]:
    """The answer to all creations but the oldest."""
    path, at = wire.read_path(frame, at, root)
    stat, at = wire.read_stat(frame, at)
    return CreatedNode(path, stat), at


class Delete(Request[None], frozen=True, gc=False):
    """Delete a node without children."""

    opcode = 2
    path: str
    version: int = ANY

    def encode(self, root: str) -> bytes:
        """Path, version."""
        return wire.path(root, self.path) + wire.pack_int(self.version)

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""


class SetData(Request[Stat], frozen=True, gc=False):
    """Write a node's data."""

    opcode = 5
    path: str
    data: bytes | None
    version: int = ANY

    def encode(self, root: str) -> bytes:
        """Path, data, version."""
        return wire.path(root, self.path) + wire.buffer(self.data) + wire.pack_int(self.version)

    def read(self, frame: bytes, at: int, root: str) -> Stat:
        """The new statistics."""
        return wire.read_stat(frame, at)[0]


class SetAcl(Request[Stat], frozen=True, gc=False):
    """Write a node's access list, if it has this aversion."""

    opcode = 7
    path: str
    acl: Acls
    version: int = ANY

    def encode(self, root: str) -> bytes:
        """Path, list, version."""
        return wire.path(root, self.path) + wire.acls(self.acl) + wire.pack_int(self.version)

    def read(self, frame: bytes, at: int, root: str) -> Stat:
        """The new statistics."""
        return wire.read_stat(frame, at)[0]


class Check(Request[None], frozen=True, gc=False):
    """In a multi: go on only if the node has this version; -1: if it is there."""

    opcode = 13
    path: str
    version: int = ANY

    def encode(self, root: str) -> bytes:
        """Path, version."""
        return wire.path(root, self.path) + wire.pack_int(self.version)

    def read(self, frame: bytes, at: int, root: str) -> None:
        """Nothing."""
