"""All that is known now: the latest report of each probe, merged.

``put`` and ``remove`` take a report in and out; what they touch is found again by the views
(``live``), which compare what they have seen with ``seen``. Costs of a report are in proportion to
what is new in it (``report.kept``), not to the number of probes: the ends of its connections, the
lineages of its processes and what it says in the index of ends are those of the report before as
long as nothing that they hang on has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple

from orchestrator.monitoring.render import ends
from orchestrator.monitoring.render.flow import Rates, rates_of
from orchestrator.monitoring.render.lineage import Lineage, Local
from orchestrator.monitoring.render.merged import Merged
from orchestrator.monitoring.report import ids
from orchestrator.monitoring.report.kept import KeptReport, OneEnds, keep, measured_nodes
from orchestrator.monitoring.report.merging import later
from orchestrator.monitoring.report.model import Node, Report, Topology

_OF_ONE_HOST = frozenset({"host", "process", "container", "image", "endpoint"})
_IN_LINEAGES = frozenset({"process", "container"})
_IN_INDEX = frozenset({"host", "process", "container", "pod", "service", "endpoint"})

Both = tuple[Lineage, Lineage] | None
"""Source and target of a connection; None if it is told by the probe at its other end."""


class Seen(NamedTuple):
    """A report with who is at its connections' ends; a new object whenever either has changed."""

    kept: KeptReport
    local: Local
    both: list[Both]
    """Of each connection; the same list as before if all ends are the same."""
    rates: Rates
    """In the order of ``both``."""


class Picture:
    """What all probes see."""

    def __init__(self) -> None:
        self.structure = 0
        """Grows whenever what lies above containers and processes is put together differently."""
        self._kept: dict[str, KeptReport] = {}
        self._locals: dict[str, Local] = {}
        self._rates: dict[str, Rates] = {}
        self._nodes: dict[str, Merged[str, Node]] = {}
        self._index = ends.Index()
        self._seen: dict[str, Seen] = {}
        self._unread: set[str] = set()  # a report is new
        self._stale: set[str] = set()  # an answer of the index may be another one

    @property
    def kept(self) -> Mapping[str, KeptReport]:
        """The latest report of each probe."""
        return self._kept

    def nodes(self, topology: Topology) -> dict[str, Node]:
        """Everything reported of one kind, merged.

        What is measured is joined to it when this is asked: who has no need of it asks ``words``.
        """
        metrics: dict[str, dict[str, float]] = {}
        for kept in sorted(self._kept.values(), key=_order):
            for id, measured in kept.metrics(topology).items():
                metrics.setdefault(id, {}).update(measured)
        nodes = measured_nodes(self.words(topology).values(), metrics)
        return {node.id: node for node in nodes}

    def words(self, topology: str) -> Mapping[str, Node]:
        """The same without what is measured."""
        merged = self._nodes.get(topology)
        return merged.values if merged is not None else {}

    def find(self, topology: str, id: str) -> Node | None:
        """One node, merged, without what is measured."""
        return self.words(topology).get(id)

    def seen(self) -> Mapping[str, Seen]:
        """The reports with the ends of their connections, as of now."""
        for agent in (self._unread | self._stale) & self._kept.keys():
            self._seen[agent] = self._resolved(agent)
        self._unread.clear()
        self._stale.clear()
        return self._seen

    def put(self, report: Report) -> KeptReport:
        """Take in a report, instead of the one before of the same probe."""
        kept = keep(report, self._kept.get(report.agent_id))
        self.follow(kept)
        return kept

    def follow(self, kept: KeptReport) -> None:
        """Take in a report that is kept instead of the one before of the same probe."""
        agent = kept.report.agent_id
        before, local = self._kept.get(agent), self._locals.get(agent)
        is_moved = before is not None and before.report.host_id != kept.report.host_id
        if local is None or is_moved or kept.changed & _IN_LINEAGES:
            local = Local(kept.report, local)
            if not local.is_same:
                self._stale.add(agent)
        self._kept[agent], self._locals[agent] = kept, local
        self._rates[agent] = rates_of(kept, before)
        self._keep_nodes(agent, before, kept)
        if before is None or is_moved or kept.changed & _IN_INDEX or kept.ends is not before.ends:
            self._stale |= self._index.put(agent, ends.entries_of(kept, local))
        self._unread.add(agent)

    def remove(self, agent: str) -> None:
        """Forget a probe and all that only it has seen."""
        before = self._kept.pop(agent, None)
        if before is None:
            return
        self._keep_nodes(agent, before, None)
        self._stale |= self._index.put(agent, {})
        self._index.forget_questions(agent)
        del self._locals[agent], self._rates[agent]
        self._seen.pop(agent, None)

    def _keep_nodes(self, agent: str, before: KeptReport | None, after: KeptReport | None) -> None:
        old = before.report.nodes if before is not None else {}
        new = after.report.nodes if after is not None else {}
        for topology in {**old, **new}:
            merged = self._nodes.get(topology)
            if merged is None:
                merged = self._nodes[topology] = Merged(self._combine, is_by_time=True)
            if after is not None and topology not in after.changed and not merged.is_contested:
                continue
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
        """Later reports are right. Most say the same, by the same object."""
        latest: dict[int, tuple[float, str]] = {}
        nodes: dict[int, Node] = {}
        for agent, node in shares.items():
            nodes[id(node)] = node
            at = (self._taken_at(agent), agent)
            latest[id(node)] = max(at, latest.get(id(node), at))
        return reduce(later, [nodes[key] for key in sorted(nodes, key=latest.__getitem__)])

    def _taken_at(self, agent: str) -> float:
        kept = self._kept.get(agent)
        return kept.report.taken_at if kept is not None else 0.0

    def _resolved(self, agent: str) -> Seen:
        """With the ends that were found for the report before, where they are still right."""
        kept, local, rates = self._kept[agent], self._locals[agent], self._rates[agent]
        before = self._seen.get(agent)
        is_right = before is not None and agent not in self._stale
        if before is not None and is_right and before.kept.ends is kept.ends:
            return Seen(kept, local, before.both, rates)
        known: dict[OneEnds, Both] = {}
        if before is not None and is_right:
            known = dict(zip(before.kept.ends.rows(), before.both, strict=True))
        else:
            self._index.forget_questions(agent)
        found = [
            known[one] if one in known else self._both(agent, local, one)
            for one in kept.ends.rows()
        ]
        return Seen(kept, local, found, rates)

    def _both(self, agent: str, local: Local, one: OneEnds) -> Both:
        source_id, target_id, protocol, *owners = one
        target_id = ids.of_protocol(target_id, protocol)
        source = local.end(owners[0], owners[2])
        target = local.end(owners[1], owners[3])
        if source is None:
            source = self._index.find(agent, ids.address_of(source_id))
            if source is None:
                source = ends.outside(source_id, ends.IN)
            elif target is not None or source.get("host") != local.host:
                return None  # the probe over there tells it
        if target is None:
            target = self._index.behind(agent, target_id) or ends.outside(target_id, ends.OUT)
        return source, target


def _order(kept: KeptReport) -> tuple[float, str]:
    """Later reports are right."""
    return kept.report.taken_at, kept.report.agent_id


def _parents(node: Node | None) -> dict[Topology, list[str]] | None:
    return node.parents if node is not None else None
