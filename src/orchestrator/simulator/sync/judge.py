"""What must hold of every write of the engine's, and in the end; by the lineage of all values.

- Nothing is written that the other side did not show, or a person chose.
- What is overwritten was known to whoever wrote the new value, or is in the conflict log. So no
  old value comes back (an echo), and nothing is lost unseen.
- Where both were written at the same time, the rules of the settings say who wins.
- A transaction of a client's is seen on the other side as a whole, or not yet.
- Where only one side has writers, the engine writes nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.migration.core.effects import Alert, Conflict, ConflictFound, Problem
from orchestrator.migration.core.events import Heard
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.view import View
from orchestrator.simulator.sync.lineage import ABSENT, Part, Shown, Value
from orchestrator.simulator.sync.options import SyncOptions
from orchestrator.zookeeper.jute.records import OPEN, Acls, Znode
from orchestrator.zookeeper.source import (
    AclSet,
    Created,
    DataSet,
    Deleted,
    SnapshotEnded,
    Step,
    Transaction,
)


class Broken(Exception):  # noqa: N818 - an invariant, not the program
    """What does not hold."""


class _Loss:
    """Something that was overwritten by what did not know it; the log has to tell of it."""

    def __init__(self, path: str, side: Side, lost: Value, kept: Value) -> None:
        self.path = path
        self.side = side
        self.lost = lost
        self.kept = kept


class Judge:
    """Hears every transaction of both sides, and the engine's alerts and conflicts."""

    def __init__(self, options: SyncOptions) -> None:
        self.own: tuple[set[int], set[int]] = (set(), set())  # the engine's sessions
        self.writes = [0, 0]  # the engine's, by side
        self.logged: dict[str, list[Conflict]] = {}
        self.chosen: dict[str, set[bytes | None]] = {}
        self._options = options
        self._view = View(options.settings)
        self._count = 0
        self._values: dict[int, Value] = {}
        self._data: dict[str, Part] = {}
        self._lists: dict[str, Part] = {}
        self._written: dict[tuple[Side, int], dict[str, Value]] = {}
        self._losses: list[_Loss] = []
        self._torn: list[tuple[str, str, Value]] = []
        self._is_split = False
        self._newest = [0, 0]
        self._loaded = [0, 0]  # what is older may have been seen in a snapshot, in part

    # --- what happens --------------------------------------------------------------------------

    def note(self, said: object) -> None:
        """An event or effect of the engine's."""
        if isinstance(said, ConflictFound):
            self.logged.setdefault(said.conflict.path, []).append(said.conflict)
        elif isinstance(said, Heard) and isinstance(said.event, SnapshotEnded):
            self._loaded[said.side] = self._newest[said.side]
        elif isinstance(said, Alert):
            self._is_split |= said.problem is Problem.SPLIT

    def load(self, side: Side, path: str, node: Znode) -> None:
        """A side has a node from the beginning."""
        inner = self._view.inward(side, path)
        if inner is not None:
            self._client_step(side, inner, Created(path, node.data, node.acl, 0, 0), (side, 0), 0)

    def heard(self, side: Side, transaction: Transaction) -> None:
        """A side applied a transaction."""
        self._newest[side] = transaction.zxid
        steps = [
            (inner, step)
            for step in transaction.steps
            if (inner := self._view.inward(side, step.path)) is not None
            and not is_of_session(step.path)
            and not step.path.endswith(".sync-burn")
        ]
        if transaction.session not in self.own[side]:
            key = (side, transaction.zxid)
            for inner, step in steps:
                self._client_step(side, inner, step, key, transaction.time)
        elif steps:
            self._own(side, steps)

    # --- clients -------------------------------------------------------------------------------

    def _client_step(
        self, side: Side, path: str, step: Step, key: tuple[Side, int], time_ms: int
    ) -> None:
        data, acl = self._parts(path)
        match step:
            case Created():
                self._new(data, side, step.data, time_ms, key, path, [data.now(side)])
                self._new(acl, side, _words(step.acl), time_ms, key, "", [acl.now(side)])
            case DataSet():
                if step.data != data.now(side).shown:
                    self._new(data, side, step.data, time_ms, key, path, [data.now(side)])
            case AclSet():
                if _words(step.acl) != acl.now(side).shown:
                    self._new(acl, side, _words(step.acl), time_ms, key, "", [acl.now(side)])
            case Deleted():
                both = [data.now(side), acl.now(side)]
                gone = self._new(data, side, ABSENT, time_ms, key, path, both)
                acl.show(side, gone)

    def _new(
        self,
        part: Part,
        side: Side,
        shown: Shown,
        time_ms: int,
        key: tuple[Side, int],
        path: str,
        known: list[Value],
    ) -> Value:
        self._count += 1
        value = Value(self._count, shown, side, time_ms)
        self._values[self._count] = value
        value.learn(*known)
        value.transaction = key
        if part.now(side.other).shown == part.now(side).shown:
            value.liken(part.now(side.other))
        part.show(side, value)
        if path and key[1]:
            self._written.setdefault(key, {})[path] = value
        return value

    def _parts(self, path: str) -> tuple[Part, Part]:
        if path not in self._data:
            self._data[path], self._lists[path] = Part(), Part()
        return self._data[path], self._lists[path]

    # --- the engine ----------------------------------------------------------------------------

    def _own(self, side: Side, steps: list[tuple[str, Step]]) -> None:
        self.writes[side] += 1
        if side.name not in ("A", "B") or side.name == self._options.writers:
            raise Broken(f"wrote to {side.name}, where all changes come from: {steps}")
        after: dict[str, tuple[Shown, Shown]] = {}
        for path, step in steps:
            data, acl = self._parts(path)
            shown = after.get(path, (data.now(side).shown, acl.now(side).shown))
            after[path] = _after(step, shown)
        for path, (shown_data, shown_acl) in after.items():
            data, acl = self._parts(path)
            self._put(path, data, side, shown_data)
            self._put(path, acl, side, shown_acl)
        for path in after:
            self._look_for_tears(side, path)

    def _put(self, path: str, part: Part, side: Side, shown: Shown) -> None:
        was = part.now(side)
        if was.shown == shown:
            return
        value = part.find(side.other, shown) or part.find(side, shown)
        if value is None and shown in self.chosen.get(path, ()):
            self._count += 1
            value = Value(self._count, shown, side, 0)
            self._values[self._count] = value
            value.learn(part.now(Side.A), part.now(Side.B))
            part.show(side.other, value)
        if value is None:
            raise Broken(f"wrote to {side.name} what {side.other.name} never had: {path} {shown!r}")
        if not value.knows(was) and not self._is_of_no_account(path, part, was, value):
            self._losses.append(_Loss(path, side, was, value))
            value.learn(was)
        part.show(side, value)

    def _is_of_no_account(self, path: str, part: Part, was: Value, value: Value) -> bool:
        """A deletion of what the other side never had; or what is written again and again, so
        that nobody can say whose it is."""
        if was.shown in _COMMON:
            return True
        if was.shown != ABSENT:
            return False
        if value.shown != ABSENT and part is self._lists[path]:
            return True  # its data tells
        sets = (was.known & value.known, was.seen & value.seen)
        if any(not s - {0} or self._values[max(s)].shown == ABSENT for s in sets):
            return True
        last = max(sets[0], default=0)  # both were deleted since: the engine may have seen that
        return all(self._was_absent(v, last) for v in (was, value))

    def _was_absent(self, value: Value, since: int) -> bool:
        numbers = {value.number, *value.known}
        return any(n > since and self._values[n].shown == ABSENT for n in numbers)

    def _by_rule(self, path: str, lost: Value, kept: Value) -> None:
        """Where the rules are simple, the right one must have won."""
        options, settings = self._options, self._options.settings
        if options.lists or options.forgets or any(options.watching) or ABSENT in (
            lost.shown, kept.shown
        ):  # fmt: skip
            return
        if any(
            c.decision in ("held", "value") or c.kind in ("delete", "orphan", "overtaken")
            for c in self.logged.get(path, ())
        ):
            return
        if settings.policy == "lww" and lost.time_ms - kept.time_ms > settings.skew_ms:
            raise Broken(f"{path}: {kept.shown!r} won over {lost.shown!r}, which is later")
        winner = {"source": Side.A, "target": Side.B}.get(settings.policy)
        if winner is not None and (lost.side, kept.side) == (winner, winner.other):
            raise Broken(f"{path}: {kept.shown!r} won over {lost.shown!r} against the policy")

    def _look_for_tears(self, side: Side, path: str) -> None:
        value = self._data[path].now(side)
        together = self._written.get(value.transaction, {})
        if value.transaction[1] <= self._loaded[value.transaction[0]]:
            return
        for other, written in together.items():
            if other == path:
                continue
            part = self._data[other]
            there, later = part.now(side), part.since(written, side.other)
            if not any(
                there.knows(value)
                or there.shown == value.shown
                or self._is_of_no_account(other, part, value, there)
                for value in later
            ):
                self._torn.append((path, other, written))

    # --- the end -------------------------------------------------------------------------------

    def conclude(self) -> None:
        """All that was lost is on record; no transaction was torn."""
        for loss in self._losses:
            self._by_rule(loss.path, loss.lost, loss.kept)
            if self._is_beyond_watches(loss):
                continue
            if not any(self._tells(entry, loss) for entry in self._entries(loss.path)):
                raise Broken(
                    f"{loss.path}: {loss.lost.shown!r} of {loss.lost.side.name} was overwritten by "
                    f"{loss.kept.shown!r} unseen"
                )
        if self._is_split or self._options.forgets or any(self._options.watching):
            return
        for path, other, written in self._torn:
            if not any(self._is_apart(p) for p in (path, other)):
                which = f"{written.transaction[0].name} {written.transaction[1]:#x}"
                raise Broken(f"{path} was written without {other} = {written.shown!r} of {which}")

    def _entries(self, path: str) -> Iterable[Conflict]:
        """Those of a path, and those for whose sake it was kept: of what lies below."""
        for other, entries in self.logged.items():
            if other == path or other.startswith(f"{path}/"):
                yield from entries

    def _is_beyond_watches(self, loss: _Loss) -> bool:
        """A write that passed over a new life of its node: versions begin at 0 again, and only a
        stream shows that there were two."""
        return self._options.watching[loss.side] and self._was_absent(loss.lost, 0)

    def _is_apart(self, path: str) -> bool:
        """Whether a conflict kept it, or what is above it, from going with the others."""
        above = path
        while above != "/":
            if above in self.logged:
                return True
            above = parent_of(above)
        return any(self._entries(path))

    def _tells(self, entry: Conflict, loss: _Loss) -> bool:
        if loss.lost.shown == ABSENT:
            return not (entry.a.present and entry.b.present)
        if isinstance(loss.lost.shown, str):  # a list
            return True
        return any(
            version.present and (version.data == loss.lost.shown or version.digest)
            for version in (entry.a, entry.b)
        )

    def now(self, side: Side, path: str) -> Shown:
        """What a side's data should be."""
        return self._parts(path)[0].now(side).shown


def _words(acl: Acls | None) -> str:
    return repr(acl)


_COMMON: tuple[Shown, ...] = (None, b"", _words(OPEN))


def is_of_session(path: str) -> bool:
    """Whether clients use this path for ephemeral nodes."""
    return path.rpartition("/")[2].startswith(("e-", "n-"))


def _after(step: Step, shown: tuple[Shown, Shown]) -> tuple[Shown, Shown]:
    match step:
        case Created():
            return step.data, _words(step.acl)
        case DataSet():
            return step.data, shown[1]
        case AclSet():
            return shown[0], _words(step.acl)
        case _:
            return ABSENT, ABSENT
