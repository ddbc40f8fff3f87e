"""Shows progress on stderr: bars on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from orchestrator.cli.client.progress import Progress

Show = Callable[[Sequence[Progress]], None]


@contextmanager
def shown() -> Iterator[Show]:
    """Give a function that shows where the apps are now."""
    if sys.stderr.isatty():
        with _bars() as show:
            yield show
    else:
        yield _lines()


def _lines() -> Show:
    said: dict[str, str] = {}

    def show(apps: Sequence[Progress]) -> None:
        for app in apps:
            if said.get(app.app_id) != str(app):
                said[app.app_id] = str(app)
                click.echo(str(app), err=True)

    return show


@contextmanager
def _bars() -> Iterator[Show]:
    from rich import progress  # noqa: PLC0415  # only where it is seen
    from rich.console import Console  # noqa: PLC0415

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.completed:.0f}/{task.total:.0f}", markup=False),
        progress.TextColumn("{task.fields[waits_for]}", style="dim", markup=False),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, progress.TaskID] = {}

        def show(apps: Sequence[Progress]) -> None:
            for app in apps:
                if app.app_id not in tasks:
                    tasks[app.app_id] = bars.add_task(app.app_id, total=app.wanted, waits_for="")
                bars.update(
                    tasks[app.app_id],
                    total=app.wanted,
                    completed=app.ready,
                    waits_for=app.waits_for,
                )

        yield show
