"""Proof by reading: both ensembles are read again, behind a barrier, and compared with the tree.

The sums (``hashing``) prove that both sides are equal *as the sources told*; only a read shows that
they told the truth. A round asks for a barrier on both sides, waits until the sources have reached
it, and reads every path below the root with its children. What does not match, and is not just
being written, is looked at in another round, for it may have changed meanwhile; what differs in
all rounds is a difference: between the sides, or between a side and what its source said. What was
written again even behind the last barrier is none: nobody can say so of a node that never rests.

A repair believes a read only if the source, having gone past the moment of reading, still says what
it said before, and another read then shows the same node: else the first may be older than what the
source told meanwhile, or have seen what came and went between two things that it told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.migration.core.content import EPHEMERAL as _EPHEMERAL
from orchestrator.migration.core.content import UNKNOWN, digest, kind_of
from orchestrator.migration.core.effects import Read, Reply
from orchestrator.migration.core.events import Shown, Verify
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.outcomes import Outcomes
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tracker import Tracker
from orchestrator.zookeeper.jute.records import Znode

ROUNDS = 4
_PAUSE_S = 0.5
_CHUNK = 500
_NAMED = 1_000


class Verification:
    """One verification, from the command to its reply."""

    def __init__(self, state: SyncState, outcomes: Outcomes, tracker: Tracker) -> None:
        self._state = state
        self._outcomes = outcomes
        self._tracker = tracker
        self._token = 0
        self._command: Verify | None = None
        self._round = 0
        self._barriers: dict[int, Side] = {}
        self._goals: list[int | None] = [None, None]
        self._todo: list[tuple[Side, tuple[str, ...]]] = []
        self._asked: dict[int, tuple[Side, tuple[str, ...]]] = {}
        self._suspects: dict[str, None] = {}
        self._children: dict[str, set[str]] = {}
        self._read = 0
        self._resume_at: float | None = None
        self._is_reading = False
        self._repairs: dict[tuple[Side, str], Znode | None] = {}
        self._is_confirming = False

    @property
    def is_running(self) -> bool:
        """Whether one is under way."""
        return self._command is not None

    def start(self, token: int, command: Verify) -> str:
        """Begin; a sentence if that cannot be."""
        if self._command is not None:
            return "another verification is under way: wait for its result"
        self._token, self._command, self._round, self._read = token, command, 0, 0
        self._suspects, self._repairs = {}, {}
        self._is_confirming = False
        self._begin_round()
        return ""

    def wake_at(self) -> float | None:
        """When the next round begins."""
        return self._resume_at

    def wake(self, now: float) -> None:
        """Begin the next round."""
        if self._resume_at is not None and self._resume_at <= now:
            self._resume_at = None
            self._begin_round()

    def passed(self, token: int, zxid: int) -> bool:
        """A barrier was passed; False if it was not asked for here."""
        side = self._barriers.pop(token, None)
        if side is None:
            return False
        self._goals[side] = zxid
        return True

    def proceed(self, now: float) -> None:
        """Read, once both sides have reached their barriers."""
        if self._command is None or self._is_reading or self._resume_at is not None:
            return
        for side in SIDES:
            known, goal = self._state.sides[side], self._goals[side]
            if not known.is_live or goal is None or (known.reached or 0) < goal:
                return
        self._is_reading = True
        self._todo = self._read_again() if self._is_confirming else self._plan()
        self._ask()
        if not self._asked:
            self._end_round(now)

    def read(self, token: int, nodes: tuple[Shown, ...], now: float) -> bool:
        """Compare what was read; False if it was not asked for here."""
        asked = self._asked.pop(token, None)
        if asked is None:
            return False
        side, paths = asked
        shown = {
            inner: n for n in nodes if (inner := self._state.view.inward(side, n.path)) is not None
        }
        if self._is_confirming:
            self._confirm(side, paths, shown)
        else:
            self._compare_all(side, paths, nodes, shown)
        self._read += len(paths)
        self._ask()
        if not self._asked:
            self._end_round(now)
        return True

    # --- rounds --------------------------------------------------------------------------------

    def _begin_round(self) -> None:
        self._round += 1
        self._is_reading = False
        self._goals = [None, None]
        self._barriers = {self._outcomes.barrier(side): side for side in SIDES}

    def _plan(self) -> list[tuple[Side, tuple[str, ...]]]:
        """Which paths to read on which side."""
        assert self._command is not None
        root = self._command.path
        prefix = root if root == "/" else f"{root}/"
        if self._round == 1:
            inside = [p for p in self._state.tree.paths() if p == root or p.startswith(prefix)]
        else:
            inside = list(self._suspects)
        self._suspects = {}
        self._children = {}
        for path in self._state.tree.paths():
            self._children.setdefault(parent_of(path), set()).add(path)
        inside = sorted(inside) if root != "/" or self._round > 1 else ["/", *sorted(inside)]
        chunks = [tuple(inside[n : n + _CHUNK]) for n in range(0, len(inside), _CHUNK)]
        return [(side, chunk) for chunk in chunks for side in SIDES][::-1]

    def _ask(self) -> None:
        """Two reads at a time."""
        while self._todo and len(self._asked) < 2:
            side, paths = self._todo.pop()
            token = self._outcomes.next_token
            self._outcomes.next_token += 1
            self._asked[token] = (side, paths)
            if self._is_repairing:
                self._state.tree.unmoved |= {(side, path) for path in paths}
            outer = tuple(self._state.view.outward(side, path) for path in paths)
            self._state.emit(Read(side, token, outer, children=True))

    def _end_round(self, now: float) -> None:
        if self._is_confirming:
            self._repair_all(now)
            self._finish()
        elif self._suspects and self._round < ROUNDS:
            self._resume_at = now + _PAUSE_S
        elif self._repairs:
            self._is_confirming = True
            self._begin_round()
        else:
            self._finish()

    def _finish(self) -> None:
        found = sorted(self._suspects)
        text = (
            f"{self._read} reads, {len(found)} paths differ"
            if found
            else (f"{self._read} reads, both sides are equal")
        )
        self._command = None
        self._state.tree.unmoved.clear()
        self._state.emit(Reply(self._token, result=text, paths=tuple(found[:_NAMED])))

    # --- one path ------------------------------------------------------------------------------

    def _compare_all(
        self, side: Side, paths: Sequence[str], nodes: Sequence[Shown], shown: Mapping[str, Shown]
    ) -> None:
        for n in nodes:
            if n.path == "/":
                self._unknown(side, "/", n)
        for path in paths:
            if path != "/":
                self._compare(side, path, shown.get(path))

    def _compare(self, side: Side, path: str, shown: Shown | None) -> None:
        node = self._state.tree.look(path)
        is_equal = node.is_settled or self._is_apart(path)
        is_gone = node.is_gone and shown is not None and shown.node is None
        if is_gone:
            pass
        elif shown is None or not is_equal or not self._matches(side, path, shown.node):
            if self._round == ROUNDS and self._never_rests(side, path, shown):
                return
            self._suspects[path] = None
            if shown is not None and self._is_repairing:
                self._repairs[side, path] = shown.node
        if shown is not None and shown.node is not None:
            self._unknown(side, path, shown)

    def _never_rests(self, side: Side, path: str, shown: Shown | None) -> bool:
        """Whether a path is just being written, or was behind the barrier of this round."""
        seen, goal = None if shown is None else shown.node, self._goals[side]
        is_newer = seen is not None and goal is not None and seen.mzxid > goal
        return is_newer or path in self._state.flights.of

    def _is_apart(self, path: str) -> bool:
        """Whether a path may differ: it is ephemeral."""
        states = self._state.tree.look(path).states
        return any(s is not None and s.content.kind == _EPHEMERAL for s in states)

    def _matches(self, side: Side, path: str, seen: Znode | None) -> bool:
        state = self._state.tree.look(path).states[side]
        if state is None or seen is None:
            return state is None and seen is None
        acl = self._state.acls.number(seen.acl)
        kind = kind_of(seen.owner, self._state.sides[side].sees_lifetimes)
        if (kind == _EPHEMERAL) is not (state.content.kind == _EPHEMERAL):
            return False
        alike = acl == state.content.acl or UNKNOWN in (acl, state.content.acl)
        return digest(seen.data) == state.content.data and alike

    def _unknown(self, side: Side, path: str, shown: Shown) -> None:
        """Children that the tree has never heard of."""
        outer = self._state.view.outward(side, path)
        known = self._children.get(path, ())
        for name in shown.children:
            inner = self._state.view.inward(side, f"{outer.rstrip('/')}/{name}")
            if inner is not None and inner not in known:
                self._suspects[inner] = None

    # --- repair --------------------------------------------------------------------------------

    def _read_again(self) -> list[tuple[Side, tuple[str, ...]]]:
        """What is to be repaired, on the side that it was read on."""
        found: list[tuple[Side, tuple[str, ...]]] = []
        for side in SIDES:
            paths = [path for at, path in self._repairs if at is side]
            found += [(side, tuple(paths[n : n + _CHUNK])) for n in range(0, len(paths), _CHUNK)]
        return found

    def _confirm(self, side: Side, paths: Sequence[str], shown: Mapping[str, Shown]) -> None:
        """Leave out what is another node now, or was written since."""
        for path in paths:
            again = shown.get(path)
            if again is None or not _is_as_it_was(self._repairs[side, path], again.node):
                del self._repairs[side, path]

    @property
    def _is_repairing(self) -> bool:
        """Whether what differs now has differed in all rounds, and is to be put right."""
        return self._command is not None and self._command.repair and self._round == ROUNDS

    def _repair_all(self, now: float) -> None:
        for (side, path), seen in self._repairs.items():
            node = self._state.tree.open(path)
            is_as_before = (side, path) in self._state.tree.unmoved
            if is_as_before and path not in self._state.flights.of:
                if not self._matches(side, path, seen):
                    self._tracker.show_read(side, node, seen, now)
                self._state.units.add(side, [path], now)
            self._state.finish(node)


def _is_as_it_was(before: Znode | None, now: Znode | None) -> bool:
    """Whether it is the same node, and nobody wrote to it; children may come and go."""
    if before is None or now is None:
        return before is now
    return (before.czxid, before.mzxid, before.aversion) == (now.czxid, now.mzxid, now.aversion)
