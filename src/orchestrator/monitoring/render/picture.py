"""All that is known now: the latest report of each probe, merged.

``put`` and ``remove`` take a report in and out; what they touch is found again by the views
(``live``), which compare what they have seen with ``seen``. Costs of a report are in proportion to
the report, not to the number of probes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.monitoring.render import ends
from orchestrator.monitoring.render.flow import Ends, Flow, counters_of, ends_of, flow_of
from orchestrator.monitoring.render.lineage import Lineage, Local
from orchestrator.monitoring.render.merged import Merged
from orchestrator.monitoring.report.merging import later
from orchestrator.monitoring.report.model import Connection, Node, Report, Topology

_OF_ONE_HOST = frozenset({"host", "process", "container", "image", "endpoint"})


class Link(NamedTuple):
    """A connection with both ends found."""

    source: Lineage
    target: Lineage
    flow: Flow


Both = tuple[Lineage, Lineage] | None
"""Source and target of a connection; None if it is told by the probe at its other end."""


class Seen(NamedTuple):
    """A report with its connections' ends; a new object whenever either has changed."""

    report: Report
    local: Local
    links: list[Link]
    ends: Mapping[Ends, Both]


class Picture:
    """What all probes see."""

    def __init__(self) -> None:
        self.structure = 0
        """Grows whenever what lies above containers and processes is put together differently."""
        self._reports: dict[str, Report] = {}
        self._locals: dict[str, Local] = {}
        self._flows: dict[str, list[Flow]] = {}
        self._nodes: dict[str, Merged[str, Node]] = {}
        self._index = ends.Index()
        self._seen: dict[str, Seen] = {}
        self._unread: set[str] = set()  # a report is new
        self._stale: set[str] = set()  # an answer of the index may be another one

    @property
    def reports(self) -> Mapping[str, Report]:
        """The latest report of each probe."""
        return self._reports

    def nodes(self, topology: str) -> Mapping[str, Node]:
        """Everything reported of one kind, merged."""
        merged = self._nodes.get(topology)
        return merged.values if merged is not None else {}

    def find(self, topology: str, id: str) -> Node | None:
        """One node, merged."""
        return self.nodes(topology).get(id)

    def seen(self) -> Mapping[str, Seen]:
        """The reports with the ends of their connections, as of now."""
        for agent in (self._unread | self._stale) & self._reports.keys():
            self._seen[agent] = self._resolved(agent)
        self._unread.clear()
        self._stale.clear()
        return self._seen

    def put(self, report: Report) -> None:
        """Take in a report, instead of the one before of the same probe."""
        agent = report.agent_id
        before = self._reports.get(agent)
        local = Local(report, self._locals.get(agent))
        self._flows[agent] = _flows(before, report)
        self._reports[agent] = report
        self._locals[agent] = local
        self._keep_nodes(agent, before, report)
        self._stale |= self._index.put(agent, ends.entries_of(report, local))
        self._unread.add(agent)
        if not local.is_same:
            self._stale.add(agent)

    def remove(self, agent: str) -> None:
        """Forget a probe and all that only it has seen."""
        before = self._reports.pop(agent, None)
        if before is None:
            return
        self._keep_nodes(agent, before, None)
        self._stale |= self._index.put(agent, {})
        self._index.forget_questions(agent)
        del self._locals[agent], self._flows[agent]
        self._seen.pop(agent, None)

    def _keep_nodes(self, agent: str, before: Report | None, after: Report | None) -> None:
        old = before.nodes if before is not None else {}
        new = after.nodes if after is not None else {}
        for topology in {**old, **new}:
            merged = self._nodes.get(topology)
            if merged is None:
                merged = self._nodes[topology] = Merged(self._combine)
            olds = [node.id for node in old.get(topology, ())]
            news = {node.id: node for node in new.get(topology, ())}
            if topology in _OF_ONE_HOST:
                merged.put(agent, olds, news)
            else:
                self._keep_structure(merged, agent, olds, news)

    def _keep_structure(
        self, merged: Merged[str, Node], agent: str, olds: list[str], news: dict[str, Node]
    ) -> None:
        touched = {*olds, *news}
        before = {id: _parents(merged.values.get(id)) for id in touched}
        merged.put(agent, olds, news)
        if any(_parents(merged.values.get(id)) != before[id] for id in touched):
            self.structure += 1

    def _combine(self, shares: Mapping[str, Node]) -> Node:
        """Later reports are right."""
        nodes = sorted(shares.items(), key=lambda share: (self._taken_at(share[0]), share[0]))
        combined = nodes[0][1]
        for _, node in nodes[1:]:
            combined = later(combined, node)
        return combined

    def _taken_at(self, agent: str) -> float:
        report = self._reports.get(agent)
        return report.taken_at if report is not None else 0.0

    def _resolved(self, agent: str) -> Seen:
        """With the ends that were found for the report before, where they are still right."""
        report, local = self._reports[agent], self._locals[agent]
        before = self._seen.get(agent)
        known = {} if before is None or agent in self._stale else before.ends
        if not known:
            self._index.forget_questions(agent)
        found: dict[Ends, Both] = {}
        links = []
        for one, flow in zip(report.connections, self._flows[agent], strict=True):
            key = ends_of(one)
            both = known[key] if key in known else self._both(agent, local, one)
            found[key] = both
            if both is not None:
                links.append(Link(*both, flow))
        return Seen(report, local, links, found)

    def _both(self, agent: str, local: Local, one: Connection) -> Both:
        source = local.end(one.source_process, one.source_container)
        target = local.end(one.target_process, one.target_container)
        if source is None:
            if ends.is_known(self._index, agent, one.source):
                return None  # the probe over there tells it
            source = ends.outside(one.source, ends.IN)
        if target is None:
            target = self._index.behind(agent, one.target) or ends.outside(one.target, ends.OUT)
        return source, target


def _flows(before: Report | None, after: Report) -> list[Flow]:
    elapsed_s = after.taken_at - before.taken_at if before is not None else 0.0
    known = counters_of(before) if before is not None else {}
    return [flow_of(one, known, elapsed_s) for one in after.connections]


def _parents(node: Node | None) -> dict[Topology, list[str]] | None:
    return node.parents if node is not None else None
