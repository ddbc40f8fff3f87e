"""Two versions of a plan: what is new, gone or changed, and whose status holds.

A status has three sides: what the document said when it was last read, what has been recorded
since, and what the document says now. Who alone changed it is right; if both did, the record is
kept and the contradiction is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.taskmaster.core.graph import by_id
from orchestrator.taskmaster.core.model import Status, Task, TaskId


class Change(NamedTuple):
    """A field of a task that is not what it was."""

    id: TaskId
    field: str
    before: str
    after: str


class Difference(NamedTuple):
    """What one version has over another."""

    added: tuple[Task, ...]
    removed: tuple[Task, ...]
    changed: tuple[Change, ...]


class Kept(NamedTuple):
    """The status that holds, and whether the document says another."""

    status: Status
    is_contradicted: bool


def diff(old: Sequence[Task], new: Sequence[Task]) -> Difference:
    """What is different in ``new``; the order and the lines of tasks do not count."""
    before, after = by_id(old), by_id(new)
    changes = [c for id, task in after.items() if id in before for c in _changes(before[id], task)]
    return Difference(
        tuple(task for id, task in after.items() if id not in before),
        tuple(task for id, task in before.items() if id not in after),
        tuple(changes),
    )


def keep_status(said: Status | None, recorded: Status, says: Status) -> Kept:
    """Which status holds. ``said`` is what the document said when it was last read."""
    if recorded in (said, says):
        return Kept(says, is_contradicted=False)
    return Kept(recorded, is_contradicted=says is not said)


def _changes(old: Task, new: Task) -> Iterator[Change]:
    before, after = _shown(old), _shown(new)
    for field, value in after.items():
        if before[field] != value:
            yield Change(new.id, field, before[field], value)


def _shown(task: Task) -> Mapping[str, str]:
    return {
        "title": task.title,
        "status": task.status,
        "priority": task.priority,
        "dependencies": ", ".join(map(str, task.dependencies)),
        "estimate": "" if task.estimate_h is None else f"{task.estimate_h:g} h",
        "component": task.component,
        "deliverables": ", ".join(task.deliverables),
    }
