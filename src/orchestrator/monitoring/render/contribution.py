"""What one report contributes to one view: cards, and flows between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.flow import Flow, joined, sums
from orchestrator.monitoring.render.lineage import PSEUDO, Lineage, Local, climb
from orchestrator.monitoring.render.picture import Both, Seen
from orchestrator.monitoring.render.views import View
from orchestrator.monitoring.report import keys
from orchestrator.monitoring.report.model import Node, Protocol, Topology

Find = Callable[[str, str], Node | None]
Pair = tuple[str, str]

_GROUP_LABELS = (
    "com.docker.compose.project",
    "io.kubernetes.pod.namespace",
    "app.kubernetes.io/part-of",
    "com.docker.stack.namespace",
    "MESOS_FRAMEWORK",
)
_GROUP_PARENTS = ("marathon_app", "service", "namespace", "mesos_framework", "deployment")
_PSEUDO_LABELS = {"internet": "The Internet", "unknown": "Addresses without a probe"}
_DIRECTIONS = {"in": "inbound", "out": "outbound"}
OUTSIDE = "outside"
_NO_NODES: list[Node] = []


class Contribution(NamedTuple):
    """Of one report to one view."""

    cards: dict[str, Card]
    flows: dict[Pair, Flow]


NOTHING = Contribution({}, {})


class Fold:
    """Finds the node of a view that a lineage is folded into; good for one refresh.

    A climb is made once for each lineage: lineages live as long as their reports.
    """

    def __init__(self, view: View, find: Find) -> None:
        self.view = view
        self._find = find
        self._climbed: dict[int, str | None] = {}

    def __call__(self, lineage: Lineage) -> str | None:
        """The node's id, or None if the lineage has no part in the view."""
        if not self.view.is_climbed:
            return lineage.get(self.view.fold)
        key = id(lineage)
        if key not in self._climbed:
            self._climbed[key] = climb(lineage, self.view.topology, self._find)
        return self._climbed[key]


class Pairing(NamedTuple):
    """Which connections of a report are between which nodes of a view."""

    both: list[Both]
    """The ends that it was made of: it is right as long as these are that very list."""
    pairs: list[Pair]
    numbers: NDArray[np.intp]
    """The pair of each connection; beyond the last one if it is within one node."""
    outside: dict[str, Card]
    """The pseudo nodes among the pairs."""


def pairing(fold: Fold, seen: Seen) -> Pairing:
    """Make it."""
    numbers: dict[Pair, int] = {}
    outside: dict[str, Card] = {}
    found: list[int] = []
    for both in seen.both:
        pair = _pair(fold, both, outside) if both is not None else None
        found.append(-1 if pair is None else numbers.setdefault(pair, len(numbers)))
    index = np.array(found, np.intp)
    index[index < 0] = len(numbers)
    return Pairing(seen.both, list(numbers), index, outside)


def protocols(seen: Seen, paired: Pairing, id: str) -> Iterator[tuple[Pair, Protocol]]:
    """What a report's connections from and to a node of the view speak."""
    touching = [number for number, pair in enumerate(paired.pairs) if id in pair]
    if touching:
        for at in np.flatnonzero(np.isin(paired.numbers, touching)):
            yield paired.pairs[paired.numbers[at]], seen.kept.ends.protocol[at]


class Own(NamedTuple):
    """Cards of the nodes that a report has itself, without metrics."""

    nodes: list[Node]
    local: Local
    """What they were made of: they are right as long as both are these very ones."""
    cards: dict[str, Card]

    def is_right(self, view: View, seen: Seen) -> bool:
        """Whether they are still those of the report."""
        return self.nodes is _nodes(view, seen) and self.local is seen.local


def _nodes(view: View, seen: Seen) -> list[Node]:
    return _NO_NODES if view.key else seen.kept.report.nodes.get(view.topology, _NO_NODES)


def own(view: View, seen: Seen) -> Own:
    """Make them."""
    nodes = _nodes(view, seen)
    return Own(nodes, seen.local, {node.id: _own(node, seen.local) for node in nodes})


