"""Durable state: keys to bytes, in one SQLite file.

Every commit is on disk when it returns (WAL, ``synchronous=FULL``). What makes that affordable is
group commit: one thread owns the connection, takes all commits that piled up while the disk was
busy with the previous ones, and writes them in a single transaction. The file is held exclusively,
so a second server on the same data ends with a sentence instead of corrupting it.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from orchestrator.runtime.machine import Save

Result = TypeVar("Result")
_SCHEMA = "CREATE TABLE IF NOT EXISTS object (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
_LENGTHS = (256, 64, 16, 4, 1)  # of statements in rows; few, for SQLite keeps those it has read
_PUTS = [
    (rows, f"INSERT OR REPLACE INTO object VALUES {', '.join(['(?, ?)'] * rows)}")
    for rows in _LENGTHS
]
_DROPS = [
    (rows, f"DELETE FROM object WHERE key IN ({', '.join(['?'] * rows)})") for rows in _LENGTHS
]
_HIGHEST = "\U0010ffff"  # sorts after every key that starts with the prefix before it


class StoreError(Exception):
    """State cannot be read or kept; the text is one sentence for the operator."""


class Store(Protocol):
    """Keys ("agents/<id>") to bytes."""

    async def load(self, prefix: str) -> dict[str, bytes]:
        """Everything whose key starts with the prefix, ordered by key. Raises StoreError."""
        ...

    async def commit(self, saves: Sequence[Save]) -> None:
        """Apply all saves or none; durable when it returns. Raises StoreError.

        Concurrent calls share a disk write and take effect in the order of the calls.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked so far and let go of the file; calling it again does nothing."""
        ...


class MemoryStore:
    """A store that forgets when the process ends; ``objects`` is open to tests."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})

    async def load(self, prefix: str) -> dict[str, bytes]:
        """See Store."""
        return {key: self.objects[key] for key in sorted(self.objects) if key.startswith(prefix)}

    async def commit(self, saves: Sequence[Save]) -> None:
        """See Store."""
        for save in saves:
            if save.value is None:
                self.objects.pop(save.key, None)
            else:
                self.objects[save.key] = save.value

    async def close(self) -> None:
        """See Store."""


class _Commit(NamedTuple):
    saves: Sequence[Save]
    done: Callable[[StoreError | None], None]


class _Load(NamedTuple):
    prefix: str
    done: Callable[[dict[str, bytes] | StoreError], None]


class SqliteStore:
    """The store of a single server, in one file (and SQLite's two beside it)."""

    @classmethod
    def open(cls, path: Path) -> SqliteStore:
        """Open or create the file; its directory must exist. Raises StoreError."""
        return cls(_connect(path), path)

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: queue.SimpleQueue[_Commit | _Load | None] = queue.SimpleQueue()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name=f"store {path.name}", daemon=True)
        self._thread.start()

    async def load(self, prefix: str) -> dict[str, bytes]:
        """See Store."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, bytes]] = loop.create_future()

        def done(result: dict[str, bytes] | StoreError) -> None:
            _settle(loop, future, result)

        self._submit(_Load(prefix, done))
        return await future

    async def commit(self, saves: Sequence[Save]) -> None:
        """See Store."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def done(error: StoreError | None) -> None:
            _settle(loop, future, error)

        self._submit(_Commit(saves, done))
        await future

    async def close(self) -> None:
        """See Store."""
        if self._is_open:
            self._is_open = False
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _submit(self, job: _Commit | _Load) -> None:
        if not self._is_open:
            raise StoreError(f"the state file {self._path} is closed")
        self._jobs.put(job)

    def _run(self) -> None:
        with closing(self._connection):
            is_open = True
            while is_open:
                jobs = self._take()
                is_open = jobs[-1] is not None
                self._work_off(jobs)

    def _take(self) -> list[_Commit | _Load | None]:
        """Wait for one job, then add whatever else is waiting, up to a close."""
        jobs = [self._jobs.get()]
        with suppress(queue.Empty):
            while jobs[-1] is not None:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _work_off(self, jobs: Sequence[_Commit | _Load | None]) -> None:
        commits: list[_Commit] = []
        for job in jobs:
            if isinstance(job, _Commit):
                commits.append(job)
                continue
            self._write(commits)  # a read sees every commit that was asked for before it
            commits = []
            if job is not None:
                job.done(self._read(job.prefix))
        self._write(commits)

    def _write(self, commits: Sequence[_Commit]) -> None:
        if not commits:
            return
        latest = {save.key: save.value for commit in commits for save in commit.saves}
        error = None
        try:
            self._apply(latest)
        except sqlite3.Error as cause:
            error = StoreError(f"cannot write the state file {self._path}: {cause}")
        for commit in commits:
            commit.done(error)

    def _apply(self, latest: dict[str, bytes | None]) -> None:
        kept = [item for item in latest.items() if item[1] is not None]
        gone = [(key,) for key, value in latest.items() if value is None]
        with self._connection:  # one transaction, rolled back on an error
            self._execute(_PUTS, kept)
            self._execute(_DROPS, gone)

    def _execute(
        self, statements: Sequence[tuple[int, str]], rows: Sequence[tuple[object, ...]]
    ) -> None:
        """Many rows at once: between statements, this thread waits for its turn in the process."""
        at = 0
        for size, statement in statements:
            while len(rows) - at >= size:
                values = list(chain.from_iterable(rows[at : at + size]))
                self._connection.execute(statement, values)
                at += size

    def _read(self, prefix: str) -> dict[str, bytes] | StoreError:
        query = "SELECT key, value FROM object WHERE key >= ? AND key < ? ORDER BY key"
        try:
            return dict(self._connection.execute(query, (prefix, prefix + _HIGHEST)).fetchall())
        except sqlite3.Error as cause:
            return StoreError(f"cannot read the state file {self._path}: {cause}")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
    except sqlite3.Error as cause:
        raise StoreError(f"cannot open the state file {path}: {cause}") from None
    try:
        _prepare(connection)
    except sqlite3.Error as cause:
        connection.close()
        raise StoreError(_why_not(path, cause)) from None
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with connection:
        connection.execute(
            "BEGIN IMMEDIATE"
        )  # a second server is noticed now, not at its first save
        connection.execute(_SCHEMA)


def _why_not(path: Path, cause: sqlite3.Error) -> str:
    if cause.sqlite_errorname.startswith("SQLITE_BUSY"):
        return f"the state file {path} is in use by another process"
    return f"cannot open the state file {path}: {cause}"


def _settle(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Result],
    result: Result | StoreError,
) -> None:
    def settle() -> None:
        if future.done():  # its caller was cancelled
            return
        if isinstance(result, StoreError):
            future.set_exception(result)
        else:
            future.set_result(result)

    with suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
        loop.call_soon_threadsafe(settle)
