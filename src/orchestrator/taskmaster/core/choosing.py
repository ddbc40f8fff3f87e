"""Which task is next: by priority; among equals what is started already, then the document's own
order, then what most others wait for.

A task with open subtasks is worked on by them, so it is not chosen itself; a subtask waits for what
its task depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.taskmaster.core import graph
from orchestrator.taskmaster.core.model import Status, Task, TaskId


class Choice(NamedTuple):
    """A task, and why it is the one."""

    task: Task
    reasons: tuple[str, ...]


class Waiting(NamedTuple):
    """An open task, and what it waits for."""

    task: Task
    dependencies: tuple[TaskId, ...]


def ready(tasks: Sequence[Task]) -> list[Task]:
    """What can be worked on now, the best first."""
    of, after = graph.by_id(tasks), graph.dependents(tasks)
    divided = {task.id.number for task in tasks if task.id.sub and not task.status.is_met}
    found = [
        task
        for task in tasks
        if graph.is_ready(task, of) and (task.id.sub or task.id.number not in divided)
    ]

    def rank(task: Task) -> tuple[int, bool, int, int]:
        is_new = task.status is not Status.IN_PROGRESS
        return (task.priority.rank, is_new, task.line, -len(after[task.id]))  # sorting is stable

    return sorted(found, key=rank)


def waiting(tasks: Sequence[Task]) -> list[Waiting]:
    """What is open and cannot be worked on yet."""
    of = graph.by_id(tasks)
    every = [Waiting(t, graph.waits_for(t, of)) for t in tasks if t.status.is_open]
    return [each for each in every if each.dependencies]


def choose(tasks: Sequence[Task], *, may_be_started: bool = True) -> Choice | None:
    """The next task; None if nothing is ready. What is started may be somebody's already."""
    found = [t for t in ready(tasks) if may_be_started or t.status is not Status.IN_PROGRESS]
    return Choice(found[0], _reasons(found[0], found, tasks)) if found else None


def _reasons(task: Task, found: Sequence[Task], tasks: Sequence[Task]) -> tuple[str, ...]:
    reasons = [f"priority {task.priority}"]
    if task.status is Status.IN_PROGRESS:
        reasons.append("it is started already")
    if task.dependencies:
        reasons.append(f"all it depends on is done: {', '.join(map(str, task.dependencies))}")
    if freed := graph.unblocked_by(task.id, tasks):
        reasons.append(f"it alone holds up {', '.join(map(str, freed))}")
    equal = sum(one.priority is task.priority for one in found) - 1
    if equal:
        reasons.append(f"first in the document of {equal + 1} that matter as much")
    return tuple(reasons)
