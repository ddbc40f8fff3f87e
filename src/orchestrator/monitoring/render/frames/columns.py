"""What is measured, by slot and name, as it was sent: a column holds only what differs from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orchestrator.monitoring.render.frames.form import NAN, Column, to_half


class Columns:
    """The values that a client has."""

    def __init__(self) -> None:
        self._sent = np.full((0, 0), NAN, np.uint16)

    def fit(self, rows: int, columns: int) -> None:
        """Room for so many; what is new is not known."""
        old = self._sent
        if old.shape[0] >= rows and old.shape[1] >= columns:
            return
        shape = (max(rows + rows // 4, old.shape[0]), max(columns, old.shape[1]))
        self._sent = np.full(shape, NAN, np.uint16)
        self._sent[: old.shape[0], : old.shape[1]] = old

    def changed(self, slots: list[int], rows: ArrayLike) -> list[Column]:
        """Take in rows, a value for each name; returns what differs from what was sent."""
        with np.errstate(over="ignore"):
            values = np.asarray(rows, np.float32)
        if not values.size:
            return []
        numbers = np.array(slots, np.uint32)
        order = np.argsort(numbers)
        numbers = numbers[order]
        halves = to_half(values)[order]
        width = halves.shape[1]
        differ = self._sent[numbers, :width] != halves
        self._sent[numbers, :width] = halves
        return [
            Column(n, numbers[differ[:, n]], halves[differ[:, n], n])
            for n in range(width)
            if differ[:, n].any()
        ]

    def known(self, end: int, width: int) -> list[Column]:
        """Everything that is known in the slots below ``end``."""
        sent: NDArray[np.uint16] = self._sent[:end, :width]
        known = sent != NAN
        return [
            Column(n, np.nonzero(known[:, n])[0].astype(np.uint32), sent[known[:, n], n])
            for n in range(sent.shape[1])
            if known[:, n].any()
        ]

    def clear(self, slot: int) -> None:
        """Nothing is known there any more."""
        self._sent[slot] = NAN
