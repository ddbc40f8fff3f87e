"""What people command."""

from __future__ import annotations

from typing import assert_never

from orchestrator.migration.core.burning import Burning
from orchestrator.migration.core.checkpoints import Checkpoints
from orchestrator.migration.core.effects import Reply
from orchestrator.migration.core.events import (
    Command,
    Pause,
    Resolve,
    Resume,
    SetAuthority,
    Verify,
)
from orchestrator.migration.core.settings import path_fault
from orchestrator.migration.core.settling import Settling
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.verification import Verification


class Commands:
    """Carries commands out, or says why not."""

    def __init__(
        self,
        state: SyncState,
        burning: Burning,
        verification: Verification,
        checkpoints: Checkpoints,
    ) -> None:
        self._state = state
        self._burning = burning
        self._verification = verification
        self._checkpoints = checkpoints
        self._settling = Settling(state)

    def handle(self, token: int, command: Command, now: float) -> None:
        """Carry a command out; it is answered at once, but for those that take time."""
        match command:
            case Pause() | Resume():
                self._state.is_paused = isinstance(command, Pause)
                self._checkpoints.save_flags()
                refusal = ""
            case Resolve():
                refusal = self._resolve(command, now)
            case SetAuthority(side=side):
                refusal = self._burning.set_authority(token, side)
            case Verify():
                refusal = self._verify(token, command)
            case _:
                assert_never(command)
        if refusal or not isinstance(command, SetAuthority | Verify):
            self._state.emit(Reply(token, refusal))

    def _verify(self, token: int, command: Verify) -> str:
        return path_fault(command.path) or self._verification.start(token, command)

    def _resolve(self, command: Resolve, now: float) -> str:
        state, path = self._state, command.path
        if not all(side.is_live for side in state.sides):
            return "both sides are still being read; decide when the sync is live"
        if path not in state.conflicts.held:
            return f"no conflict is held at {path!r}"
        kind = state.conflicts[state.conflicts.held[path]].kind
        if command.winner is None and kind not in ("update", "create"):
            return f"a conflict of kind {kind!r} is settled by A or B, not by a value"
        who = "value" if command.winner is None else command.winner.name
        self._settling.release(path, who, "decided by a person", now)
        node = state.tree.open(path)
        if command.winner is None:
            self._settling.choose(node, command.data)
        elif kind == "orphan":
            self._settling.adopt(node, command.winner)
        else:
            self._settling.favour(node, command.winner)
        state.units.add(Side.A, [path], now)
        self._checkpoints.save(now)
        return ""
