"""Free spots for discs: the nearest to where one would like to be that touches no other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RINGS = 400
_DIRECTIONS = np.stack(
    [
        np.cos(np.arange(16) * (np.pi / 8)),
        np.sin(np.arange(16) * (np.pi / 8)),
    ],
    axis=1,
)


class Discs:
    """Discs that do not overlap."""

    def __init__(self) -> None:
        self._centres = np.zeros((64, 2))
        self._radii = np.zeros(64)
        self._count = 0

    def add(self, wish: tuple[float, float], radius: float) -> tuple[float, float]:
        """Place a disc as near to ``wish`` as there is room; returns its centre."""
        centre = self._free_spot(np.array(wish), radius)
        self._append(centre, radius)
        return float(centre[0]), float(centre[1])

    def put(self, centre: tuple[float, float], radius: float) -> None:
        """A disc that is there already."""
        self._append(np.array(centre), radius)

    def _free_spot(self, wish: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
        """On rings around the wish; each looks only at the discs that reach it."""
        centres, radii = self._centres[: self._count], self._radii[: self._count]
        apart = np.sqrt(((centres - wish) ** 2).sum(axis=1)) - radii - radius
        if (apart >= 0).all():
            return wish
        step = max(radius * 0.5, 1.0)
        for ring in range(1, _RINGS):
            reach = step * ring * (1 + ring / 20)
            near = apart < reach
            candidates = wish + _DIRECTIONS * reach
            free = _are_free(candidates, centres[near], radii[near] + radius)
            if free.any():
                best: NDArray[np.float64] = candidates[int(free.argmax())]
                return best
        return self._beyond_all(radius)

    def _beyond_all(self, radius: float) -> NDArray[np.float64]:
        right = (self._centres[: self._count, 0] + self._radii[: self._count]).max()
        return np.array([right + radius, 0.0])

    def _append(self, centre: NDArray[np.float64], radius: float) -> None:
        if self._count == len(self._radii):
            self._centres = np.concatenate([self._centres, np.zeros_like(self._centres)])
            self._radii = np.concatenate([self._radii, np.zeros_like(self._radii)])
        self._centres[self._count] = centre
        self._radii[self._count] = radius
        self._count += 1


def _are_free(
    candidates: NDArray[np.float64], centres: NDArray[np.float64], reach: NDArray[np.float64]
) -> NDArray[np.bool_]:
    dx = candidates[:, 0, None] - centres[None, :, 0]
    dy = candidates[:, 1, None] - centres[None, :, 1]
    return np.asarray((dx * dx + dy * dy >= reach**2).all(axis=1))
