"""Which groups should be near which: Fruchterman and Reingold's forces on the graph of groups.

"Graph Drawing by Force-directed Placement" (1991): all repel each other, the connected attract,
and how far anything may move cools down. With some hundreds of groups a whole matrix of distances
is quick; with more than ``MAX_GROUPS`` there are no forces, and the busiest are in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

MAX_GROUPS = 1200
_ROUNDS = 40
_EDGES_A_GROUP = 8
_GOLDEN_ANGLE = pi * (3 - sqrt(5))
Points = NDArray[np.float32]


def positions(groups: Sequence[str], weights: Mapping[tuple[str, str], float]) -> Points:
    """A point for each group, about one apart from its neighbours; always the same for the same."""
    points = _sunflower(groups, weights)
    if 2 < len(groups) <= MAX_GROUPS and weights:
        points = _settled(points, *_edges(groups, weights))
    return points


def _sunflower(groups: Sequence[str], weights: Mapping[tuple[str, str], float]) -> Points:
    """The busiest in the middle."""
    degrees = dict.fromkeys(groups, 0.0)
    for (one, other), weight in weights.items():
        degrees[one] += weight
        degrees[other] += weight
    order = sorted(range(len(groups)), key=lambda n: (-degrees[groups[n]], groups[n]))
    rank = np.empty(len(groups), np.float32)
    rank[order] = np.arange(len(groups), dtype=np.float32)
    distance, angle = np.sqrt(rank), rank * _GOLDEN_ANGLE
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1).astype(np.float32)


def _edges(
    groups: Sequence[str], weights: Mapping[tuple[str, str], float]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The strongest of them: weak ones between everybody pull nobody anywhere."""
    numbers = {group: number for number, group in enumerate(groups)}
    strong = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    strong = strong[: _EDGES_A_GROUP * len(groups)]
    pairs = [(numbers[one], numbers[other]) for (one, other), _ in strong]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    strengths = 1 + np.log1p(np.array([weight for _, weight in strong], np.float32))
    return ends[:, 0], ends[:, 1], strengths


def _settled(
    points: Points,
    ones: NDArray[np.int64],
    others: NDArray[np.int64],
    strengths: NDArray[np.float32],
) -> Points:
    heat = float(np.abs(points).max()) / 5 + 0.1
    for round_ in range(_ROUNDS):
        moves = _repulsion(points) - points * 0.02  # a little towards the middle
        pulls = points[others] - points[ones]
        lengths = np.sqrt((pulls**2).sum(axis=1, keepdims=True)) + 1e-6
        pulls *= lengths * strengths[:, None] * 0.1
        for axis in (0, 1):
            drawn = np.bincount(ones, pulls[:, axis], len(points))
            moves[:, axis] += drawn - np.bincount(others, pulls[:, axis], len(points))
        sizes = np.sqrt((moves**2).sum(axis=1, keepdims=True)) + 1e-6
        points = points + moves / sizes * np.minimum(sizes, heat * (1 - round_ / _ROUNDS))
    return points


def _repulsion(points: Points) -> Points:
    dx = points[:, 0, None] - points[None, :, 0]
    dy = points[:, 1, None] - points[None, :, 1]
    strength = 1.0 / (dx * dx + dy * dy + 0.01)
    np.fill_diagonal(strength, 0.0)
    return np.stack([(dx * strength).sum(axis=1), (dy * strength).sum(axis=1)], axis=1)
