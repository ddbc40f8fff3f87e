"""One view, kept up to date: a refresh costs what has changed since the last one.

The law that tests hold it to: after any reports, in any order, a view that was refreshed all along
equals one that is made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchestrator.monitoring.render.cards import Card, combined
from orchestrator.monitoring.render.contribution import (
    NOTHING,
    Contribution,
    Fold,
    Own,
    Pair,
    Pairing,
    contributions,
    own,
    pairing,
    protocols,
)
from orchestrator.monitoring.render.flow import Flow, total
from orchestrator.monitoring.render.merged import Merged
from orchestrator.monitoring.render.picture import Picture, Seen
from orchestrator.monitoring.render.views import View
from orchestrator.monitoring.report.model import Protocol


class Touched(NamedTuple):
    """What a refresh may have changed: ids of cards and ends of edges, also of those now gone."""

    cards: set[str]
    edges: set[Pair]


class LiveView:
    """The cards and edges of one view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._cards: Merged[str, Card] = Merged(lambda shares: combined(shares.values()))
        self._edges: Merged[Pair, Flow] = Merged(lambda shares: total(shares.values()))
        self._seen: dict[str, Seen] = {}
        self._made: dict[str, Contribution] = {}
        self._own: dict[str, Own] = {}
        self._paired: dict[str, Pairing] = {}
        self._structure = -1

    @property
    def cards(self) -> Mapping[str, Card]:
        """By id, as of the last refresh."""
        return self._cards.values

    @property
    def edges(self) -> Mapping[Pair, Flow]:
        """By source and target, as of the last refresh; both are in ``cards``."""
        return self._edges.values

    def protocols(self, id: str) -> dict[Pair, set[Protocol]]:
        """What the edges of one node are connections of; looked for when it is asked."""
        found: dict[Pair, set[Protocol]] = {}
        for agent, paired in self._paired.items():
            for pair, protocol in protocols(self._seen[agent], paired, id):
                found.setdefault(pair, set()).add(protocol)
        return found

    def refresh(self, picture: Picture) -> Touched:
        """Take in what has become different in the picture."""
        touched = Touched(set(), set())
        if self.view.is_climbed and not picture.words(self.view.topology):
            self._forget(self._seen.keys(), touched)  # nobody reports any of them
            return touched
        seen = picture.seen()
        self._forget(self._seen.keys() - seen.keys(), touched)
        is_new_structure = self.view.is_climbed and self._structure != picture.structure
        fold = Fold(self.view, picture.find)
        fresh = {
            agent: one
            for agent, one in seen.items()
            if is_new_structure or self._seen.get(agent) is not one
        }
        for agent, one in fresh.items():
            paired = self._paired.get(agent)
            if is_new_structure or paired is None or paired.both is not one.both:
                self._paired[agent] = pairing(fold, one)
            known = self._own.get(agent)
            if known is None or not known.is_right(self.view, one):
                self._own[agent] = own(self.view, one)
        every = [(one, self._own[agent], self._paired[agent]) for agent, one in fresh.items()]
        for agent, made in zip(fresh, contributions(fold, every), strict=True):
            self._put(agent, made, touched)
        self._seen.update(fresh)
        self._structure = picture.structure
        return touched

    def _forget(self, agents: Iterable[str], touched: Touched) -> None:
        for agent in list(agents):
            self._put(agent, NOTHING, touched)
            del self._seen[agent], self._made[agent], self._own[agent], self._paired[agent]

    def _put(self, agent: str, made: Contribution, touched: Touched) -> None:
        before = self._made.get(agent, NOTHING)
        touched.cards.update(self._cards.put(agent, before.cards, made.cards))
        touched.edges.update(self._edges.put(agent, before.flows, made.flows))
        self._made[agent] = made
