"""Which nodes are synced, and where each lies on the other side.

The *view* is the common tree, written with A's paths. Patterns include a match and all below it;
excludes win. So a filter cuts a parent only above what is included: such a parent is a *structural*
node. It is created where a child needs it, and otherwise left alone on both sides: never changed,
never deleted. The same goes for the parents of a mapped place. ``/`` exists everywhere and is
structural; ``/zookeeper`` is ZooKeeper's own.
"""

from __future__ import annotations

import re
from enum import Enum

from orchestrator.migration.core.settings import Mapping, Settings
from orchestrator.migration.core.sides import Side

_CACHED = 200_000


class Place(Enum):
    """What a path is to the sync."""

    IN = "in"
    STRUCTURE = "structure"
    OUT = "out"


def pattern(text: str) -> re.Pattern[str]:
    """A path pattern as a regular expression that matches the node and all below it."""
    return re.compile(_segments(text.strip("/").split("/")) + r"(?:/.*)?\Z", re.DOTALL)


def _segments(names: list[str]) -> str:
    return "".join(
        r"(?:/[^/]+)*" if name == "**" else "/" + re.escape(name).replace(r"\*", "[^/]*")
        for name in names
        if name
    )


def _is_all(patterns: tuple[str, ...]) -> bool:
    return any(p in ("/", "/**") for p in patterns)


class View:
    """Filters and mappings of one sync."""

    def __init__(self, settings: Settings) -> None:
        self._includes_all = _is_all(settings.include)
        self._include = [pattern(p) for p in settings.include]
        self._exclude = [pattern(p) for p in settings.exclude]
        self._cut = [] if self._includes_all else _prefixes(settings.include)
        self._mappings = settings.mappings
        self._mapped_parents = _mapped_parents(settings.mappings)
        self._is_plain = self._includes_all and not self._exclude and not self._mappings
        self._cache: tuple[dict[str, str | None], dict[str, str | None]] = ({}, {})

    def inward(self, side: Side, path: str) -> str | None:
        """The path of the view for a synced node of a side; None if it is not synced."""
        if self._is_plain:
            return None if path == "/" or _own(path) else path
        cache = self._cache[side]
        if path not in cache:
            if len(cache) >= _CACHED:
                cache.clear()
            cache[path] = self._inward(side, path)
        return cache[path]

    def outward(self, side: Side, path: str) -> str:
        """Where a path of the view lies on a side."""
        if side is Side.A or not self._mappings:
            return path
        return _moved(path, [(m.a, m.b) for m in self._mappings])

    def place(self, side: Side, path: str) -> Place:
        """What a side's path is to the sync."""
        if self.inward(side, path) is not None:
            return Place.IN
        return Place.STRUCTURE if self._is_structural(side, path) else Place.OUT

    def is_in(self, path: str) -> bool:
        """Whether a path of the view is synced."""
        return self.inward(Side.A, path) is not None

    def _inward(self, side: Side, path: str) -> str | None:
        if path == "/" or _own(path) or path in self._mapped_parents[side]:
            return None
        pairs = [(m.b, m.a) for m in self._mappings]
        inner = path if side is Side.A else _moved(path, pairs)
        if self.outward(side, inner) != path or self._is_shadowed(inner):
            return None
        return inner if self._is_included(inner) else None

    def _is_shadowed(self, inner: str) -> bool:
        """Whether B's place for a path of A is the mapped place of another."""
        outer = self.outward(Side.B, inner)
        return _moved(outer, [(m.b, m.a) for m in self._mappings]) != inner or (
            outer in self._mapped_parents[Side.B] or inner in self._mapped_parents[Side.A]
        )

    def _is_included(self, path: str) -> bool:
        if any(p.match(path) for p in self._exclude):
            return False
        return self._includes_all or any(p.match(path) for p in self._include)

    def _is_structural(self, side: Side, path: str) -> bool:
        if path == "/" or path in self._mapped_parents[side]:
            return True
        return any(p.match(path) for p in self._cut)


def _own(path: str) -> bool:
    return path == "/zookeeper" or path.startswith("/zookeeper/")


def _moved(path: str, pairs: list[tuple[str, str]]) -> str:
    for old, new in pairs:
        if path == old or path.startswith(f"{old}/"):
            return new + path[len(old) :]
    return path


def _prefixes(patterns: tuple[str, ...]) -> list[re.Pattern[str]]:
    """What the strict parents of patterns match; below ``**`` anything may be a parent."""
    found = []
    for text in patterns:
        names = text.strip("/").split("/")
        for length in range(1, len(names)):
            found.append(re.compile(_segments(names[:length]) + r"\Z"))
            if names[length - 1] == "**":
                break
    return found


def _mapped_parents(mappings: tuple[Mapping, ...]) -> tuple[frozenset[str], frozenset[str]]:
    return _parents([m.a for m in mappings]), _parents([m.b for m in mappings])


def _parents(paths: list[str]) -> frozenset[str]:
    found = set()
    for path in paths:
        names = path.split("/")
        found |= {"/".join(names[:length]) for length in range(2, len(names))}
    return frozenset(found)
