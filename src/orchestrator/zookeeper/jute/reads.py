"""Requests that read nodes."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from orchestrator.zookeeper.jute import wire
from orchestrator.zookeeper.jute.records import Acls, Stat
from orchestrator.zookeeper.jute.request import Request


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
