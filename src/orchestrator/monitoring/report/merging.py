"""What becomes of a node that several probes report: a pod, a service, an image, an app.

Everything that any of them says is kept; where they contradict each other, the later report is
right. So the order in which reports are merged does not matter, as long as their times differ.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.monitoring.report.model import Node


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
    """The newer ones first: it is along the first that views fold."""
    return list(dict.fromkeys([*after, *before]))
