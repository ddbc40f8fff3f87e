"""`orchestrator logs`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import click

from orchestrator.cli.client import output
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.sandbox import Sandboxes, TaskFile
from orchestrator.cli.client.wire import Tasks
from orchestrator.cli.errors import CommandError, UnknownError

_POLL_S = 0.5


@click.command()
@click.argument("app")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--stderr", is_flag=True, help="stderr instead of stdout.")
@click.option("--task", metavar="ID", help="One task, which may have ended, instead of all.")
@click.option("-n", "--lines", type=click.IntRange(min=0), help="Only the last lines of each task.")
@output.master
@output.marathon
def logs(
    app: str,
    marathon: Api,
    master: Api,
    follow: bool,
    stderr: bool,
    task: str | None,
    lines: int | None,
) -> None:
    """Print what the tasks of APP wrote; with several tasks, each line names its own."""
    reader = _Reader(Sandboxes(master), "stderr" if stderr else "stdout", lines)

    def task_ids() -> list[str]:
        listed = marathon.get(Tasks, f"{output.app_path(app)}/tasks").tasks
        return [task] if task else sorted(known.id for known in listed)

    ids = task_ids()
    if not ids and not follow:
        raise CommandError(f"no task of {output.normalised(app)} runs; name an earlier with --task")
    reader.open(ids, is_first=True)
    reader.print_news()
    if follow:
        _go_on(reader, task_ids)


def _go_on(reader: _Reader, task_ids: Callable[[], list[str]]) -> None:
    try:
        while True:
            time.sleep(_POLL_S)
            reader.print_news()
            reader.open(task_ids(), is_first=False)
    except KeyboardInterrupt:
        return
    except UnknownError:
        click.echo("the app is gone", err=True)


class _Reader:
    """The files of several tasks, printed as they grow."""

    def __init__(self, sandboxes: Sandboxes, name: str, lines: int | None) -> None:
        self._sandboxes = sandboxes
        self._name = name
        self._lines = lines
        self._files: dict[str, TaskFile] = {}

    def open(self, task_ids: list[str], *, is_first: bool) -> None:
        """Look for the files of tasks not seen before; a later task may not have one yet."""
        for task_id in task_ids:
            if task_id in self._files:
                continue
            try:
                file = self._sandboxes.open(task_id, self._name)
                if is_first and self._lines is not None:
                    file.skip_to_last(self._lines)
            except UnknownError:
                if is_first and len(task_ids) == 1:
                    raise
                continue
            self._files[task_id] = file

    def print_news(self) -> None:
        """Print what was written since the last time."""
        is_one_of_many = len(self._files) > 1
        for task_id, file in list(self._files.items()):
            prefix = f"{_short(task_id)} | " if is_one_of_many else ""
            for text in self._read(task_id, file):
                click.echo(_prefixed(text, prefix) if prefix else text, nl=False)

    def _read(self, task_id: str, file: TaskFile) -> Iterator[str]:
        try:
            yield from file.read_all()
        except UnknownError:  # swept away with its sandbox
            del self._files[task_id]


def _prefixed(text: str, prefix: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in text.splitlines())


def _short(task_id: str) -> str:
    """Enough to tell the tasks of one app apart: the start of the instance's uuid."""
    _, mark, rest = task_id.partition(".instance-")
    return rest[:8] if mark else task_id[-12:]
