"""`orchestrator apps`."""

from __future__ import annotations

import click

from orchestrator.cli.client import output
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.wire import App, Apps

_HEADINGS = ("APP", "STATUS", "RUNNING", "HEALTHY", "CPUS", "MEM", "WHAT")


@click.command()
@output.as_json
@output.marathon
def apps(marathon: Api, as_json: bool) -> None:
    """List the apps."""
    answer = marathon.request("GET", "/v2/apps", embed="apps.counts")
    if as_json:
        output.print_json(answer, key="apps")
        return
    listed = sorted(marathon.decode(Apps, answer).apps, key=lambda app: app.id)
    output.print_table(
        _HEADINGS,
        [_row(app) for app in listed],
        empty="There are no apps yet: `orchestrator deploy app.json` adds one.",
    )


def _row(app: App) -> tuple[str, ...]:
    return (
        app.id,
        _status(app),
        f"{app.tasks_running}/{app.instances}",
        str(app.tasks_healthy) if app.health_checks else "-",
        f"{app.cpus:g}",
        f"{app.mem:g}",
        _what(app),
    )


def _status(app: App) -> str:
    if app.deployments:
        return "deploying"
    if app.instances == 0:
        return "suspended"
    if app.tasks_unhealthy:
        return "unhealthy"
    return "running" if app.tasks_running >= app.instances else "waiting"


def _what(app: App) -> str:
    if app.container is not None and app.container.docker is not None:
        return app.container.docker.image
    text = " ".join((app.cmd or " ".join(app.args or [])).split())
    return text if len(text) <= 40 else text[:39] + "…"
