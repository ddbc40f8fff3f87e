"""What has changed from one report of a probe to the next, without what is measured.

History keeps these: a machine's processes and connections change little in 15 s, its metrics always
do and are kept as series. ``applied(before, change_between(before, after))`` is ``after`` without
what is measured, in order (``bare``).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.monitoring.report.kept import KeptReport, OneEnds, is_alike
from orchestrator.monitoring.report.model import Connection, Node, Report, Topology, Wire


class Change(Wire, frozen=True):
    """From one report to the next of the same probe."""

    head: Report
    """The later report without nodes and connections."""
    is_whole: bool = False
    """Whether nothing was there before."""
    nodes: dict[Topology, list[Node]] = {}
    """New or different ones, without metrics."""
    gone_nodes: dict[Topology, list[str]] = {}
    connections: list[Connection] = []
    """New ones, without what is counted."""
    gone_connections: list[Connection] = []


def _bare_node(node: Node) -> Node:
    """A node without its metrics."""
    return replace(node, metrics={}) if node.metrics else node


def bare_connection(connection: Connection) -> Connection:
    """A connection without what is counted."""
    return replace(
        connection, count=1, closed=0, bytes_sent=0, bytes_received=0, retransmits=0, rtt_ms=None
    )


def bare(report: Report) -> Report:
    """A report without what is measured, its nodes and connections once each and in order."""
    return replace(
        report,
        nodes={
            topology: sorted(map(_bare_node, nodes), key=lambda node: node.id)
            for topology, nodes in sorted(report.nodes.items())
            if nodes
        },
        connections=_ordered(map(bare_connection, report.connections)),
    )


def change_between(before: KeptReport | None, after: KeptReport) -> Change:
    """What ``applied`` needs to know; without ``before``, everything.

    ``after`` is either kept instead of ``before``, or another probe's.
    """
    change = Change(head=replace(after.report, nodes={}), is_whole=before is None)
    if before is None:
        nodes = {topology: nodes for topology, nodes in after.report.nodes.items() if nodes}
        return replace(change, nodes=nodes, connections=_of(after.ends.rows()))
    for topology in after.changed:
        old = {node.id: node for node in before.report.nodes.get(topology, ())}
        new = after.report.nodes.get(topology, [])
        changed = [node for node in new if node.id not in old or not is_alike(old[node.id], node)]
        if changed:
            change.nodes[topology] = changed
        if gone := old.keys() - {node.id for node in new}:
            change.gone_nodes[topology] = sorted(gone)
    if after.ends is before.ends:
        return change
    old_ends, new_ends = set(before.ends.rows()), set(after.ends.rows())
    return replace(
        change,
        connections=_of(new_ends - old_ends),
        gone_connections=_of(old_ends - new_ends),
    )


def applied(before: Report | None, change: Change) -> Report:
    """The report after the change, as ``bare`` gives it."""
    if change.is_whole or before is None:
        before = replace(change.head, nodes={}, connections=[])
    nodes = {
        topology: {node.id: node for node in known} for topology, known in before.nodes.items()
    }
    for topology, gone in change.gone_nodes.items():
        for id in gone:
            nodes.get(topology, {}).pop(id, None)
    for topology, changed in change.nodes.items():
        nodes.setdefault(topology, {}).update({node.id: node for node in changed})
    ends = set(before.connections).difference(change.gone_connections).union(change.connections)
    return bare(
        replace(
            change.head,
            nodes={topology: list(known.values()) for topology, known in nodes.items()},
            connections=list(ends),
        )
    )


def _of(ends: Iterable[OneEnds]) -> list[Connection]:
    """Connections without what is counted."""
    return _ordered(Connection(*one) for one in ends)


def _ordered(connections: Iterable[Connection]) -> list[Connection]:
    return sorted(set(connections), key=lambda one: (one.source, one.target, repr(one)))
