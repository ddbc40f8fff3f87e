"""A report as the app keeps it: of the objects of the one before, where both say the same.

From one report of a probe to the next its metrics change, little else. So what is equal is not kept
twice and is told apart from news by identity, once, for all who ask: the views, the index of ends
and history. Connections, which are most of a report, become a list of their ends and columns of
their counters; ``whole`` is the report as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from orchestrator.monitoring.report.model import Connection, Node, Protocol, Report, Topology

Ends = tuple[str, str, Protocol, str, str, str, str]
"""What makes a connection different from others, in the order of its fields: source, target,
protocol, and the processes and containers of both."""

Parents = dict[Topology, list[str]]
_OWNERS: tuple[Topology, ...] = ("process", "container")
_pack = msgspec.msgpack.Encoder().encode


class Counters(NamedTuple):
    """What is counted on the connections of a report, in their order."""

    counts: NDArray[np.int64]
    """A row each: open, closed, bytes sent, bytes received, retransmits."""
    rtt_ms: NDArray[np.float64]
    """NaN where it is not known."""


class KeptReport(NamedTuple):
    """The latest report of a probe."""

    report: Report
    """Without its connections."""
    ends: list[Ends]
    """Of the connections. The very list of the report before if both have the same, in order."""
    counters: Counters
    changed: frozenset[Topology]
    """Topologies whose nodes differ from those before by more than metrics."""

    def connections(self) -> Iterator[Connection]:
        """As they were reported."""
        counts, times = self.counters.counts.T.tolist(), self.counters.rtt_ms.tolist()
        for ends, counted, rtt_ms in zip(self.ends, counts, times, strict=True):
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
        return replace(self.report, connections=list(self.connections()))


def keep(report: Report, before: KeptReport | None = None) -> KeptReport:
    """A report to be kept instead of the one before of the same probe."""
    old_nodes = before.report.nodes if before is not None else {}
    nodes: dict[Topology, list[Node]] = {}
    changed = {topology for topology in old_nodes if topology not in report.nodes}
    for topology, news in report.nodes.items():
        nodes[topology], is_alike = _shared(old_nodes.get(topology, []), news)
        if not (is_alike and topology in old_nodes):
            changed.add(topology)
    ends = list(map(ends_of, report.connections))
    ends = before.ends if before is not None and before.ends == ends else _pooled(ends, nodes)
    head = replace(report, nodes=nodes, connections=[])
    return KeptReport(head, ends, _counters(report.connections), frozenset(changed))


def ends_of(one: Connection) -> Ends:
    """What makes it a different connection from another one."""
    return (
        one.source,
        one.target,
        one.protocol,
        one.source_process,
        one.target_process,
        one.source_container,
        one.target_container,
    )


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


def _pooled(found: list[Ends], nodes: Mapping[Topology, list[Node]]) -> list[Ends]:
    """Each text once: connections have ends in common, and their owners are among the nodes."""
    texts = {node.id: node.id for topology in _OWNERS for node in nodes.get(topology, ())}
    once = texts.setdefault
    return [
        (once(a, a), once(b, b), protocol, once(c, c), once(d, d), once(e, e), once(f, f))
        for a, b, protocol, c, d, e, f in found
    ]


def _counters(connections: list[Connection]) -> Counters:
    counts = (
        [one.count for one in connections],
        [one.closed for one in connections],
        [one.bytes_sent for one in connections],
        [one.bytes_received for one in connections],
        [one.retransmits for one in connections],
    )
    nan = float("nan")
    times = [nan if one.rtt_ms is None else one.rtt_ms for one in connections]
    return Counters(np.array(counts, np.int64), np.array(times, np.float64))


def _shared(olds: list[Node], news: list[Node]) -> tuple[list[Node], bool]:
    """The nodes, and whether they are those before but for metrics, in the same order."""
    pool: dict[bytes, Parents] = {}
    before: Iterable[Node | None] = olds
    is_same = len(olds) == len(news) and all(
        old.id == new.id for old, new in zip(olds, news, strict=True)
    )
    if not is_same:
        by_id = {node.id: node for node in olds}
        before = [by_id.get(node.id) for node in news]
    shared = []
    for old, new in zip(before, news, strict=True):
        if old is not None and is_alike(old, new):
            shared.append(old if old.metrics == new.metrics else _measured(old, new))
        else:
            is_same = False
            shared.append(_slim(new, pool))
    return shared, is_same


def _measured(old: Node, new: Node) -> Node:
    """What was known of the old one, with the metrics of the new one."""
    return Node(
        old.id,
        old.label,
        old.latest,
        new.metrics,
        old.parents,
        old.labels,
        old.addresses,
        old.controls,
    )


def _slim(node: Node, pool: dict[bytes, Parents]) -> Node:
    """Nodes with the same parents have one dict of them."""
    parents = pool.setdefault(_pack(node.parents), node.parents)
    return node if parents is node.parents else replace(node, parents=parents)
