"""The other end of ``frames``: a view as somebody who watches it has it.

``orchestrator top`` is built on it, and the tests hold a mirror that applies every frame against a
fresh reading of the view. A browser does the same in its own language.
"""

from __future__ import annotations

from math import isnan
from typing import NamedTuple

from orchestrator.monitoring.render.frames import FLOWS, Head, NodeRow, from_half, read
from orchestrator.monitoring.render.frames.form import Column, Placed


class OutOfStepError(Exception):
    """A frame is missing: connect anew."""


class Mirrored(NamedTuple):
    """A node as it is known here."""

    row: NodeRow
    metrics: dict[str, float]
    place: tuple[float, float] | None


class Mirror:
    """What the frames applied so far amount to."""

    def __init__(self) -> None:
        self.seq = -1
        self.at = 0.0
        self.metrics: list[str] = []
        self._rows: dict[int, NodeRow] = {}
        self._ends: dict[int, tuple[int, int]] = {}
        self._values: dict[int, dict[str, float]] = {}
        self._flows: dict[int, dict[str, float]] = {}
        self._places: dict[int, tuple[float, float]] = {}

    def apply(self, frame: bytes) -> None:
        """Take in one frame. Raises OutOfStepError, or ValueError if it is none."""
        head, values, flows, placed = read(frame)
        if head.reset:
            self.__init__()  # type: ignore[misc]
        elif head.seq != self.seq + 1:
            raise OutOfStepError(f"frame {head.seq} does not follow {self.seq}")
        self.seq, self.at, self.metrics = head.seq, head.at, head.metrics
        self._change_words(head)
        for column in values:
            _put(self._values, head.metrics[column.number], column)
        for column in flows:
            _put(self._flows, FLOWS[column.number], column)
        self._move(placed)

    def nodes(self) -> dict[str, Mirrored]:
        """By id; metrics that are not known are left out."""
        return {
            row[1]: Mirrored(row, self._values.get(slot, {}), self._places.get(slot))
            for slot, row in self._rows.items()
        }

    def edges(self) -> dict[tuple[str, str], dict[str, float]]:
        """By the ids of both ends; what is not known is left out."""
        return {
            (self._rows[source][1], self._rows[target][1]): self._flows.get(slot, {})
            for slot, (source, target) in self._ends.items()
        }

    def _change_words(self, head: Head) -> None:
        for slot in head.cut:
            del self._ends[slot]
            self._flows.pop(slot, None)
        for slot in head.gone:
            del self._rows[slot]
            self._values.pop(slot, None)
            self._places.pop(slot, None)
        self._rows.update({row[0]: row for row in head.nodes})
        self._ends.update({slot: (source, target) for slot, source, target in head.edges})

    def _move(self, placed: Placed) -> None:
        for slot, (x, y) in zip(placed.slots.tolist(), placed.points.tolist(), strict=True):
            self._places[slot] = (x, y)


def _put(table: dict[int, dict[str, float]], name: str, column: Column) -> None:
    """Values by slot; what is not known any more goes."""
    numbers = from_half(column.halves).tolist()
    for slot, value in zip(column.slots.tolist(), numbers, strict=True):
        if isnan(value):
            table.get(slot, {}).pop(name, None)
        else:
            table.setdefault(slot, {})[name] = value
