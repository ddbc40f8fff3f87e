"""Tables for people: aligned columns, in colour on a terminal that wants it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import click

Row = Sequence[str]


def print_table(headings: Row, rows: Sequence[Row], *, empty: str, colours: Colours) -> None:
    """Aligned columns on stdout; ``empty`` is said on stderr when there is no row.

    Lines are never folded or cut, so that ids can be copied from a terminal of any width.
    """
    if not rows:
        click.echo(empty, err=True)
        return
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        if is_coloured():
            cells = [_styled(cell, colours, is_heading=number == 0) for cell in cells]
        click.echo("  ".join(cells).rstrip())


def is_coloured() -> bool:
    """Whether stdout is a terminal whose user wants colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


Colours = Mapping[str, str]
"""The colour of a cell, by all that is in it."""


def _styled(cell: str, colours: Colours, *, is_heading: bool) -> str:
    if is_heading:
        return click.style(cell, bold=True)
    return click.style(cell, fg=colours.get(cell.strip()))
