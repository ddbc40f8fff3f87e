"""Seats in a disc, as the seeds of a sunflower sit: evenly, from the middle outwards.

Seat n is at angle n times the golden angle and at a distance that grows with the root of n
(H. Vogel, "A better way to construct the sunflower head", 1979).
"""

from __future__ import annotations

from math import cos, pi, sin, sqrt

SPACING = 40.0
"""Between neighbouring nodes."""
_GOLDEN_ANGLE = pi * (3 - sqrt(5))
_SCALE = SPACING * 0.62  # neighbours are then about SPACING apart
_MARGIN = SPACING


def seat(number: int) -> tuple[float, float]:
    """Its offset from the middle of the disc."""
    distance, angle = _SCALE * sqrt(number), number * _GOLDEN_ANGLE
    return distance * cos(angle), distance * sin(angle)


def radius(seats: int) -> float:
    """Of a disc with so many seats and a margin around them."""
    return _SCALE * sqrt(max(seats - 1, 0)) + _MARGIN
