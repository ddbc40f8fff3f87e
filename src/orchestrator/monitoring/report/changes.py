"""What has changed from one report of a probe to the next, without what is measured.

History keeps these: a machine's processes and connections change little in 15 s, its metrics always
do and are kept as series. ``applied(before, change_between(before, after))`` is ``after`` without
what is measured (``bare``).
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.monitoring.report.model import Connection, Node, Report, Topology, Wire


class Change(Wire, frozen=True):
    """From one report to the next of the same probe."""

    head: Report
    """The later report without nodes and connections."""
    nodes: dict[Topology, list[Node]] = {}
    """New or different ones, without metrics."""
    gone_nodes: dict[Topology, list[str]] = {}
    connections: list[Connection] = []
    """New ones, without what is counted."""
    gone_connections: list[Connection] = []


def bare_node(node: Node) -> Node:
    """A node without its metrics."""
    return replace(node, metrics={}) if node.metrics else node


def bare_connection(connection: Connection) -> Connection:
    """A connection without what is counted."""
    return Connection(
        source=connection.source,
        target=connection.target,
        protocol=connection.protocol,
        source_process=connection.source_process,
        target_process=connection.target_process,
        source_container=connection.source_container,
        target_container=connection.target_container,
    )


def bare(report: Report) -> Report:
    """A report without what is measured, its nodes and connections in order of their ids."""
    nodes = {topology: _by_id(nodes) for topology, nodes in report.nodes.items() if nodes}
    return replace(
        report,
        nodes={topology: list(known.values()) for topology, known in sorted(nodes.items())},
        connections=list(_bare_connections(report.connections)),
    )


def change_between(before: Report | None, after: Report) -> Change:
    """What ``applied`` needs to know; without ``before``, everything."""
    change = Change(head=replace(after, nodes={}, connections=[]))
    for topology in {**(before.nodes if before else {}), **after.nodes}:
        old = _by_id(before.nodes.get(topology, [])) if before else {}
        new = _by_id(after.nodes.get(topology, []))
        if changed := [node for id, node in new.items() if old.get(id) != node]:
            change.nodes[topology] = changed
        if gone := [id for id in old if id not in new]:
            change.gone_nodes[topology] = gone
    old_ends = _bare_connections(before.connections) if before else {}
    new_ends = _bare_connections(after.connections)
    return replace(
        change,
        connections=[one for one in new_ends if one not in old_ends],
        gone_connections=[one for one in old_ends if one not in new_ends],
    )


def applied(before: Report | None, change: Change) -> Report:
    """The report after the change, as ``bare`` gives it."""
    nodes = {
        topology: _by_id(nodes) for topology, nodes in (before.nodes if before else {}).items()
    }
    for topology, gone in change.gone_nodes.items():
        for id in gone:
            nodes.get(topology, {}).pop(id, None)
    for topology, changed in change.nodes.items():
        nodes.setdefault(topology, {}).update({node.id: node for node in changed})
    ends = _bare_connections(before.connections) if before else {}
    for one in change.gone_connections:
        ends.pop(one, None)
    ends.update(dict.fromkeys(change.connections))
    return bare(
        replace(
            change.head,
            nodes={topology: list(known.values()) for topology, known in nodes.items()},
            connections=list(ends),
        )
    )


def _by_id(nodes: list[Node]) -> dict[str, Node]:
    return {node.id: bare_node(node) for node in sorted(nodes, key=lambda node: node.id)}


def _bare_connections(connections: list[Connection]) -> dict[Connection, None]:
    """Their ends, in order and once each: what is counted is no part of what they are."""
    ends = {bare_connection(one) for one in connections}
    return dict.fromkeys(sorted(ends, key=lambda one: (one.source, one.target, repr(one))))
