"""`orchestrator scale`, `restart`, `rm` and `kill`: change what runs and follow the change."""

from __future__ import annotations

import click
import msgspec

from orchestrator.cli.client import follow, output
from orchestrator.cli.client.api import Answer, Api
from orchestrator.cli.client.wire import Change, Tasks
from orchestrator.cli.errors import UnknownError


@click.command()
@click.argument("app")
@click.argument("instances", type=click.IntRange(min=0))
@output.force
@follow.options
@output.as_json
@output.marathon
def scale(
    app: str,
    instances: int,
    marathon: Api,
    as_json: bool,
    force: bool,
    how: follow.How,
) -> None:
    """Change how many instances APP has."""
    path = output.app_path(app)
    marathon.request("GET", path)  # PUT would create an app that does not exist
    answer = marathon.request("PUT", path, {"instances": instances}, force=force)
    _finish(marathon, answer, app, how, as_json)


@click.command()
@click.argument("app")
@output.force
@follow.options
@output.as_json
@output.marathon
def restart(app: str, marathon: Api, as_json: bool, force: bool, how: follow.How) -> None:
    """Replace all tasks of APP, in the app's own order."""
    answer = marathon.request("POST", f"{output.app_path(app)}/restart", {}, force=force)
    _finish(marathon, answer, app, how, as_json)


@click.command()
@click.argument("app")
@output.force
@follow.options
@output.as_json
@output.marathon
def rm(app: str, marathon: Api, as_json: bool, force: bool, how: follow.How) -> None:
    """Remove APP and end its tasks."""
    answer = marathon.request("DELETE", output.app_path(app), force=force)
    _finish(marathon, answer, app, how, as_json, is_removal=True)


@click.command()
@click.argument("task")
@click.option(
    "--scale", is_flag=True, help="Do not replace it: the app then has one instance less."
)
@output.as_json
@output.marathon
def kill(task: str, marathon: Api, as_json: bool, scale: bool) -> None:
    """Kill one task; unless --scale is given, another is started in its place."""
    if not any(known.id == task for known in marathon.get(Tasks, "/v2/tasks").tasks):
        raise UnknownError(f"there is no task {task!r}: `orchestrator tasks` lists them")
    answer = marathon.request("POST", "/v2/tasks/delete", {"ids": [task]}, scale=scale)
    if as_json:
        output.print_json(answer)
    else:
        click.echo(f"killing {task}", err=True)


def _finish(
    marathon: Api,
    answer: Answer,
    app: str,
    how: follow.How,
    as_json: bool,
    is_removal: bool = False,
) -> None:
    change = marathon.decode(Change, answer)
    if as_json:
        click.echo(msgspec.json.encode(change).decode())
    follow.follow(marathon, change, [output.normalised(app)], how, is_removal=is_removal)
