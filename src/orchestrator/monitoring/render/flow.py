"""What goes over a connection, and over all connections between two nodes of a view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.monitoring.report.model import Connection, Report

Ends = tuple[str, str, str, str, str, str, str]
Counters = dict[Ends, Connection]
"""The connections of a report by what makes them different."""


class Flow(NamedTuple):
    """Sums over connections; rates are over the time between two reports, 0 in the first."""

    connections: int = 0
    bytes_per_s: float = 0.0
    """Both directions."""
    retransmits_per_s: float = 0.0
    rtt_ms: float = -1.0
    """The mean over connections of which it is known; -1 if of none."""


def total(flows: Iterable[Flow]) -> Flow:
    """All of them as one."""
    connections, bytes_per_s, retransmits_per_s, weighted_ms, timed = 0, 0.0, 0.0, 0.0, 0
    for flow in flows:
        connections += flow.connections
        bytes_per_s += flow.bytes_per_s
        retransmits_per_s += flow.retransmits_per_s
        if flow.rtt_ms >= 0:
            weight = max(flow.connections, 1)
            weighted_ms += flow.rtt_ms * weight
            timed += weight
    rtt_ms = weighted_ms / timed if timed else -1.0
    return Flow(connections, bytes_per_s, retransmits_per_s, rtt_ms)


def ends_of(one: Connection) -> Ends:
    """What makes it a different connection from another one."""
    return (
        one.source,
        one.target,
        one.protocol,
        one.source_process,
        one.target_process,
        one.source_container,
        one.target_container,
    )


def counters_of(report: Report) -> Counters:
    """What the next report is to be compared with."""
    return {ends_of(one): one for one in report.connections}


def flow_of(one: Connection, before: Counters, elapsed_s: float) -> Flow:
    """Of one connection. A counter that went back began anew: what it shows is since then.

    A connection that was not there before was opened in between, so all it carried is of now;
    only with nothing to compare at all (``elapsed_s`` 0) is no rate known.
    """
    rtt_ms = -1.0 if one.rtt_ms is None else one.rtt_ms
    count = one.count + one.closed
    if elapsed_s <= 0:
        return Flow(count, 0.0, 0.0, rtt_ms)
    old = before.get(ends_of(one))
    sent, received, retransmits = (
        (old.bytes_sent, old.bytes_received, old.retransmits) if old is not None else (0, 0, 0)
    )
    return Flow(
        count,
        (_grown(one.bytes_sent, sent) + _grown(one.bytes_received, received)) / elapsed_s,
        _grown(one.retransmits, retransmits) / elapsed_s,
        rtt_ms,
    )


def _grown(now: int, before: int) -> int:
    return now - before if now >= before else now
