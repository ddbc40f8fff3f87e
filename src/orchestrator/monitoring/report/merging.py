"""What becomes of a node that several probes report: a pod, a service, an image, an app.

Everything that any of them says is kept; where they contradict each other, the later report is
right. So the order in which reports are merged does not matter, as long as their times differ.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.monitoring.report.model import Node, Report, Topology

Nodes = dict[Topology, dict[str, Node]]


def merge(reports: Iterable[Report]) -> Nodes:
    """The nodes of all reports, by topology and id."""
    merged: Nodes = {}
    for report in sorted(reports, key=lambda report: (report.taken_at, report.agent_id)):
        for topology, nodes in report.nodes.items():
            known = merged.setdefault(topology, {})
            for node in nodes:
                known[node.id] = later(known[node.id], node) if node.id in known else node
    return merged


def later(before: Node, after: Node) -> Node:
    """One node of two that have the same id, of which the second is newer."""
    if before == after:
        return before
    return replace(
        after,
        label=after.label or before.label,
        latest={**before.latest, **after.latest},
        metrics={**before.metrics, **after.metrics},
        parents={
            topology: _united(before.parents.get(topology, []), after.parents.get(topology, []))
            for topology in {**before.parents, **after.parents}
        },
        labels={**before.labels, **after.labels},
        addresses=_united(before.addresses, after.addresses),
        controls=_united(before.controls, after.controls),
    )


def _united(before: list[str], after: list[str]) -> list[str]:
    return list(dict.fromkeys([*before, *after]))
