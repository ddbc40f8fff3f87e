"""Work that nobody waits for, and whose failure is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

logger = logging.getLogger(__name__)


class Jobs:
    """Jobs under way, all called ``name``. ``expected`` failures are logged without traceback."""

    def __init__(self, name: str, *expected: type[Exception]) -> None:
        self._name = name
        self._expected = expected
        self._running: set[asyncio.Task[None]] = set()

    def do(self, job: Coroutine[None, None, None]) -> None:
        """Begin one."""
        task = asyncio.create_task(job, name=self._name)
        self._running.add(task)
        task.add_done_callback(self._on_done)

    def running(self) -> list[asyncio.Task[None]]:
        """Those that have not ended."""
        return list(self._running)

    def _on_done(self, done: asyncio.Task[None]) -> None:
        self._running.discard(done)
        if not done.cancelled() and (error := done.exception()):
            trace = None if isinstance(error, self._expected) else error
            logger.warning("%s failed: %s", self._name, error, exc_info=trace)
