"""What goes over a connection, and over all connections between two nodes of a view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orchestrator.monitoring.report.kept import KeptReport

_MOST = 2**62


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


class Rates(NamedTuple):
    """What goes over the connections of one report, in their order."""

    connections: NDArray[np.float64]
    bytes_per_s: NDArray[np.float64]
    retransmits_per_s: NDArray[np.float64]
    rtt_ms: NDArray[np.float64]
    """NaN where it is not known."""


def rates_of(after: KeptReport, before: KeptReport | None) -> Rates:
    """Of one report. A counter that went back began anew: what it shows is since then.

    A connection that was not there before was opened in between, so all it carried is of now;
    only with nothing to compare at all (no report before, or none that is older) is no rate known.
    """
    counts, rtt_ms = after.counters
    connections = counts[0].astype(np.float64) + counts[1]
    elapsed_s = after.report.taken_at - before.report.taken_at if before is not None else 0.0
    if before is None or elapsed_s <= 0:
        zeros = np.zeros(len(connections))
        return Rates(connections, zeros, zeros, rtt_ms)
    now, old = counts[2:], _counted(before, after)
    grown = np.where(now >= old, now - old, now).astype(np.float64) / elapsed_s
    return Rates(connections, grown[0] + grown[1], grown[2], rtt_ms)


def _counted(before: KeptReport, after: KeptReport) -> NDArray[np.int64]:
    """What was counted before of the connections of now; 0 where they were not."""
    old = before.counters.counts[2:]
    if after.ends is before.ends:
        return old
    positions = {ends: n for n, ends in enumerate(before.ends.rows())}
    padded = np.concatenate((old, np.zeros((3, 1), np.int64)), axis=1)
    return padded[:, [positions.get(ends, -1) for ends in after.ends.rows()]]


def joined(every: Sequence[Rates]) -> Rates:
    """Those of several reports, one after the other."""
    return Rates(*map(np.concatenate, zip(*every, strict=True)))


def sums(rates: Rates, index: NDArray[np.intp], size: int) -> list[Flow]:
    """The connections added up: ``index`` says into which of ``size`` sums each goes."""
    times = rates.rtt_ms
    weights = np.where(np.isnan(times), 0.0, np.maximum(rates.connections, 1.0))
    timed = np.bincount(index, weights, size)
    with np.errstate(over="ignore"):
        weighted = np.bincount(index, np.where(weights > 0, times, 0.0) * weights, size)
    rtt_ms = np.where(timed > 0, weighted / np.maximum(timed, 1.0), -1.0)
    columns = (
        np.minimum(np.bincount(index, rates.connections, size), _MOST).astype(np.int64).tolist(),
        np.bincount(index, rates.bytes_per_s, size).tolist(),
        np.bincount(index, rates.retransmits_per_s, size).tolist(),
        rtt_ms.tolist(),
    )
    return list(map(Flow, *columns))
