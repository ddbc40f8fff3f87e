"""A proof of equality that costs nothing to keep: sums of hashes, and where they differ.

Each node has a 128-bit hash of its path, data, access list and lifetime; a subtree's is the sum of
its nodes' modulo 2^128, so a change adds one difference to every ancestor. What is kept is the
difference *between the sides*, and only where it is not zero: equal trees cost no memory, and a
differing subtree is found by its own number, without looking at any that is equal.

The sum is of keyed hashes of distinct paths: a match by chance has a likelihood of 2^-128 a
subtree; it is no defence against somebody who makes up nodes on purpose.
"""

from __future__ import annotations

from hashlib import blake2b

from orchestrator.migration.core.content import EPHEMERAL, AclTable, Content
from orchestrator.migration.core.sides import Side

_MASK = (1 << 128) - 1


def parent_of(path: str) -> str:
    """The parent's path; of ``/a`` it is ``/``."""
    return path[: path.rfind("/")] or "/"


def node_hash(path: str, content: Content | None, acls: AclTable, with_kind: bool) -> int:
    """A node's part of every sum above it; nothing if it is absent or ephemeral."""
    if content is None or content.kind == EPHEMERAL:
        return 0
    kind = content.kind if with_kind else 0
    text = b"%b%b%b%d" % (path.encode(), content.data, acls.digest(content.acl), kind)
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "little")


class Sums:
    """The sums of both sides: whole, and per subtree where they differ."""

    def __init__(self) -> None:
        self.totals = [0, 0]
        self._differences: dict[str, int] = {}

    def change(self, path: str, side: Side, old: int, new: int) -> None:
        """A node's hash on a side is another."""
        self.totals[side] = (self.totals[side] + new - old) & _MASK
        step = new - old if side == 0 else old - new
        differences = self._differences
        while True:
            sum_ = (differences.get(path, 0) + step) & _MASK
            if sum_:
                differences[path] = sum_
            else:
                differences.pop(path, None)
            if path == "/":
                return
            path = path[: path.rfind("/")] or "/"

    def differs(self, path: str) -> bool:
        """Whether the subtree at ``path`` is not the same on both sides."""
        return path in self._differences

    def differing(self, root: str = "/", limit: int = 1_000) -> list[str]:
        """The deepest paths below ``root`` whose subtrees differ, in order, ``limit`` at most."""
        prefix = root if root == "/" else f"{root}/"
        inside = [p for p in self._differences if p == root or p.startswith(prefix)]
        parents = {parent_of(p) for p in inside if p != "/"}
        return sorted(p for p in inside if p not in parents)[:limit]
