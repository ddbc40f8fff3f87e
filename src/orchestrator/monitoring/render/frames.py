"""What changed in a view, as bytes that are written once and sent to everybody who watches it.

A frame is

    u32 length of the head, the head as JSON, zeros up to a multiple of 4, then columns

all little-endian. In it nodes and edges are slots, small numbers that the view gives out and takes
back, and everything measured is in columns by slot: metrics and flows as bfloat16 (the upper half
of a float32: three significant digits, any size, NaN for "not known"), places as float32. So a tick
in which every metric of 10,000 nodes changes is some 100 kB, and a browser reads it with typed
arrays. The head:

| key | what |
|---|---|
| ``seq`` | counts the frames of a view; one that does not follow the last means: connect anew |
| ``at`` | unix seconds of what is shown |
| ``reset`` | true: forget everything first |
| ``metrics`` | names of the metric columns; the flow columns are ``FLOWS`` |
| ``nodes`` | new or changed: [slot, id, label, minor, group, state, health, members, pseudo] |
| ``gone`` | slots of nodes that are no more |
| ``edges`` | new: [slot, slot of the source, slot of the target] |
| ``cut`` | slots of edges that are no more |
| ``values``, ``flows``, ``places`` | how many rows of each follow |

Columns follow in this order: slots of values (u32), each metric (u16, together padded to 4); slots
of flows (u32), each flow column (u16, padded); slots of places (u32), x (f32), y (f32).
``cut`` and ``gone`` come before ``nodes`` and ``edges``: a slot may be taken again at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair
from orchestrator.monitoring.render.flow import Flow
from orchestrator.monitoring.render.layout import Place
from orchestrator.monitoring.render.live import Touched
from orchestrator.monitoring.render.selection import Shown
from orchestrator.monitoring.report.keys import METRICS

FLOWS: Final = ("connections", "bytes_per_s", "retransmits_per_s", "rtt_ms")
MAX_METRICS: Final = 32
_NAN: Final = 0x7FC0
Key = TypeVar("Key")
Value = TypeVar("Value")
NodeRow = tuple[int, str, str, str, str, str, str, int, bool]


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The head of a frame."""

    seq: int
    at: float
    reset: bool = False
    metrics: list[str] = []
    nodes: list[NodeRow] = []
    gone: list[int] = []
    edges: list[tuple[int, int, int]] = []
    cut: list[int] = []
    values: int = 0
    flows: int = 0
    places: int = 0


