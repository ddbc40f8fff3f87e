"""Commands that are imported when they are called, not when they are listed, so that ``--help``
answers at once and no command pays for another."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click


class Lazy(NamedTuple):
    """A command: its module below the package, its help, and its name there if it has another."""

    module: str
    help: str
    attribute: str = ""


Sections = Mapping[str, Mapping[str, Lazy]]
"""Commands by name, under the titles that the help has them under."""


class LazyGroup(click.Group):
    """Knows its commands by name and imports the one that is called."""

    def __init__(self, *args: Any, package: str, sections: Sections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._package = package
        self._sections = sections
        self._lazy = {name: one for each in sections.values() for name, one in each.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people need them."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        lazy = self._lazy.get(cmd_name)
        if lazy is None:
            return None
        module = importlib.import_module(f"{self._package}.{lazy.module}")
        command: click.Command = getattr(module, lazy.attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them by what they are for, importing none."""
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, lazy.help) for name, lazy in commands.items()])
