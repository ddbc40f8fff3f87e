"""What can be set on a sync, and what is wrong with settings that cannot work.

Paths are absolute ZooKeeper paths. A pattern is a path whose segments may hold ``*`` (any part of
one name) or be ``**`` (any number of segments); it stands for the nodes that match and everything
below them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Policy = Literal["lww", "source", "target", "hold"]
DeletePolicy = Literal["update_wins", "delete_wins", "policy", "hold"]
_Count = Annotated[int, Meta(ge=1)]
_Milliseconds = Annotated[int, Meta(ge=0)]


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is at ``a`` on A, with all below it, is at ``b`` on B."""

    a: str
    b: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides how two ensembles are kept equal.

    ``source`` and ``target`` in policies mean A and B if ``fill`` is ``A->B``, else B and A.
    """

    # --- what is synced ------------------------------------------------------------------------
    include: tuple[str, ...] = ("/**",)
    exclude: tuple[str, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    fill: Literal["A->B", "B->A"] = "A->B"
    """Which side fills the other at first."""
    merge: bool = False
    """Begin even if the target of ``fill`` holds nodes that the source does not have, or has
    otherwise; these are then conflicts, settled by policy, or copied back."""

    # --- conflicts -----------------------------------------------------------------------------
    policy: Policy = "lww"
    deletes: DeletePolicy = "update_wins"
    """A node deleted on one side and changed on the other; ``policy``: as any other conflict."""
    skew_ms: _Milliseconds = 1_000
    """lww: times nearer than this are the same time (exactly as near are, too)."""
    offset_ms: int = 0
    """lww: what the clock of B's leader shows more than that of A's."""
    priority: Literal["", "A", "B"] = ""
    """lww: who wins at the same time; nobody: the value with the higher digest."""

    # --- nodes of sessions ---------------------------------------------------------------------
    ephemerals: Literal["skip", "proxy"] = "skip"
    elections: tuple[str, ...] = ()
    """Directories whose ephemeral members only the authority side elects; the other side has
    proxies of them."""
    authority: Literal["A", "B"] = "A"
    """The authority to begin with; flipped by a command, and then remembered."""
    sequences: tuple[str, ...] = ()
    """Parents whose sequence counters are kept equal; those of elections always are."""
    versions: tuple[str, ...] = ()
    """Nodes whose data versions are kept equal: the side that counts less sets its data again."""

    # --- bounds --------------------------------------------------------------------------------
    batch_ops: _Count = 500
    """Writes in one multi."""
    batch_bytes: Annotated[int, Meta(ge=1_024)] = 512 * 1024
    """Paths and data in one multi, but for a node that is larger and goes alone; below both sides'
    jute.maxbuffer."""
    node_bytes: Annotated[int, Meta(ge=1_024)] = 64 * 1024 * 1024
    """Path and data of a node. A larger one is not copied, and reported; so is one that a side's
    jute.maxbuffer has no room for."""
    window: _Count = 8
    """Batches under way on a side."""
    data_bytes: Annotated[int, Meta(ge=1_024)] = 256 * 1024 * 1024
    """Data kept in memory until it is copied; more is read again when it is needed."""
    conflict_log: _Count = 10_000
    """Conflicts remembered; the oldest settled one goes first."""
    checkpoint_s: Annotated[float, Meta(gt=0)] = 1.0
    """How often positions and states are saved; a restart replays what came later."""
    checkpoint_paths: _Count = 500
    """States changed after which they are saved before that time."""

    def faults(self) -> list[str]:
        """What is wrong, a sentence each; empty if nothing is."""
        return [
            *_path_faults("include", self.include),
            *_path_faults("exclude", self.exclude),
            *_path_faults("elections", self.elections),
            *_path_faults("sequences", self.sequences),
            *_path_faults("versions", self.versions),
            *([] if self.include else ["include: no pattern is given, so nothing would be synced"]),
            *_mapping_faults(self.mappings),
        ]


def path_fault(path: str) -> str:
    """Why this is no ZooKeeper path, or nothing (``PathUtils.validatePath`` of ZooKeeper)."""
    if not path.startswith("/"):
        return f"{path!r} does not begin with a slash"
    if path == "/":
        return ""
    if path.endswith("/"):
        return f"{path!r} ends with a slash"
    for name in path[1:].split("/"):
        if name in ("", ".", ".."):
            return f"{path!r} has a part {name!r}, which ZooKeeper does not allow"
        if any(_is_forbidden(char) for char in name):
            return f"{path!r} has a character that ZooKeeper does not allow"
    return ""


def _is_forbidden(char: str) -> bool:
    return char <= "\x1f" or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\uf8ff"


def _path_faults(name: str, patterns: tuple[str, ...]) -> list[str]:
    found = [f"{name}: {fault}" for fault in map(path_fault, patterns) if fault]
    own = [p for p in patterns if name != "exclude" and _is_system(p)]
    return found + [f"{name}: {p!r} is ZooKeeper's own and is never synced" for p in own]


def _is_system(path: str) -> bool:
    return path == "/zookeeper" or path.startswith("/zookeeper/")


def _mapping_faults(mappings: tuple[Mapping, ...]) -> list[str]:
    found = []
    for mapping in mappings:
        for path in (mapping.a, mapping.b):
            if fault := path_fault(path):
                found.append(f"mappings: {fault}")
            elif path == "/":
                found.append("mappings: / cannot be mapped; give the address a chroot instead")
            elif _is_system(path):
                found.append(f"mappings: {path!r} is ZooKeeper's own and is never synced")
            elif "*" in path:
                found.append(f"mappings: {path!r} is a pattern, where a path is needed")
    return found + _overlaps([m.a for m in mappings], "A") + _overlaps([m.b for m in mappings], "B")


def _overlaps(paths: list[str], side: str) -> list[str]:
    ordered = sorted(paths, key=lambda path: f"{path}/")
    return [
        f"mappings: {first!r} and {second!r} overlap on {side}, so a node would have two places"
        for first, second in pairwise(ordered)
        if f"{second}/".startswith(f"{first}/")
    ]
