"""How batches end; see ``flights`` for the steps."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.migration.core.content import EPHEMERAL
from orchestrator.migration.core.counters import BURN
from orchestrator.migration.core.effects import Barrier, Problem, Severity
from orchestrator.migration.core.events import Lost, Refusal, Refused, Written
from orchestrator.migration.core.flights import Flight, Intent, Mode, settled_base, shows
from orchestrator.migration.core.journal import DONE, INTENT
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tree import Node
from orchestrator.runtime.machine import Save

_TELL_AFTER = 4  # refusals of the same change, before a person hears of it
_MOST_WAIT_S = 30.0
_WAIT_S = 0.05
_HOPELESS = (Refusal.NO_AUTH, Refusal.TOO_LARGE, Refusal.EPHEMERAL_PARENT, Refusal.OTHER)


class Outcomes:
    """Notes outcomes, and settles batches when their side has reached them."""

    def __init__(self, state: SyncState) -> None:
        self._state = state
        self.covered: list[int] = []  # applied and settled; the next checkpoint includes them
        self.next_token = 1

    def written(self, event: Written) -> Flight | None:
        """A batch was applied."""
        flight = self._state.flights.by_number.get(event.batch)
        if flight is None or flight.is_lost:
            return None
        if not flight.is_echoed:
            self._state.emit(Save(f"{DONE}{flight.number}", b""))
        self._state.flights.ended(flight, event.zxid)
        return flight

    def refused(self, event: Refused, now: float) -> Flight | None:
        """Nothing of a batch was applied."""
        flight = self._state.flights.by_number.get(event.batch)
        if flight is None or flight.is_lost:
            return None
        paths = flight.op_paths
        flight.refused = paths[event.op] if 0 <= event.op < len(paths) else ""
        self._state.totals.refused[flight.side] += 1
        self._state.emit(Save(f"{INTENT}{flight.number}", None))
        self._state.flights.ended(flight, event.zxid)
        self._tell(flight, event)
        reached = self._state.sides[flight.side].reached or 0
        is_news = not event.zxid or reached <= event.zxid  # else what was below may be gone by now
        if event.refusal is Refusal.NOT_EMPTY and flight.refused and is_news:
            self._state.rooted.add((flight.side, flight.refused))
        return flight

    def lost(self, event: Lost) -> None:
        """Nobody knows; a barrier will tell."""
        flight = self._state.flights.by_number.get(event.batch)
        if flight is not None and not flight.is_lost:
            self._state.totals.lost[flight.side] += 1
            flight.is_lost = True
            flight.token = self.barrier(flight.side)

    def barrier(self, side: Side) -> int:
        """Ask for a barrier; returns its token."""
        token = self.next_token
        self.next_token += 1
        self._state.emit(Barrier(side, token))
        return token

    def passed(self, side: Side, token: int, zxid: int) -> None:
        """A barrier was passed: what was lost before it is decided by then."""
        for flight in self._state.flights.lost(side, token):
            flight.token = 0
            self._state.flights.ended(flight, zxid)

    def settle(self, side: Side, now: float) -> bool:
        """Settle what a side's source has reached; whether that was anything."""
        known = self._state.sides[side]
        if not known.is_steady or known.reached is None:
            return False
        due = self._state.flights.due(side, known.reached)
        for flight in due:
            self._settle(flight, now)
        return bool(due)

    def _settle(self, flight: Flight, now: float) -> None:
        state = self._state
        is_applied = self._was_applied(flight)
        state.flights.remove(flight)
        if is_applied:
            self._applied(flight, now)
        else:
            self._again(flight, now)
        state.units.release(flight.number, now)

    def _was_applied(self, flight: Flight) -> bool:
        if flight.refused is not None or not flight.is_lost:
            return flight.refused is None
        known = self._state.sides[flight.side]
        if flight.is_echoed:
            return True
        if known.sees_lifetimes and flight.after >= known.snapshot_at:
            return False  # the stream went through without it
        return self._looks_applied(flight)

    def _looks_applied(self, flight: Flight) -> bool:
        tree, side = self._state.tree, flight.side
        there = [(i, tree.look(i.path).states[side]) for i in flight.intents]
        told = {shows(intent, state) for intent, state in there}
        if False in told or True in told:
            return False not in told
        return all(i.want is None and state is None for i, state in there)

    def _applied(self, flight: Flight, now: float) -> None:
        state = self._state
        self.covered.append(flight.number)
        if flight.is_lost:
            state.emit(Save(f"{DONE}{flight.number}", b""))
        state.totals.written[flight.side] += len(flight.intents)
        for intent in flight.intents:
            path = intent.path
            if path.startswith("//"):
                self._burned(flight, path)
                continue
            node = state.tree.open(path)
            state.tree.rebase(node, settled_base(node, intent))
            self._suppose(node, flight.side)
            self._suppose_acl(node, flight.side, intent)
            if node.is_settled or node.is_gone:
                state.stuck.pop(path, None)
            if path in state.units:
                continue
            if node.is_settled or node.is_gone:
                state.finish(node)
            else:
                state.units.add(flight.origin, [path], now)

    def _suppose(self, node: Node, side: Side) -> None:
        """What was written has the lifetime it was given, though the side's source cannot see."""
        there, base = node.states[side], node.base
        if there is None or base is None or self._state.sides[side].sees_lifetimes:
            return
        if EPHEMERAL not in (there.content.kind, base.kind) and there.content.kind != base.kind:
            content = replace(there.content, kind=base.kind)
            self._state.tree.put(node, side, replace(there, content=content))

    def _suppose_acl(self, node: Node, side: Side, intent: Intent) -> None:
        """An access list is the one that was written, until a source says otherwise: one that
        watches nodes tells of lists much later, and its silence is no change back."""
        there, want = node.states[side], intent.want
        if intent.mode is not Mode.ACL or there is None or want is None:
            return
        if there.aversion == intent.version:
            content = replace(there.content, acl=want.acl)
            new = replace(there, content=content, aversion=intent.version + 1)
            self._state.tree.put(node, side, new)

    def _burned(self, flight: Flight, key: str) -> None:
        """Count what a source that watches nodes does not see."""
        parent, _, name = key[len(f"//{flight.side.name}") :].rpartition("/")
        if name == BURN and not self._state.sides[flight.side].sees_lifetimes:
            pairs = flight.op_paths.count(key) // 2
            count = self._state.counters.get(parent)[flight.side]
            self._state.counters.saw(flight.side, parent, count + pairs)

    def _again(self, flight: Flight, now: float) -> None:
        """Plan anew what was not applied; what was refused goes alone from now on."""
        if flight.is_lost:
            self._state.emit(Save(f"{INTENT}{flight.number}", None))
        known = any(flight.refused in paths for paths, _ in flight.groups)
        for paths, tries in flight.groups:
            real = [path for path in paths if not path.startswith("//")]
            unit = self._state.units.add(flight.origin, real, now)
            is_refused = flight.refused is not None and (flight.refused in paths or not known)
            if unit is not None and is_refused and tries and self._is_rooted(flight):
                # what is below goes with it, for the one may wait for the other
                unit = self._state.units.gather(unit, flight.refused or "")
            if unit is not None and is_refused:
                unit.tries = max(unit.tries, tries + 1)
                wait_s = min(_MOST_WAIT_S, _WAIT_S * 2**tries) if tries else 0.0
                unit.not_before = now + wait_s

    def _is_rooted(self, flight: Flight) -> bool:
        return (flight.side, flight.refused) in self._state.rooted

    def _tell(self, flight: Flight, event: Refused) -> None:
        path = flight.refused or ""
        tries = max((t for paths, t in flight.groups if path in paths), default=0)
        if tries < _TELL_AFTER and event.refusal not in _HOPELESS:
            return
        why = event.reason or event.refusal.value.replace("_", " ")
        if event.refusal is Refusal.TOO_LARGE:
            if len(flight.intents) == 1:  # else it is tried alone first
                text = f"too large for {flight.side.name}: {why}"
                self._state.stick(path, text, Problem.TOO_LARGE, Severity.ERROR)
            return
        text = f"refused by {flight.side.name} again and again, and tried further: {why}"
        self._state.stick(
            path[1:] if path.startswith("//") else path, text, Problem.REFUSED, Severity.WARNING
        )
