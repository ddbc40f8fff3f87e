"""The log of changes: who did what when, one JSON object a line, and enough of it to undo it.

A change is logged before it is made, so that none is without a record; one that was logged and not
made cannot be undone, as the tasks are not what it says. What is old goes to ``events.1.jsonl``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from orchestrator.taskmaster.adapters.codec import Object

MOST_BYTES = 8_000_000


class Changed(msgspec.Struct, frozen=True):
    """One task with its subtasks, as JSON: before and after; null where it was not there."""

    id: int
    before: msgspec.Raw
    after: msgspec.Raw

    @classmethod
    def of(cls, id: int, before: Object | None, after: Object | None) -> Changed:
        """From what was to what is."""
        raws = [msgspec.Raw(msgspec.json.encode(each)) for each in (before, after)]
        return cls(id, *raws)

    def was(self) -> Object | None:
        """The task before."""
        return msgspec.json.decode(self.before, type=dict | None)

    def became(self) -> Object | None:
        """The task after."""
        return msgspec.json.decode(self.after, type=dict | None)


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change. ``at`` is ISO 8601 in UTC; ``undoes`` the number of the event it takes back."""

    number: int
    at: str
    by: str
    action: str
    tag: str
    changes: tuple[Changed, ...] = ()
    undoes: int | None = None
    note: str = ""


class EventLog:
    """The log in a directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "events.jsonl"
        self._old = directory / "events.1.jsonl"

    def read(self) -> list[Event]:
        """All events, oldest first. A line that a crash cut off is left out."""
        events = []
        for path in (self._old, self._path):
            for line in path.read_bytes().splitlines() if path.exists() else ():
                try:
                    events.append(_decoder.decode(line))
                except msgspec.DecodeError:
                    continue
        return events

    def append(self, event: Event) -> None:
        """Log a change, durably. Raises OSError."""
        if self._path.exists() and self._path.stat().st_size > MOST_BYTES:
            self._path.replace(self._old)
        with self._path.open("ab+") as file:
            if file.tell() and not _ends_a_line(self._path):
                file.write(b"\n")
            file.write(msgspec.json.encode(event) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def last_to_undo(self, tag: str) -> Event | None:
        """The latest change that was not taken back."""
        events = self.read()
        undone = {event.undoes for event in events}
        can = (e for e in reversed(events) if e.tag == tag and e.undoes is None)
        return next((event for event in can if event.number not in undone), None)

    def next_number(self) -> int:
        """The number of the next event; a file that has just been begun goes on from the old."""
        newest = self._path if self._path.exists() else self._old
        for line in reversed(newest.read_bytes().splitlines() if newest.exists() else []):
            with suppress(msgspec.DecodeError):
                return _decoder.decode(line).number + 1
        return 1


_decoder = msgspec.json.Decoder(Event)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
