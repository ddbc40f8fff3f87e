"""The syncs in Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily, Metric

from orchestrator.migration.adapters.lags import BOUNDS_S
from orchestrator.migration.adapters.sync import Sync, SyncStatus
from orchestrator.migration.adapters.syncs import Syncs
from orchestrator.migration.core.progress import SideStatus, Status
from orchestrator.runtime.metrics import Labels, labelled_counter, labelled_gauge

_P = "zk_migrate_sync_"
Samples = list[tuple[Labels, float]]


def read(syncs: Syncs) -> Iterable[Metric]:
    """All figures of all syncs that run; ``up`` of all that there are."""
    up = [((each.spec.name,), float(each.current is not None)) for each in syncs]
    yield labelled_gauge(f"{_P}up", "Whether the sync runs.", ("sync",), up)
    running = [each.current for each in syncs if each.current is not None]
    shown = [(each, each.status()) for each in running]
    statuses = [(each, status.status) for each, status in shown]
    yield from _whole(statuses)
    yield from _sides(statuses)
    yield _lag(running)
    yield from _verified(shown)
    alerts = [
        ((each.spec.name, problem), float(n))
        for each in running
        for problem, n in each.alerts.counts.items()
    ]
    yield labelled_counter(f"{_P}alerts", "Alerts, by problem.", ("sync", "problem"), alerts)
    lost = [((each.spec.name,), float(each.alerts.undelivered)) for each in running]
    name = f"{_P}alerts_undelivered"
    yield labelled_counter(name, "Alerts that the webhook did not take.", ("sync",), lost)


def _whole(statuses: list[tuple[Sync, Status]]) -> Iterable[Metric]:
    def of(value: str) -> Samples:
        return [((sync.spec.name,), float(getattr(s, value))) for sync, s in statuses]

    yield labelled_gauge(f"{_P}queue", "Paths that wait or are under way.", ("sync",), of("queue"))
    yield labelled_gauge(
        f"{_P}lag_seconds_now", "How long the oldest change waits.", ("sync",), of("lag_s")
    )
    yield labelled_gauge(f"{_P}equal", "Whether both sides' sums agree.", ("sync",), of("is_equal"))
    yield labelled_gauge(
        f"{_P}conflicts_held", "Conflicts that wait for a person.", ("sync",), of("held")
    )
    yield labelled_counter(f"{_P}conflicts", "Conflicts found.", ("sync",), of("conflicts"))
    yield labelled_gauge(
        f"{_P}memory_bytes", "Data kept until it is copied.", ("sync",), of("memory_bytes")
    )


def _sides(statuses: list[tuple[Sync, Status]]) -> Iterable[Metric]:
    def of(value: str) -> Samples:
        return [
            ((sync.spec.name, name), float(getattr(side, value)))
            for sync, status in statuses
            for name, side in _named(status)
        ]

    labels = ("sync", "side")
    yield labelled_gauge(f"{_P}nodes", "Nodes that are synced.", labels, of("nodes"))
    yield labelled_gauge(f"{_P}in_flight", "Batches under way.", labels, of("in_flight"))
    for name, text in (
        ("written", "Paths written to the side."),
        ("batches", "Batches sent to it."),
        ("refused", "Batches that it refused."),
        ("lost", "Batches of which nobody knew at first whether they were applied."),
    ):
        yield labelled_counter(f"{_P}{name}", text, labels, of(name))


def _verified(shown: list[tuple[Sync, SyncStatus]]) -> Iterable[Metric]:
    found = [((sync.spec.name,), s.verified) for sync, s in shown if s.verified is not None]
    yield labelled_gauge(
        f"{_P}verified_timestamp_seconds", "When both sides were last read afresh.", ("sync",),
        [(labels, verified.at) for labels, verified in found],
    )  # fmt: skip
    yield labelled_gauge(
        f"{_P}verified_differences", "Paths that differed then.", ("sync",),
        [(labels, float(verified.differing)) for labels, verified in found],
    )  # fmt: skip


def _named(status: Status) -> tuple[tuple[str, SideStatus], tuple[str, SideStatus]]:
    return ("A", status.a), ("B", status.b)


def _lag(running: list[Sync]) -> Metric:
    family = HistogramMetricFamily(
        f"{_P}lag_seconds", "From hearing of a change to its being written.", labels=("sync",)
    )
    for sync in running:
        counts = list(accumulate(sync.lags.buckets))
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        buckets = list(zip(bounds, map(float, counts), strict=True))
        family.add_metric((sync.spec.name,), buckets, sync.lags.sum_s)
    return family
