"""Commands that record something: complete, skip, resume, undo."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator.cli.errors import CommandError
from orchestrator.cli.taskmaster import output
from orchestrator.cli.taskmaster.project import (
    Project,
    as_json,
    pass_project,
    sentences,
    task_ids,
)
from orchestrator.taskmaster.adapters.state import UndoError
from orchestrator.taskmaster.core import graph
from orchestrator.taskmaster.core.model import Status, Task
from orchestrator.taskmaster.core.recording import Records, set_status, tasks_of

_note = click.option("--note", default="", help="Why; kept in the log of changes.")


@click.command()
@task_ids
@_note
@as_json
@pass_project
def complete(
    project: Project, wanted: Sequence[str], more: Sequence[str], note: str, as_json: bool
) -> None:
    """Record that a task is done, with its open subtasks."""
    _record(project, [*wanted, *more], Status.DONE, "complete", note, as_json=as_json)


@click.command()
@task_ids
@_note
@as_json
@pass_project
def skip(
    project: Project, wanted: Sequence[str], more: Sequence[str], note: str, as_json: bool
) -> None:
    """Record that a task is put off; what depends on it waits on."""
    _record(project, [*wanted, *more], Status.DEFERRED, "skip", note, as_json=as_json)


@click.command()
@task_ids
@_note
@as_json
@pass_project
def resume(
    project: Project, wanted: Sequence[str], more: Sequence[str], note: str, as_json: bool
) -> None:
    """Record that a task is being worked on."""
    _record(project, [*wanted, *more], Status.IN_PROGRESS, "resume", note, as_json=as_json)


@click.command()
@as_json
@pass_project
def undo(project: Project, as_json: bool) -> None:
    """Take back the latest change that was not taken back yet."""
    with sentences():
        try:
            event = project.state.undo()
        except UndoError as error:
            raise CommandError(str(error)) from None
    ids = [change.id for change in event.changes]
    if as_json:
        output.print_json({"undone": event.action, "of": event.at, "by": event.by, "tasks": ids})
    else:
        names = ", ".join(map(str, ids))
        output.say(f"undone: {event.action} of task {names} by {event.by}, {event.at}")


def _record(
    project: Project, wanted: list[str], status: Status, action: str, note: str, *, as_json: bool
) -> None:
    if not wanted:
        raise click.UsageError("which task? Say --task=5")
    chosen: list[Task] = []

    def change(records: Records) -> Records:
        chosen[:] = project.chosen(wanted, tasks_of(records))
        for task in chosen:
            records = set_status(records, task.id, status)
        return tuple(records)

    with sentences():
        tasks = tasks_of(project.state.change(action, change, note))
    of = graph.by_id(tasks)
    if as_json:
        views = [output.view(of[task.id]) for task in chosen]
        output.print_json(views[0] if len(views) == 1 else views)
        return
    for task in chosen:
        output.say(f"{task.id}: {task.title}: {task.status} -> {of[task.id].status}")
        _say_consequences(of[task.id], tasks)


def _say_consequences(task: Task, tasks: Sequence[Task]) -> None:
    of = graph.by_id(tasks)
    waits_for = graph.waits_for(task, of)
    if waits_for and task.status in {Status.DONE, Status.IN_PROGRESS}:
        names = ", ".join(map(str, waits_for))
        output.say(f"warning: task {task.id} depends on {names}, not done yet")
    freed = [id for id in graph.dependents(tasks)[task.id] if graph.is_ready(of[id], of)]
    if freed and task.status.is_met:
        output.say(f"ready now: {', '.join(map(str, freed))}")
