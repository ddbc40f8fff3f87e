"""Data that has to be read again: asked for in bulk, one read a side at a time."""

from __future__ import annotations

from orchestrator.migration.core.content import digest
from orchestrator.migration.core.effects import Read
from orchestrator.migration.core.sides import SIDES, Side
from orchestrator.migration.core.state import SyncState

_MOST_PATHS = 1_000


class Reads:
    """What the planner waits for. A read that shows other data than is known came too early or
    too late: it is made again, a little later."""

    def __init__(self, state: SyncState) -> None:
        self._state = state
        self._wanted: tuple[dict[str, None], dict[str, None]] = ({}, {})
        self._asked: dict[int, tuple[Side, tuple[str, ...]]] = {}
        self._missed: set[tuple[Side, str]] = set()
        self._busy = [False, False]

    def want(self, side: Side, path: str) -> None:
        """Have a path of the view read."""
        self._wanted[side][path] = None

    def is_too_soon(self, side: Side, path: str) -> bool:
        """Whether a path was read just now, in vain; once."""
        key = (side, path)
        if key not in self._missed:
            return False
        self._missed.remove(key)
        return True

    def flush(self, next_token: int) -> int:
        """Ask; returns the next token that is free."""
        for side in SIDES:
            if not self._wanted[side] or self._busy[side]:
                continue
            paths = tuple(self._wanted[side])[:_MOST_PATHS]
            for path in paths:
                del self._wanted[side][path]
            self._asked[next_token] = (side, paths)
            self._busy[side] = True
            outward = self._state.view.outward
            outer = tuple(outward(side, path) for path in paths)
            self._state.emit(Read(side, next_token, outer))
            next_token += 1
        return next_token

    def done(self, token: int, data: dict[str, bytes | None], now: float) -> bool:
        """Take in an answer: data by path of the view. False if it was not asked for here."""
        asked = self._asked.pop(token, None)
        if asked is None:
            return False
        side, paths = asked
        self._busy[side] = False
        for path in paths:
            state = self._state.tree.look(path).states[side]
            if path in data:
                mark = digest(data[path])
                self._state.payloads.put(side, path, data[path], mark, is_needed=True)
            elif state is not None:
                self._missed.add((side, path))
            self._state.units.release(("read", side, path), now)
        return True
