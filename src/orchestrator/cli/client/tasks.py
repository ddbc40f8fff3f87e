"""`orchestrator tasks`."""

from __future__ import annotations

import click

from orchestrator.cli.client import output
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.wire import MarathonTask, Tasks

_HEADINGS = ("TASK", "APP", "STATE", "HEALTH", "HOST", "PORTS", "AGE")


@click.command()
@click.argument("app", required=False)
@output.as_json
@output.marathon
def tasks(app: str | None, marathon: Api, as_json: bool) -> None:
    """List the tasks, of all apps or of APP."""
    path = f"{output.app_path(app)}/tasks" if app else "/v2/tasks"
    answer = marathon.request("GET", path)
    if as_json:
        output.print_json(answer, key="tasks")
        return
    listed = sorted(marathon.decode(Tasks, answer).tasks, key=lambda task: (task.app_id, task.id))
    output.print_table(_HEADINGS, [_row(task) for task in listed], empty="No task runs.")


def _row(task: MarathonTask) -> tuple[str, ...]:
    return (
        task.id,
        task.app_id,
        task.state.removeprefix("TASK_").lower(),
        _health(task),
        task.host or "-",
        ",".join(map(str, task.ports or [])) or "-",
        output.age(task.started_at),
    )


def _health(task: MarathonTask) -> str:
    results = task.health_check_results
    if not results:
        return "-"
    return "healthy" if all(result.alive for result in results) else "unhealthy"
