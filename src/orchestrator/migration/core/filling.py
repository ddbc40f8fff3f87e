"""Comparing both sides as a whole: at first, after a restart, and after each snapshot."""

from __future__ import annotations

from orchestrator.migration.core.effects import Problem, Severity
from orchestrator.migration.core.policy import source_side
from orchestrator.migration.core.progress import Progress
from orchestrator.migration.core.proxies import is_ephemeral
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.state import SyncState
from orchestrator.migration.core.tree import Node


class Filling:
    """What has to be brought in line."""

    def __init__(self, state: SyncState) -> None:
        self._state = state
        self.total = 0

    def begin(self) -> list[str]:
        """Both sides are steady: all paths on which they may differ, the last first.

        Parents are created before their children; what is deleted comes before that, children
        first.
        """
        target, foreign = source_side(self._state.settings).other, 0
        creates: list[str] = []
        deletes: list[str] = []
        for path in sorted(self._state.tree.unsettled()):
            node = self._state.tree.look(path)
            foreign += _is_foreign(node, target)
            (deletes if node.base is not None and None in node.states else creates).append(path)
        if not self._state.is_filled:
            self._check(target, foreign)
        self.total = len(creates) + len(deletes)
        return creates[::-1] + deletes

    def progress(self, left: int) -> Progress:
        """How far it is, with so many paths left."""
        return Progress(self.total, max(0, self.total - left))

    def _check(self, target: Side, foreign: int) -> None:
        if not foreign or self._state.settings.merge:
            self._state.is_filled = True
            return
        self._state.halted = (
            f"{target.name} holds {foreign} nodes that {target.other.name} does not have, or has "
            "otherwise: empty it, filter them out, or begin with merge"
        )
        self._state.alert(Problem.NOT_EMPTY_TARGET, Severity.ERROR, self._state.halted)


def _is_foreign(node: Node, target: Side) -> bool:
    """Whether the side to fill has something here that the other does not."""
    there = node.content(target)
    if there is None or node.base is not None or there == node.content(target.other):
        return False
    return not is_ephemeral(node)
