"""What the app counts of itself, for /metrics and /api/v1/query/stats."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct):
    """Plain numbers since the start."""

    reports: int = 0
    report_bytes: int = 0
    late_reports: int = 0
    """Older than what was there: into the series only."""
    duplicate_reports: int = 0
    refused: dict[str, int] = {}
    """By reason: malformed, invalid, too_large, superseded, too_many_agents, too_many_nodes."""
    last_refusal: str = ""
    """The latest of them as a sentence, with who sent it."""
    agents_lost: int = 0
    frames: int = 0
    frame_bytes: int = 0
    frames_sent: int = 0
    slow_watchers: int = 0
    """Watchers that got a reset as they read too slowly."""
    controls: int = 0
    controls_refused: int = 0
    controls_failed: int = 0
    bus_sent: int = 0
    bus_received: int = 0
    bus_dropped: int = 0
    """Reports that the bus could not pass on, or brought faster than they were taken."""
    bus_errors: int = 0
    remote_write_sent: int = 0
    """Samples that the store took, and those that it refused or that had no room."""
    remote_write_refused: int = 0
    remote_write_dropped: int = 0
    remote_write_errors: int = 0
    """Messages that were not taken; most are sent again."""
    remote_write_problem: str = ""
    """The latest of them as a sentence."""
    history_bytes_written: int = 0
    history_errors: int = 0

    def refuse(self, reason: str, sentence: str) -> None:
        """Count a report that was not taken."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        self.last_refusal = sentence[:500]
