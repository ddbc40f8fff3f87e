"""What the commands share: the project's tasks, its documents, and errors as sentences."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from orchestrator.cli.errors import CommandError, InvalidError, UnknownError
from orchestrator.taskmaster.adapters.settings import Settings, SettingsError
from orchestrator.taskmaster.adapters.settings import read as read_settings
from orchestrator.taskmaster.adapters.state import MissingError, Source, State, StateError
from orchestrator.taskmaster.core import ids
from orchestrator.taskmaster.core.model import MOST_BYTES, DocumentError, Entry, Plan, Task, TaskId
from orchestrator.taskmaster.core.recording import Records, tasks_of

F = TypeVar("F", bound=Callable[..., object])
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def task_ids(command: F) -> F:
    """Add ``--task`` and the same as arguments; the command gets both, as they were written."""
    command = click.argument("more", nargs=-1, metavar="[ID]...")(command)
    return click.option(
        "--task", "wanted", multiple=True, metavar="ID", help="5, #5, TASK_005 or 21.3."
    )(command)


@contextmanager
def sentences() -> Iterator[None]:
    """What can go wrong with files, as errors of the command."""
    try:
        yield
    except MissingError as error:
        raise CommandError(str(error)) from None
    except StateError as error:
        raise InvalidError(str(error)) from None
    except SettingsError as error:
        raise InvalidError(str(error)) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from None


class Project:
    """The tasks of a project and the documents they come from."""

    def __init__(self, state: State) -> None:
        self.state = state

    @classmethod
    def at(cls, directory: Path, tag: str) -> Project:
        """That of a directory, or of one above it."""
        return cls(State.find(directory.resolve(), tag))

    def records(self) -> Records:
        """All tasks. Raises CommandError."""
        with sentences():
            return self.state.records()

    def tasks(self) -> list[Task]:
        """All tasks."""
        return tasks_of(self.records())

    def settings(self) -> Settings:
        """The project's settings."""
        with sentences():
            return read_settings(self.state.root)

    def source(self) -> Source | None:
        """The document of the tasks; None if there is none."""
        with sentences():
            return self.state.source()

    def plan(self) -> Plan | None:
        """What the document of the tasks says now; None if there is none, or it is gone."""
        source = self.source()
        path = self.state.root / source.document if source else None
        return read_plan(path) if path is not None and path.is_file() else None

    def source_of(self, path: Path, data: bytes) -> Source:
        """A document as the state names it."""
        name = os.path.relpath(path.resolve(), self.state.root)
        return Source(name, hashlib.sha256(data).hexdigest())

    def chosen(self, wanted: Sequence[str], tasks: Sequence[Task]) -> list[Task]:
        """The tasks that were meant. Raises UnknownError."""
        by_id = {task.id: task for task in tasks}
        found = [by_id.get(self.id_of(text)) for text in wanted]
        for text, task in zip(wanted, found, strict=True):
            if task is None:
                raise UnknownError(f"there is no task {text!r}; `task-master list` shows them")
        return [task for task in found if task is not None]

    def id_of(self, text: str) -> TaskId:
        """An id as it was written. Raises UsageError if it is none."""
        is_position = text.strip().upper().startswith(("TASK_", "TASK-"))
        found = ids.parse(text, self._entries() if is_position else ())
        if found is None:
            raise click.UsageError(f"{text!r} is no id of a task; write 5, #5, TASK_005 or 21.3")
        return found

    def _entries(self) -> Sequence[Entry]:
        plan = self.plan()
        return plan.entries if plan else ()


pass_project = click.make_pass_decorator(Project)


def read_plan(path: Path) -> Plan:
    """Read a document. Raises InvalidError and CommandError."""
    return plan_of(read_bytes(path), path.name)


def read_bytes(path: Path) -> bytes:
    """The bytes of a document; no more than are read of one. Raises CommandError."""
    with sentences(), path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            size = path.stat().st_size / 1e6
            raise InvalidError(
                f"{path.name} has {size:.0f} MB; at most {MOST_BYTES // 10**6} MB are read"
            )
        return data


def plan_of(data: bytes, name: str) -> Plan:
    """What a document says. Raises InvalidError."""
    from orchestrator.taskmaster.core.reading import (  # noqa: PLC0415 - most commands need none
        read,
    )

    try:
        return read(data, name)
    except DocumentError as error:
        raise InvalidError(f"{error}; nothing was changed") from None
