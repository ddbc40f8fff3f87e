"""From changed paths to batches: what is written where, and what has to wait for what.

A unit is written as a whole or waits as a whole. It waits while one of its paths is under way,
while data has to be read, or while a parent is missing; then what brings the parent joins it. A
path that is held for a person leaves its unit, as does what lies below it; the rest goes on.

Units are taken in the order in which their changes were heard, and batches of a side are sent in
order, so the other side sees changes in the order of their source, but for what is held or refused.
"""

from __future__ import annotations

from typing import NoReturn

from msgspec.structs import replace

from orchestrator.migration.core import drafts
from orchestrator.migration.core.batches import Batches
from orchestrator.migration.core.content import NO_DATA, UNKNOWN, Content
from orchestrator.migration.core.drafts import Draft, Place
from orchestrator.migration.core.effects import Create, Problem, Severity
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.merge import Merge, Verdict, merge
from orchestrator.migration.core.proxies import Proxies, is_ephemeral
from orchestrator.migration.core.reads import Reads
from orchestrator.migration.core.settling import Settling
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tree import Node
from orchestrator.migration.core.units import Unit
from orchestrator.zookeeper.jute.records import OPEN

_AGAIN_S = 0.1
_RAISING_BYTES = 100  # of a write, besides path and data
_TARGETS = {
    Verdict.TO_A: (Side.A,),
    Verdict.TO_B: (Side.B,),
    Verdict.BOTH: SIDES,
}


class _Waits(Exception):  # noqa: N818 - no error: the unit waits, for ``key`` or a moment
    def __init__(self, key: object = None, after_s: float = _AGAIN_S) -> None:
        self.key = key
        self.after_s = after_s


class _Leaves(Exception):  # noqa: N818 - no error: this path leaves the unit, for ``key``
    def __init__(self, key: object = None) -> None:
        self.key = key


class _Joined(Exception):  # noqa: N818 - no error: the unit is another now
    pass


