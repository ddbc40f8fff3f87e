"""Commands that sum up: status, metrics, report, export, verify."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from orchestrator.cli import tables
from orchestrator.cli.errors import CommandError
from orchestrator.cli.taskmaster import output
from orchestrator.cli.taskmaster.project import Project, as_json, pass_project
from orchestrator.taskmaster.adapters.webhook import Hook, WebhookError, send
from orchestrator.taskmaster.core import choosing, exports, fields
from orchestrator.taskmaster.core.model import Plan, Task
from orchestrator.taskmaster.core.summing import Summary, summarise

_BAR = 40


@click.command()
@click.option("--webhook", metavar="URL", help="Send it there, as signed JSON.")
@as_json
@pass_project
def status(project: Project, webhook: str | None, as_json: bool) -> None:
    """Show how far everything is, and what is next."""
    tasks = project.tasks()
    summary = summarise(tasks)
    choice = choosing.choose(tasks)
    body = _view(summary, choice.task if choice else None)
    if webhook is not None or project.settings().webhook.url:
        _send(project, webhook, msgspec.json.encode(body))
    if as_json:
        output.print_json(body)
        return
    _print_summary(summary)
    if choice is not None:
        click.echo(f"next: {choice.task.id}: {choice.task.title} ({'; '.join(choice.reasons)})")
    plan = project.plan()
    if plan is not None:
        output.say_findings((), plan.drifts, ())


def _send(project: Project, url: str | None, body: bytes) -> None:
    settings = project.settings().webhook
    secret = os.environ.get(settings.secret_env, "")
    try:
        send(Hook(url or settings.url, secret), "status", body)
    except WebhookError as error:
        raise CommandError(str(error)) from None


def _view(summary: Summary, following: Task | None) -> dict[str, object]:
    return {
        "total": summary.total,
        "byStatus": dict(summary.by_status),
        "openByPriority": dict(summary.by_priority),
        "doneRatio": round(summary.done_ratio, 4),
        "ready": summary.ready,
        "waiting": summary.waiting,
        "openHours": summary.open_h,
        "criticalPath": {
            "tasks": [str(id) for id in summary.critical.tasks],
            "hours": summary.critical.hours,
        },
        "components": [part._asdict() for part in summary.components],
        "next": output.view(following) if following else None,
    }


def _print_summary(summary: Summary) -> None:
    filled = round(summary.done_ratio * _BAR)
    bar = "\u2588" * filled + "\u2591" * (_BAR - filled)
    click.echo(f"{bar} {summary.done_ratio:.0%} of {summary.total} tasks done")
    rows = [
        (name.value, str(count), f"{count / summary.total:.0%}")
        for name, count in summary.by_status.items()
        if count
    ]
    if rows:
        headings = ("STATUS", "TASKS", "PART")
        tables.print_table(headings, rows, empty="", colours=output.COLOURS)
    if summary.components:
        parts = [
            (part.name, str(part.tasks), str(part.done), f"{part.done / part.tasks:.0%}")
            for part in summary.components
        ]
        click.echo()
        columns = ("COMPONENT", "TASKS", "DONE", "PART")
        tables.print_table(columns, parts, empty="", colours=output.COLOURS)
        click.echo()


@click.command()
@click.option(
    "--export",
    "kind",
    type=click.Choice(["text", "json", "prometheus"]),
    default="text",
    show_default=True,
    help="In which form.",
)
@as_json
@pass_project
def metrics(project: Project, kind: str, as_json: bool) -> None:
    """Print the numbers."""
    tasks = project.tasks()
    if as_json or kind == "json":
        output.print_json(_view(summarise(tasks), None))
    elif kind == "prometheus":
        click.echo(exports.to_prometheus(tasks), nl=False)
    else:
        summary = summarise(tasks)
        _print_summary(summary)
        click.echo(f"ready {summary.ready}, waiting {summary.waiting}")
        click.echo(f"open hours {summary.open_h:g}, critical path {summary.critical.hours:g}")


@click.command()
@click.option("--output", "path", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@as_json
@pass_project
def report(project: Project, path: Path | None, as_json: bool) -> None:
    """Write a report in Markdown: counts, what is next, what waits, what does not agree."""
    tasks = project.tasks()
    if as_json:
        choice = choosing.choose(tasks)
        output.print_json(_view(summarise(tasks), choice.task if choice else None))
        return
    plan = project.plan() or Plan(project.state.root.name)
    _write(exports.to_report(plan.name, tasks, plan.drifts, plan.findings), path)


@click.command()
@click.option(
    "--format",
    "kind",
    type=click.Choice(["json", "csv", "md", "dot", "mermaid", "html"]),
    default="json",
    show_default=True,
    help="In which form.",
)
@click.option("--output", "path", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@pass_project
def export(project: Project, kind: str, path: Path | None) -> None:
    """Write the tasks in a format of others."""
    _write(_exported(kind, project.tasks(), project.state.root.name), path)


def _exported(kind: str, tasks: Sequence[Task], name: str) -> str:
    match kind:
        case "csv":
            return exports.to_csv(tasks)
        case "md":
            return exports.to_markdown(tasks)
        case "dot":
            return exports.to_dot(tasks)
        case "mermaid":
            return exports.to_mermaid(tasks)
        case "html":
            return exports.to_html(name, tasks)
        case _:
            views = msgspec.json.encode({"tasks": [output.view(task) for task in tasks]})
            return msgspec.json.format(views, indent=2).decode() + "\n"


def _write(text: str, path: Path | None) -> None:
    if path is None:
        click.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    output.say(f"wrote {path}")


@click.command()
@click.option("--all", "every", is_flag=True, help="Also of tasks that are not done.")
@as_json
@pass_project
def verify(project: Project, every: bool, as_json: bool) -> None:
    """Say which deliverables of done tasks there are; exit with 1 if one is missing."""
    tasks = [task for task in project.tasks() if every or task.status.is_met]
    found = [
        (task, path, _is_there(project.state.root, path))
        for task in tasks
        for path in task.deliverables
        if fields.is_path(path)
    ]
    if as_json:
        output.print_json(
            [{"task": str(task.id), "path": path, "there": there} for task, path, there in found]
        )
    else:
        rows = [
            (str(task.id), task.status.value, "there" if there else "missing", path)
            for task, path, there in found
        ]
        headings = ("TASK", "STATUS", "FILE", "PATH")
        empty = "No task names a file that could be looked for."
        tables.print_table(headings, rows, empty=empty, colours=output.COLOURS)
    missing = sum(task.status.is_met and not there for task, _, there in found)
    if missing:
        names = "file" if missing == 1 else "files"
        raise CommandError(f"{missing} {names} of done tasks missing below {project.state.root}")


def _is_there(root: Path, path: str) -> bool:
    """A path, or a pattern that something matches."""
    if "*" in path:
        return next(root.glob(path), None) is not None
    return (root / path).exists()
