"""Which task an entry of a list of TASK_nnn belongs to.

Such a list is often made from the bullets of a text that follows it, so an entry belongs to what
its text belongs to there; both are in the same order, by which equal texts are told apart. An entry
that is found nowhere belongs to none: what stands next to it in the list says nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from orchestrator.taskmaster.core import marks
from orchestrator.taskmaster.core.collecting import Listed, Said
from orchestrator.taskmaster.core.model import Entry


def fold(listed: Sequence[Listed], said: Sequence[Said]) -> tuple[Entry, ...]:
    """The entries, each with its task."""
    places: dict[str, list[int]] = {}
    for index, each in enumerate(said):
        places.setdefault(_unmarked(each.text), []).append(index)
    entries, at = [], 0
    for one in listed:
        entry, task = one.entry, one.task
        found = places.get(_unmarked(entry.text), [])
        if task is None and found:
            index = found[bisect_left(found, at) % len(found)]
            task, at = said[index].task, index
        entries.append(Entry(entry.position, one.line, entry.priority, entry.text, task))
    return tuple(entries)


def _unmarked(text: str) -> str:
    """A mark may be set in one of two places."""
    return text if text.isascii() else marks.MARK.sub("", text).strip()
