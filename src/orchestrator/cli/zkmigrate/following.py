"""Shows how a sync goes on, once a second: in place on a terminal, else a line when it changes."""

from __future__ import annotations

import sys
import time

import click

from orchestrator.cli.client.api import Api
from orchestrator.cli.errors import CommandError
from orchestrator.cli.zkmigrate import output
from orchestrator.cli.zkmigrate.output import SyncStatus

_EVERY_S = 1.0
_CLEAR = "\r\x1b[2K"


def follow(server: Api, name: str, *, until_equal: bool) -> None:
    """Until both sides are equal, or for good. Raises CommandError if the sync halts."""
    is_terminal = sys.stderr.isatty()
    shown = ""
    while True:
        status = server.get(SyncStatus, output.path_of(name))
        line = output.line_of(status)
        if is_terminal:
            click.echo(f"{_CLEAR}{line}", err=True, nl=False)
        elif line != shown:
            click.echo(line, err=True)
        shown = line
        if status.state == "halted" or (until_equal and status.state == "live" and status.is_equal):
            break
        time.sleep(_EVERY_S)
    if is_terminal:
        click.echo(err=True)
    if status.state == "halted":
        raise CommandError(f"sync {name} has halted: {status.reason}")
