"""Requests about nodes, each with the reading of its reply.

A request writes its body below the root of its client (`Request.encode`) and reads the body of
its reply (`Request.read`); headers are those of `jute.frames`. Source: zookeeper.jute and
``ZooDefs.OpCode`` of Apache ZooKeeper.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.records import OPEN, Acls, Stat

R_co = TypeVar("R_co", covariant=True)
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


class Request(msgspec.Struct, Generic[R_co], frozen=True, gc=False):
    """What a client asks of a server, and how it reads the reply (of type ``R_co``)."""

    opcode: ClassVar[int] = 0

    def encode(self, root: str) -> bytes:
        """The body. Raises struct.error or UnicodeEncodeError for what jute cannot hold."""
        raise NotImplementedError

    def read(self, frame: bytes, at: int, root: str) -> R_co:
        """The reply's body, from ``at``. Raises what `wire.decoding` makes a FrameError."""
        raise NotImplementedError


class CreatedNode(NamedTuple):
    """A node as it was created; its path has the number of a sequential node."""

    path: str
    stat: Stat


class Data(NamedTuple):
    """The data of a node; None is not b""."""

    data: bytes | None
    stat: Stat


class Children(NamedTuple):
    """The names of the children of a node, in no order."""

    names: list[str]
    stat: Stat


class AccessList(NamedTuple):
    """Who may do what; ``stat.aversion`` is its version."""

    acl: Acls
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


class Exists(Request[Stat], frozen=True, gc=False):
    """Whether a node is there: its statistics, or `NoNode`."""

    opcode = 3
    path: str
    watch: bool = False

    def encode(self, root: str) -> bytes:
        """Path, watch."""
        return _watched(root, self.path, self.watch)

    def read(self, frame: bytes, at: int, root: str) -> Stat:
        """The statistics."""
        return wire.read_stat(frame, at)[0]


class GetData(Request[Data], frozen=True, gc=False):
    """A node's data."""

    opcode = 4
    path: str
    watch: bool = False

    def encode(self, root: str) -> bytes:
        """Path, watch."""
        return _watched(root, self.path, self.watch)

    def read(self, frame: bytes, at: int, root: str) -> Data:
        """Data and statistics."""
        return read_data(frame, at)[0]


class GetConfig(Request[Data], frozen=True, gc=False):
    """The members of the ensemble, as ``server.N=...`` lines (3.5); below no client's root."""

    opcode = 4
    path: ClassVar[str] = "/zookeeper/config"

    def encode(self, root: str) -> bytes:
        """Path, no watch."""
        return _watched("", self.path, False)

    def read(self, frame: bytes, at: int, root: str) -> Data:
        """Data and statistics."""
        return read_data(frame, at)[0]


class GetChildren(Request[list[str]], frozen=True, gc=False):
    """The names of a node's children, without its statistics."""

    opcode = 8
    path: str
    watch: bool = False

    def encode(self, root: str) -> bytes:
        """Path, watch."""
        return _watched(root, self.path, self.watch)

    def read(self, frame: bytes, at: int, root: str) -> list[str]:
        """The names."""
        return wire.read_texts(frame, at)[0]


class GetChildren2(Request[Children], frozen=True, gc=False):
    """The names of a node's children, and its statistics."""

    opcode = 12
    path: str
    watch: bool = False

    def encode(self, root: str) -> bytes:
        """Path, watch."""
        return _watched(root, self.path, self.watch)

    def read(self, frame: bytes, at: int, root: str) -> Children:
        """Names and statistics."""
        names, at = wire.read_texts(frame, at)
        return Children(names, wire.read_stat(frame, at)[0])


def _watched(root: str, path: str, watch: bool) -> bytes:
    return wire.path(root, path) + (b"\x01" if watch else b"\x00")


def read_data(frame: bytes, at: int) -> tuple[Data, int]:
    """Data and statistics."""
    data, at = wire.read_buffer(frame, at)
    stat, at = wire.read_stat(frame, at)
    return Data(data, stat), at


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


class GetAcl(Request[AccessList], frozen=True, gc=False):
    """A node's access list. Without READ or ADMIN, servers hide the ids of digests."""

    opcode = 6
    path: str

    def encode(self, root: str) -> bytes:
        """Path."""
        return wire.path(root, self.path)

    def read(self, frame: bytes, at: int, root: str) -> AccessList:
        """List and statistics."""
        entries, at = wire.read_acls(frame, at)
        return AccessList(entries, wire.read_stat(frame, at)[0])


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


class Sync(Request[str], frozen=True, gc=False):
    """Have the server catch up with the leader before it answers what is sent after this."""

    opcode = 9
    path: str

    def encode(self, root: str) -> bytes:
        """Path."""
        return wire.path(root, self.path)

    def read(self, frame: bytes, at: int, root: str) -> str:
        """The path."""
        return wire.read_path(frame, at, root)[0]


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


class GetEphemerals(Request[list[str]], frozen=True, gc=False):
    """The ephemeral nodes of this session below a path (3.6)."""

    opcode = 103
    path: str = "/"

    def encode(self, root: str) -> bytes:
        """A prefix of paths."""
        return wire.path(root, self.path)

    def read(self, frame: bytes, at: int, root: str) -> list[str]:
        """Their paths."""
        return [wire.without_root(root, each) for each in wire.read_texts(frame, at)[0]]


class CountDescendants(Request[int], frozen=True, gc=False):
    """``getAllChildrenNumber``: how many nodes are below one (3.6)."""

    opcode = 104
    path: str

    def encode(self, root: str) -> bytes:
        """Path."""
        return wire.path(root, self.path)

    def read(self, frame: bytes, at: int, root: str) -> int:
        """Their number."""
        return wire.read_int(frame, at)[0]
