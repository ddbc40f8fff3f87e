"""Who did what: JSON lines, written before a control is passed on and again when it has ended.

The file is begun anew at ``MAX_FILE_BYTES``, and one older one is kept beside it. The latest
records are in memory for the API.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from orchestrator.monitoring.app.appending import AppendedFile

MAX_FILE_BYTES = 32 * 1024 * 1024
_IN_MEMORY = 5000
_MAX_ARGUMENT = 500
logger = logging.getLogger(__name__)


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a control is asked for, and what became of it."""

    at: float
    number: int
    """Both lines of a control have the same."""
    outcome: Literal["asked", "done", "failed", "denied"]
    user: str
    role: str
    address: str
    agent_id: str
    topology: str
    node_id: str
    control: str
    arguments: dict[str, str] = {}
    problem: str = ""


class AuditError(Exception):
    """The record cannot be written, so nothing new may be done; the text is one sentence."""


class Audit:
    """The record."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._path = path
        self._latest: deque[Record] = deque(_tail(path), maxlen=_IN_MEMORY)
        self._number = max((record.number for record in self._latest), default=0)
        self._file = _opened(path)

    def next_number(self) -> int:
        """For the next control."""
        self._number += 1
        return self._number

    def write(self, record: Record) -> None:
        """Add one line. Raises AuditError."""
        record = msgspec.structs.replace(record, arguments=_shortened(record.arguments))
        try:
            if self._file.size > MAX_FILE_BYTES:
                self._begin_anew()
            self._file.append(msgspec.json.encode(record) + b"\n")
        except OSError as error:
            logger.error("cannot write the audit record %s: %s", self._path, error)
            sentence = "nothing was done, as the audit record cannot be written"
            raise AuditError(sentence) from None
        self._latest.append(record)

    def latest(self, limit: int) -> list[Record]:
        """The newest first."""
        return list(self._latest)[::-1][:limit]

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _begin_anew(self) -> None:
        self._path.replace(self._path.with_suffix(".1.jsonl"))
        full, self._file = self._file, AppendedFile(self._path)
        full.close()


def _opened(path: Path) -> AppendedFile:
    """What an app that was killed has left without its end is no part of the next record."""
    file = AppendedFile(path)
    with path.open("rb") as reading:
        reading.seek(max(file.size - 1, 0))
        if reading.read() not in (b"", b"\n"):
            file.append(b"\n")
    return file


def _shortened(arguments: dict[str, str]) -> dict[str, str]:
    return {name[:100]: value[:_MAX_ARGUMENT] for name, value in arguments.items()}


def _tail(path: Path) -> Iterator[Record]:
    """What an app before has written; a line that was cut off is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _IN_MEMORY * 1024, 0))
        for line in file:
            try:
                yield msgspec.json.decode(line, type=Record)
            except ValueError:
                continue
