"""Commands that show: status, conflicts, alerts."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import msgspec

from orchestrator.cli import tables
from orchestrator.cli.client.api import Api
from orchestrator.cli.zkmigrate import output
from orchestrator.cli.zkmigrate.following import follow
from orchestrator.cli.zkmigrate.output import COLOURS, SyncStatus


class _Version(msgspec.Struct, frozen=True):
    present: bool
    size_b: int
    data: str | None = None
    data_base64: str | None = None


class _Conflict(msgspec.Struct, frozen=True):
    number: int
    path: str
    kind: str
    decision: str
    reason: str
    found_at: float
    a: _Version
    b: _Version


class _Conflicts(msgspec.Struct, frozen=True):
    conflicts: list[_Conflict]


class _Alert(msgspec.Struct, frozen=True):
    at: float
    problem: str
    severity: str
    text: str
    path: str


class _Alerts(msgspec.Struct, frozen=True):
    alerts: list[_Alert]


class _Syncs(msgspec.Struct, frozen=True):
    syncs: list[SyncStatus]


@click.command()
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Go on showing it, until Ctrl-C.")
@output.as_json
@output.server
def status(server: Api, name: str | None, watch: bool, as_json: bool) -> None:
    """Show how a sync goes, or all of them."""
    if watch:
        if name is None:
            raise click.UsageError("which sync is to be watched?")
        follow(server, name, until_equal=False)
    elif as_json:
        output.print_json(server.request("GET", output.path_of(name) if name else output.ROOT))
    elif name is None:
        output.print_statuses(server.get(_Syncs, output.ROOT).syncs)
    else:
        output.print_statuses([server.get(SyncStatus, output.path_of(name))])


@click.command()
@click.argument("name")
@click.option("--held", is_flag=True, help="Only those that wait for a person.")
@output.as_json
@output.server
def conflicts(server: Api, name: str, held: bool, as_json: bool) -> None:
    """List the changes that did not go together, with both values."""
    answer = server.request("GET", f"{output.path_of(name)}/conflicts", None, held=held)
    if as_json:
        output.print_json(answer)
        return
    rows = [
        (
            str(each.number),
            _time(each.found_at),
            each.decision,
            each.kind,
            each.path,
            _value(each.a),
            _value(each.b),
            each.reason,
        )
        for each in server.decode(_Conflicts, answer).conflicts
    ]
    headings = ("NO", "FOUND", "WINNER", "KIND", "PATH", "A", "B", "BECAUSE")
    tables.print_table(headings, rows, empty="There is no conflict.", colours=COLOURS)


@click.command()
@click.argument("name")
@output.as_json
@output.server
def alerts(server: Api, name: str, as_json: bool) -> None:
    """List what the sync had to say, oldest first."""
    answer = server.request("GET", f"{output.path_of(name)}/alerts")
    if as_json:
        output.print_json(answer)
        return
    rows = [
        (_time(each.at), each.severity, each.problem, each.path or "-", each.text)
        for each in server.decode(_Alerts, answer).alerts
    ]
    headings = ("AT", "SEVERITY", "PROBLEM", "PATH", "TEXT")
    tables.print_table(headings, rows, empty="There is no alert.", colours=COLOURS)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _value(version: _Version) -> str:
    if not version.present:
        return "(none)"
    text = version.data if version.data is not None else version.data_base64 or ""
    line = "".join(char if char.isprintable() else "?" for char in text)
    return line if len(line) <= 30 else f"{line[:27]}..."
