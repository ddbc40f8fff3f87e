"""What is refused, and why: one sentence for each rule, so that whoever wrote the probe can act.

Lengths of single fields are checked while a report is read (``model``); here is what needs several
fields, the time, or a count over all of it.
"""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite

import msgspec

from orchestrator.monitoring.report.model import VERSION, Connection, Node, Report, Topology


class ReportError(ValueError):
    """The report is refused; the text is one sentence."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one report may cost."""

    max_bytes: int = 8 * 1024 * 1024  # as it travels
    max_unpacked_bytes: int = 32 * 1024 * 1024  # after decompression
    max_nodes: int = 20_000
    max_connections: int = 20_000
    max_names: int = 10_000
    max_ahead_s: float = 60.0  # of the app's clock
    max_age_s: float = 3600.0  # what is older is no news, and no series has room for it


def check(report: Report, now: float, limits: Limits) -> None:
    """Raise ReportError unless the report can be used."""
    check_head(report, now, limits)
    check_body(report)


def check_head(report: Report, now: float, limits: Limits) -> None:
    """Whose it is, of when and how large. Raises ReportError."""
    if report.version != VERSION:
        raise ReportError(
            f"the report has version {report.version} and this app reads {VERSION}: "
            "use a probe and an app of the same release"
        )
    for name, moment in (
        ("taken_at", report.taken_at),
        ("instance_started_at", report.instance_started_at),
    ):
        if not isfinite(moment):
            raise ReportError(f"{name} is not a time")
        if moment > now + limits.max_ahead_s:
            raise ReportError(
                f"{name} is {moment - now:.0f} s in the future by the app's clock: "
                "set the clocks of both machines"
            )
    if report.taken_at < now - limits.max_age_s:
        raise ReportError(f"the report is {now - report.taken_at:.0f} s old, too old to be used")
    if not report.host_id.isprintable():
        raise ReportError(f"the host id {report.host_id!r} has characters that cannot be shown")
    if all(node.id != report.host_id for node in report.nodes.get("host", ())):
        raise ReportError(f"the host {report.host_id!r} itself is not among the hosts it reports")
    _check_sizes(report, limits)


def check_body(
    report: Report, *, known: Collection[Topology] = (), are_ends_known: bool = False
) -> None:
    """What is in it. Raises ReportError.

    Topologies that are ``known`` have the nodes of a report that was checked, and so may the
    connections have the ends of one: of these only what is measured is looked at.
    """
    for topology, nodes in report.nodes.items():
        if topology not in known:
            _check_ids(topology, nodes)
        _check_metrics(topology, nodes)
    if not are_ends_known:
        _check_ends(report.connections)
    _check_times(report.connections)


def _check_sizes(report: Report, limits: Limits) -> None:
    for what, count, limit in (
        ("nodes", sum(map(len, report.nodes.values())), limits.max_nodes),
        ("connections", len(report.connections), limits.max_connections),
        ("names", len(report.names), limits.max_names),
    ):
        if count > limit:
            raise ReportError(f"the report has {count} {what}, and {limit} are allowed")


def _check_ids(topology: Topology, nodes: list[Node]) -> None:
    """All at once, as nearly every report is right; only a wrong one is looked at one by one."""
    ids = [node.id for node in nodes]
    if not "".join(ids).isprintable():
        id = next(id for id in ids if not id.isprintable())
        raise ReportError(f"the {topology} id {id!r} has characters that cannot be shown")
    if len(set(ids)) != len(ids):
        raise ReportError(f"a {topology} id is in the report twice")


def _check_metrics(topology: Topology, nodes: list[Node]) -> None:
    for node in nodes:
        if node.metrics and not all(map(isfinite, node.metrics.values())):
            raise ReportError(f"a metric of the {topology} {node.id!r} is not a finite number")


def _check_ends(connections: list[Connection]) -> None:
    ends = [end for one in connections for end in (one.source, one.target)]
    if not "".join(ends).isprintable():
        end = next(end for end in ends if not end.isprintable())
        raise ReportError(f"a connection's end {end!r} has characters that cannot be shown")


def _check_times(connections: list[Connection]) -> None:
    for one in connections:
        if one.rtt_ms is not None and not isfinite(one.rtt_ms):
            raise ReportError(f"rtt_ms of a connection to {one.target!r} is not finite")
