"""`zk-migrate sync start`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import yaml

from orchestrator.cli.client.api import Api
from orchestrator.cli.errors import CommandError
from orchestrator.cli.zkmigrate import output
from orchestrator.cli.zkmigrate.following import follow

F = TypeVar("F", bound=Callable[..., object])
Body = dict[str, Any]
_POLICIES = click.Choice(["lww", "source", "target", "hold"])
_DELETES = click.Choice(["update_wins", "delete_wins", "policy", "hold"])
_SOURCES = click.Choice(["auto", "stream", "watch"])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ENSEMBLES = (
    click.option("--a", metavar="ADDRESS", help="One: zk://[user:password@]host:port,.../path."),
    click.option("--b", metavar="ADDRESS", help="The other."),
    click.option("--spec", type=_FILE, help="All of it as JSON or YAML; options change it."),
    click.option("--source", type=_SOURCES, help="How both are followed: auto."),
)
_SETTINGS = (
    click.option("--include", multiple=True, metavar="PATTERN", help="What is synced: /**."),
    click.option("--exclude", multiple=True, metavar="PATTERN", help="What is not."),
    click.option("--map", "mappings", multiple=True, metavar="A=B", help="A path of A is B on B."),
    click.option("--fill", type=click.Choice(["A->B", "B->A"]), help="Who fills whom at first."),
    click.option("--merge", is_flag=True, help="Also if the side to fill has nodes of its own."),
    click.option("--policy", type=_POLICIES, help="Who wins a conflict."),
    click.option("--deletes", type=_DELETES, help="Delete against update."),
    click.option("--skew-ms", type=int, help="lww: times nearer than this are the same."),
    click.option("--ephemerals", type=click.Choice(["skip", "proxy"]), help="Nodes of sessions."),
    click.option("--election", "elections", multiple=True, metavar="PATH", help="One side elects."),
    click.option("--authority", type=click.Choice(["A", "B"]), help="Which side."),
)


def _all(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command()
@click.argument("name", default="")
@_all(_ENSEMBLES)
@_all(_SETTINGS)
@click.option("--webhook", metavar="URL", help="Where alerts go.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and begin nothing.")
@click.option("--follow", "is_followed", is_flag=True, help="Show it until both are equal.")
@output.as_json
@output.server
def start(
    server: Api, name: str, dry_run: bool, is_followed: bool, as_json: bool, **options: Any
) -> None:
    """Begin to keep two ensembles equal, from the first moment in both directions."""
    answer = server.request("POST", output.ROOT, _body(name, options), dry_run=dry_run)
    if dry_run:
        _show_dry_run(server.decode(dict[str, list[str]], answer)["would"], as_json=as_json)
        return
    if as_json and not is_followed:
        output.print_json(answer)
    begun = server.decode(output.SyncStatus, answer)
    click.echo(f"sync {begun.name} has begun", err=True)
    if is_followed:
        follow(server, begun.name, until_equal=True)


def _body(name: str, options: Body) -> Body:
    body = _read(options["spec"]) if options["spec"] else {}
    body["name"] = name or body.get("name", "default")
    for side in ("a", "b"):
        if options[side]:
            body[side] = _part(body, side) | {"address": options[side]}
        if options["source"]:
            body[side] = _part(body, side) | {"source": options["source"]}
        if not _part(body, side).get("address"):
            raise click.UsageError(f"where is {side.upper()}? Say --{side} zk://host:port/path")
    settings = ("include", "exclude", "fill", "merge", "policy", "deletes", "skew_ms")
    given = {each: options[each] for each in (*settings, "ephemerals", "elections", "authority")}
    given["mappings"] = _mappings(options["mappings"])
    body["settings"] = _part(body, "settings") | _said(given)
    body["thresholds"] = _part(body, "thresholds") | _said({"webhook": options["webhook"]})
    return body


def _said(values: Body) -> Body:
    """Without what was not said."""
    return {name: value for name, value in values.items() if value not in (None, False, (), [])}


def _part(body: Body, name: str) -> Body:
    part = body.get(name, {})
    if not isinstance(part, dict):
        raise CommandError(f"{name!r} in the description of the sync is no object")
    return part


def _mappings(pairs: Sequence[str]) -> list[dict[str, str]]:
    parts = [each.partition("=") for each in pairs]
    if not all(a and b for a, _, b in parts):
        raise click.UsageError("--map wants A=B, such as --map /mesos=/mesos-new")
    return [{"a": a, "b": b} for a, _, b in parts]


def _read(path: Path) -> Body:
    try:
        found = yaml.safe_load(path.read_text())  # JSON is YAML, too
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise CommandError(f"{path} is no description of a sync")
    return found


def _show_dry_run(would: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"would": would}), indent=2).decode())
        return
    for sentence in would:
        click.echo(sentence)
    click.echo(f"{len(would)} paths; nothing was written" if would else "both are equal", err=True)
