"""What client commands share: their options, tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import click
import msgspec

from orchestrator.cli import tables
from orchestrator.cli.client.api import Answer, Api
from orchestrator.cli.tables import Row

F = TypeVar("F", bound=Callable[..., object])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
force = click.option(
    "--force", is_flag=True, help="Also while another deployment changes the app: cancel that one."
)


def marathon(command: F) -> F:
    """Add ``--marathon`` and pass the command an Api."""
    return _server("marathon", "Marathon", "http://127.0.0.1:8080")(command)


def master(command: F) -> F:
    """Add ``--master`` and pass the command an Api."""
    return _server("master", "the Mesos master", "http://127.0.0.1:5050")(command)


def app_path(app_id: str) -> str:
    """Where an app is: "web" and "/web" are the same app."""
    return f"/v2/apps{normalised(app_id)}"


def normalised(app_id: str) -> str:
    """The id as Marathon writes it, with one slash in front."""
    return "/" + app_id.strip("/")


def print_json(answer: Answer, *, key: str | None = None) -> None:
    """The server's own JSON, indented; with ``key`` only that part."""
    body = answer.body
    if key is not None:
        body = msgspec.json.decode(body, type=dict[str, msgspec.Raw])[key]
    click.echo(msgspec.json.format(bytes(body), indent=2).decode())


def print_table(headings: Row, rows: Sequence[Row], *, empty: str) -> None:
    """A table on stdout; ``empty`` is said on stderr when there is no row."""
    tables.print_table(headings, rows, empty=empty, colours=_COLOURS)


def age(timestamp: str | None) -> str:
    """How long ago an ISO 8601 moment was, in its largest unit: "12s", "5m", "3h", "8d"."""
    if not timestamp:
        return "-"
    try:
        then = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    except ValueError:
        return timestamp
    seconds = max(0.0, (datetime.now(UTC) - then).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{int(seconds)}s"


_COLOURS = {
    "running": "green",
    "healthy": "green",
    "active": "green",
    "deploying": "yellow",
    "waiting": "yellow",
    "staging": "yellow",
    "unhealthy": "red",
    "failed": "red",
    "inactive": "red",
}


def _server(name: str, title: str, default: str) -> Callable[[F], F]:
    def to_api(context: click.Context, parameter: click.Parameter, url: str) -> Api:
        return Api(title, url)

    return click.option(
        f"--{name}",
        envvar=f"ORCHESTRATOR_{name.upper()}_URL",
        default=default,
        metavar="URL",
        show_default=True,
        show_envvar=True,
        callback=to_api,
        help=f"Where {title} is.",
    )
