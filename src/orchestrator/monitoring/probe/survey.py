"""Makes one report of what all sources see."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import msgspec

from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Parts, Source
from orchestrator.monitoring.report import VERSION, Node, Report, Topology
from orchestrator.monitoring.report.merging import later
from orchestrator.monitoring.report.validity import Limits

logger = logging.getLogger(__name__)
_LIMITS = Limits()
_MAX_PROBLEMS = 64
_MAX_ID = 512
_MAX_NAMES = _LIMITS.max_names


class Identity(msgspec.Struct, frozen=True):
    """Who reports."""

    agent_id: str
    instance: str
    started_at: float
    host_id: str


class Survey:
    """All sources of a probe."""

    def __init__(self, identity: Identity, table: ProcessTable, sources: Sequence[Source]) -> None:
        self.identity = identity
        self.sources = tuple(sources)
        self.disabled: frozenset[str] = frozenset()
        """Sources that are not asked; as the app wants it."""
        self.interval_s = 15.0
        self.dropped = 0
        self._table = table
        self._number = 0

    def active(self) -> list[Source]:
        """Sources that are asked."""
        return [one for one in self.sources if one.name not in self.disabled]

    def take(self, now: float) -> Report:
        """The next report. A source that fails costs what it sees, no more."""
        everything = Parts()
        self._read_table(now, everything)
        for source in self.active():
            if source.reporter is not None:
                try:
                    everything.add(source.reporter.report(now))
                except Exception as error:
                    self._note(source, error, everything)
        for source in self.active():
            if source.tagger is not None:
                try:
                    source.tagger.tag(everything, now)
                except Exception as error:
                    self._note(source, error, everything)
        return self._report(everything, now)

    def _read_table(self, now: float, everything: Parts) -> None:
        try:
            self._table.refresh(now)
        except OSError as error:
            everything.problems.append(f"processes cannot be read: {error.strerror or error}")

    def _note(self, source: Source, error: Exception, everything: Parts) -> None:
        logger.exception("the source %s failed", source.name)
        everything.problems.append(f"the source {source.name} failed: {type(error).__name__}")

    def _report(self, everything: Parts, now: float) -> Report:
        self._number += 1
        identity = self.identity
        nodes = self._nodes(everything)
        connections = everything.connections
        if len(connections) > _LIMITS.max_connections:
            everything.problems.append(
                f"{len(connections)} connections are more than a report may have: "
                f"the first {_LIMITS.max_connections} are told"
            )
            connections = connections[: _LIMITS.max_connections]
        names = dict(list(everything.names.items())[:_MAX_NAMES])
        return Report(
            version=VERSION,
            agent_id=identity.agent_id,
            instance=identity.instance,
            instance_started_at=min(identity.started_at, now),  # the clock may be set back
            number=self._number,
            taken_at=now,
            host_id=identity.host_id,
            interval_s=self.interval_s,
            nodes=nodes,
            connections=connections,
            names=names,
            plugins=everything.plugins,
            problems=[text[:4096] for text in everything.problems[:_MAX_PROBLEMS]],
            dropped=self.dropped,
        )

    def _nodes(self, everything: Parts) -> dict[Topology, list[Node]]:
        """Within the limit of a report, the host always; too many processes go first."""
        nodes = {
            topology: _once_each(_named(topology, found, everything.problems))
            for topology, found in everything.nodes.items()
        }
        if not any(node.id == self.identity.host_id for node in nodes.get("host", ())):
            nodes.setdefault("host", []).append(Node(self.identity.host_id))
        excess = sum(map(len, nodes.values())) - _LIMITS.max_nodes
        if excess <= 0:
            return nodes
        everything.problems.append(
            f"{excess} nodes are more than a report may have: they are not told"
        )
        for topology in _by_size(nodes):
            left = max(len(nodes[topology]) - excess, 0)
            excess -= len(nodes[topology]) - left
            nodes[topology] = nodes[topology][:left]
        return nodes


def _named(topology: Topology, nodes: list[Node], problems: list[str]) -> list[Node]:
    """Those with ids that a report may have: for one that has not, all of it would be refused."""
    named = [node for node in nodes if 0 < len(node.id) <= _MAX_ID and node.id.isprintable()]
    if len(named) < len(nodes):
        count = len(nodes) - len(named)
        problems.append(f"{count} of the kind {topology} are not told: their ids cannot be shown")
    return named


def _once_each(nodes: list[Node]) -> list[Node]:
    """What several sources tell of one node, as one: a task's state and its app."""
    found = {node.id: node for node in nodes}
    if len(found) == len(nodes):
        return nodes
    found = {}
    for node in nodes:
        found[node.id] = later(found[node.id], node) if node.id in found else node
    return list(found.values())


def _by_size(nodes: dict[Topology, list[Node]]) -> Iterable[Topology]:
    others = [topology for topology in nodes if topology != "host"]
    return sorted(others, key=lambda topology: -len(nodes[topology]))
