"""Reports that wait to be sent: few and small, as the next one says it all anew. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Waiting(NamedTuple):
    """One report as it travels."""

    number: int
    taken_at: float
    data: bytes


class Backlog:
    """A queue with a bound of reports and one of bytes; what is oldest is dropped, and counted."""

    def __init__(self, max_reports: int, max_bytes: int) -> None:
        self.dropped = 0
        self.bytes = 0
        self._max_reports = max_reports
        self._max_bytes = max_bytes
        self._waiting: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: Waiting) -> None:
        """Add one; the newest is always kept, even if it alone is too large."""
        self._waiting.append(waiting)
        self.bytes += len(waiting.data)
        while len(self._waiting) > 1 and (
            len(self._waiting) > self._max_reports or self.bytes > self._max_bytes
        ):
            self.drop()

    def first(self) -> Waiting | None:
        """The oldest."""
        return self._waiting[0] if self._waiting else None

    def sent(self, waiting: Waiting) -> None:
        """It has arrived, or never can; unless it was dropped meanwhile."""
        if self._waiting and self._waiting[0] is waiting:
            self._waiting.popleft()
            self.bytes -= len(waiting.data)

    def drop(self) -> None:
        """Give up the oldest."""
        self.bytes -= len(self._waiting.popleft().data)
        self.dropped += 1

    def drop_older(self, moment: float) -> None:
        """Give up what the app would refuse for its age."""
        while self._waiting and self._waiting[0].taken_at < moment:
            self.drop()
