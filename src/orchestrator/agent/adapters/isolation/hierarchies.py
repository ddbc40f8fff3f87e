"""Which cgroup hierarchies are mounted here, and which controller is in which.

Read from /proc/self/mountinfo (proc(5)), with ``root`` in front of every path so that a test can
show a machine of its own. With both versions mounted (hybrid), a controller is in one of them only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from orchestrator.mesos.types import Message

CONTROLLERS = frozenset({"cpu", "cpuacct", "memory", "pids", "freezer"})
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Hierarchy(Message):
    """A mounted hierarchy; ``controllers`` are all that it has, also those that are not used."""

    path: Path
    controllers: frozenset[str]
    is_unified: bool


def detect(root: Path = Path("/")) -> tuple[Hierarchy, ...]:
    """Every hierarchy, in the order they were mounted; each once. Empty where /proc says none."""
    try:
        lines = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ()
    found: dict[frozenset[str], Hierarchy] = {}
    for line in lines:
        hierarchy = _parse(line, root)
        if hierarchy is not None:
            key = frozenset({"cgroup2"}) if hierarchy.is_unified else hierarchy.controllers
            found.setdefault(key, hierarchy)
    return tuple(found.values())


def mode(hierarchies: Iterable[Hierarchy]) -> str:
    """In a word: v1, v2, hybrid or none."""
    kinds = {one.is_unified for one in hierarchies}
    if kinds == {True, False}:
        return "hybrid"
    return {True: "v2", False: "v1"}[kinds.pop()] if kinds else "none"


def holder(hierarchies: Iterable[Hierarchy], controller: str) -> Hierarchy | None:
    """Where a controller is. Version 2 counts processor time without a controller for it."""
    one = next((one for one in hierarchies if controller in one.controllers), None)
    if one is None and controller == "cpuacct":
        one = next((one for one in hierarchies if one.is_unified), None)
    return one


def absence(controller: str, root: Path = Path("/")) -> str:
    """Why a controller is in no hierarchy, in a sentence."""
    try:
        lines = (root / "proc/cgroups").read_text().splitlines()
    except OSError:
        lines = []
    known = {fields[0]: fields[-1] for line in lines if (fields := line.split())}
    if known.get(controller) == "0":
        return f"the kernel has the controller '{controller}' switched off"
    if controller not in known and lines:
        return f"the kernel has no controller '{controller}'"
    return f"no mounted hierarchy has the controller '{controller}'"


def _parse(line: str, root: Path) -> Hierarchy | None:
    before, _, after = line.partition(" - ")
    places, kinds = before.split(" "), after.split(" ")
    if len(places) < 5 or len(kinds) < 3 or kinds[0] not in ("cgroup", "cgroup2"):
        return None
    path = root / _unescape(places[4]).lstrip("/")
    if kinds[0] == "cgroup":
        return Hierarchy(path=path, controllers=frozenset(kinds[2].split(",")), is_unified=False)
    try:
        names = (path / "cgroup.controllers").read_text().split()
    except OSError:
        names = []
    return Hierarchy(path=path, controllers=frozenset(names), is_unified=True)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
