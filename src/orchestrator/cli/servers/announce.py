"""Says where a server is once it serves: a line for people, JSON for programs."""

from __future__ import annotations

import json
import sys

import click


def announce(name: str, url: str) -> None:
    """One line on stdout: aligned text on a terminal, ``{"server": ..., "url": ...}`` elsewhere."""
    if sys.stdout.isatty():
        line = f"  {name:<10} {url}"
    else:
        line = json.dumps({"server": name, "url": url})
    click.echo(line)
    sys.stdout.flush()
