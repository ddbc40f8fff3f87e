"""The engine: keeps two ensembles equal while both are written (see ``runtime.machine``).

What is heard goes into the tree (`Tracker`), what changed into the queue (`Units`); the queue is
planned (`Planner`) into batches, whose outcomes (`Outcomes`) set the base. The shell's part:

    engine = Engine(settings, records, now)        records: all that was saved, {} at first
    follow both sides from engine.positions()      None: from a snapshot
    effects = engine.handle(event, now)            for every event of ``events``
    effects = engine.wake(now)                     when engine.wake_at() has come

Nothing is planned before both sides are steady: loaded or gone on with, and behind a barrier. In
the first moment both are, the side to fill is looked at: if it has nodes of its own that the
settings do not say to merge, the engine halts, with nothing written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from orchestrator.migration.core import journal
from orchestrator.migration.core.batches import Batches
from orchestrator.migration.core.burning import Burning
from orchestrator.migration.core.checkpoints import Checkpoints
from orchestrator.migration.core.commands import Commands
from orchestrator.migration.core.effects import Conflict, Effect, Problem, Severity
from orchestrator.migration.core.events import (
    BarrierPassed,
    Event,
    Heard,
    Lost,
    Operated,
    ReadDone,
    Refused,
    SessionOpened,
    SourceOpened,
    Written,
)
from orchestrator.migration.core.filling import Filling
from orchestrator.migration.core.outcomes import Outcomes
from orchestrator.migration.core.planner import Planner
from orchestrator.migration.core.progress import Status
from orchestrator.migration.core.reads import Reads
from orchestrator.migration.core.reporting import preview, status
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tracker import Tracker
from orchestrator.migration.core.verification import Verification
from orchestrator.zookeeper import source


class Engine:
    """The machine. ``state`` is for reading."""

    def __init__(self, settings: Settings, records: Mapping[str, bytes], now: float) -> None:
        self.state = state = SyncState(settings)
        self._outcomes = Outcomes(state)
        self._batches = Batches(state)
        self._reads = Reads(state)
        self._tracker = Tracker(state)
        self._planner = Planner(state, self._batches, self._reads)
        self._burning = Burning(state, self._batches)
        self._checkpoints = Checkpoints(state, self._outcomes, self._batches)
        self._verification = Verification(state, self._outcomes, self._tracker)
        self._filling = Filling(state)
        self._commands = Commands(state, self._burning, self._verification, self._checkpoints)
        self._checkpoints.restore(records, now)
        self._tick_at = now
        self._is_started = False

    def positions(self) -> tuple[int | None, int | None]:
        """Where to go on following A and B; None: from a snapshot."""
        a, b = self.state.sides
        return a.reached, b.reached

    # --- the machine ---------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> Sequence[Effect]:
        """Take in one event."""
        match event:
            case Heard(side, said):
                self._hear(side, said, now)
            case Written():
                flight = self._outcomes.written(event)
                if flight is not None:
                    self._outcomes.settle(flight.side, now)
            case Refused():
                flight = self._outcomes.refused(event, now)
                if flight is not None:
                    self._outcomes.settle(flight.side, now)
            case Lost():
                self._outcomes.lost(event)
            case BarrierPassed():
                self._passed(event, now)
            case ReadDone():
                self._read(event, now)
            case SessionOpened():
                self._session(event, now)
            case SourceOpened():
                self._source(event)
            case Operated(token, command):
                self._commands.handle(token, command, now)
            case _:
                assert_never(event)
        return self._finish(now)

    def wake_at(self) -> float | None:
        """When something happens by itself."""
        due = self._tick_at
        others = (self.state.units.wake_at(), self._verification.wake_at(), self._checkpoints.due)
        for other in others:
            if other is not None and other < due:
                due = other
        return due

    def wake(self, now: float) -> Sequence[Effect]:
        """Do what is due: checkpoints, retries, counters."""
        if not self._is_started:
            self._start()
        self.state.units.wake(now)
        self._verification.wake(now)
        self._checkpoints.move(now)
        if now >= self._tick_at:
            self._tick_at = now + self.state.settings.checkpoint_s
            if self._may_plan():
                self._burning.tick(now)
                for side, path in self.state.versions.take(self.state.tree):
                    self.state.units.add(side.other, [path], now)
            self._checkpoints.save(now)
        return self._finish(now)

    # --- what is asked -------------------------------------------------------------------------

    def status(self, now: float) -> Status:
        """All numbers."""
        return status(self.state, self._filling, self._planner.backlog, now)

    def conflicts(self) -> list[Conflict]:
        """The conflict log, oldest first."""
        return self.state.conflicts.entries()

    def compare(self, root: str = "/", limit: int = 1_000) -> list[str]:
        """The deepest paths of the view whose subtrees differ by their sums, in order."""
        return self.state.tree.sums.differing(root, limit)

    def preview(self, limit: int = 1_000) -> list[str]:
        """A dry run: what would be written now, a sentence each. Pause first to keep it so."""
        return preview(self.state, limit)

    # --- events --------------------------------------------------------------------------------

    def _hear(self, side: Side, said: source.Event, now: float) -> None:
        known = self.state.sides[side]
        if type(said) is source.Transaction:
            known.is_interrupted = False
            self._tracker.transaction(side, said, now)
            self._advance(side, now)
            return
        known.is_interrupted = False
        match said:
            case source.Transaction():
                pass
            case source.Reached(zxid):
                known.reached = max(known.reached or 0, zxid)
                self._advance(side, now)
            case source.Interrupted(reason):
                known.is_interrupted, known.reason = True, reason
                text = f"{side.name} is not heard: {reason}"
                self.state.alert(Problem.INTERRUPTED, Severity.WARNING, text)
            case source.SnapshotStarted():
                self._tracker.snapshot_started(side, said)
            case source.SnapshotNodes():
                self._tracker.snapshot_nodes(side, said, now)
                self._checkpoints.save_loaded(now)
            case source.SnapshotEnded():
                self._tracker.snapshot_ended(side, said, now)
                self._ask_barrier(side)
            case _:
                assert_never(said)

    def _start(self) -> None:
        """After a restart, both sides are steady behind a barrier, and what was under way then
        is decided."""
        self._is_started = True
        for side in SIDES:
            if self.state.sides[side].reached is not None:
                self._ask_barrier(side)
            for flight in self.state.flights.lost(side, 0):
                flight.token = self._outcomes.barrier(side)

    def _ask_barrier(self, side: Side) -> None:
        known = self.state.sides[side]
        known.steady_token = self._outcomes.barrier(side)
        known.is_steady, known.steady_at = False, None

    def _passed(self, event: BarrierPassed, now: float) -> None:
        side, token, zxid = event
        known = self.state.sides[side]
        if token == known.steady_token:
            known.steady_at = zxid
        if not self._verification.passed(token, zxid):
            self._outcomes.passed(side, token, zxid)
        self._advance(side, now)

    def _advance(self, side: Side, now: float) -> None:
        """A side was heard further."""
        known = self.state.sides[side]
        if not known.is_steady:
            at = known.steady_at
            if (
                at is None
                or known.reached is None
                or known.reached < at
                or known.loading is not None
            ):
                return
            known.is_steady = True
            self._outcomes.settle(side, now)
            if all(other.is_steady for other in self.state.sides):
                self._fill()
            return
        self._outcomes.settle(side, now)

    def _fill(self) -> None:
        """What differs is brought in line. That this was begun is on record before anything is
        written, or what was written before a crash would count as the other side's own."""
        was_filled = self.state.is_filled
        self._planner.backlog = self._filling.begin()
        if self.state.is_filled and not was_filled:
            self._checkpoints.save_flags()

    def _read(self, event: ReadDone, now: float) -> None:
        if self._verification.read(event.token, event.nodes, now):
            return
        inward = self.state.view.inward
        data = {
            inner: shown.node.data
            for shown in event.nodes
            if shown.node is not None
            and (inner := inward(event.side, shown.path)) is not None
            and self._tracker.is_known(event.side, inner, shown.node.data)
        }
        self._reads.done(event.token, data, now)

    def _session(self, event: SessionOpened, now: float) -> None:
        side, role, session = event
        known = self.state.sides[side]
        known.open[role] = session
        if session not in known.sessions:
            known.sessions.add(session)
            self.state.emit(journal.save_session(side, role, session))
        if role is Role.PROXY:
            known.proxy_sessions.add(session)
            self.state.units.release(("proxy", side), now)

    def _source(self, event: SourceOpened) -> None:
        side, sees_lifetimes, reveals = event
        known = self.state.sides[side]
        known.reveals = reveals
        if known.sees_lifetimes is not sees_lifetimes:  # another source, which tells all anew
            known.sees_lifetimes = sees_lifetimes
            known.is_steady, known.steady_at = False, None

    # --- after every event -----------------------------------------------------------------------

    def _may_plan(self) -> bool:
        a, b = self.state.sides
        if not a.is_live or not b.is_live or self.state.is_paused:
            return False
        return not self.state.halted

    def _finish(self, now: float) -> Sequence[Effect]:
        state = self.state
        if self._verification.is_running:
            self._verification.proceed(now)
        if self._may_plan():
            self._planner.plan(now)
            self._outcomes.next_token = self._reads.flush(self._outcomes.next_token)
            if self._burning.proceed(now):
                self._checkpoints.save(now)
                self._planner.plan(now)
        if len(state.tree.dirty) >= state.settings.checkpoint_paths:
            self._checkpoints.save(now)
        effects, state.effects = state.effects, []
        return effects
