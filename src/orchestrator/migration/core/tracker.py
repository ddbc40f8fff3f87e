"""From what a source says to what the tree knows of that side.

A transaction's changed paths become one unit of the queue. Transactions of the engine's own
sessions only confirm what is under way: they are noted, not queued. A snapshot queues nothing
itself: once its side is steady, the engine compares all that differs.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from orchestrator.migration.core import source_steps as steps
from orchestrator.migration.core.content import (
    EPHEMERAL,
    PLAIN,
    UNKNOWN,
    Content,
    State,
    digest,
    kind_of,
)
from orchestrator.migration.core.counters import BURN
from orchestrator.migration.core.echoes import Echoes
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tree import Node
from orchestrator.migration.core.view import Place
from orchestrator.zookeeper.jute.records import Znode
from orchestrator.zookeeper.source import (
    AclSet,
    Created,
    DataSet,
    Deleted,
    Seen,
    SnapshotEnded,
    SnapshotNodes,
    SnapshotStarted,
    Step,
    Transaction,
)


class Tracker:
    """Notes what is heard."""

    def __init__(self, state: SyncState) -> None:
        self._state = state
        self._echoes = Echoes(state)

    # --- snapshots -----------------------------------------------------------------------------

    def snapshot_started(self, side: Side, event: SnapshotStarted) -> None:
        """What was known of the side may be out of date in any place."""
        known = self._state.sides[side]
        known.loading, known.loading_structure = set(), set()
        known.is_steady, known.steady_at = False, None
        known.snapshot_seen, known.snapshot_total = 0, event.total

    def snapshot_nodes(self, side: Side, event: SnapshotNodes, now: float) -> None:
        """Note how a part of the side is."""
        known = self._state.sides[side]
        if known.loading is None:
            return
        known.snapshot_seen += len(event.nodes)
        for outer, znode in event.nodes:
            inner = self._state.view.inward(side, outer)
            if inner is None:
                self._structure(side, outer, known.loading_structure)
            else:
                known.loading.add(inner)
                self._show(side, inner, znode, znode.mtime, now)

    def snapshot_ended(self, side: Side, event: SnapshotEnded, now: float) -> None:
        """What was not in the snapshot is not there."""
        state, known = self._state, self._state.sides[side]
        loaded, known.loading = known.loading or set(), None
        known.moved_structure |= known.structure ^ known.loading_structure
        known.structure = known.loading_structure
        tree = state.tree
        for path in [p for p in tree.paths() if p not in loaded and tree.has(p, side)]:
            self._show(side, path, None, 0, now)
        known.reached = known.snapshot_at = event.zxid
        if known.reveals:
            known.reveals = False
            known.supposed.clear()

    def _show(self, side: Side, inner: str, znode: Znode | None, time_ms: int, now: float) -> None:
        node = self._state.tree.open(inner)
        self.show(side, node, znode, time_ms, now)
        self._state.finish(node)

    def show(self, side: Side, node: Node, znode: Znode | None, time_ms: int, now: float) -> bool:
        """Note what the side's source showed; whether that is news."""
        sees = self._state.sides[side].sees_lifetimes
        return self._show_as(side, node, znode, time_ms, now, sees)

    def show_read(self, side: Side, node: Node, znode: Znode | None, now: float) -> bool:
        """Note what a client read, who is not shown lifetimes; whether that is news."""
        return self._show_as(side, node, znode, 0 if znode is None else znode.mtime, now, False)

    def _show_as(
        self, side: Side, node: Node, znode: Znode | None, time_ms: int, now: float, sees: bool
    ) -> bool:
        state = None if znode is None else self._seen(side, node, znode, sees)
        if znode is not None and self._state.counters.is_used:
            self._state.counters.saw(side, node.path, znode.cversion)
        is_new = self._state.tree.put(node, side, state)
        if is_new:
            self._appeared(side, node, now)
            node.times[side] = time_ms
            self._keep(side, node, None if znode is None else znode.data)
        return is_new

    def _appeared(self, side: Side, node: Node, now: float) -> None:
        if node.states[side] is not None:
            self._state.units.release(("there", side, node.path), now)

    def is_known(self, side: Side, path: str, data: bytes | None) -> bool:
        """Whether a path is known to have just this data."""
        state = self._state.tree.look(path).states[side]
        return state is not None and state.content.data == digest(data)

    def _seen(self, side: Side, node: Node, znode: Znode, sees: bool) -> State:
        acl = self._state.acls.number(znode.acl)
        kind = self._kind(side, node, znode.owner, sees)
        owner = znode.owner if kind == EPHEMERAL else 0
        content = Content(digest(znode.data), acl, kind)
        return State(content, znode.version, znode.aversion, owner)

    def _kind(self, side: Side, node: Node, owner: int, sees: bool) -> int:
        """A lifetime; one that cannot be seen is as it was, or taken to be as the other side's."""
        kind = kind_of(owner, sees)
        other = node.states[side.other]
        if kind == UNKNOWN:
            known = (node.content(side), node.content(side.other), node.base)
            kinds = [c.kind for c in known if c is not None and c.kind != EPHEMERAL]
            return kinds[0] if kinds else PLAIN
        if other is not None and not self._state.sides[side.other].sees_lifetimes:
            self._suppose(node, side.other, other, kind)
        elif self._state.sides[side].reveals:
            self._reveal(node, side, kind)
        return kind

    def _reveal(self, node: Node, side: Side, kind: int) -> None:
        """A lifetime that did not follow the other side's: that one's change is still to be copied,
        and this is none."""
        state, base = node.states[side], node.base
        if node.path not in self._state.sides[side].supposed or state is None or base is None:
            return
        if base.kind == state.content.kind and kind != EPHEMERAL:
            self._state.tree.rebase(node, replace(base, kind=kind))

    def _suppose(self, node: Node, side: Side, state: State, kind: int) -> None:
        """A lifetime that this side's source cannot see is taken to be that of the other side."""
        if EPHEMERAL not in (kind, state.content.kind) and state.content.kind != kind:
            content = replace(state.content, kind=kind)
            self._state.tree.put(node, side, replace(state, content=content))
            if node.base is not None:
                self._state.tree.rebase(node, replace(node.base, kind=kind))
                self._state.sides[side].supposed.add(node.path)

    # --- transactions --------------------------------------------------------------------------

    def transaction(self, side: Side, event: Transaction, now: float) -> None:
        """Note what changed, and queue it, unless it is the engine's own."""
        state, known = self._state, self._state.sides[side]
        is_own = event.session in known.sessions
        inward, flights = state.view.inward, state.flights.of
        touched = []
        for step in event.steps:
            inner = inward(side, step.path)
            if inner is None:
                self._structural_step(side, step)
                continue
            if step.path.endswith(BURN):
                self._count(side, inner, step)
                continue
            node = state.tree.open(inner)
            if is_own and (flight := state.flights.on(side, inner)) is not None:
                self._echoes.note(side, node, flight, event.zxid, now)
            if self._step(side, node, step, event.time, is_own, now) and not (
                is_own and inner in flights
            ):
                touched.append(inner)
            elif inner not in flights:
                state.finish(node)
        if known.reached is None or event.zxid > known.reached:
            known.reached = event.zxid
        if touched:
            state.units.add(side, touched, now)
        if not is_own:
            state.totals.heard[side] += 1

    def _step(
        self, side: Side, node: Node, step: Step, time_ms: int, is_own: bool, now: float
    ) -> bool:
        """Note a step; whether it changed anything that counts."""
        old = node.states[side]
        new: State | None
        match step:
            case DataSet():
                if old is None:
                    return False  # replayed over a snapshot in which it is deleted already
                new = steps.with_data(old, step)
            case Created():
                new = self._created(side, node, step)
            case Deleted():
                self._gone(side, node.path, now)
                new = None
            case AclSet():
                if old is None:
                    return False
                new = steps.with_acl(old, step, self._state.acls.number(step.acl))
            case Seen():
                changed = self.show(side, node, step.node, 0 if is_own else time_ms, now)
                return self._count(side, node.path, step) or changed
            case _:
                assert_never(step)
        if not self._state.tree.put(node, side, new):
            return False
        if old is None:
            self._appeared(side, node, now)
        if not is_own:
            node.times[side] = time_ms
            if type(step) is DataSet or type(step) is Created:
                self._keep(side, node, step.data)
        return True

    def _gone(self, side: Side, path: str, now: float) -> None:
        """A node is gone: what could not be done to its parent for its sake is tried again."""
        if self._state.counters.is_used:
            self._state.counters.gone(side, path)
        rooted = self._state.rooted
        rooted.discard((side, path))
        if rooted and (key := (side, parent_of(path))) in rooted:
            rooted.remove(key)
            unit = self._state.units.add(side.other, [key[1]], now)
            if unit is not None:
                unit.not_before = now
                self._state.units.put_back(unit)

    def _created(self, side: Side, node: Node, step: Created) -> State:
        self._count(side, node.path, step)
        kind = self._kind(side, node, step.owner, self._state.sides[side].sees_lifetimes)
        content = Content(digest(step.data), self._state.acls.number(step.acl), kind)
        return State(content, 0, 0, step.owner if kind == EPHEMERAL else 0)

    def _keep(self, side: Side, node: Node, data: bytes | None) -> None:
        """Keep data that the other side does not have."""
        state, other = node.states[side], node.states[side.other]
        if state is None or (other is not None and other.content.data == state.content.data):
            self._state.payloads.drop(side, node.path)
        else:
            self._state.payloads.put(side, node.path, data, state.content.data)

    def _count(self, side: Side, inner: str, step: Step) -> bool:
        if self._state.counters.is_used and type(step) is Created and step.cversion >= 0:
            self._state.counters.saw(side, parent_of(inner), step.cversion)
        return False

    # --- parents that are not synced themselves --------------------------------------------------

    def _structural_step(self, side: Side, step: Step) -> None:
        known = self._state.sides[side]
        if isinstance(step, Deleted) or (isinstance(step, Seen) and step.node is None):
            known.structure.discard(step.path)
        elif step.path not in known.structure:
            self._structure(side, step.path, known.structure)
        known.moved_structure.add(step.path)

    def _structure(self, side: Side, outer: str, found: set[str]) -> None:
        if outer != "/" and self._state.view.place(side, outer) is Place.STRUCTURE:
            found.add(outer)
