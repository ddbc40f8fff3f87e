"""What the commands of syncs share: the server, the JSON, the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import click
import msgspec

from orchestrator.cli import tables
from orchestrator.cli.client.api import Answer, Api

F = TypeVar("F", bound=Callable[..., object])
ROOT = "/api/v1/syncs"
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
COLOURS = {
    "live": "green",
    "yes": "green",
    "filling": "yellow",
    "paused": "yellow",
    "waiting": "yellow",
    "opening": "yellow",
    "halted": "red",
    "held": "red",
    "error": "red",
    "warning": "yellow",
}


class Lag(msgspec.Struct, frozen=True):
    """Seconds."""

    p50_s: float = 0.0
    p95_s: float = 0.0
    p99_s: float = 0.0


class Fill(msgspec.Struct, frozen=True):
    """Paths to be brought in line, and how many are."""

    total: int = 0
    done: int = 0


class Side(msgspec.Struct, frozen=True):
    """What is shown of an ensemble."""

    state: str
    reason: str
    nodes: int
    written: int
    snapshot_seen: int
    snapshot_total: int | None


class SyncStatus(msgspec.Struct, frozen=True):
    """What is shown of a sync."""

    name: str
    state: str
    reason: str
    is_equal: bool = False
    queue: int = 0
    lag_s: float = 0.0
    lag: Lag = Lag()
    per_s: float = 0.0
    conflicts: int = 0
    held: int = 0
    fill: Fill = Fill()
    eta_s: float | None = None
    a: Side | None = None
    b: Side | None = None
    sources: tuple[str, ...] = ()


def server(command: F) -> F:
    """Add ``--server`` and pass the command an Api."""

    def to_api(context: click.Context, parameter: click.Parameter, url: str) -> Api:
        return Api("the server of syncs", url, hint="is `zk-migrate serve` running?")

    return click.option(
        "--server",
        envvar="ZK_MIGRATE_URL",
        default="http://127.0.0.1:5070",
        metavar="URL",
        show_default=True,
        show_envvar=True,
        callback=to_api,
        help="Where `zk-migrate serve` is.",
    )(command)


def path_of(name: str) -> str:
    """Where a sync is."""
    return f"{ROOT}/{name}"


def print_json(answer: Answer) -> None:
    """The server's own JSON, indented."""
    click.echo(msgspec.json.format(bytes(answer.body), indent=2).decode())


def print_statuses(statuses: Sequence[SyncStatus]) -> None:
    """A line for each sync."""
    rows = [
        (
            each.name,
            each.state,
            "yes" if each.is_equal else "no",
            *[str(side.nodes) if side else "-" for side in (each.a, each.b)],
            str(each.queue),
            f"{each.lag.p95_s * 1000:.0f} ms",
            f"{each.per_s:.0f}",
            str(each.conflicts),
            str(each.held),
        )
        for each in statuses
    ]
    headings = (
        "SYNC", "STATE", "EQUAL", "A", "B", "QUEUE", "LAG P95", "PATHS/S", "CONFLICTS", "HELD",
    )  # fmt: skip
    tables.print_table(headings, rows, empty="There is no sync.", colours=COLOURS)
    for each in statuses:
        for side, source in zip("AB", each.sources, strict=False):
            click.echo(f"{each.name}: {side} is followed by {source}", err=True)
        for said in (each.reason, *[side.reason for side in (each.a, each.b) if side]):
            if said:
                click.echo(f"{each.name}: {said}", err=True)


def line_of(status: SyncStatus) -> str:
    """A sync in a line, for a terminal that shows how it goes on."""
    sides = [f"{name} {side.state}, {side.nodes} nodes" for name, side in named(status)]
    parts = [status.state, *sides]
    if status.fill.total and status.fill.done < status.fill.total:
        ratio = status.fill.done / status.fill.total
        left = "" if status.eta_s is None else f", {status.eta_s:.0f} s left"
        parts.append(f"{bar(ratio)} {ratio:.0%}{left}")
    parts.append(f"{status.per_s:.0f}/s, lag {status.lag.p95_s * 1000:.0f} ms")
    parts.append("equal" if status.is_equal else f"{status.queue} waiting")
    if status.held:
        parts.append(f"{status.held} held")
    return " | ".join(parts)


def named(status: SyncStatus) -> list[tuple[str, Side]]:
    """The sides that there are."""
    return [(name, side) for name, side in (("A", status.a), ("B", status.b)) if side]


def bar(ratio: float) -> str:
    """Twenty characters, filled as far."""
    filled = round(ratio * 20)
    return "\u2588" * filled + "\u2591" * (20 - filled)