def contributions(fold: Fold, every: Sequence[tuple[Seen, Own, Pairing]]) -> Iterator[Contribution]:
    """Of several reports, whose connections are added up at once: few are as dear as many."""
    if not every:
        return
    begins = list(accumulate((len(paired.pairs) + 1 for _, _, paired in every), initial=0))
    index = [paired.numbers + begin for (_, _, paired), begin in zip(every, begins, strict=False)]
    rates = joined([seen.rates for seen, _, _ in every])
    flows = sums(rates, np.concatenate(index), begins[-1])
    for (seen, known, paired), begin in zip(every, begins, strict=False):
        own_flows = dict(zip(paired.pairs, flows[begin : begin + len(paired.pairs)], strict=True))
        yield Contribution(_cards(fold, seen, known, paired), own_flows)


def _cards(fold: Fold, seen: Seen, known: Own, paired: Pairing) -> dict[str, Card]:
    view = fold.view
    measured = seen.kept.metrics(view.topology)
    cards = {
        id: replace(card, is_measured=id in measured, metrics=measured.get(id, {}))
        for id, card in known.cards.items()
    }
    if view.members:
        _add_members(fold, seen, cards)
    if view.is_of_members:
        cards = {id: card for id, card in cards.items() if card.members}
    for id, card in paired.outside.items():
        cards.setdefault(id, card)
    return cards


def _own(node: Node, local: Local) -> Card:
    latest = node.latest
    return Card(
        node.id,
        node.label or node.id,
        latest.get(keys.NAMESPACE) or _host_of(node) or local.host,
        _group_of(node, local),
        latest.get(keys.STATE, ""),
        latest.get(keys.HEALTH, ""),
        is_own=True,
    )


def _host_of(node: Node) -> str:
    hosts = node.parents.get("host")
    return hosts[0] if hosts else ""


def _group_of(node: Node, local: Local) -> str:
    """An app or namespace before a host: what works together is near each other."""
    if node.labels:
        for label in _GROUP_LABELS:
            if value := node.labels.get(label):
                return value
    for topology in _GROUP_PARENTS:
        if ids := node.parents.get(topology):  # type: ignore[call-overload]
            return str(ids[0])
    if namespace := node.latest.get(keys.NAMESPACE):
        return namespace
    if (ids := node.parents.get("container")) and (container := local.containers.get(ids[0])):
        return _group_of(container, local)
    return _host_of(node)


def _add_members(fold: Fold, seen: Seen, cards: dict[str, Card]) -> None:
    local = seen.local
    members: Topology = "process" if fold.view.members == "process" else "container"
    lineage_of = local.process if members == "process" else local.container
    measured = seen.kept.metrics(members)
    sums: dict[str, tuple[int, dict[str, float]]] = {}
    for node in seen.kept.report.nodes.get(members, ()):
        place = fold(lineage_of(node.id))
        if place is not None:
            count, metrics = sums.get(place, (0, {}))
            for name, value in measured.get(node.id, {}).items():
                metrics[name] = metrics.get(name, 0.0) + value
            sums[place] = (count + 1, metrics)
    for place, (count, metrics) in sums.items():
        card = cards.get(place) or Card(place, place)
        shown = card.metrics if card.is_measured else metrics
        cards[place] = replace(card, members=count, metrics=shown)


def _pair(fold: Fold, both: tuple[Lineage, Lineage], outside: dict[str, Card]) -> Pair | None:
    source = fold(both[0]) or _outside(fold.view, both[0], outside)
    target = fold(both[1]) or _outside(fold.view, both[1], outside)
    return (source, target) if source != target else None


def _outside(view: View, lineage: Lineage, cards: dict[str, Card]) -> str:
    """A pseudo node, which then gets a card."""
    host = lineage.get("host", "")
    id = lineage.get(PSEUDO) or f"{OUTSIDE};{host}"
    if id not in cards:
        cards[id] = _pseudo(view, id, host)
    return id


def _pseudo(view: View, id: str, host: str) -> Card:
    kind, _, rest = id.partition(";")
    if kind in _PSEUDO_LABELS:
        return Card(id, _PSEUDO_LABELS[kind], _DIRECTIONS[rest], is_pseudo=True)
    noun = view.topology.replace("_", " ")
    label = f"Outside of any {noun}" if view.topology != "process" else "Unknown process"
    return Card(id, label, host, host, is_pseudo=True)
