"""What is measured as Prometheus knows it, whether it fetches or is sent it.

A metric ``cpu_percent`` of a container is ``orchestrator_container_cpu_percent`` with the labels
``id``, ``name``, ``host`` and, of containers, ``image``.
"""

from __future__ import annotations

import re

from orchestrator.monitoring.report import keys
from orchestrator.monitoring.report.model import Node

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")
Labels = dict[str, str]


def metric_name(topology: str, metric: str) -> str:
    """As Prometheus knows it."""
    return _NOT_IN_NAMES.sub("_", f"orchestrator_{topology}_{metric}")


def labels_of(topology: str, node: Node) -> Labels:
    """Of a node."""
    labels = {"id": node.id, "name": node.label or node.id}
    hosts = node.parents.get("host", ())
    if hosts:
        labels["host"] = hosts[0]
    if topology == "container" and (image := node.latest.get(keys.IMAGE)):
        labels["image"] = image
    return labels
