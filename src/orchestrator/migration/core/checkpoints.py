"""When what is saved, and how a restart takes it in; see ``journal`` for the records."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.migration.core import journal
from orchestrator.migration.core.batches import Batches
from orchestrator.migration.core.deltas import Deltas
from orchestrator.migration.core.flights import Flight, settled_base
from orchestrator.migration.core.journal import DONE, INTENT, UNIT, Meta
from orchestrator.migration.core.outcomes import Outcomes
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.migration.core.state import Chosen, SyncState
from orchestrator.runtime.machine import Save


class Checkpoints:
    """Saves the state as of one moment, in one commit."""

    def __init__(self, state: SyncState, outcomes: Outcomes, batches: Batches) -> None:
        self._state = state
        self._outcomes = outcomes
        self._batches = batches
        self._saved = Meta()
        self._deltas = Deltas()
        self._units: dict[int, int] = {}  # those on record, with how many paths they had

    @property
    def due(self) -> float | None:
        """When a part of what was saved is to be moved."""
        return self._deltas.due

    def move(self, now: float) -> None:
        """Move a part of what was saved into records of its own, if it is time."""
        if self._deltas.due is not None and self._deltas.due <= now:
            self._state.effects += self._deltas.move(now)

    def save(self, now: float) -> None:
        """Save all that changed, unless a side is between two states."""
        if not all(side.is_steady for side in self._state.sides):
            return
        self._nodes(now)
        for number in self._outcomes.covered:
            self._state.emit(Save(f"{INTENT}{number}", None))
            self._state.emit(Save(f"{DONE}{number}", None))
        self._outcomes.covered = []
        self._together()
        self._structure()
        a, b = self._state.sides
        self._meta((a.reached, b.reached))

    def save_loaded(self, now: float) -> None:
        """Save a part of a snapshot on its way, so that the first checkpoint is no larger than
        others. Only while no batch is on record: its base must not be older than its node's."""
        if not self._state.flights.by_number and not self._outcomes.covered:
            self._nodes(now)

    def save_flags(self) -> None:
        """Save what was commanded, at the positions as they were saved last."""
        self._meta(self._saved.positions)

    def _nodes(self, now: float) -> None:
        tree, emit = self._state.tree, self._state.emit
        for number, acl in self._state.acls.fresh():
            emit(journal.save_acl(number, acl))
        if tree.dirty:
            emit(self._deltas.save({path: tree.record(path) for path in tree.dirty}, now))
            tree.dirty.clear()

    def _structure(self) -> None:
        for side in SIDES:
            known = self._state.sides[side]
            for path in known.moved_structure:
                save = journal.save_structure(side, path, path in known.structure)
                self._state.emit(save)
            known.moved_structure.clear()

    def _together(self) -> None:
        """Keep what belongs together and is not written yet: only its source could tell again,
        and that goes on behind it."""
        waiting = {unit.number: unit for unit in self._state.units if len(unit.paths) > 1}
        for number in [n for n in self._units if n not in waiting]:
            del self._units[number]
            self._state.emit(Save(f"{UNIT}{number}", None))
        for number, unit in waiting.items():
            if self._units.get(number) != len(unit.paths):
                self._units[number] = len(unit.paths)
                self._state.emit(journal.save_unit(number, unit.side, tuple(unit.paths)))

    def _meta(self, positions: tuple[int | None, int | None]) -> None:
        meta = Meta(
            positions=positions,
            snapshots=(self._state.sides[0].snapshot_at, self._state.sides[1].snapshot_at),
            authority=int(self._state.authority),
            is_paused=self._state.is_paused,
            is_filled=self._state.is_filled,
            next_batch=self._batches.next_number,
        )
        if meta != self._saved:
            self._saved = meta
            self._state.emit(journal.save_meta(meta))

    # --- restart -------------------------------------------------------------------------------

    def restore(self, records: Mapping[str, bytes], now: float) -> None:
        """Take in all that was saved; nothing of it on the first start."""
        state = self._state
        self._restore_meta(records)
        journal.restore_acls(records, state.acls)
        for path, packed in self._deltas.restore(records, now).items():
            state.tree.restore(path, packed)
        for path, (data, seen) in journal.read_chosen(records):
            state.chosen[path] = Chosen(data, seen)
        state.conflicts.restore(v for k, v in records.items() if k.startswith(journal.CONFLICT))
        self._restore_sessions(records)
        for number, side, paths in journal.read_units(records):
            self._units[number] = len(paths)
            state.units.restore(number, side, paths, now)
        for flight in journal.read_flights(records):
            self._restore_flight(flight, f"{DONE}{flight.number}" in records)

    def _restore_meta(self, records: Mapping[str, bytes]) -> None:
        meta = journal.read_meta(records)
        if meta is None:
            return
        self._saved = meta
        self._state.is_paused, self._state.is_filled = meta.is_paused, meta.is_filled
        self._state.authority = Side(meta.authority)
        self._batches.next_number = meta.next_batch
        for side in SIDES:
            self._state.sides[side].reached = meta.positions[side]
            self._state.sides[side].snapshot_at = meta.snapshots[side]
            self._state.sides[side].structure = journal.read_structure(records, side)

    def _restore_sessions(self, records: Mapping[str, bytes]) -> None:
        for side, role, session in journal.read_sessions(records):
            self._state.sides[side].sessions.add(session)
            if role is Role.PROXY:
                self._state.sides[side].proxy_sessions.add(session)

    def _restore_flight(self, flight: Flight, is_done: bool) -> None:
        """A batch since the checkpoint: it is part of the base if it is known to be applied."""
        self._batches.next_number = max(self._batches.next_number, flight.number + 1)
        if not is_done:
            flight.is_lost = True
            flight.groups = [(tuple(intent.path for intent in flight.intents), 0)]
            self._state.flights.add(flight)
            for intent in flight.intents:
                self._state.flights.take(intent.path, flight)
            return
        self._outcomes.covered.append(flight.number)
        for intent in flight.intents:
            if not intent.path.startswith("//"):
                node = self._state.tree.open(intent.path)
                self._state.tree.rebase(node, settled_base(node, intent))
                self._state.tree.close(intent.path)
