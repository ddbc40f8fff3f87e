"""A proof of equality that costs nothing to keep: sums of hashes, and where they differ.

Each node has a 128-bit hash of its path, data, access list and lifetime; a side's is the sum of its
nodes' modulo 2^128. What else is kept are the nodes whose hashes are not the same on both sides:
equal trees cost no memory, and what differs is found without looking at anything that is equal.

A match by chance has a likelihood of 2^-128 a node; it is no defence against somebody who makes up
nodes on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from orchestrator.migration.core.content import EPHEMERAL, AclTable, Content
from orchestrator.migration.core.sides import Side

_MASK = (1 << 128) - 1


def parent_of(path: str) -> str:
    """The parent's path; of ``/a`` it is ``/``."""
    return path[: path.rfind("/")] or "/"


def node_hash(path: str, content: Content | None, acls: AclTable) -> int:
    """A node's part of every sum above it; nothing if it is absent or ephemeral."""
    if content is None or content.kind == EPHEMERAL:
        return 0
    text = path.encode() + content.data + acls.digest(content.acl) + b"%d" % content.kind
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "little")


class Sums:
    """The sums of both sides, and the nodes that differ."""

    def __init__(self) -> None:
        self.totals = [0, 0]
        self._different: set[str] = set()

    def change(self, path: str, side: Side, old: int, new: int, other: int) -> None:
        """A node's hash on a side is another; on the other side it is ``other``."""
        self.totals[side] = (self.totals[side] + new - old) & _MASK
        if new == other:
            self._different.discard(path)
        else:
            self._different.add(path)

    def differs(self, path: str) -> bool:
        """Whether the subtree at ``path`` is not the same on both sides."""
        return next(self._inside(path), None) is not None

    def differing(self, root: str = "/", limit: int = 1_000) -> list[str]:
        """The deepest paths below ``root`` that differ, in order, ``limit`` at most."""
        inside = list(self._inside(root))
        above: set[str] = set()
        for path in inside:
            while path != "/" and (path := parent_of(path)) not in above:
                above.add(path)
        return sorted(path for path in inside if path not in above)[:limit]

    def _inside(self, root: str) -> Iterator[str]:
        if root == "/":
            return iter(self._different)
        prefix = f"{root}/"
        return (path for path in self._different if path == root or path.startswith(prefix))
