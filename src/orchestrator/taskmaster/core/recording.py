"""What is recorded of tasks, and what a document that is read again makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from orchestrator.taskmaster.core import comparing
from orchestrator.taskmaster.core.model import Plan, Status, Task, TaskId


class Record(msgspec.Struct, frozen=True):
    """A task with its recorded status, and what its document said when it was last read; None for
    a task of no document."""

    task: Task
    said: Status | None = None


Records = tuple[Record, ...]


class Merged(NamedTuple):
    """Records after a document was read; ``contradicted`` are those whose status the document and
    the record both changed, each to another."""

    records: Records
    added: tuple[TaskId, ...]
    removed: tuple[TaskId, ...]
    contradicted: tuple[TaskId, ...]


def tasks_of(records: Sequence[Record]) -> list[Task]:
    """The tasks alone."""
    return [record.task for record in records]


def merge(records: Sequence[Record], plan: Plan) -> Merged:
    """Take over a plan: its fields, but recorded statuses as ``comparing.keep_status`` says.

    Tasks that the document does not have any more are dropped; those of no document stay.
    """
    before = {record.task.id: record for record in records}
    merged: list[Record] = []
    contradicted: list[TaskId] = []
    for task in plan.tasks:
        record = before.get(task.id)
        status = task.status
        if record is not None:
            status, is_contradicted = comparing.keep_status(
                record.said, record.task.status, task.status
            )
            if is_contradicted:
                contradicted.append(task.id)
        merged.append(Record(replace(task, status=status, evidence=()), task.status))
    of_plan = {task.id for task in plan.tasks}
    merged += [r for r in records if r.said is None and r.task.id not in of_plan]
    kept = {record.task.id for record in merged}
    return Merged(
        tuple(merged),
        tuple(record.task.id for record in merged if record.task.id not in before),
        tuple(id for id in before if id not in kept),
        tuple(contradicted),
    )


def set_status(records: Sequence[Record], id: TaskId, status: Status) -> Records:
    """Record a status. A task that is over takes its open subtasks with it."""

    def is_meant(task: Task) -> bool:
        is_part = not id.sub and task.id.number == id.number and status.is_met
        return task.id == id or (is_part and not task.status.is_met)

    return _changed(records, is_meant, status)


def _changed(
    records: Sequence[Record], is_meant: Callable[[Task], bool], status: Status
) -> Records:
    return tuple(
        replace(record, task=replace(record.task, status=status))
        if is_meant(record.task)
        else record
        for record in records
    )
