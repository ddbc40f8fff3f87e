"""The supervisor's clock, and when its next sweep is due.

The clock goes on while the machine sleeps, nobody sets it, and it means the same to the next
supervisor, which finds the ends of graces in the journal. Under load sweeps are
``SWEEP_INTERVAL_S`` apart, so however much is killed and ends, their cost is bounded.
"""

from __future__ import annotations

import time

SWEEP_INTERVAL_S = 0.05


def now() -> float:
    """Seconds since the machine started (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SweepTimer:
    """Collects the wishes for a sweep. ``due_at`` is None while nobody wants one."""

    def __init__(self) -> None:
        self.due_at: float | None = None
        self._swept_at = 0.0

    def sweep_soon(self) -> None:
        """Have a sweep: now, or as soon after the last one as there may be another."""
        if self.due_at is None:
            self.due_at = max(now(), self._swept_at + SWEEP_INTERVAL_S)

    def is_due(self) -> bool:
        """Whether somebody wants a sweep and its time has come."""
        return self.due_at is not None and self.due_at <= now()

    def begin(self) -> None:
        """A sweep begins: whoever wants one from now on wants another."""
        self.due_at, self._swept_at = None, now()
