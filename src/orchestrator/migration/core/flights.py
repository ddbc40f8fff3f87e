"""Batches under way: what was intended, how it ended, and what that means for the base.

A batch ends in three steps. Its outcome is reported (`Written`, `Refused`, `Lost`); then the side's
own source has to reach the outcome's zxid, so that what is known includes it; then it is settled:
if it was applied, what was written is the base of its paths. Until then its paths are blocked.
So a write of the engine's own is never taken for a change: whatever a source shows of it, it is
measured against a base that already has it.

A batch whose transaction the side's stream shows, in a session of the engine's own, was applied,
whatever is answered. A lost one of which nothing is seen up to a barrier was not, if the stream
went through; where there was a snapshot, or a source shows no sessions, it is asked what the nodes
look like. A multi is applied whole or not at all, so one path that tells is enough. If none tells,
it counts as not applied: at worst that is a conflict, by policy and in the log, where there was
none.
"""

from __future__ import annotations

import heapq
from enum import IntEnum

import msgspec

from orchestrator.migration.core.content import Content, State
from orchestrator.migration.core.merge import same
from orchestrator.migration.core.sides import Role, Side
from orchestrator.migration.core.tree import Node


class Mode(IntEnum):
    """What a write does to its path's base once it was applied."""

    WHOLE = 0  # created, replaced, deleted: ``want`` is the base
    DATA = 1
    ACL = 2
    NONE = 3  # a proxy, or nothing that is synced


class Intent(msgspec.Struct, frozen=True, gc=False):
    """One path of a batch: what it will be, and the version (of data or list) it must have."""

    path: str
    mode: Mode
    want: Content | None
    version: int
    before: Content | None = None  # what the node showed, None if it was not there


class Flight:
    """A batch. ``after`` is the side's zxid when it was made; ``deleted`` are the paths that are
    gone with it; ``groups`` are the units it holds, with their tries; ``refused`` is the path
    because of which it was refused, ``token`` the barrier that a lost one waits for."""

    __slots__ = (
        "after", "deleted", "groups", "intents", "is_echoed", "is_lost", "number", "op_paths",
        "origin", "refused", "role", "sent_at", "side", "since", "token", "zxid",
    )  # fmt: skip

    def __init__(
        self, number: int, side: Side, role: Role, after: int, intents: list[Intent]
    ) -> None:
        self.number = number
        self.side = side
        self.role = role
        self.after = after
        self.intents: list[Intent] = []
        self.deleted: set[str] = set()
        for intent in intents:
            self.add(intent)
        self.groups: list[tuple[tuple[str, ...], int]] = []
        self.origin = side.other
        self.is_echoed = False
        self.is_lost = False
        self.op_paths: list[str] = []
        self.refused: str | None = None
        self.zxid = 0
        self.token = 0
        self.since = 0.0
        self.sent_at = 0.0

    def add(self, intent: Intent) -> None:
        """One more path is written."""
        self.intents.append(intent)
        if intent.want is None and intent.mode is Mode.WHOLE:
            self.deleted.add(intent.path)


class Flights:
    """All batches under way, and which path is in which. A path that is written on both sides at
    once is in two: ``of`` has the one, ``beside`` the other."""

    def __init__(self) -> None:
        self.by_number: dict[int, Flight] = {}
        self.of: dict[str, Flight] = {}
        self.beside: dict[str, Flight] = {}
        self.counts = [0, 0]
        self._ended: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])

    def add(self, flight: Flight) -> None:
        """A batch goes out, whose paths were taken."""
        self.by_number[flight.number] = flight
        self.counts[flight.side] += 1

    def take(self, path: str, flight: Flight) -> None:
        """A path is written by a batch."""
        known = self.of.get(path)
        if known is not None and known is not flight and known is not self.beside.get(path):
            self.beside[path] = known
        self.of[path] = flight

    def on(self, side: Side, path: str) -> Flight | None:
        """The batch that writes a path on a side."""
        flight = self.of.get(path)
        if flight is None or flight.side is side:
            return flight
        return self.beside.get(path)

    def ended(self, flight: Flight, zxid: int) -> None:
        """Its outcome is known, or will be, once its side's source has reached ``zxid``."""
        if flight.zxid:
            return
        flight.zxid = zxid
        heapq.heappush(self._ended[flight.side], (zxid, flight.number))

    def due(self, side: Side, reached: int) -> list[Flight]:
        """Those whose outcome the source has reached."""
        heap = self._ended[side]
        found = []
        while heap and heap[0][0] <= reached:
            flight = self.by_number.get(heapq.heappop(heap)[1])
            if flight is not None:
                found.append(flight)
        return found

    def remove(self, flight: Flight) -> None:
        """It is settled."""
        del self.by_number[flight.number]
        self.counts[flight.side] -= 1
        for intent in flight.intents:
            path = intent.path
            other = self.beside.pop(path, None)
            if self.of.get(path) is not flight:
                if other is not None and other is not flight:
                    self.beside[path] = other
            elif other is None:
                del self.of[path]
            else:
                self.of[path] = other

    def lost(self, side: Side, token: int) -> list[Flight]:
        """Those that wait for this barrier."""
        return [f for f in self.by_number.values() if f.side is side and f.token == token]


def settled_base(node: Node, intent: Intent) -> Content | None:
    """The base of a path after an applied write."""
    want, base = intent.want, node.base
    if intent.mode is Mode.NONE:
        return base
    if want is None or base is None:
        return want
    if intent.mode is Mode.WHOLE:
        return want if intent.before is None else _replaced(base, intent.before, want)
    if intent.mode is Mode.DATA:
        return Content(want.data, base.acl, base.kind)
    return Content(base.data, want.acl, base.kind)


def _replaced(base: Content, before: Content, want: Content) -> Content:
    """Of a node that was replaced, only what became other is agreed on: of the rest, the other side
    may still have to take what this one had."""
    parts = zip(base.parts, before.parts, want.parts, strict=True)
    return Content(*[new if was != new else old for old, was, new in parts])  # type: ignore[arg-type]


def shows(intent: Intent, state: State | None) -> bool | None:
    """Whether a path's state says that the write was applied; None if it does not tell."""
    if intent.mode is Mode.NONE or state is None:
        return None
    if intent.want is None:
        return False if state.version == intent.version else None
    if intent.mode is Mode.WHOLE:
        return True if same(state.content, intent.want) else None
    if intent.mode is Mode.ACL:
        matches, version = state.content.acl == intent.want.acl, state.aversion
    else:
        matches, version = state.content.data == intent.want.data, state.version
    if version == intent.version:
        return False
    return True if matches and version == intent.version + 1 else None
