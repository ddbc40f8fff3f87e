"""What a process or container belongs to, up to the host: the ids by which views fold it.

Within one report a process names its container, the container its image, pod or task. What lies
above pods and tasks (a service, a Marathon app) is often told by another probe and is climbed to
when a view asks for it (``climb``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.monitoring.report.keys import IMAGE
from orchestrator.monitoring.report.model import Node, Report, Topology

Lineage = Mapping[str, str]
"""Topology to id, with ``NAME`` for the name of a process and ``PSEUDO`` for what is no node."""

NAME = "name"
PSEUDO = "pseudo"
_LOCAL: tuple[Topology, ...] = ("process", "container", "image", "host")
_DEPTH = 5  # process, container, pod, replica set, deployment


class Local:
    """What one report says of its own processes and containers.

    Lineages are made once, and those of ``before`` go on where nothing in them can have changed:
    the same lineage is then the same object in every report, which makes comparing them free.
    """

    def __init__(self, report: Report, before: Local | None = None) -> None:
        self.host = report.host_id
        self.processes = {node.id: node for node in report.nodes.get("process", ())}
        self.containers = {node.id: node for node in report.nodes.get("container", ())}
        self.is_same = before is not None and before._is_like(self)
        """Whether all lineages are those of the report before."""
        self._processes: dict[str, Lineage]
        self._containers: dict[str, Lineage]
        if before is not None and self.is_same:
            self._processes, self._containers = before._processes, before._containers
        else:
            self._processes, self._containers = {}, {}
            if before is not None and before.host == self.host:
                self._go_on(before)

    def process(self, id: str) -> Lineage:
        """Of a process; one that is not in the report belongs to the host, no more is known."""
        found = self._processes.get(id)
        if found is None:
            found = self._processes[id] = self._of_process(id)
        return found

    def container(self, id: str) -> Lineage:
        """Of a container; the same holds."""
        found = self._containers.get(id)
        if found is None:
            found = self._containers[id] = self._of_container(id)
        return found

    def _go_on(self, before: Local) -> None:
        """With the lineages of what is told by the very nodes of before."""
        for id, container in self.containers.items():
            if container is before.containers.get(id) and id in before._containers:
                self._containers[id] = before._containers[id]
        for id, process in self.processes.items():
            if process is before.processes.get(id) and id in before._processes:
                container_id = next(iter(process.parents.get("container", ())), "")
                if self.containers.get(container_id) is before.containers.get(container_id):
                    self._processes[id] = before._processes[id]

    def _is_like(self, after: Local) -> bool:
        return (
            self.host == after.host
            and _are_alike(self.processes, after.processes)
            and _are_alike(self.containers, after.containers)
        )

    def _of_process(self, id: str) -> Lineage:
        node = self.processes.get(id)
        if node is None:
            return {"host": self.host}
        found = {"process": id, NAME: node.label or id, "host": self.host}
        _add_parents(found, node)
        container = self.containers.get(found.get("container", ""))
        if container is not None:
            _add_container(found, container)
        else:
            found.pop("container", None)
        return found

    def _of_container(self, id: str) -> Lineage:
        node = self.containers.get(id)
        if node is None:
            return {"host": self.host}
        found = {"container": id, "host": self.host}
        _add_container(found, node)
        return found

    def end(self, process: str, container: str) -> Lineage | None:
        """Of one end of a connection, by whichever is known; None if neither is."""
        if process:
            found = self.process(process)
            if container and "container" not in found:
                return {**self.container(container), **found}
            return found
        return self.container(container) if container else None


def _are_alike(before: Mapping[str, Node], after: Mapping[str, Node]) -> bool:
    """Whether lineages made of the one are those of the other."""
    if before.keys() != after.keys():
        return False
    return all(
        node.parents == (old := before[id]).parents
        and node.label == old.label
        and node.latest.get(IMAGE) == old.latest.get(IMAGE)
        for id, node in after.items()
    )


def _add_container(found: dict[str, str], node: Node) -> None:
    _add_parents(found, node)
    if image := node.latest.get(IMAGE):
        found.setdefault("image", image)


def _add_parents(found: dict[str, str], node: Node) -> None:
    for topology, ids in node.parents.items():
        if ids:
            found.setdefault(topology, ids[0])


def climb(
    lineage: Lineage, wanted: Topology, find: Callable[[str, str], Node | None]
) -> str | None:
    """The id of the nearest node of a topology above a lineage; None if nobody reports one.

    ``find(topology, id)`` gives nodes that any probe reported.
    """
    level = dict(lineage)
    for _ in range(_DEPTH):
        if wanted in level:
            id = level[wanted]
            return id if find(wanted, id) is not None else None
        above: dict[str, str] = {}
        for topology, id in level.items():
            node = find(topology, id) if topology not in _LOCAL else None
            if node is not None:
                _add_parents(above, node)
        if not above:
            return None
        level = above
    return None
