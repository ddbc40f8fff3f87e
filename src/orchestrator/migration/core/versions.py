"""Data versions that both sides are to count alike, where the settings ask for it.

A version counts how often data was set, and cannot be set itself. So the side that counts less is
raised: what it has is set again, guarded, as often as needed, in one multi. Whoever watches the
node there hears of data that did not change.

What both agree on is looked at once a checkpoint's time, for what is on its way counts by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.migration.core.content import EPHEMERAL
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.tree import Node, Tree
from orchestrator.migration.core.view import pattern


class Versions:
    """Notes which paths count unlike."""

    def __init__(self, settings: Settings) -> None:
        self._kept = [pattern(p) for p in settings.versions]
        self._unlike: dict[str, None] = {}
        self._is_looked_through = False

    def note(self, node: Node) -> None:
        """A path needs nothing more for now."""
        if self._kept and self.lower(node) is not None:
            self._unlike[node.path] = None

    def take(self, tree: Tree) -> list[tuple[Side, str]]:
        """Whom to raise now: side and path. The first time, everything is looked at."""
        if not self._kept:
            return []
        paths: Iterable[str] = self._unlike
        if not self._is_looked_through:
            self._is_looked_through = True
            paths = tree.paths()
        found = []
        for path in paths:
            lower = self.lower(tree.look(path))
            if lower is not None:
                found.append((lower[0], path))
        self._unlike = {}
        return found

    def lower(self, node: Node) -> tuple[Side, int] | None:
        """The side that counts less, and by how much; None if both count alike, do not agree yet,
        or need not."""
        a, b = node.states
        if a is None or b is None or a.version == b.version or not node.is_settled:
            return None
        if a.content.kind == EPHEMERAL or not any(p.match(node.path) for p in self._kept):
            return None
        less = a.version - b.version
        return (Side.B, less) if less > 0 else (Side.A, -less)
