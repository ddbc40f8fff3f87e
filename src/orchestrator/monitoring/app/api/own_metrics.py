"""The app's own metrics, for /metrics."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric

from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.monitoring.report.model import TOPOLOGIES
from orchestrator.runtime.metrics import counter, gauge, labelled_counter, labelled_gauge

_PREFIX = "orchestrator_app_"
_COUNTERS = {
    "reports": "Reports taken.",
    "report_bytes": "Bytes of reports taken, as they came.",
    "late_reports": "Reports older than what was there.",
    "duplicate_reports": "Reports that were there already.",
    "agents_lost": "Probes given up as silent.",
    "frames": "Frames written for those who watch.",
    "frame_bytes": "Bytes of these.",
    "frames_sent": "Frames sent, one for each who watches.",
    "slow_watchers": "Resets for watchers that read too slowly.",
    "controls": "Controls asked of probes.",
    "controls_refused": "Controls not allowed.",
    "controls_failed": "Controls that probes could not carry out.",
    "bus_sent": "Reports passed on to other replicas.",
    "bus_received": "Reports of other replicas.",
    "bus_dropped": "Reports that could not be passed on or taken in time.",
    "bus_errors": "Failures of the bus.",
    "remote_write_sent": "Samples that the store of series took.",
    "remote_write_refused": "Samples that it refused.",
    "remote_write_dropped": "Samples that waited for it too long.",
    "remote_write_errors": "Messages that it did not take.",
    "history_bytes_written": "Bytes of history written.",
    "history_errors": "Failures to read or write history.",
}


def read(monitor: Monitor) -> Iterable[Metric]:
    """All families."""
    counts, ring = monitor.counts, monitor.archive.ring
    for name, text in _COUNTERS.items():
        yield counter(_PREFIX + name, text, getattr(counts, name))
    refused = [((reason,), float(count)) for reason, count in counts.refused.items()]
    yield labelled_counter(_PREFIX + "refused_reports", "Reports refused.", ("reason",), refused)
    yield gauge(_PREFIX + "agents", "Probes that report.", len(monitor.roster))
    is_connected = monitor.link is not None and monitor.link.is_ready
    yield gauge(_PREFIX + "bus_connected", "Whether there is a bus.", float(is_connected))
    waiting = monitor.forwarder.backlog.samples if monitor.forwarder is not None else 0
    yield gauge(_PREFIX + "remote_write_waiting", "Samples that wait to be sent.", waiting)
    yield gauge(_PREFIX + "control_channels", "Probes that controls reach.", len(monitor.hub))
    nodes = [((name,), float(len(monitor.picture.words(name)))) for name in TOPOLOGIES]
    yield labelled_gauge(_PREFIX + "nodes", "Nodes known.", ("topology",), nodes)
    yield gauge(_PREFIX + "series", "Series in memory.", ring.series)
    yield counter(_PREFIX + "series_dropped", "Values without room in memory.", ring.dropped)
    yield gauge(_PREFIX + "watchers", "WebSockets that watch views.", monitor.watching.watchers)
