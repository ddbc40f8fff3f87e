"""Looks at the output of tasks and cuts what has grown too large, as Mesos' logrotate module does.

There is no process for a task: a quiet file is looked at once a second, one that grows as often as
it may reach its limit, at most every 50 ms. A task that is faster than that has written more than
the limit by then; only the last of it is kept, so the disk it takes is bounded by

    limit * (kept files + 1) + what it writes between two looks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.agent.adapters.logs.book import LogBook
from orchestrator.agent.adapters.logs.files import LogFile
from orchestrator.agent.adapters.logs.ledger import Key
from orchestrator.agent.adapters.threads import to_the_end
from orchestrator.agent.core.logs import BUSY_LOOK_S, QUIET_LOOK_S, next_look_s
from orchestrator.mesos.types import Message

_SORRY_S = 10.0  # until a file that cannot be rotated is tried again
logger = logging.getLogger(__name__)


class RotationLimits(Message):
    """Bytes by the name of the stream, and how many rotated files of each are kept."""

    max_bytes: Mapping[str, int]
    kept_files: int


class _Look(NamedTuple):
    size: int
    at: float
    due: float


class Rotator:
    """``rotations``, ``dropped_bytes`` and ``failures`` are counted since the start."""

    def __init__(self, book: LogBook, limits: RotationLimits) -> None:
        self.rotations = self.dropped_bytes = self.failures = 0
        self._book = book
        self._limits = limits
        self._looks: dict[Key, _Look] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._book.refresh()
            files = [file for logs in self._book.live.values() for file in logs.files]
            await asyncio.sleep(await to_the_end(self.look, files))

    def look(self, files: list[LogFile]) -> float:
        """Rotate what has to be; gives after how many seconds to look again."""
        before, self._looks = self._looks, {}
        for file in files:
            last, now = before.get(file.key), time.monotonic()
            if last is None or last.due <= now:
                last = self._look_at(file, last, now, len(files))
            self._looks[file.key] = last
        now = time.monotonic()
        due = min((look.due for look in self._looks.values()), default=now + QUIET_LOOK_S)
        return min(QUIET_LOOK_S, max(BUSY_LOOK_S, due - now))

    def _look_at(self, file: LogFile, last: _Look | None, now: float, files: int) -> _Look:
        limit, size = self._limits.max_bytes[file.key[1]], file.size()
        rate = (size - last.size) / max(now - last.at, 1e-3) if last else None
        if size > limit:
            try:
                self._rotate(file, limit)
            except OSError as error:
                self.failures += 1
                logger.warning("%s cannot be rotated: %s", file.path, error)
                return _Look(size, now, now + _SORRY_S)
            size = file.size()
        return _Look(size, now, now + next_look_s(size, limit, rate, files))

    def _rotate(self, file: LogFile, limit: int) -> None:
        done = file.rotate(limit, self._limits.kept_files)
        if done is not None:
            self.rotations += 1
            self.dropped_bytes += done.dropped
