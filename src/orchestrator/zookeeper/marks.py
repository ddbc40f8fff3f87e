"""What a watching source remembers of each node, and the changes that it makes of fresh reads.

Watches say only that something changed; what it changed to is read later, when several changes may
have happened. So the result is a state, and transactions are guessed: nodes with the same
modification zxid were written by one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.zookeeper.jute.records import Acls, Stat, Znode
from orchestrator.zookeeper.source import Seen, Transaction


class Mark(NamedTuple):
    """By what a change of a node is recognised."""

    czxid: int
    mzxid: int
    aversion: int
    creates: int
    has_acl: bool


class Reading(NamedTuple):
    """A node as it was read; ``names`` of its children are none if nobody asked for them."""

    path: str
    znode: Znode
    names: list[str]


def znode_of(data: bytes | None, acl: Acls | None, stat: Stat) -> Znode:
    """A node as its client sees it, with the creations under it for a cversion."""
    return Znode(
        data=data,
        acl=acl,
        owner=stat.ephemeral_owner,
        version=stat.version,
        cversion=creates_of(stat),
        aversion=stat.aversion,
        mtime=stat.mtime,
        mzxid=stat.mzxid,
        czxid=stat.czxid,
    )


def creates_of(stat: Stat) -> int:
    """How many nodes were created under one, which is the number of the next sequential node:
    clients are shown creations and deletions together."""
    return (stat.cversion + stat.num_children) // 2


def mark_of(znode: Znode) -> Mark:
    """What is remembered of a node."""
    has_acl = znode.acl is not None
    return Mark(znode.czxid, znode.mzxid, znode.aversion, znode.cversion, has_acl)


def is_as_marked(mark: Mark, stat: Stat) -> bool:
    """Whether a node is still what it was."""
    return (mark.czxid, mark.mzxid, mark.aversion) == (stat.czxid, stat.mzxid, stat.aversion)


def numbers_children(path: str) -> bool:
    """Whether a path looks like that of a sequential node, whose parent counts."""
    return path[-10:].isdigit()


def parent_of(path: str) -> str:
    """The path above."""
    return path.rpartition("/")[0] or "/"


class Marks:
    """The marks of all nodes: some 200 bytes for each."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._marks

    def __len__(self) -> int:
        return len(self._marks)

    def paths(self) -> list[str]:
        """All paths, as they are now."""
        return list(self._marks)

    def get(self, path: str) -> Mark | None:
        """What is remembered of a node."""
        return self._marks.get(path)

    def put(self, reading: Reading) -> None:
        """Remember a node."""
        self._marks[reading.path] = mark_of(reading.znode)

    def changes(
        self, readings: Iterable[Reading], gone: Iterable[str], reached: int, now_ms: int
    ) -> list[Transaction]:
        """What fresh reads say that is new, and remember it. All have the zxid ``reached``, up to
        which everything is known: theirs may be newer, and others before them not yet read.
        Nobody knows when a node was deleted, so that is ``now_ms``."""
        return [*self._deletions(gone, reached, now_ms), *self._writes(readings, reached)]

    def _deletions(self, gone: Iterable[str], reached: int, now_ms: int) -> list[Transaction]:
        """Children before their parents."""
        were = sorted([path for path in gone if path in self._marks], reverse=True)
        for path in were:
            del self._marks[path]
        return [Transaction(reached, 0, now_ms, (Seen(path, None),)) for path in were]

    def _writes(self, readings: Iterable[Reading], reached: int) -> list[Transaction]:
        """Parents before their children: a group is as old as its oldest new node."""
        groups: dict[int, list[Reading]] = {}
        births: dict[int, tuple[int, int]] = {}
        for reading in sorted(readings, key=lambda each: each.path):
            znode, known = reading.znode, self._marks.get(reading.path)
            if known == mark_of(znode):
                continue
            is_new = known is None or known.czxid != znode.czxid
            key = znode.mzxid if known is None or known.mzxid != znode.mzxid else -len(groups) - 1
            birth = (znode.czxid if is_new else znode.mzxid, reading.path.count("/"))
            groups.setdefault(key, []).append(reading)
            births[key] = min(births.get(key, birth), birth)
            self.put(reading)
        return [
            Transaction(
                reached, 0, group[0].znode.mtime, tuple([Seen(r.path, r.znode) for r in group])
            )
            for _, group in sorted(groups.items(), key=lambda item: births[item[0]])
        ]
