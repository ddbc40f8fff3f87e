"""What depends on what: cycles, what is ready, the critical path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from orchestrator.taskmaster.core.model import Finding, Level, Task, TaskId

UNKNOWN_H = 1.0
"""What a task without an estimate counts as on the critical path."""


class Path(NamedTuple):
    """Open tasks, each waiting for the one before it, and how long they take together."""

    tasks: tuple[TaskId, ...]
    hours: float
    without_estimate: int


def by_id(tasks: Sequence[Task]) -> dict[TaskId, Task]:
    """Tasks by id; of two with the same one, the first."""
    found: dict[TaskId, Task] = {}
    for task in tasks:
        found.setdefault(task.id, task)
    return found


def waits_for(task: Task, of: Mapping[TaskId, Task]) -> tuple[TaskId, ...]:
    """The dependencies that are not met, also of its task if it is a subtask; those that are
    unknown never are."""
    above = of.get(TaskId(task.id.number)) if task.id.sub else None
    every = dict.fromkeys(task.dependencies + (above.dependencies if above else ()))
    return tuple(d for d in every if d not in of or not of[d].status.is_met)


def is_ready(task: Task, of: Mapping[TaskId, Task]) -> bool:
    """Whether it can be worked on now."""
    return task.status.is_open and not waits_for(task, of)


def dependents(tasks: Sequence[Task]) -> dict[TaskId, list[TaskId]]:
    """Which tasks name each one as a dependency."""
    found: dict[TaskId, list[TaskId]] = {task.id: [] for task in tasks}
    for task in tasks:
        for dependency in task.dependencies:
            found.setdefault(dependency, []).append(task.id)
    return found


def unblocked_by(id: TaskId, tasks: Sequence[Task]) -> tuple[TaskId, ...]:
    """The open tasks that wait for this one alone."""
    of = by_id(tasks)
    return tuple(t.id for t in tasks if t.status.is_open and waits_for(t, of) == (id,))


def downstream(id: TaskId, tasks: Sequence[Task]) -> tuple[TaskId, ...]:
    """All tasks that wait for this one, also through others, in the order of ``tasks``."""
    after = dependents(tasks)
    found: set[TaskId] = set()
    waiting = [id]
    while waiting:
        for each in after.get(waiting.pop(), ()):
            if each not in found and each != id:
                found.add(each)
                waiting.append(each)
    return tuple(task.id for task in tasks if task.id in found)


def cycle(tasks: Sequence[Task]) -> tuple[TaskId, ...]:
    """A circle of dependencies, its first task again at its end; empty if there is none."""
    try:
        TopologicalSorter({task.id: task.dependencies for task in tasks}).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def critical_path(tasks: Sequence[Task]) -> Path:
    """The longest chain of open tasks. Empty if they are in a circle, or none is open."""
    opened = {task.id: task for task in tasks if not task.status.is_met}
    before = {id: [d for d in task.dependencies if d in opened] for id, task in opened.items()}
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:
        return Path((), 0.0, 0)
    hours: dict[TaskId, float] = {}
    previous: dict[TaskId, TaskId | None] = {}
    for id in order:
        last = max(before[id], key=hours.__getitem__, default=None)
        estimate = opened[id].estimate_h
        hours[id] = (hours[last] if last else 0.0) + (UNKNOWN_H if estimate is None else estimate)
        previous[id] = last
    at = max(order, key=hours.__getitem__, default=None)
    length = hours[at] if at else 0.0
    path: list[TaskId] = []
    while at is not None:
        path.append(at)
        at = previous[at]
    unknown = sum(opened[id].estimate_h is None for id in path)
    return Path(tuple(reversed(path)), length, unknown)


def findings(tasks: Sequence[Task]) -> Iterator[Finding]:
    """What is wrong with the dependencies."""
    of = by_id(tasks)
    if circle := cycle(tasks):
        names = " -> ".join(map(str, circle))
        line = of[circle[0]].line
        yield Finding(Level.ERROR, f"tasks wait for each other in a circle: {names}", line)
    for task in tasks:
        for dependency in task.dependencies:
            if dependency not in of:
                message = f"task {task.id} depends on task {dependency}, which there is not"
                yield Finding(Level.ERROR, message, task.line)
            elif task.status.is_met and not of[dependency].status.is_met:
                message = f"task {task.id} is {task.status} before task {dependency} it depends on"
                yield Finding(Level.WARNING, message, task.line)