class Planner:
    """Plans what is ready."""

    def __init__(self, state: SyncState, batches: Batches, reads: Reads) -> None:
        self._state = state
        self._batches = batches
        self._reads = reads
        self._proxies = Proxies(state)
        self._settling = Settling(state)
        self.backlog: list[str] = []  # what a comparison found, last first

    def plan(self, now: float) -> None:
        """Make batches of all that may be written now."""
        for side in SIDES:
            self._drain(side, now)
        self._batches.flush()

    def _drain(self, side: Side, now: float) -> None:
        units = self._state.units
        while self._batches.has_room(side.other):
            unit = units.pop(side)
            if unit is not None:
                self._take(unit, now)
            elif self.backlog and self._batches.has_room(side):  # for either may be written
                units.add(side, [self.backlog.pop()], now)
            else:
                return

    def _take(self, unit: Unit, now: float) -> None:
        if unit.not_before > now:
            self._state.units.park_until(unit, unit.not_before)
            return
        try:
            found = self._drafts(unit, now)
        except _Waits as wait:
            if wait.key is None:
                self._state.units.park_until(unit, now + wait.after_s)
            else:
                self._state.units.park(unit, wait.key)
        except _Joined:
            pass
        else:
            self._batches.add(unit, found, now)
            self._state.units.done(unit)
            for path in unit.paths:
                if path not in self._state.flights.of:
                    self._state.finish(self._state.tree.open(path))

    def _drafts(self, unit: Unit, now: float) -> list[Draft]:
        of = self._state.flights.of
        for path in unit.paths:
            if path in of:
                raise _Waits(of[path].number)
        found: list[Draft] = []
        created: set[tuple[Side, str]] = set()
        for path in sorted(unit.paths):  # parents before children
            try:
                for draft in self._of_path(path, unit, created, now):
                    found.append(draft)
                    if type(draft.ops[-1]) is Create:
                        created.add((draft.side, draft.intent.path))
            except _Leaves as leaves:
                if leaves.key is None:
                    self._state.units.drop(unit, path)
                else:
                    self._state.units.shelve(unit, path, leaves.key)
                self._state.finish(self._state.tree.open(path))
        if len(found) > 1 and any(draft.is_delete for draft in found):
            deletes = [draft for draft in found if draft.is_delete]
            found = deletes[::-1] + [draft for draft in found if not draft.is_delete]
        return found

    # --- one path ------------------------------------------------------------------------------

    def _of_path(
        self, path: str, unit: Unit, created: set[tuple[Side, str]], now: float
    ) -> list[Draft]:
        state = self._state
        node = state.tree.open(path)
        if state.conflicts.held and (above := state.conflicts.above(path)) is not None:
            raise _Leaves(("held", above))
        if is_ephemeral(node):
            found = self._ephemeral(node)
        elif path in state.chosen and (want := self._settling.chosen(node)) is not None:
            found = self._as_chosen(node, want, unit, created, now)
        else:
            found = self._merged(node, unit, created, now)
        for draft in found:
            if draft.size_bytes > state.settings.node_bytes:
                text = f"too large to copy: {draft.size_bytes} bytes with its path and list"
                state.stick(path, text, Problem.TOO_LARGE, Severity.ERROR)
                raise _Leaves
        return found

    def _ephemeral(self, node: Node) -> list[Draft]:
        origin = self._proxies.origin(node)
        state = None if origin is None else node.states[origin]
        if origin is not None and state is not None:
            self._need(origin, node.path, state.content.data)
        found = self._proxies.draft(node)
        for draft in found:
            if draft.role is Role.PROXY and draft.role not in self._state.sides[draft.side].open:
                raise _Leaves(("proxy", draft.side))
            if type(draft.ops[0]) is Create:
                self._ephemeral_parent(node, draft.side)
        return found

    def _ephemeral_parent(self, node: Node, target: Side) -> None:
        parent = parent_of(node.path)
        if self._state.view.is_in(parent) and not self._state.tree.has(parent, target):
            raise _Leaves(("there", target, parent))

    def _as_chosen(
        self, node: Node, want: Content, unit: Unit, created: set[tuple[Side, str]], now: float
    ) -> list[Draft]:
        """Bring the data of both sides to what a person chose; the rest is merged then. A side that
        has no such node gets one at once, for others of the unit may have to lie below it."""
        found = []
        for side in SIDES:
            there = node.content(side)
            if there is None or there.data != want.data:
                mine = want if there is None else replace(there, data=want.data)
                found += self._writes(node, side, mine, unit, created, now)
        if found:
            return found
        self._settling.chosen_done(node)
        return self._merged(node, unit, created, now)

    def _merged(
        self, node: Node, unit: Unit, created: set[tuple[Side, str]], now: float
    ) -> list[Draft]:
        a, b = node.content(Side.A), node.content(Side.B)
        result = merge(node.base, a, b)
        if result.verdict is Verdict.CONFLICT:
            result = self._settle(node, result, now)
        if result.verdict is Verdict.SAME:
            self._settling.agreed(node, result.want, now)
            return self._raised(node)
        self._settling.no_conflict(node, now)
        found = []
        for side in _TARGETS[result.verdict]:
            found += self._writes(node, side, result.want, unit, created, now)
        return found

    def _raised(self, node: Node) -> list[Draft]:
        """Bring the data version of one side nearer to the other's, where that is asked for."""
        lower = self._state.versions.lower(node)
        if lower is None:
            return []
        side, count = lower
        there = node.states[side]
        assert there is not None, "both sides agree on it"
        self._need(side, node.path, there.content.data)
        data = self._state.payloads.get(side, node.path, there.content.data)
        settings = self._state.settings
        fitting = settings.batch_bytes // (_RAISING_BYTES + len(node.path) + len(data or b""))
        most = max(1, min(count, settings.batch_ops, fitting))
        place = Place(side, self._state.view.outward(side, node.path), node.path)
        return [drafts.raising(place, there, data, most)]

    def _settle(self, node: Node, result: Merge, now: float) -> Merge:
        for side in SIDES:
            content = node.content(side)
            if content is not None and (node.base is None or content.data != node.base.data):
                self._need(side, node.path, content.data)
        if not self._settling.decide(node, result.kind, now):
            raise _Leaves
        return merge(node.base, node.content(Side.A), node.content(Side.B))

    # --- one side of a path ----------------------------------------------------------------------

    def _writes(
        self,
        node: Node,
        side: Side,
        want: Content | None,
        unit: Unit,
        created: set[tuple[Side, str]],
        now: float,
    ) -> list[Draft]:
        state, there = self._state, node.states[side]
        place = Place(side, state.view.outward(side, node.path), node.path)
        if want is None:
            return [] if there is None else [drafts.deletion(place, there)]
        if there is None:
            self._parent(place, unit, created, now)
            return [*self._structural(place, created), self._creation(place, node, want)]
        if UNKNOWN in (want.acl, there.content.acl) and there.content.data == want.data:
            return []  # a list that cannot be read is not overwritten
        acl = state.acls.acl(want.acl)
        if there.content.kind != want.kind and (side, node.path) not in state.rooted:
            data = self._data(node, side, want)
            return [drafts.replacement(place, there, want, data, acl)]
        if there.content.kind != want.kind:
            text = f"of another lifetime on {side.name}, which stays, for there are nodes below it"
            state.stick(node.path, text, Problem.DIFFERENCE, Severity.WARNING)
            want = replace(want, kind=there.content.kind)
        if there.content.data != want.data:
            return [drafts.data_change(place, there, want, self._data(node, side, want))]
        if there.content.acl != want.acl:
            return [drafts.acl_change(place, there, want, acl)]
        return []

    def _creation(self, place: Place, node: Node, want: Content) -> Draft:
        if want.acl < 0:
            text = "not copied, for its access list cannot be read"
            self._state.stick(node.path, text, Problem.UNREADABLE_ACL, Severity.ERROR)
            raise _Leaves
        data = self._data(node, place.side, want)
        return drafts.creation(place, want, data, self._state.acls.acl(want.acl))

    def _data(self, node: Node, target: Side, want: Content) -> bytes | None:
        """What is to be written, from the side that has it."""
        if node.path in self._state.chosen:
            return self._state.chosen[node.path].data
        there = node.content(target.other)
        source = target.other if there is not None and there.data == want.data else target
        self._need(source, node.path, want.data)
        return self._state.payloads.get(source, node.path, want.data)

    def _need(self, side: Side, path: str, data: bytes) -> None:
        if data != NO_DATA and not self._state.payloads.has(side, path, data):
            if self._reads.is_too_soon(side, path):
                raise _Waits
            self._reads.want(side, path)
            raise _Waits(("read", side, path))

    # --- parents -------------------------------------------------------------------------------

    def _parent(self, place: Place, unit: Unit, created: set[tuple[Side, str]], now: float) -> None:
        """See that a path's parent is there, or will be when the batch arrives."""
        state, parent, side = self._state, parent_of(place.path), place.side
        if not state.view.is_in(parent) or (side, parent) in created:
            return
        flight = state.flights.of.get(parent)
        if flight is not None:
            if flight.side is not side or parent in flight.deleted:
                raise _Waits(flight.number)
            return
        if not state.tree.has(parent, side):
            self._missing(place, parent, unit, now)

    def _missing(self, place: Place, parent: str, unit: Unit, now: float) -> None:
        state = self._state
        if parent in state.conflicts.held:
            raise _Leaves(("held", parent))
        above = state.tree.open(parent)
        result = merge(above.base, above.content(Side.A), above.content(Side.B))
        if result.want is None and above.states[place.side.other] is not None:
            if not self._settling.orphan(state.tree.open(place.path), above, place.side, now):
                raise _Leaves
            self._join(unit, parent)
        if parent in unit.paths or result.verdict is Verdict.SAME:
            raise _Waits(after_s=min(_AGAIN_S * 2**unit.tries, 30.0))
        self._join(unit, parent)

    def _join(self, unit: Unit, parent: str) -> NoReturn:
        """What brings the parent and what needs it are written together."""
        self._state.units.put_back(self._state.units.join(unit, parent))
        raise _Joined

    def _structural(self, place: Place, created: set[tuple[Side, str]]) -> list[Draft]:
        """Create parents that are not synced themselves, where the path needs them."""
        state, side = self._state, place.side
        found: list[Draft] = []
        outer = parent_of(place.outer)
        while outer != "/" and state.view.inward(side, outer) is None:
            key = f"/{outer}"
            if outer in state.sides[side].structure or (side, key) in created:
                break
            flight = state.flights.of.get(key)
            if flight is not None and flight.side is side:
                break
            if flight is not None:
                raise _Waits(flight.number)
            found.append(drafts.aside(side, key, (Create(outer, None, OPEN),)))
            text = f"{outer} was missing on {side.name} and is created, empty and open to all"
            state.alert(Problem.STRUCTURE, Severity.INFO, text, place.path)
            outer = parent_of(outer)
        return found[::-1]
