"""A report as the app keeps it: of the objects of the one before, where both say the same.

From one report of a probe to the next its metrics change, little else. So words and numbers are
kept apart. Words that are equal are not kept twice and are told apart from news by identity, once,
for all who ask: the views, the index of ends and history. Numbers are columns: what is measured of
nodes, and what is counted on connections. ``whole`` is the report as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import isnan
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec.structs import astuple, replace
from numpy.typing import NDArray

from orchestrator.monitoring.report.model import Connection, Node, Protocol, Report, Topology

Part = TypeVar("Part")
_FIELDS = Connection.__struct_fields__
_ENDS = _FIELDS.index("count")  # fields before are ends, those after are counted
_OWNERS: tuple[Topology, ...] = ("process", "container")
_pack = msgspec.msgpack.Encoder().encode


class Ends(NamedTuple):
    """What makes connections different from each other: the columns of these fields."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    protocol: tuple[Protocol, ...]
    source_process: tuple[str, ...]
    target_process: tuple[str, ...]
    source_container: tuple[str, ...]
    target_container: tuple[str, ...]

    def rows(self) -> Iterator[OneEnds]:
        """Of each connection."""
        return zip(*self, strict=True)


OneEnds = tuple[str, str, Protocol, str, str, str, str]


class Counters(NamedTuple):
    """What is counted on the connections of a report, in their order."""

    counts: NDArray[np.int64]
    """A row each: open, closed, bytes sent, bytes received, retransmits."""
    rtt_ms: NDArray[np.float64]
    """NaN where it is not known."""


class Series(NamedTuple):
    """What is measured of the nodes of a topology: of each its id, and the names of its metrics."""

    ids: list[str]
    names: list[tuple[str, ...]]


class Measured(NamedTuple):
    """The metrics of a topology."""

    series: Series
    """The very ones of the report before if both measure the same of the same nodes, in order."""
    values: NDArray[np.float64]
    """Of all names of the first node, then of the next."""

    def by_node(self) -> dict[str, dict[str, float]]:
        """The metrics of each node by its id."""
        values = iter(self.values.tolist())
        return {
            id: dict(zip(names, values, strict=False))  # takes as many as there are names
            for id, names in zip(*self.series, strict=True)
        }


class KeptReport(NamedTuple):
    """The latest report of a probe."""

    report: Report
    """Without its connections, and without what is measured of its nodes."""
    measured: dict[Topology, Measured]
    """Of topologies of which anything is."""
    ends: Ends
    """Of the connections. The very ones of the report before if both have the same, in order."""
    counters: Counters
    changed: frozenset[Topology]
    """Topologies whose nodes differ from those before by more than metrics; those of all others
    are the very lists of the report before."""

    def metrics(self, topology: Topology) -> dict[str, dict[str, float]]:
        """What is measured of nodes, by their ids."""
        measured = self.measured.get(topology)
        return measured.by_node() if measured is not None else {}

    def connections(self) -> Iterator[Connection]:
        """As they were reported."""
        counts, times = self.counters.counts.T.tolist(), self.counters.rtt_ms.tolist()
        for ends, counted, rtt_ms in zip(self.ends.rows(), counts, times, strict=True):
            count, closed, sent, received, retransmits = counted
            yield Connection(
                *ends,
                count,
                closed,
                sent,
                received,
                retransmits,
                None if isnan(rtt_ms) else rtt_ms,
            )

    def whole(self) -> Report:
        """The report as it came."""
        nodes = {
            topology: measured_nodes(nodes, self.metrics(topology))
            for topology, nodes in self.report.nodes.items()
        }
        return replace(self.report, nodes=nodes, connections=list(self.connections()))


