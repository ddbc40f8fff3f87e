"""Remembers over the agent's death what has been cut off tasks' output, and what has been shipped.

A database of its own, which is written without waiting for the disk: it has to outlive the agent,
not the machine.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from orchestrator.agent.core.logs import LogSource
from orchestrator.mesos.types import Message

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (container_id TEXT PRIMARY KEY, source BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS marks (
    container_id TEXT, stream TEXT, marks BLOB NOT NULL, PRIMARY KEY (container_id, stream));
"""
logger = logging.getLogger(__name__)


class Marks(Message):
    """Places in one stream, in bytes from its beginning.

    ``cut``: where the file begins that is written to, and ``inode`` which that is. ``shipped``: up
    to where it has been sent. While ``cutting`` bytes are being removed, ``size`` is how large the
    file was before.
    """

    cut: int = 0
    inode: int = 0
    shipped: int = 0
    cutting: int = 0
    size: int = 0


Key = tuple[str, str]  # container id and stream


class Ledger:
    """Used from several threads.

    What cannot be written is not remembered, and that is all: the log says so, and tasks, their
    output and its shipping go on.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._problem = ""
        try:
            self._database = _open(path)
        except sqlite3.DatabaseError as error:
            logger.warning("%s is damaged (%s): begun anew; lines may be sent twice", path, error)
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._database = _open(path)

    def sources(self) -> list[LogSource]:
        """All that were put and not forgotten."""
        rows = self._read("SELECT source FROM sources")
        return [msgspec.json.decode(row, type=LogSource) for row in rows]

    def put(self, source: LogSource) -> None:
        """Remember whose files these are."""
        row = (source.container_id, msgspec.json.encode(source))
        self._write([("INSERT OR REPLACE INTO sources VALUES (?, ?)", [row])])

    def marks(self, key: Key) -> Marks:
        """What is remembered of a stream."""
        query = "SELECT marks FROM marks WHERE container_id = ? AND stream = ?"
        rows = self._read(query, key)
        return msgspec.json.decode(rows[0], type=Marks) if rows else Marks()

    def save(self, marks: Mapping[Key, Marks]) -> None:
        """Remember these, all or none."""
        rows = [(*key, msgspec.json.encode(value)) for key, value in marks.items()]
        self._write([("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", rows)])

    def forget(self, container_ids: Iterable[str]) -> None:
        """Nothing of these will be asked for any more."""
        if rows := [(id_,) for id_ in container_ids]:
            tables = ("sources", "marks")
            self._write([(f"DELETE FROM {table} WHERE container_id = ?", rows) for table in tables])

    def close(self) -> None:
        """Nothing is remembered after this."""
        with self._lock:
            self._database.close()

    def _read(self, query: str, values: tuple[str, ...] = ()) -> list[bytes]:
        try:
            with self._lock:
                return [row[0] for row in self._database.execute(query, values)]
        except sqlite3.Error as error:
            self._note(str(error))
            return []

    def _write(self, steps: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        try:
            with self._lock, self._database:
                for statement, rows in steps:
                    self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            self._note(str(error))
        else:
            self._note("")

    def _note(self, problem: str) -> None:
        if problem and problem != self._problem:
            logger.warning("places in logs are not remembered: %s", problem)
        self._problem = problem


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        path.chmod(0o600)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
