"""Reports that wait to be sent, the oldest first, up to a number of samples. Pure.

A store takes the samples of a series in the order of their time only, so a report that is older
than the last of its probe is left out.
"""

from __future__ import annotations

from collections import deque

from orchestrator.monitoring.app.forwarding import wire
from orchestrator.monitoring.report.model import Report


class Backlog:
    """Waiting reports; ``dropped`` counts the samples for which there was no room."""

    def __init__(self, max_samples: int) -> None:
        self.samples = 0
        self.dropped = 0
        self._max_samples = max_samples
        self._reports: deque[Report] = deque()
        self._taken_at: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._reports)

    def put(self, report: Report) -> None:
        """One more; if there is no room, the oldest go."""
        if report.taken_at <= self._taken_at.get(report.agent_id, float("-inf")):
            return
        self._taken_at[report.agent_id] = report.taken_at
        count = wire.size(report)
        if not count:
            return
        self._reports.append(report)
        self.samples += count
        while self.samples > self._max_samples:
            self.dropped += wire.size(self.take())

    def take(self) -> Report:
        """The oldest. Raises IndexError if there is none."""
        report = self._reports.popleft()
        self.samples -= wire.size(report)
        return report

    def forget(self, agent_id: str) -> None:
        """A probe is gone."""
        self._taken_at.pop(agent_id, None)
