"""The engine's own writes, as a side's stream shows them: what they passed over is looked at.

A change in between that a write passed over (the node was deleted and written anew up to the very
version that was expected; the access list was changed while the node was deleted) is seen here, for
the stream shows both: it is logged as a conflict of kind ``overtaken``, with what was lost.
"""

from __future__ import annotations

from orchestrator.migration.core.conflicts import version_of
from orchestrator.migration.core.content import State
from orchestrator.migration.core.effects import ConflictFound, Problem, Severity
from orchestrator.migration.core.flights import Flight, Intent, Mode
from orchestrator.migration.core.journal import DONE
from orchestrator.migration.core.merge import same
from orchestrator.migration.core.policy import Contender, Decision
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tree import Node
from orchestrator.runtime.machine import Save


class Echoes:
    """Notes that a batch was applied, when its transaction is heard."""

    def __init__(self, state: SyncState) -> None:
        self._state = state

    def note(self, side: Side, node: Node, flight: Flight, zxid: int, now: float) -> None:
        """A transaction of the engine's own touches a path that a batch writes."""
        if flight.side is not side or zxid <= flight.after:
            return
        if not flight.is_echoed and self._state.sides[side].is_steady:
            for intent in flight.intents:
                if intent.path == node.path or intent.path in self._state.tree:
                    self._look_back(side, intent, now)
        if not flight.is_echoed:
            flight.is_echoed = True
            if not flight.zxid:
                self._state.emit(Save(f"{DONE}{flight.number}", b""))
            self._state.flights.ended(flight, zxid)

    def _look_back(self, side: Side, intent: Intent, now: float) -> None:
        """Whether the write replaced just what it was meant to replace."""
        node = self._state.tree.open(intent.path)
        state = node.states[side]
        if intent.before is None or state is None or intent.mode is Mode.NONE:
            return
        was, is_ = intent.before, state.content
        if intent.mode is Mode.DATA:
            is_lost = was.data != is_.data
        elif intent.mode is Mode.ACL:
            is_lost = was.acl != is_.acl
        else:
            is_lost = not same(was, is_)
        if is_lost:
            self._overtaken(side, node, state, now)

    def _overtaken(self, side: Side, node: Node, state: State, now: float) -> None:
        book, acls, path = self._state.conflicts, self._state.acls, node.path
        other = node.states[side.other]
        sides = [(side, state), (side.other, other)]
        versions = [Contender(s, node.times[at]) for at, s in sorted(sides, key=lambda p: p[0])]
        data = [self._state.payloads.peek(at, path) for at in SIDES]
        shown = (version_of(versions[0], data[0], acls), version_of(versions[1], data[1], acls))
        decision = Decision(side.other, "changed again up to the version that was expected")
        entry, saves = book.note(path, "overtaken", shown, decision, now)
        self._state.effects += [*saves, ConflictFound(entry)]
        self._state.totals.overtaken += 1
        text = f"a change of {path} on {side.name} was overwritten; conflict {entry.number} has it"
        self._state.alert(Problem.OVERTAKEN, Severity.WARNING, text, path)
