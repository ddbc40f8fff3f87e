"""The state file: read, changed under its lock, and written by rename, so that it is always whole.

.taskmaster/tasks/tasks.json      the tasks, as task-master-ai has them; for git
.taskmaster/tasks/events.jsonl    who changed what
.taskmaster/orchestrator.toml     settings, if there are any
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.taskmaster.adapters import codec
from orchestrator.taskmaster.adapters.codec import FormatError, Json, Object
from orchestrator.taskmaster.adapters.events import Changed, Event, EventLog
from orchestrator.taskmaster.adapters.locking import locked
from orchestrator.taskmaster.core.recording import Records

DIRECTORY = ".taskmaster"
Change = Callable[[Records], Records]


class StateError(Exception):
    """The state file cannot be used: a sentence."""


class MissingError(StateError):
    """There is no state yet."""


class UndoError(StateError):
    """A change cannot be taken back."""


class Source(NamedTuple):
    """The document that tasks were read from, relative to the project, and its SHA-256."""

    document: str
    sha256: str


class State:
    """The tasks of one tag of a project."""

    def __init__(self, root: Path, tag: str = "master") -> None:
        self.root = root
        self.tag = tag
        self.path = root / DIRECTORY / "tasks" / "tasks.json"
        self.log = EventLog(self.path.parent)

    @classmethod
    def find(cls, start: Path, tag: str) -> State:
        """That of the project which a directory is in, or would be."""
        for directory in (start, *start.parents):
            if (directory / DIRECTORY).is_dir():
                return cls(directory, tag)
        return cls(start, tag)

    def records(self) -> Records:
        """All tasks. Raises MissingError and StateError."""
        return self._records(self._tag(self._read()))

    def source(self) -> Source | None:
        """Where they are from; None if from no document."""
        try:
            prd = _object(_object(self._tag(self._read()), "metadata"), "prd")
        except MissingError:
            return None
        document, digest = prd.get("document"), prd.get("sha256")
        if isinstance(document, str) and isinstance(digest, str):
            return Source(document, digest)
        return None

    def change(self, action: str, change: Change, note: str = "") -> Records:
        """Change tasks; nothing is written if nothing changes. Raises StateError, OSError."""
        with locked(self.path):
            document = self._read()
            tag = self._tag(document)
            records = change(self._records(tag))
            self._write(document, tag, codec.updated(tag, records), action, note)
            return records

    def replace(self, action: str, change: Change, source: Source) -> Records:
        """As ``change``, of a state that need not exist yet; remembers the document."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path):
            document = self._read() if self.path.exists() else {}
            tag = self._tag(document) if self.tag in _tags(document) else {"tasks": []}
            records = change(self._records(tag))
            new = codec.updated(tag, records)
            metadata = _object(tag, "metadata")
            prd: Object = {"document": source.document, "sha256": source.sha256}
            new["metadata"] = {**metadata, "prd": prd}
            self._write(document, tag, new, action, source.document)
            return records

    def undo(self) -> Event:
        """Take back the latest change. Raises UndoError if there is none, or if its tasks were
        changed since by other means."""
        with locked(self.path):
            document = self._read()
            tag = self._tag(document)
            event = self.log.last_to_undo(self.tag)
            if event is None:
                raise UndoError("there is nothing to undo")
            new = _without(tag, event)
            self._write(document, tag, new, "undo", event.action, undoes=event.number)
            return event

    def _records(self, tag: Object) -> Records:
        try:
            return codec.records(tag)
        except FormatError as error:
            raise StateError(f"{self.path}: {error}; nothing was changed") from None

    def _read(self) -> Object:
        try:
            document = msgspec.json.decode(self.path.read_bytes())
        except FileNotFoundError:
            raise MissingError(
                f"there are no tasks here ({self.path} does not exist): start with"
                " `task-master parse-prd --input=PRD.md`"
            ) from None
        except msgspec.DecodeError as error:
            raise StateError(
                f"{self.path} is damaged ({error}); nothing was changed. Restore it from version"
                " control"
            ) from None
        if not isinstance(document, dict):
            raise StateError(f"{self.path} is no list of tasks; nothing was changed")
        return document

    def _tag(self, document: Object) -> Object:
        tags = _tags(document)
        if self.tag not in tags:
            known = ", ".join(tags) or "none"
            raise MissingError(f"{self.path} has no tag {self.tag!r}; it has {known}")
        return tags[self.tag]

    def _write(
        self,
        document: Object,
        old: Object,
        new: Object,
        action: str,
        note: str,
        undoes: int | None = None,
    ) -> None:
        if new == old:
            return
        event = Event(
            number=self.log.next_number(),
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            by=_user(),
            action=action,
            tag=self.tag,
            changes=_changes(old, new),
            undoes=undoes,
            note=note,
        )
        self.log.append(event)
        _count(new)
        if "tasks" in document and self.tag == "master":  # before there were tags
            document = {**document, **new}
        else:
            document = {**document, self.tag: new}
        _replace(self.path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _tags(document: Object) -> dict[str, Object]:
    if isinstance(document.get("tasks"), list):
        return {"master": document}
    tags = {name: tag for name, tag in document.items() if isinstance(tag, dict)}
    return {name: tag for name, tag in tags.items() if "tasks" in tag}


def _object(raw: Object, name: str) -> Object:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _by_id(tag: Object) -> dict[int, Object]:
    tasks = tag.get("tasks")
    every = [task for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []
    return {int(str(task["id"])): task for task in every}


def _changes(old: Object, new: Object) -> tuple[Changed, ...]:
    before, after = _by_id(old), _by_id(new)
    every = dict.fromkeys((*before, *after))
    pairs = [(id, before.get(id), after.get(id)) for id in every]
    return tuple(Changed.of(id, was, now) for id, was, now in pairs if was != now)


def _without(tag: Object, event: Event) -> Object:
    tasks = _by_id(tag)
    for change in event.changes:
        if tasks.get(change.id) != change.became():
            raise UndoError(
                f"task {change.id} was changed since {event.action} of {event.at} by other means;"
                " nothing was undone"
            )
        before = change.was()
        if before is None:
            tasks.pop(change.id, None)
        else:
            tasks[change.id] = before
    restored: list[Json] = list(tasks.values())
    return {**tag, "tasks": restored}


def _count(tag: Object) -> None:
    """Bring up to date what task-master-ai counts, where it does."""
    metadata = _object(tag, "metadata")
    tasks = _by_id(tag).values()
    if "taskCount" in metadata:
        metadata["taskCount"] = len(tasks)
    if "completedCount" in metadata:
        metadata["completedCount"] = sum(task.get("status") == "done" for task in tasks)
    if "lastModified" in metadata:
        metadata["lastModified"] = datetime.now(UTC).isoformat(timespec="milliseconds")


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _user() -> str:
    try:
        return os.environ.get("TASKMASTER_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
