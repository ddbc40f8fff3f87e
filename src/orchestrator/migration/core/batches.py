"""Batches in the making: drafts of units are gathered until a bound, then saved and sent."""

from __future__ import annotations

from orchestrator.migration.core.drafts import Draft
from orchestrator.migration.core.effects import Op, Problem, SetAcl, Severity, Write
from orchestrator.migration.core.flights import Flight
from orchestrator.migration.core.journal import save_acl, save_intent
from orchestrator.migration.core.sides import Role, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.units import Unit

_Lane = tuple[Side, Role]


class _Batch:
    """A flight that still takes drafts in."""

    __slots__ = ("flight", "ops", "size_bytes")

    def __init__(self, flight: Flight) -> None:
        self.flight = flight
        self.ops: list[Op] = []
        self.size_bytes = 0


class Batches:
    """The open batch of each side and role, and the numbers of all."""

    def __init__(self, state: SyncState) -> None:
        self._state = state
        self._open: dict[_Lane, _Batch] = {}
        self.next_number = 1

    def has_room(self, side: Side) -> bool:
        """Whether another batch may go out to a side."""
        return self._state.flights.counts[side] < self._state.settings.window

    def add(self, unit: Unit, drafts: list[Draft], now: float) -> None:
        """Put the writes of a unit into batches, those of a side into one if they fit."""
        lanes: dict[_Lane, list[Draft]] = {}
        for draft in drafts:
            lanes.setdefault((draft.side, draft.role), []).append(draft)
        for lane, here in lanes.items():
            lists = [d for d in here if type(d.ops[0]) is SetAcl]
            self._together(unit, lane, [d for d in here if d not in lists] if lists else here, now)
            for draft in lists:
                self._alone(unit, lane, [draft], now)

    def flush(self) -> None:
        """Send what is gathered."""
        for lane in list(self._open):
            self._send(lane)

    def _together(self, unit: Unit, lane: _Lane, drafts: list[Draft], now: float) -> None:
        if not drafts:
            return
        size_bytes = sum([draft.size_bytes for draft in drafts])
        ops = sum([len(draft.ops) for draft in drafts])
        is_over = self._is_over(None, ops, size_bytes)
        if is_over and len(drafts) > 1:
            self._split(unit, lane, drafts, now)
        elif is_over or unit.tries:  # what was refused takes nobody with it
            self._alone(unit, lane, drafts, now)
        else:
            if self._is_over(self._open.get(lane), ops, size_bytes):
                self._send(lane)
            self._append(unit, lane, drafts, now)

    def _split(self, unit: Unit, lane: _Lane, drafts: list[Draft], now: float) -> None:
        self._state.totals.splits += 1
        text = f"{len(drafts)} changes that belong together are too many for one multi: split"
        path = drafts[0].intent.path
        self._state.alert(Problem.SPLIT, Severity.WARNING, text, path)
        for draft in drafts:
            if self._is_over(self._open.get(lane), len(draft.ops), draft.size_bytes):
                self._send(lane)
            self._append(unit, lane, [draft], now)

    def _alone(self, unit: Unit, lane: _Lane, drafts: list[Draft], now: float) -> None:
        self._send(lane)
        self._append(unit, lane, drafts, now)
        self._send(lane)

    def _is_over(self, batch: _Batch | None, ops: int, size_bytes: int) -> bool:
        settings = self._state.settings
        if batch is not None:
            ops, size_bytes = ops + len(batch.ops), size_bytes + batch.size_bytes
        return ops > settings.batch_ops or size_bytes > settings.batch_bytes

    def _append(self, unit: Unit, lane: _Lane, drafts: list[Draft], now: float) -> None:
        batch = self._open.get(lane)
        if batch is None:
            batch = self._open[lane] = _Batch(self._flight(lane, unit, now))
        flight = batch.flight
        flight.groups.append((tuple([draft.intent.path for draft in drafts]), unit.tries))
        for draft in drafts:
            path = draft.intent.path
            self._state.flights.take(path, flight)
            flight.add(draft.intent)
            for op in draft.ops:
                batch.ops.append(op)
                flight.op_paths.append(path)
            batch.size_bytes += draft.size_bytes

    def _flight(self, lane: _Lane, unit: Unit, now: float) -> Flight:
        side, role = lane
        after = self._state.sides[side].reached or 0
        flight = Flight(self.next_number, side, role, after, [])
        flight.origin, flight.since, flight.sent_at = unit.side, unit.since, now
        self.next_number += 1
        return flight

    def _send(self, lane: _Lane) -> None:
        batch = self._open.pop(lane, None)
        if batch is None:
            return
        state, flight = self._state, batch.flight
        for number, acl in state.acls.fresh():
            state.emit(save_acl(number, acl))
        state.flights.add(flight)
        state.totals.batches[flight.side] += 1
        state.emit(save_intent(flight))
        state.emit(Write(flight.side, flight.role, flight.number, tuple(batch.ops)))

    def apart(self, draft: Draft, now: float) -> None:
        """Send a draft that belongs to no unit."""
        self._alone(Unit(0, draft.side.other, now), (draft.side, draft.role), [draft], now)
