"""Tasks as JSON for programs and as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from orchestrator.cli import tables
from orchestrator.taskmaster.core.model import Conflict, Drift, Evidence, Finding, Task

_HEADINGS = ("ID", "STATUS", "PRIORITY", "TITLE", "DEPENDS ON", "COMPONENT")
COLOURS = {
    "done": "green",
    "in-progress": "yellow",
    "blocked": "red",
    "cancelled": "bright_black",
    "deferred": "bright_black",
    "critical": "red",
    "high": "yellow",
    "error": "red",
    "missing": "red",
    "there": "green",
}


class TaskView(msgspec.Struct, frozen=True, rename="camel"):
    """A task in JSON; ids are text, as they may have a part (``21.3``)."""

    id: str
    title: str
    status: str
    priority: str
    component: str
    dependencies: list[str]
    estimate_hours: float | None
    deliverables: list[str]
    details: list[str]
    line: int


class SaidView(msgspec.Struct, frozen=True):
    """Where a value comes from."""

    field: str
    value: str
    line: int
    weight: int


class ConflictView(msgspec.Struct, frozen=True):
    """What does not agree, and what holds."""

    id: str
    field: str
    chosen: SaidView
    others: list[SaidView]


def view(task: Task) -> TaskView:
    """A task for programs."""
    return TaskView(
        str(task.id),
        task.title,
        task.status,
        task.priority,
        task.component,
        [str(each) for each in task.dependencies],
        task.estimate_h,
        list(task.deliverables),
        list(task.details),
        task.line,
    )


def said(evidence: Evidence) -> SaidView:
    """Evidence for programs."""
    return SaidView(evidence.field, evidence.value, evidence.line, evidence.weight)


def conflict(one: Conflict) -> ConflictView:
    """A conflict for programs."""
    return ConflictView(str(one.id), one.field, said(one.chosen), [said(e) for e in one.others])


def print_json(value: object) -> None:
    """On stdout, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_tasks(tasks: Sequence[Task], *, empty: str) -> None:
    """A line for each."""
    rows = [
        (
            str(task.id),
            task.status.value,
            task.priority.value,
            task.title,
            ", ".join(map(str, task.dependencies)) or "-",
            task.component or "-",
        )
        for task in tasks
    ]
    tables.print_table(_HEADINGS, rows, empty=empty, colours=COLOURS)


def say(text: str) -> None:
    """Prose, on stderr."""
    click.echo(text, err=True)


def say_findings(
    findings: Sequence[Finding], drifts: Sequence[Drift], conflicts: Sequence[Conflict]
) -> None:
    """What is wrong with a document, a line each, on stderr."""
    for finding in findings:
        where = f" (line {finding.line})" if finding.line else ""
        say(f"{finding.level}: {finding.message}{where}")
    for drift in drifts:
        say(f"drift: line {drift.line} declares {drift.what}: {drift.declared}; {drift.found}")
    for each in conflicts:
        other = each.others[0]
        say(
            f"conflict: task {each.id}: {each.field} is {each.chosen.value} (line"
            f" {each.chosen.line}), not {other.value} (line {other.line})"
        )
