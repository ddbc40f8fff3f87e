"""A view through a filter: the nodes that pass, and what is between them.

Pseudo nodes cannot be filtered for; they are shown as far as something shown is connected to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair
from orchestrator.monitoring.render.flow import Flow
from orchestrator.monitoring.render.live import LiveView
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.query import Query, matches
from orchestrator.monitoring.report.model import Node


class Shown(NamedTuple):
    """What is to be seen: cards by id, and edges whose ends are among them."""

    cards: Mapping[str, Card]
    edges: Mapping[Pair, Flow]


class Selection:
    """Applies one query to one view; what has not changed is not asked again."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self._verdicts: dict[str, tuple[Card, Node | None, bool]] = {}

    def of(self, live: LiveView, picture: Picture) -> Shown:
        """What passes now."""
        if not self.query:
            return Shown(live.cards, live.edges)
        nodes = {} if live.view.key else picture.words(live.view.topology)
        verdicts: dict[str, tuple[Card, Node | None, bool]] = {}
        for id, card in live.cards.items():
            if not card.is_pseudo:
                verdicts[id] = self._verdict(id, card, nodes.get(id))
        self._verdicts = verdicts
        passed = {id for id, verdict in verdicts.items() if verdict[2]}
        edges = {pair: flow for pair, flow in live.edges.items() if _is_shown(pair, passed, live)}
        shown = passed.union(*edges)
        return Shown({id: card for id, card in live.cards.items() if id in shown}, edges)

    def _verdict(self, id: str, card: Card, node: Node | None) -> tuple[Card, Node | None, bool]:
        before = self._verdicts.get(id)
        if before is not None and before[0] is card and before[1] is node:
            return before
        return card, node, matches(self.query, card, node)


def _is_shown(pair: Pair, passed: set[str], live: LiveView) -> bool:
    source, target = pair
    if source in passed:
        return target in passed or live.cards[target].is_pseudo
    return target in passed and live.cards[source].is_pseudo
