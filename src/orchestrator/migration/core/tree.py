"""All that is known of every path: what each side shows, and the base.

A path on which both sides agree is 45 bytes; a path under work is a `Node`. ``open`` turns the one
into the other, ``close`` back. The bytes are also what is saved, so a checkpoint copies them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from orchestrator.migration.core.content import AclTable, Content, State
from orchestrator.migration.core.hashing import Sums, node_hash
from orchestrator.migration.core.sides import Side

_SETTLED = struct.Struct("<B16siqiiii")  # 0, content, then version and aversion of A and of B
_KnownSide = tuple[bytes, int, int, int, int, int]  # content, version, aversion, owner
_Packed = tuple[tuple[bytes, int, int] | None, _KnownSide | None, _KnownSide | None, int, int]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


class Node:
    """A path under work. ``times`` are those of each side's last change by somebody else, in ms
    on that side's clock (0: nobody knows); ``hashes`` are parts of the sums."""

    __slots__ = ("base", "hashes", "path", "states", "times")

    def __init__(self, path: str) -> None:
        self.path = path
        self.base: Content | None = None
        self.states: list[State | None] = [None, None]
        self.times = [0, 0]
        self.hashes: list[int | None] = [0, 0]

    def content(self, side: Side) -> Content | None:
        """What a side shows."""
        state = self.states[side]
        return None if state is None else state.content

    @property
    def is_gone(self) -> bool:
        """Whether nothing has to be known of it any more."""
        return self.base is None and self.states[0] is None and self.states[1] is None

    @property
    def is_settled(self) -> bool:
        """Whether both sides show the base."""
        a, b = self.states
        base = self.base
        return a is not None and b is not None and a.content == base and b.content == base


class Tree:
    """Every path of the view; ``dirty`` are those that changed since they were saved."""

    def __init__(self, acls: AclTable) -> None:
        self.acls = acls
        self.sums = Sums()
        self.dirty: set[str] = set()
        self.unmoved: set[tuple[Side, str]] = set()  # whoever reads wants to know what changes
        self.counts = [0, 0]
        self._packed: dict[str, bytes] = {}
        self._nodes: dict[str, Node] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._nodes or path in self._packed

    def __len__(self) -> int:
        return len(self._nodes) + len(self._packed)

    @property
    def under_work(self) -> int:
        """How many paths are open."""
        return len(self._nodes)

    def open(self, path: str) -> Node:
        """The node at a path, a new one if nothing is known of it."""
        node = self._nodes.get(path)
        if node is None:
            packed = self._packed.pop(path, None)
            node = self._nodes[path] = Node(path) if packed is None else unpack(path, packed)
        return node

    def look(self, path: str) -> Node:
        """What is known of a path, to be read only; nothing is opened."""
        node = self._nodes.get(path)
        if node is None:
            packed = self._packed.get(path)
            node = Node(path) if packed is None else unpack(path, packed)
        return node

    def close(self, path: str) -> None:
        """Keep an open node in its short form; forget it if nothing is left of it."""
        node = self._nodes.pop(path, None)
        if node is not None and not node.is_gone:
            self._packed[path] = pack(node)

    def has(self, path: str, side: Side) -> bool:
        """Whether a node is there on a side, without opening it."""
        node = self._nodes.get(path)
        if node is not None:
            return node.states[side] is not None
        packed = self._packed.get(path)
        if packed is None:
            return False
        return packed[0] == 0 or unpack(path, packed).states[side] is not None

    def put(self, node: Node, side: Side, state: State | None) -> bool:
        """Note what a side shows; whether anything that is compared changed."""
        old = node.states[side]
        if old == state:
            return False
        node.states[side] = state
        if self.unmoved:
            self.unmoved.discard((side, node.path))
        self.dirty.add(node.path)
        content = None if state is None else state.content
        if old is None or content is None:
            self.counts[side] += (state is not None) - (old is not None)
        elif old.content == content:
            return False
        self._rehash(node, side, None if old is None else old.content, content)
        return True

    def rebase(self, node: Node, base: Content | None) -> None:
        """Note what both sides agree on."""
        if node.base != base:
            node.base = base
            self.dirty.add(node.path)

    def record(self, path: str) -> bytes | None:
        """What is saved of a path, None if it is forgotten."""
        node = self._nodes.get(path)
        if node is not None:
            return None if node.is_gone else pack(node)
        return self._packed.get(path)

    def restore(self, path: str, packed: bytes) -> None:
        """Take in what was saved."""
        node = unpack(path, packed)
        for side in (Side.A, Side.B):
            content = node.content(side)
            node.hashes[side] = 0
            self.counts[side] += content is not None
            self._rehash(node, side, None, content)
        self._packed[path] = packed

    def paths(self) -> Iterator[str]:
        """Every path there is, in no order."""
        yield from self._packed
        yield from self._nodes

    def unsettled(self) -> Iterator[str]:
        """Paths on which the sides, or base and sides, may differ."""
        yield from [path for path, packed in self._packed.items() if packed[0] != 0]
        yield from [path for path, node in self._nodes.items() if not node.is_settled]

    def _rehash(self, node: Node, side: Side, old: Content | None, content: Content | None) -> None:
        hashes, opposite = node.hashes, side.other
        there = node.content(opposite)
        if (before := hashes[side]) is None:
            before = self._hash(node.path, old)
        if (other := hashes[opposite]) is None:
            other = before if there == old else self._hash(node.path, there)
            hashes[opposite] = other
        after = other if there == content else self._hash(node.path, content)
        hashes[side] = after
        if before != after:
            self.sums.change(node.path, side, before, after, other)

    def _hash(self, path: str, content: Content | None) -> int:
        return node_hash(path, content, self.acls)


def pack(node: Node) -> bytes:
    """A node in its short form; one on which all agree begins with 0."""
    a, b = node.states
    base = node.base
    if base is not None and a is not None and b is not None and a.content == base == b.content:
        return _SETTLED.pack(
            0, base.data, base.acl, base.kind, a.version, a.aversion, b.version, b.aversion
        )
    return _encode((base, _flat(a), _flat(b), *node.times))


def unpack(path: str, packed: bytes) -> Node:
    """The node of a short form."""
    node = Node(path)
    if packed[0] == 0:
        _, data, acl, kind, a, aa, b, ba = _SETTLED.unpack(packed)
        base = node.base = Content(data, acl, kind)
        node.states = [State(base, a, aa), State(base, b, ba)]
        node.hashes = [None, None]
        return node
    parts, a_side, b_side, a_time, b_time = _decode(packed)
    node.base = None if parts is None else Content(*parts)
    node.states = [_state(a_side), _state(b_side)]
    node.times = [a_time, b_time]
    node.hashes = [None if state is not None else 0 for state in node.states]
    return node


def _flat(state: State | None) -> _KnownSide | None:
    if state is None:
        return None
    return (*state.content.parts, state.version, state.aversion, state.owner)


def _state(parts: _KnownSide | None) -> State | None:
    if parts is None:
        return None
    return State(Content(*parts[:3]), *parts[3:])
