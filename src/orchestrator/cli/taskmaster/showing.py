"""Commands that show tasks: list, show, deps."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator.cli.taskmaster import output
from orchestrator.cli.taskmaster.project import Project, as_json, pass_project, task_ids
from orchestrator.taskmaster.core import choosing, graph, marks
from orchestrator.taskmaster.core.model import Evidence, Plan, Priority, Status, Task, TaskId


def _status(context: click.Context, parameter: click.Parameter, text: str | None) -> Status | None:
    status = marks.status_of(text) if text else None
    if text and status is None:
        raise click.BadParameter(f"{text!r} is no status; known are {', '.join(Status)}")
    return status


def _priority(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Priority | None:
    priority = marks.priority_of(text) if text else None
    if text and priority is None:
        raise click.BadParameter(f"{text!r} is no priority; known are {', '.join(Priority)}")
    return priority


@click.command("list")
@click.option("--status", callback=_status, metavar="STATUS", help="Only those.")
@click.option("--priority", callback=_priority, metavar="PRIORITY", help="Only those.")
@click.option("--component", metavar="TEXT", help="Only those whose component has this in it.")
@click.option("--ready", is_flag=True, help="Only what can be worked on, the best first.")
@as_json
@pass_project
def list_tasks(
    project: Project,
    status: Status | None,
    priority: Priority | None,
    component: str | None,
    ready: bool,
    as_json: bool,
) -> None:
    """List the tasks, in the order of the document."""
    every = project.tasks()
    tasks = [
        task
        for task in (choosing.ready(every) if ready else every)
        if status in (None, task.status)
        and priority in (None, task.priority)
        and (component is None or component.casefold() in task.component.casefold())
    ]
    if as_json:
        output.print_json([output.view(task) for task in tasks])
    else:
        output.print_tasks(tasks, empty="No task is like that.")


@click.command()
@task_ids
@as_json
@pass_project
def show(project: Project, wanted: Sequence[str], more: Sequence[str], as_json: bool) -> None:
    """Show a task, and where what is known of it comes from."""
    tasks = project.tasks()
    plan = project.plan()
    found = project.chosen(_some(wanted, more), tasks)
    if as_json:
        views = [_shown(task, tasks, plan) for task in found]
        output.print_json(views[0] if len(views) == 1 else views)
        return
    for task in found:
        _print_task(task, tasks, plan)


def _some(wanted: Sequence[str], more: Sequence[str]) -> list[str]:
    if not wanted and not more:
        raise click.UsageError("which task? Say --task=5")
    return [*wanted, *more]


def _evidence(task: Task, plan: Plan | None) -> Sequence[Evidence]:
    found = plan.find(task.id) if plan else None
    return found.evidence if found else ()


def _shown(task: Task, tasks: Sequence[Task], plan: Plan | None) -> dict[str, object]:
    of = graph.by_id(tasks)
    entries = [e.position for e in plan.entries if e.task == task.id] if plan else []
    return {
        "task": output.view(task),
        "waitsFor": [str(id) for id in graph.waits_for(task, of)],
        "neededBy": [str(id) for id in graph.dependents(tasks)[task.id]],
        "entries": [f"TASK_{position:03}" for position in entries],
        "evidence": [output.said(each) for each in _evidence(task, plan)],
    }


def _print_task(task: Task, tasks: Sequence[Task], plan: Plan | None) -> None:
    of = graph.by_id(tasks)
    lines = {
        "status": task.status,
        "priority": task.priority,
        "component": task.component,
        "estimate": "" if task.estimate_h is None else f"{task.estimate_h:g} h",
        "depends on": _named(task.dependencies, of),
        "waits for": _named(graph.waits_for(task, of), of),
        "needed by": _named(graph.dependents(tasks)[task.id], of),
        "deliverables": "\n".join(task.deliverables),
        "details": "\n".join(task.details),
    }
    click.echo(f"{task.id}: {task.title}")
    for name, value in lines.items():
        if value:
            click.echo(f"  {name:14}" + value.replace("\n", "\n" + " " * 16))
    for each in sorted(_evidence(task, plan), key=lambda e: (e.field, -e.weight)):
        click.echo(f"  line {each.line:<8} {each.field}: {each.value} (weight {each.weight})")


def _named(ids: Sequence[TaskId], of: dict[TaskId, Task]) -> str:
    names = [f"{id}: {of[id].title} ({of[id].status})" if id in of else f"{id}: ?" for id in ids]
    return "\n".join(names)


@click.command()
@task_ids
@as_json
@pass_project
def deps(project: Project, wanted: Sequence[str], more: Sequence[str], as_json: bool) -> None:
    """Show what depends on what: around a task, or of all tasks."""
    tasks = project.tasks()
    found = project.chosen([*wanted, *more], tasks) if wanted or more else []
    if found:
        views = [_around(task, tasks) for task in found]
        if as_json:
            output.print_json(views[0] if len(views) == 1 else views)
        else:
            for task in found:
                _print_around(task, tasks)
        return
    _whole(tasks, as_json=as_json)


def _around(task: Task, tasks: Sequence[Task]) -> dict[str, object]:
    of = graph.by_id(tasks)
    return {
        "id": str(task.id),
        "dependencies": [str(id) for id in task.dependencies],
        "waitsFor": [str(id) for id in graph.waits_for(task, of)],
        "unblocks": [str(id) for id in graph.unblocked_by(task.id, tasks)],
        "downstream": [str(id) for id in graph.downstream(task.id, tasks)],
    }


def _print_around(task: Task, tasks: Sequence[Task]) -> None:
    of = graph.by_id(tasks)
    click.echo(f"{task.id}: {task.title} ({task.status})")
    for title, ids in (
        ("depends on", task.dependencies),
        ("waits for", graph.waits_for(task, of)),
        ("alone holds up", graph.unblocked_by(task.id, tasks)),
        ("all after it", graph.downstream(task.id, tasks)),
    ):
        click.echo(f"  {title:15} " + (_named(ids, of).replace("\n", "\n" + " " * 18) or "-"))


def _whole(tasks: Sequence[Task], *, as_json: bool) -> None:
    edges = [(task, id) for task in tasks for id in task.dependencies]
    path, circle = graph.critical_path(tasks), graph.cycle(tasks)
    if as_json:
        output.print_json(
            {
                "edges": [{"task": str(t.id), "dependsOn": str(id)} for t, id in edges],
                "cycle": [str(id) for id in circle],
                "criticalPath": {
                    "tasks": [str(id) for id in path.tasks],
                    "hours": path.hours,
                    "withoutEstimate": path.without_estimate,
                },
            }
        )
        return
    of = graph.by_id(tasks)
    for task, id in edges:
        state = of[id].status if id in of else "unknown"
        click.echo(f"{task.id} -> {id} ({state})")
    if circle:
        output.say("a circle: " + " -> ".join(map(str, circle)))
    elif path.tasks:
        chain = " -> ".join(map(str, path.tasks))
        output.say(f"critical path: {chain}, {path.hours:g} hours")