def to_half(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Float32 to bfloat16, rounded to the nearest."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), _NAN, rounded).astype(np.uint16)


def from_half(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Bfloat16 to float32."""
    return (values.astype(np.uint32) << 16).view(np.float32)


class Slots:
    """Small numbers for keys; the ones that were given back are given out again."""

    def __init__(self) -> None:
        self.of: dict[object, int] = {}
        self._free: list[int] = []

    @property
    def end(self) -> int:
        """All numbers are below it."""
        return len(self.of) + len(self._free)

    def take(self, key: object) -> int:
        """The number of a key, a new one if it has none."""
        slot = self.of.get(key)
        if slot is None:
            slot = self.of[key] = self._free.pop() if self._free else self.end
        return slot

    def give_back(self, key: object) -> int:
        """The key needs it no more."""
        slot = self.of.pop(key)
        self._free.append(slot)
        return slot


class _Columns:
    """Halves by slot, and which of them differ from what was sent."""

    def __init__(self) -> None:
        self.sent = np.full((0, 0), _NAN, np.uint16)

    def fit(self, rows: int, columns: int) -> None:
        """Room for so many; what is new is not known."""
        old = self.sent
        if old.shape[0] >= rows and old.shape[1] >= columns:
            return
        shape = (max(rows + rows // 4, old.shape[0]), max(columns, old.shape[1]))
        self.sent = np.full(shape, _NAN, np.uint16)
        self.sent[: old.shape[0], : old.shape[1]] = old

    def changed(
        self, slots: list[int], rows: list[list[float]]
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Take in rows; returns those that differ from what was sent."""
        if not slots:
            return np.zeros(0, np.uint32), self.sent[:0]
        numbers = np.array(slots, np.uint32)
        halves = to_half(np.array(rows, np.float32))
        differ = (self.sent[numbers, : halves.shape[1]] != halves).any(axis=1)
        numbers, halves = numbers[differ], halves[differ]
        self.sent[numbers, : halves.shape[1]] = halves
        return numbers, halves

    def clear(self, slot: int) -> None:
        """Nothing is known there any more."""
        self.sent[slot] = _NAN


class Writer:
    """The frames of one view as it changes."""

    def __init__(self) -> None:
        self.seq = 0
        self._nodes = Slots()
        self._edges = Slots()
        self._cards: dict[str, Card] = {}
        self._flows: dict[Pair, Flow] = {}
        self._places: dict[str, Place] = {}
        self._values = _Columns()
        self._rates = _Columns()
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
        cards = _different(self._cards, shown.cards, touched.cards if touched else None)
        flows = _different(self._flows, shown.edges, touched.edges if touched else None)
        self._learn_metrics(cards)
        nodes = self._upsert(cards)
        edges = self._link(flows)
        values = self._measure(cards)
        rates = self._rate(flows)
        placed = self._place(places, {*moved, *cards})
        if not (cut or gone or nodes or edges or len(values[0]) or len(rates[0]) or placed):
            return None
        self.seq += 1
        head = Head(seq=self.seq, at=at, metrics=self._metrics, nodes=nodes, gone=gone,
                    edges=edges, cut=cut)  # fmt: skip
        return _frame(head, values, rates, placed)

    def reset(self) -> bytes:
        """Everything as of the last frame, for whoever begins to watch."""
        nodes = [_row(self._nodes.of[id], card) for id, card in self._cards.items()]
        edges = [
            (self._edges.of[pair], self._nodes.of[pair[0]], self._nodes.of[pair[1]])
            for pair in self._flows
        ]
        head = Head(seq=self.seq, at=self._at, reset=True, metrics=self._metrics, nodes=nodes,
                    edges=edges)  # fmt: skip
        placed = [(self._nodes.of[id], place) for id, place in self._places.items()]
        values = _known(self._nodes, self._values, len(self._metrics))
        return _frame(head, values, _known(self._edges, self._rates, len(FLOWS)), placed)

    def _cut(self, shown: Shown, touched: Touched | None) -> list[int]:
        candidates = self._flows.keys() if touched is None else touched.edges
        gone = [pair for pair in candidates if pair in self._flows and pair not in shown.edges]
        slots = []
        for pair in gone:
            del self._flows[pair]
            slots.append(self._edges.give_back(pair))
            self._rates.clear(slots[-1])
        return slots

    def _remove(self, shown: Shown, touched: Touched | None) -> list[int]:
        candidates = self._cards.keys() if touched is None else touched.cards
        gone = [id for id in candidates if id in self._cards and id not in shown.cards]
        slots = []
        for id in gone:
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
        rows = []
        for pair, flow in flows.items():
            if pair not in self._flows:
                slot = self._edges.take(pair)
                rows.append((slot, self._nodes.of[pair[0]], self._nodes.of[pair[1]]))
            self._flows[pair] = flow
        self._rates.fit(self._edges.end, len(FLOWS))
        return rows

    def _measure(self, cards: Mapping[str, Card]) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        names, nan = self._metrics, float("nan")
        slots = [self._nodes.of[id] for id in cards]
        rows = [[card.metrics.get(name, nan) for name in names] for card in cards.values()]
        if not names:
            slots, rows = [], []
        return self._values.changed(slots, rows)

    def _rate(self, flows: Mapping[Pair, Flow]) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        slots = [self._edges.of[pair] for pair in flows]
        rows = [
            [
                float(flow.connections),
                flow.bytes_per_s,
                flow.retransmits_per_s,
                flow.rtt_ms if flow.rtt_ms >= 0 else float("nan"),
            ]
            for flow in flows.values()
        ]
        return self._rates.changed(slots, rows)

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


def _different(
    before: Mapping[Key, Value], after: Mapping[Key, Value], candidates: Iterable[Key] | None
) -> dict[Key, Value]:
    """What is new or another object than before."""
    if candidates is None:
        return {key: value for key, value in after.items() if before.get(key) is not value}
    return {
        key: after[key] for key in candidates if key in after and before.get(key) is not after[key]
    }


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


def _known(
    slots: Slots, columns: _Columns, width: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """Every row in which something is known."""
    rows = columns.sent[: slots.end, :width]
    numbers = np.nonzero((rows != _NAN).any(axis=1))[0]
    return numbers.astype(np.uint32), rows[numbers]


def _frame(
    head: Head,
    values: tuple[NDArray[np.uint32], NDArray[np.uint16]],
    flows: tuple[NDArray[np.uint32], NDArray[np.uint16]],
    placed: list[tuple[int, Place]],
) -> bytes:
    counted = replace(head, values=len(values[0]), flows=len(flows[0]), places=len(placed))
    text = msgspec.json.encode(counted)
    points = np.array([(place.x, place.y) for _, place in placed], "<f4").reshape(-1, 2)
    return b"".join(
        (
            len(text).to_bytes(4, "little"),
            _padded(text),
            *_columns(*values),
            *_columns(*flows),
            np.array([slot for slot, _ in placed], "<u4").tobytes(),
            points[:, 0].tobytes(),
            points[:, 1].tobytes(),
        )
    )


def _columns(numbers: NDArray[np.uint32], halves: NDArray[np.uint16]) -> tuple[bytes, bytes]:
    return numbers.astype("<u4").tobytes(), _padded(halves.T.astype("<u2").tobytes())


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
