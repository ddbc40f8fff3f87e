"""The frames of a view as it changes: what is told of it, against what was told before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import numpy as np

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair
from orchestrator.monitoring.render.flow import Flow
from orchestrator.monitoring.render.frames.columns import Columns
from orchestrator.monitoring.render.frames.form import FLOWS, Column, Head, NodeRow, Placed, write
from orchestrator.monitoring.render.frames.slots import Slots
from orchestrator.monitoring.render.layout import Place
from orchestrator.monitoring.render.live import Touched
from orchestrator.monitoring.render.selection import Shown
from orchestrator.monitoring.report.keys import METRICS

MAX_METRICS: Final = 32
_RTT: Final = FLOWS.index("rtt_ms")
Key = TypeVar("Key")
Value = TypeVar("Value")


class Writer:
    """The frames of one view as it changes."""

    def __init__(self) -> None:
        self.seq = 0
        self._nodes: Slots[str] = Slots()
        self._edges: Slots[Pair] = Slots()
        self._cards: dict[str, Card] = {}
        self._places: dict[str, Place] = {}
        self._values = Columns()
        self._rates = Columns()
        self._metrics: list[str] = []
        self._at = 0.0

    def tick(
        self,
        shown: Shown,
        places: Mapping[str, Place],
        moved: Iterable[str],
        at: float,
        touched: Touched | None = None,
    ) -> bytes | None:
        """The next frame, or None if nobody would see a difference.

        ``touched`` names what may be different; without it everything is looked at.
        """
        self._at = at
        cut = self._cut(shown, touched)
        gone = self._remove(shown, touched)
        cards = {
            id: card
            for id, card in _those(shown.cards, touched.cards if touched else None).items()
            if self._cards.get(id) is not card
        }
        flows = _those(shown.edges, touched.edges if touched else None)
        self._learn_metrics(cards)
        nodes = self._upsert(cards)
        edges = self._link(flows)
        values = self._measure(cards)
        rates = self._rate(flows)
        placed = self._place(places, {*moved, *(id for _, id, *_ in nodes)})
        if not (cut or gone or nodes or edges or values or rates or placed):
            return None
        self.seq += 1
        head = Head(seq=self.seq, at=at, metrics=self._metrics, nodes=nodes, gone=gone,
                    edges=edges, cut=cut)  # fmt: skip
        return write(head, values, rates, _placed(placed))

    def reset(self) -> bytes:
        """Everything as of the last frame, for whoever begins to watch."""
        nodes = [_row(self._nodes.of[id], card) for id, card in self._cards.items()]
        edges = [
            (self._edges.of[pair], self._nodes.of[pair[0]], self._nodes.of[pair[1]])
            for pair in self._edges.of
        ]
        head = Head(seq=self.seq, at=self._at, reset=True, metrics=self._metrics, nodes=nodes,
                    edges=edges)  # fmt: skip
        placed = [(self._nodes.of[id], place) for id, place in self._places.items()]
        values = self._values.known(self._nodes.end, len(self._metrics))
        flows = self._rates.known(self._edges.end, len(FLOWS))
        return write(head, values, flows, _placed(placed))

    def _cut(self, shown: Shown, touched: Touched | None) -> list[int]:
        slots = []
        for pair in _gone(self._edges.of, shown.edges, touched.edges if touched else None):
            slots.append(self._edges.give_back(pair))
            self._rates.clear(slots[-1])
        return slots

    def _remove(self, shown: Shown, touched: Touched | None) -> list[int]:
        slots = []
        for id in _gone(self._cards, shown.cards, touched.cards if touched else None):
            del self._cards[id]
            self._places.pop(id, None)
            slots.append(self._nodes.give_back(id))
            self._values.clear(slots[-1])
        return slots

    def _learn_metrics(self, cards: Mapping[str, Card]) -> None:
        """Columns for what was never measured before: those that have a meaning first."""
        known = set(self._metrics)
        new = {name for card in cards.values() for name in card.metrics if name not in known}
        room = MAX_METRICS - len(self._metrics)
        ordered = sorted(new, key=lambda name: (name not in METRICS, name))
        self._metrics = [*self._metrics, *ordered[:room]]

    def _upsert(self, cards: Mapping[str, Card]) -> list[NodeRow]:
        rows = []
        for id, card in cards.items():
            before = self._cards.get(id)
            slot = self._nodes.take(id)
            if before is None or _words(before) != _words(card):
                rows.append(_row(slot, card))
            self._cards[id] = card
        self._values.fit(self._nodes.end, len(self._metrics))
        return rows

    def _link(self, flows: Mapping[Pair, Flow]) -> list[tuple[int, int, int]]:
        rows = [
            (self._edges.take(pair), self._nodes.of[pair[0]], self._nodes.of[pair[1]])
            for pair in flows
            if pair not in self._edges.of
        ]
        self._rates.fit(self._edges.end, len(FLOWS))
        return rows

    def _measure(self, cards: Mapping[str, Card]) -> list[Column]:
        names, nan = self._metrics, float("nan")
        slots = [self._nodes.of[id] for id in cards]
        rows = [[card.metrics.get(name, nan) for name in names] for card in cards.values()]
        return self._values.changed(slots, rows)

    def _rate(self, flows: Mapping[Pair, Flow]) -> list[Column]:
        slots = [self._edges.of[pair] for pair in flows]
        rates = np.array(list(flows.values()), np.float64).reshape(len(slots), len(FLOWS))
        rates[:, _RTT][rates[:, _RTT] < 0] = np.nan
        return self._rates.changed(slots, rates)

    def _place(
        self, places: Mapping[str, Place], candidates: Iterable[str]
    ) -> list[tuple[int, Place]]:
        placed = []
        for id in candidates:
            place = places.get(id)
            if place is not None and id in self._cards and self._places.get(id) != place:
                self._places[id] = place
                placed.append((self._nodes.of[id], place))
        return placed


def _gone(
    before: Mapping[Key, object], after: Mapping[Key, object], candidates: set[Key] | None
) -> list[Key]:
    """What of the candidates, or of all without any, is no more."""
    if candidates is None:
        candidates = set(before)
    return [key for key in candidates.difference(after) if key in before]


def _those(after: Mapping[Key, Value], candidates: Iterable[Key] | None) -> Mapping[Key, Value]:
    """What there is of the candidates; of all without any."""
    if candidates is None:
        return after
    return {key: after[key] for key in candidates if key in after}


def _words(card: Card) -> tuple[str, str, str, str, str, int, bool]:
    """What is told in words of a card."""
    return (
        card.label,
        card.minor,
        card.group,
        card.state,
        card.health,
        card.members,
        card.is_pseudo,
    )


def _row(slot: int, card: Card) -> NodeRow:
    return (slot, card.id, *_words(card))


def _placed(placed: list[tuple[int, Place]]) -> Placed:
    slots = np.array([slot for slot, _ in placed], np.uint32)
    points = np.array([(place.x, place.y) for _, place in placed], np.float32).reshape(-1, 2)
    return Placed(slots, points)
