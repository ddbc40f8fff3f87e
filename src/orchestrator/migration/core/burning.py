"""Keeping sequence counters, and handing authority over elections to the other side.

On ``SetAuthority`` the new authority's counters are burned ahead of the old one's first, so that
whoever joins there comes after all members so far. Then the proxies are turned round: those on the
new authority go, and its own members get theirs on the other side.
"""

from __future__ import annotations

from orchestrator.migration.core.batches import Batches
from orchestrator.migration.core.counters import BURN
from orchestrator.migration.core.drafts import aside
from orchestrator.migration.core.effects import Create, Delete, Op, Reply
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.state import SyncState
from orchestrator.zookeeper.jute.records import OPEN


class Burning:
    """Writes the pairs of create and delete, one batch a parent at a time."""

    def __init__(self, state: SyncState, batches: Batches) -> None:
        self._state = state
        self._batches = batches
        self._flip: tuple[int, Side] | None = None

    def set_authority(self, token: int, side: Side) -> str:
        """Begin to hand over; a sentence if that cannot be."""
        if self._flip is not None:
            return f"authority is just being handed over to {self._flip[1].name}: wait for that"
        if not self._state.settings.elections:
            return "no election directories are set, so there is no authority to hand over"
        self._flip = (token, side)
        return ""

    def tick(self, now: float) -> None:
        """Burn what fell behind since the last time."""
        for parent, side, count in self._state.counters.tick():
            if not self._state.counters.is_election(parent) or side is not self._state.authority:
                self._burn(parent, side, count, now)

    def proceed(self, now: float) -> bool:
        """Go on with handing over; whether it was completed now."""
        if self._flip is None:
            return False
        token, side = self._flip
        missing = False
        for parent in self._state.counters.elections():
            lead = self._state.counters.lead(parent, side)
            if lead and self._state.tree.has(parent, side):
                missing = True
                self._burn(parent, side, lead, now)
        if missing:
            return False
        self._flip = None
        self._state.authority = side
        self._requeue(now)
        self._state.emit(Reply(token, result=f"{side.name} is the authority for elections"))
        return True

    def _burn(self, parent: str, side: Side, count: int, now: float) -> None:
        state = self._state
        key = f"//{side.name}{parent}/{BURN}"
        if key in state.flights.of or not state.tree.has(parent, side):
            return
        outer = f"{state.view.outward(side, parent)}/{BURN}"
        pairs = min(count, max(1, state.settings.batch_ops // 2))
        pair: tuple[Op, ...] = (Create(outer, None, OPEN), Delete(outer, -1))
        self._batches.apart(aside(side, key, pair * pairs), now)

    def _requeue(self, now: float) -> None:
        tree, counters = self._state.tree, self._state.counters
        for path in [p for p in tree.paths() if counters.is_election(parent_of(p))]:
            node = tree.open(path)
            if any(node.states[s] is not None and node.states[s].owner for s in SIDES):  # type: ignore[union-attr]
                self._state.units.add(self._state.authority, [path], now)
            else:
                self._state.finish(node)
