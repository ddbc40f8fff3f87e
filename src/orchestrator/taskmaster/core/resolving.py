"""Evidence to tasks: what weighs most holds, and what contradicts it is kept as a conflict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from orchestrator.taskmaster.core.model import (
    Conflict,
    Evidence,
    Field,
    Priority,
    Status,
    Task,
    TaskId,
    Weight,
)

_SINGLE = (Field.TITLE, Field.STATUS, Field.PRIORITY, Field.ESTIMATE, Field.COMPONENT)
Positions = Mapping[str, TaskId]
"""What TASK_nnn stands for."""


class Resolved(NamedTuple):
    """Tasks in the order given, and what does not agree."""

    tasks: tuple[Task, ...]
    conflicts: tuple[Conflict, ...]


def resolve(
    ids: Iterable[TaskId],
    evidence: Iterable[Evidence],
    positions: Positions,
    listed: Collection[int] = (),
) -> Resolved:
    """The tasks of these ids, in the document's order. ``listed`` are lines that only list what is
    said elsewhere, and are a task's place only if it has no other."""
    of: dict[TaskId, list[Evidence]] = {task: [] for task in ids}
    for each in evidence:
        if each.id in of:
            of[each.id].append(each)
    tasks, conflicts = [], []
    for task, pieces in of.items():
        chosen = {field: _chosen(pieces, field) for field in _SINGLE}
        tasks.append(_task(task, pieces, chosen, positions, listed))
        for field, best in chosen.items():
            if best is not None and (others := _against(best, pieces, field)):
                conflicts.append(Conflict(task, field, best, others))
    ordered = sorted(_inherited(tasks, of), key=lambda task: task.line)
    return Resolved(tuple(ordered), tuple(conflicts))


def _inherited(
    tasks: Sequence[Task], evidence: Mapping[TaskId, Sequence[Evidence]]
) -> Iterator[Task]:
    """Subtasks matter as much as their task, and are of its component, unless said otherwise."""
    above = {task.id.number: task for task in tasks if not task.id.sub}
    for task in tasks:
        whole = above.get(task.id.number) if task.id.sub else None
        if whole is None:
            yield task
            continue
        said = {each.field for each in evidence[task.id]}
        priority = task.priority if Field.PRIORITY in said else whole.priority
        yield replace(task, priority=priority, component=task.component or whole.component)


def _chosen(pieces: Sequence[Evidence], field: Field) -> Evidence | None:
    """The heaviest; among equals, what is said most often, and then what is said first."""
    found = [each for each in pieces if each.field is field]
    if not found:
        return None
    most = max(each.weight for each in found)
    values = [each.value for each in found if each.weight == most]
    best = max(values, key=values.count)  # the first of equals
    return next(each for each in found if each.weight == most and each.value == best)


def _against(best: Evidence, pieces: Sequence[Evidence], field: Field) -> tuple[Evidence, ...]:
    """What a section or an aside says counts only where nothing better is known."""
    least = Weight.HEADING if field is Field.COMPONENT else Weight.ASIDE
    return tuple(
        each
        for each in pieces
        if each.field is field
        and each.weight > (least if field is Field.STATUS else Weight.HEADING)
        and each.value.casefold() != best.value.casefold()
    )


def _task(
    id: TaskId,
    pieces: list[Evidence],
    chosen: Mapping[Field, Evidence | None],
    positions: Positions,
    listed: Collection[int],
) -> Task:
    title, status = chosen[Field.TITLE], chosen[Field.STATUS]
    priority, estimate = chosen[Field.PRIORITY], chosen[Field.ESTIMATE]
    component = chosen[Field.COMPONENT]
    return Task(
        id,
        title.value if title else f"Task {id}",
        _line(pieces, listed),
        Status(status.value) if status else Status.PENDING,
        Priority(priority.value) if priority else Priority.MEDIUM,
        _dependencies(id, pieces, positions),
        float(estimate.value) if estimate else None,
        _values(pieces, Field.DELIVERABLE),
        component.value if component else "",
        _values(pieces, Field.DETAIL),
        tuple(pieces),
    )


def _line(pieces: Sequence[Evidence], listed: Collection[int]) -> int:
    """Where it is defined: for preference where its own fields follow."""
    titles = [each.line for each in pieces if each.field is Field.TITLE]
    places = [line for line in titles if line not in listed] or titles
    fields = [each.line for each in pieces if each.weight == Weight.FIELD]
    near = [line for line in places if fields and line <= min(fields)]
    return max(near, default=min(places, default=min((e.line for e in pieces), default=0)))


def _dependencies(
    id: TaskId, pieces: Sequence[Evidence], positions: Positions
) -> tuple[TaskId, ...]:
    found: dict[TaskId, None] = {}
    for value in _values(pieces, Field.DEPENDENCY):
        number, _, sub = value.rpartition("_")[2].partition(".")
        other = positions.get(value) or TaskId(int(number), int(sub or 0))
        if other != id:
            found.setdefault(other)
    return tuple(found)


def _values(pieces: Sequence[Evidence], field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.value for each in pieces if each.field is field))
