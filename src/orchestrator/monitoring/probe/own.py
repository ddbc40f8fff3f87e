"""What the probe uses itself and what becomes of its reports, for heartbeats and /metrics."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import msgspec

from orchestrator.monitoring.probe.publishing.publisher import Own, Publisher

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_P = "orchestrator_probe_"


class Meter:
    """Measures this process between two readings."""

    def __init__(self) -> None:
        self._read_at, self._used_s = time.monotonic(), _used_s()

    def read(self) -> Own:
        """Since the reading before."""
        now, used_s = time.monotonic(), _used_s()
        elapsed_s = max(now - self._read_at, 1e-3)
        percent = (used_s - self._used_s) / elapsed_s * 100
        self._read_at, self._used_s = now, used_s
        return Own(round(percent, 3), memory_bytes())


def memory_bytes() -> int:
    """Resident memory of this process."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


class Taken(msgspec.Struct):
    """Of the reports that were taken."""

    reports: int = 0
    seconds: float = 0.0
    """Of processor time, for looking; packing and sending not included."""
    nodes: int = 0
    connections: int = 0
    problems: int = 0
    at: float = 0.0


def health(publisher: Publisher) -> tuple[int, str, str]:
    """/health: the probe is well even while the app is away; it says so."""
    said = {
        "status": "ok",
        "registered": publisher.is_registered.is_set(),
        "backlog": len(publisher.backlog),
        "problem": publisher.counts.problem,
    }
    return 200, "application/json", msgspec.json.encode(said).decode()


def metrics(publisher: Publisher, taken: Taken) -> tuple[int, str, str]:
    """/metrics in Prometheus' text format."""
    counts, backlog = publisher.counts, publisher.backlog
    is_known = publisher.is_registered.is_set()
    rows: list[tuple[str, str, str, float]] = [
        (f"{_P}reports_taken_total", "counter", "Reports made.", taken.reports),
        (f"{_P}reports_sent_total", "counter", "Reports that the app took.", counts.sent),
        (f"{_P}reports_refused_total", "counter", "Reports that the app refused.", counts.refused),
        (f"{_P}reports_dropped_total", "counter", "Reports given up.", backlog.dropped),
        (f"{_P}backlog_reports", "gauge", "Reports that wait.", len(backlog)),
        (f"{_P}backlog_bytes", "gauge", "Their size.", backlog.bytes),
        (f"{_P}report_seconds_total", "counter", "Processor time for reports.", taken.seconds),
        (f"{_P}nodes", "gauge", "Nodes in the last report.", taken.nodes),
        (f"{_P}connections", "gauge", "Connections in the last report.", taken.connections),
        (f"{_P}problems", "gauge", "Problems in the last report.", taken.problems),
        (f"{_P}registered", "gauge", "1 if the app knows this probe.", is_known),
        ("process_cpu_seconds_total", "counter", "Processor time of this process.", _used_s()),
        ("process_resident_memory_bytes", "gauge", "Its resident memory.", memory_bytes()),
    ]
    lines = []
    for name, kind, text, value in rows:
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {float(value)}"]
    return 200, "text/plain; version=0.0.4", "\n".join(lines) + "\n"


def _used_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
