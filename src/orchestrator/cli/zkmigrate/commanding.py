"""Commands that change a sync: pause, resume, verify, resolve, authority, stop."""

from __future__ import annotations

import click
import msgspec

from orchestrator.cli.client.api import Api
from orchestrator.cli.errors import CommandError
from orchestrator.cli.zkmigrate import output


class _Reply(msgspec.Struct, frozen=True):
    result: str
    paths: list[str]


@click.command()
@click.argument("name")
@output.server
def pause(server: Api, name: str) -> None:
    """Write nothing for now; both ensembles are still followed."""
    server.request("POST", f"{output.path_of(name)}/pause")
    click.echo(f"sync {name} is paused", err=True)


@click.command()
@click.argument("name")
@output.server
def resume(server: Api, name: str) -> None:
    """Go on writing."""
    server.request("POST", f"{output.path_of(name)}/resume")
    click.echo(f"sync {name} goes on", err=True)


@click.command()
@click.argument("name")
@click.option("--path", default="/", show_default=True, help="Only what is below it.")
@click.option("--repair", is_flag=True, help="Put right what differs.")
@output.as_json
@output.server
def verify(server: Api, name: str, path: str, repair: bool, as_json: bool) -> None:
    """Read both sides afresh and compare them; exit with 1 if they differ."""
    body = {"path": path, "repair": repair}
    answer = server.request("POST", f"{output.path_of(name)}/verify", body)
    reply = server.decode(_Reply, answer)
    if as_json:
        output.print_json(answer)
    else:
        for each in reply.paths:
            click.echo(each)
        click.echo(reply.result, err=True)
    if reply.paths and not repair:
        raise CommandError(f"{len(reply.paths)} paths differ")


@click.command()
@click.argument("name")
@click.argument("path")
@click.option("--winner", type=click.Choice(["A", "B"]), help="The side whose value holds.")
@click.option("--data", help="A value for both.")
@output.server
def resolve(server: Api, name: str, path: str, winner: str | None, data: str | None) -> None:
    """Decide a conflict that is held."""
    if (winner is None) == (data is None):
        raise click.UsageError("say either --winner or --data")
    body = {"path": path, "winner": winner} if winner else {"path": path, "data": data}
    server.request("POST", f"{output.path_of(name)}/conflicts/resolve", body)
    click.echo(f"{path} is decided", err=True)


@click.command()
@click.argument("name")
@click.argument("side", type=click.Choice(["A", "B"]))
@output.server
def authority(server: Api, name: str, side: str) -> None:
    """Have this side elect in the election directories; returns when it does."""
    server.request("POST", f"{output.path_of(name)}/authority", {"side": side})
    click.echo(f"{side} elects", err=True)


@click.command()
@click.argument("name")
@output.server
def stop(server: Api, name: str) -> None:
    """End a sync and forget how far it was; both ensembles stay as they are."""
    server.request("DELETE", output.path_of(name))
    click.echo(f"sync {name} has ended", err=True)