def keep(report: Report, before: KeptReport | None = None) -> KeptReport:
    """A report to be kept instead of the one before of the same probe."""
    old_nodes = before.report.nodes if before is not None else {}
    old_measured = before.measured if before is not None else {}
    nodes: dict[Topology, list[Node]] = {}
    measured: dict[Topology, Measured] = {}
    changed = {topology for topology in old_nodes if topology not in report.nodes}
    for topology, news in report.nodes.items():
        olds = old_nodes.get(topology, [])
        shared = nodes[topology] = _shared(olds, news)
        if shared is not olds or topology not in old_nodes:
            changed.add(topology)
        if (found := _measured(shared, news, old_measured.get(topology))) is not None:
            measured[topology] = found
    ends, counters = _columns(report.connections)
    ends = before.ends if before is not None and before.ends == ends else _pooled(ends, nodes)
    head = replace(report, nodes=nodes, connections=[])
    return KeptReport(head, measured, ends, counters, frozenset(changed))


def measured_nodes(nodes: Iterable[Node], metrics: Mapping[str, Mapping[str, float]]) -> list[Node]:
    """Nodes with what is measured of them."""
    return [
        replace(node, metrics=dict(metrics[node.id])) if node.id in metrics else node
        for node in nodes
    ]


def is_alike(before: Node, after: Node) -> bool:
    """Whether both are the same but for their metrics."""
    return (
        before.id == after.id
        and before.latest == after.latest
        and before.parents == after.parents
        and before.label == after.label
        and before.labels == after.labels
        and before.addresses == after.addresses
        and before.controls == after.controls
    )


def _columns(connections: list[Connection]) -> tuple[Ends, Counters]:
    columns = list(zip(*map(astuple, connections), strict=True)) or [()] * len(_FIELDS)
    ends, counts, rtt_ms = columns[:_ENDS], columns[_ENDS:-1], columns[-1]
    return Ends(*ends), Counters(np.array(counts, np.int64), np.array(rtt_ms, np.float64))


def _pooled(ends: Ends, nodes: Mapping[Topology, list[Node]]) -> Ends:
    """Each text once: connections have ends in common, and their owners are among the nodes.

    So is each column: most of them are the same word again and again.
    """
    texts = {node.id: node.id for topology in _OWNERS for node in nodes.get(topology, ())}
    once = texts.setdefault
    columns = [tuple([once(text, text) for text in column]) for column in ends]
    same = {column: column for column in columns}
    return Ends._make(same[column] for column in columns)


def _shared(olds: list[Node], news: list[Node]) -> list[Node]:
    """The nodes without metrics; the very list of those before if it has the same, in order."""
    if len(olds) == len(news) and all(map(is_alike, olds, news)):
        return olds
    by_id = {node.id: node for node in olds}
    pool: dict[bytes, Any] = {}
    return [
        old if (old := by_id.get(new.id)) is not None and is_alike(old, new) else _slim(new, pool)
        for new in news
    ]


def _measured(shared: list[Node], news: list[Node], before: Measured | None) -> Measured | None:
    """The metrics of nodes; None if there are none."""
    metrics = [node.metrics for node in news if node.metrics]
    if not metrics:
        return None
    values = np.array(list(chain.from_iterable(map(dict.values, metrics))), np.float64)
    ids = [kept.id for kept, new in zip(shared, news, strict=True) if new.metrics]
    names = list(map(tuple, metrics))
    if before is not None and before.series == (ids, names):
        return Measured(before.series, values)
    pool: dict[tuple[str, ...], tuple[str, ...]] = {}
    return Measured(Series(ids, [pool.setdefault(one, one) for one in names]), values)


def _slim(node: Node, pool: dict[bytes, Any]) -> Node:
    """Without metrics; what nodes have in common is there once, above all what is empty."""
    return Node(
        node.id,
        node.label,
        _once(node.latest, pool),
        _once({}, pool),
        _once(node.parents, pool),
        _once(node.labels, pool),
        _once(node.addresses, pool),
        _once(node.controls, pool),
    )


def _once(part: Part, pool: dict[bytes, Any]) -> Part:
    return pool.setdefault(_pack(part), part)  # type: ignore[no-any-return]
