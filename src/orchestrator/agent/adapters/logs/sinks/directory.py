"""A directory of JSON lines: ``tasks.jsonl``, and what it was before, ``tasks.jsonl.1`` to ``.4``.

A collector of the machine may read them. Nothing is ever half a line: a batch that does not fit on
the disk is taken back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from orchestrator.agent.adapters.logs.sinks.sink import SinkError
from orchestrator.agent.core.logs import LogRecord

MAX_BYTES = 64 * 1024 * 1024
KEPT_FILES = 4
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class DirectorySink:
    """One file of at most ``max_bytes`` is written to, ``KEPT_FILES`` older ones are kept."""

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = directory / "tasks.jsonl"
        self._max_bytes = max_bytes

    async def send(self, records: Sequence[LogRecord]) -> None:
        """See LogSink."""
        data = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        try:
            await asyncio.to_thread(self._append, data)
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written: {error.strerror}") from None

    async def close(self) -> None:
        """See LogSink."""

    def _append(self, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._make_room(len(data))
        fd = os.open(self._path, _FLAGS, 0o640)
        try:
            before = os.fstat(fd).st_size
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view) :]
            except OSError:
                os.ftruncate(fd, before)
                raise
        finally:
            os.close(fd)

    def _make_room(self, size: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size + size > self._max_bytes:
                for number in range(KEPT_FILES, 0, -1):
                    with contextlib.suppress(FileNotFoundError):
                        self._numbered(number - 1).replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
