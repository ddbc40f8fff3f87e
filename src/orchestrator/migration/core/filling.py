"""Comparing both sides as a whole: at first, after a restart, and after each snapshot."""

from __future__ import annotations

from orchestrator.migration.core.effects import Problem, Severity
from orchestrator.migration.core.policy import source_side
from orchestrator.migration.core.progress import Progress
from orchestrator.migration.core.proxies import is_ephemeral
from orchestrator.migration.core.state import SyncState


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
        found = sorted(self._state.tree.unsettled())
        if not self._state.is_filled:
            self._check(found)
        deletes = [path for path in found if self._is_deleted(path)]
        gone = set(deletes)
        creates = [path for path in found if path not in gone]
        self.total = len(found)
        return creates[::-1] + deletes

    def progress(self, left: int) -> Progress:
        """How far it is, with so many paths left."""
        return Progress(self.total, max(0, self.total - left))

    def _check(self, found: list[str]) -> None:
        target = source_side(self._state.settings).other
        foreign = 0 if self._state.settings.merge else sum(map(self._is_foreign, found))
        if not foreign:
            self._state.is_filled = True
            return
        self._state.halted = (
            f"{target.name} holds {foreign} nodes that {target.other.name} does not have, or has "
            "otherwise: empty it, filter them out, or begin with merge"
        )
        self._state.alert(Problem.NOT_EMPTY_TARGET, Severity.ERROR, self._state.halted)

    def _is_foreign(self, path: str) -> bool:
        """Whether the side to fill has something here that the other does not."""
        target = source_side(self._state.settings).other
        node = self._state.tree.look(path)
        there, here = node.content(target), node.content(target.other)
        return there is not None and node.base is None and there != here and not is_ephemeral(node)

    def _is_deleted(self, path: str) -> bool:
        node = self._state.tree.look(path)
        return node.base is not None and None in node.states
