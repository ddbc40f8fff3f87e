"""The other end of ``frames``: a view as somebody who watches it has it.

``orchestrator top`` is built on it, and the tests hold a mirror that applies every frame against a
fresh reading of the view. A browser does the same in its own language.
"""

from __future__ import annotations

from math import isnan
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from orchestrator.monitoring.render.frames import FLOWS, Head, NodeRow, from_half

_decoder = msgspec.json.Decoder(Head)


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
        self._values: dict[int, list[float]] = {}
        self._flows: dict[int, list[float]] = {}
        self._places: dict[int, tuple[float, float]] = {}

    def apply(self, frame: bytes) -> None:
        """Take in one frame. Raises OutOfStepError."""
        length = int.from_bytes(frame[:4], "little")
        head = _decoder.decode(frame[4 : 4 + length])
        if head.reset:
            self.__init__()  # type: ignore[misc]
        elif head.seq != self.seq + 1:
            raise OutOfStepError(f"frame {head.seq} does not follow {self.seq}")
        self.seq, self.at, self.metrics = head.seq, head.at, head.metrics
        self._change_words(head)
        self._read_columns(head, memoryview(frame)[4 + length + -length % 4 :])

    def nodes(self) -> dict[str, Mirrored]:
        """By id; metrics that are not known are left out."""
        return {
            row[1]: Mirrored(row, self._metrics_of(slot), self._places.get(slot))
            for slot, row in self._rows.items()
        }

    def edges(self) -> dict[tuple[str, str], dict[str, float]]:
        """By the ids of both ends; what is not known is left out."""
        return {
            (self._rows[source][1], self._rows[target][1]): _named(
                list(FLOWS), self._flows.get(slot, [])
            )
            for slot, (source, target) in self._ends.items()
        }

    def _metrics_of(self, slot: int) -> dict[str, float]:
        return _named(self.metrics, self._values.get(slot, []))

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

    def _read_columns(self, head: Head, data: memoryview) -> None:
        reader = _Reader(data)
        self._values.update(reader.rows(head.values, len(head.metrics)))
        self._flows.update(reader.rows(head.flows, len(FLOWS)))
        slots = reader.take(head.places, "<u4")
        xs, ys = reader.take(head.places, "<f4"), reader.take(head.places, "<f4")
        places = zip(xs.tolist(), ys.tolist(), strict=True)
        self._places.update(zip(slots.tolist(), places, strict=True))


class _Reader:
    """Takes columns off the front."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def take(self, count: int, kind: str) -> NDArray[np.generic]:
        """So many numbers, and the zeros after them."""
        column = np.frombuffer(self._data, kind, count)
        self._data = self._data[column.nbytes + -column.nbytes % 4 :]
        return column

    def rows(self, count: int, width: int) -> dict[int, list[float]]:
        """Rows of halves by slot."""
        slots = self.take(count, "<u4")
        halves = self.take(count * width, "<u2").astype(np.uint16).reshape(width, count)
        values = from_half(np.ascontiguousarray(halves.T)).tolist()
        return dict(zip(slots.tolist(), values, strict=True))


def _named(names: list[str], values: list[float]) -> dict[str, float]:
    """Without those that are not known."""
    return {name: value for name, value in zip(names, values, strict=False) if not isnan(value)}
