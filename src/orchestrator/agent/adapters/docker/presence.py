"""Whether the Engine is there, and requests that are made again until it is.

It is there while the stream of its events stands. A launch waits for it, for a while; what ends or
removes a container is tried some times, and then left to the next observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from orchestrator.agent.adapters.docker.engine import EngineError

RETRY_S = 1.0
ATTEMPTS = 6  # at ending or removing a container; they take half a minute together
T = TypeVar("T")


class Presence:
    """One Engine's. ``wait_s`` is how long a launch waits for it."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._is_here = asyncio.Event()

    def came(self) -> None:
        """Its events are heard, and all that it has is known."""
        self._is_here.set()

    def left(self) -> None:
        """The stream of its events is broken."""
        self._is_here.clear()

    async def wait(self, error: Exception) -> None:
        """After a request that failed for want of it. Raises EngineError when it does not come.

        The stream of events breaks too when the Engine goes, maybe a moment later.
        """
        await asyncio.sleep(RETRY_S)
        try:
            async with asyncio.timeout(self._wait_s):
                await self._is_here.wait()
        except TimeoutError:
            raise EngineError(503, str(error)) from None

    async def patiently(self, request: Callable[[], Awaitable[T]]) -> T | None:
        """Ask again while the Engine fails; None when what it is about is not there (any more).

        Not when the Engine is gone: everything is looked at anew when it is back. That it gives no
        answer while its events still come only means that it is slow. Raises EngineError.
        """
        for attempt in range(ATTEMPTS):
            try:
                return await request()
            except EngineError as error:
                if error.status in (304, 404):
                    return None
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(RETRY_S * 2**attempt)
                if error.is_absence and not self._is_here.is_set():
                    raise
        raise AssertionError("the last attempt returns or raises")
