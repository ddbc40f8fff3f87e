"""Where the time comes from: the machine's clock in a server, a hand-turned one in tests."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Unix seconds; never less than an earlier call returned, but of a ``WallClock``."""
        ...


class SystemClock:
    """Wall time at its creation plus what the monotonic clock counted since.

    So a correction of the wall clock never makes a back-off or a timeout jump; the price is that a
    server which runs for months shows the time of day as it was set when it started.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Unix seconds, never going back."""
        return self._offset_s + time.monotonic()


class WallClock:
    """The wall clock as it is now, also after it was set or the machine has slept.

    For what is compared with the times of other machines; it may go back.
    """

    def now(self) -> float:
        """Unix seconds."""
        return time.time()


class ManualClock:
    """Stands still until told to move."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def now(self) -> float:
        """Unix seconds, as last set."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._now += seconds
