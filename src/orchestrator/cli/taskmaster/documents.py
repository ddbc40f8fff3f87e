"""Commands about documents: parse-prd, validate, diff, write-back."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from orchestrator.cli.errors import CommandError, Exit, InvalidError
from orchestrator.cli.taskmaster import output
from orchestrator.cli.taskmaster.project import (
    Project,
    as_json,
    pass_project,
    plan_of,
    read_bytes,
    read_plan,
    sentences,
)
from orchestrator.taskmaster.core import comparing, graph
from orchestrator.taskmaster.core.model import Level, Plan, Status, Task, TaskId
from orchestrator.taskmaster.core.reading import decode
from orchestrator.taskmaster.core.recording import Merged, Records, merge
from orchestrator.taskmaster.core.writing import write_back as written_back

_document = click.Path(dir_okay=False, path_type=Path)


class ParsedView(msgspec.Struct, frozen=True):
    """What was read, and what became of it."""

    document: str
    tasks: list[output.TaskView]
    entries: int
    added: list[str]
    removed: list[str]
    contradicted: list[str]
    conflicts: list[output.ConflictView]
    drifts: list[msgspec.Struct]
    findings: list[msgspec.Struct]


@click.command()
@click.option("--input", "path", type=_document, required=True, help="The document.")
@click.option("--replace", is_flag=True, help="Also where the tasks are of another document.")
@click.option("--dry-run", is_flag=True, help="Show what was read, and change nothing.")
@as_json
@pass_project
def parse_prd(project: Project, path: Path, replace: bool, dry_run: bool, as_json: bool) -> None:
    """Read a document and take over its tasks; what was recorded of them is kept."""
    data = read_bytes(path)
    plan = plan_of(data, path.name)
    source = project.source_of(path, data)
    before = project.source()
    if before is not None and before.document != source.document and not replace:
        raise CommandError(
            f"the tasks here are of {before.document}; read this one into a list of its own with"
            " `task-master --tag NAME parse-prd`, or put it in their place with --replace"
        )
    merged = Merged((), (), (), ())

    def take_over(records: Records) -> Records:
        nonlocal merged
        merged = merge(records, plan)
        return merged.records

    if dry_run:
        take_over(project.records() if project.state.path.exists() else ())
    else:
        with sentences():
            project.state.replace("parse-prd", take_over, source)
    _show_parsed(plan, merged, as_json=as_json)


def _show_parsed(plan: Plan, merged: Merged, *, as_json: bool) -> None:
    tasks = [record.task for record in merged.records]
    if as_json:
        output.print_json(
            ParsedView(
                plan.name,
                [output.view(task) for task in tasks],
                len(plan.entries),
                [str(id) for id in merged.added],
                [str(id) for id in merged.removed],
                [str(id) for id in merged.contradicted],
                [output.conflict(each) for each in plan.conflicts],
                list(plan.drifts),
                list(plan.findings),
            )
        )
        return
    output.print_tasks(tasks, empty=f"{plan.name}: no task.")
    output.say_findings(plan.findings, plan.drifts, plan.conflicts)
    for id in merged.contradicted:
        output.say(f"task {id}: the document has another status by now; the recorded one is kept")
    folded = sum(entry.task is not None for entry in plan.entries)
    entries = f", {len(plan.entries)} entries ({folded} of them theirs)" if plan.entries else ""
    output.say(
        f"{plan.name}: {len(plan.tasks)} tasks{entries}; {len(merged.added)} new,"
        f" {len(merged.removed)} gone"
    )


@click.command()
@click.option("--input", "path", type=_document, help="A document; default: the recorded tasks.")
@as_json
@pass_project
def validate(project: Project, path: Path | None, as_json: bool) -> None:
    """Say what is wrong; exit with 5 if there is an error."""
    if path is not None:
        plan = read_plan(path)
    else:
        tasks = tuple(project.tasks())
        plan = Plan("the tasks", tasks, findings=tuple(graph.findings(tasks)))
    if as_json:
        drifts, conflicts = list(plan.drifts), [output.conflict(each) for each in plan.conflicts]
        found = {"findings": list(plan.findings), "drifts": drifts, "conflicts": conflicts}
        output.print_json(found)
    else:
        output.say_findings(plan.findings, plan.drifts, plan.conflicts)
    wrong = sum(finding.level is Level.ERROR for finding in plan.findings)
    if wrong:
        raise InvalidError(f"{plan.name}: {wrong} {'error' if wrong == 1 else 'errors'}")
    output.say(f"{plan.name}: {len(plan.tasks)} tasks, no error")


@click.command()
@click.argument("old", type=_document)
@click.argument("new", type=_document, required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there is a difference.")
@as_json
@pass_project
def diff(project: Project, old: Path, new: Path | None, exit_code: bool, as_json: bool) -> None:
    """Compare two versions of a document, or the recorded tasks with a document."""
    before = read_plan(old).tasks if new is not None else tuple(project.tasks())
    after = read_plan(new if new is not None else old).tasks
    difference = comparing.diff(before, after)
    if as_json:
        output.print_json(_difference_view(difference))
    else:
        _show_difference(difference)
    if exit_code and any(difference):
        raise SystemExit(Exit.FAILED)


def _difference_view(difference: comparing.Difference) -> dict[str, object]:
    changed = [{**c._asdict(), "id": str(c.id)} for c in difference.changed]
    return {
        "added": [output.view(task) for task in difference.added],
        "removed": [output.view(task) for task in difference.removed],
        "changed": changed,
    }


def _show_difference(difference: comparing.Difference) -> None:
    for sign, tasks in (("+", difference.added), ("-", difference.removed)):
        for task in tasks:
            click.echo(f"{sign} {task.id}: {task.title} ({task.status}, {task.priority})")
    for change in difference.changed:
        click.echo(
            f"~ {change.id}: {change.field}: {change.before or '-'} -> {change.after or '-'}"
        )
    if not any(difference):
        output.say("no difference")


@click.command()
@click.option("--input", "path", type=_document, help="Default: the document of the tasks.")
@click.option("--dry-run", is_flag=True, help="Print the lines that would change.")
@pass_project
def write_back(project: Project, path: Path | None, dry_run: bool) -> None:
    """Write the recorded statuses into the document, and change no other byte of it."""
    tasks = project.tasks()
    path = path if path is not None else _own_document(project)
    data = read_bytes(path)
    plan = plan_of(data, path.name)
    wanted = _statuses(tasks, plan)
    text = decode(data, path.name)
    written = written_back(text, wanted)
    changes = [
        (number, line)
        for number, (old, line) in enumerate(
            zip(text.split("\n"), written.text.split("\n"), strict=True), 1
        )
        if old != line
    ]
    if dry_run:
        for number, line in changes:
            click.echo(f"{number}: {line.rstrip()}")
    elif changes:
        with sentences():
            _replace(path, written.text.encode())
    output.say(f"{path}: {len(changes)} lines {'would change' if dry_run else 'changed'}")
    if written.refused:
        names = ", ".join(map(str, written.refused))
        raise CommandError(f"{path} cannot say the status of task {names}; write it there by hand")


def _own_document(project: Project) -> Path:
    source = project.source()
    if source is None:
        raise click.UsageError("the tasks are of no document; say which with --input")
    return project.state.root / source.document


def _statuses(tasks: list[Task], plan: Plan) -> dict[TaskId, Status]:
    """Of the tasks that the document has."""
    known = {task.id for task in plan.tasks}
    return {task.id: task.status for task in tasks if task.id in known}


def _replace(path: Path, data: bytes) -> None:
    """By rename, so that the document is never half written; it keeps its mode."""
    target = path.resolve()
    part = target.with_name(target.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(target.stat().st_mode)
    part.replace(target)
