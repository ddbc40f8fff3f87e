"""Runs tries, so many at a time; the others wait in line, and their time begins when they do."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType

from orchestrator.marathon.adapters.probing.tries import Tries
from orchestrator.marathon.core.health.probes import Answer, NotTried, Probe, Probed

_WARN_INTERVAL_S = 60.0
logger = logging.getLogger(__name__)


class Prober:
    """Answers every probe with one ``Probed``, between ``async with prober`` and its end."""

    def __init__(self, tell: Callable[[Probed], None], limit: int) -> None:
        self._tell = tell
        self._limit = limit
        self._waiting: deque[Probe] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._warned_at = float("-inf")

    @property
    def in_flight(self) -> int:
        """How many tries are being made."""
        return len(self._running)

    @property
    def queued(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def begin(self, probe: Probe) -> None:
        """Make a try, now or as soon as others are done."""
        self._waiting.append(probe)
        self._begin_waiting()

    async def __aenter__(self) -> Prober:
        self._tries = Tries()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._tries.close()

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < self._limit:
            task = asyncio.create_task(self._make(self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._begin_waiting()

    async def _make(self, probe: Probe) -> None:
        try:
            answer: Answer = await self._tries.make(probe.request, probe.timeout_s)
        except Exception:
            logger.exception("a probe failed: %s", probe.request)
            answer = NotTried("an error of Marathon's own; its log says more")
        if isinstance(answer, NotTried):
            self._warn(probe, answer.cause)
        self._tell(Probed(probe.key, answer))

    def _warn(self, probe: Probe, cause: str) -> None:
        """Say that tasks go unchecked, but not for each of thousands."""
        now = asyncio.get_running_loop().time()
        if now >= self._warned_at + _WARN_INTERVAL_S:
            self._warned_at = now
            logger.warning("%s could not be checked: %s", probe.request, cause)
