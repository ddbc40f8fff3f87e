"""Which images to remove, so that those that are used find room.

An image goes when nobody has used it for ``max_age_s``; and, the longest unused first, for as long
as images take more than ``max_bytes`` together or less than ``headroom`` of the disk is free. One
that is in use, is excluded by its name or was used within ``min_age_s`` always stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from fnmatch import fnmatchcase

from orchestrator.mesos.types import Message


class Image(Message):
    """An image as it lies on the disk; ``used_at`` in Unix seconds."""

    id: str
    size_bytes: int
    used_at: float
    names: tuple[str, ...] = ()


class Disk(Message):
    """Where images lie, in bytes."""

    total_bytes: int
    free_bytes: int


class Limits(Message):
    """What the operator wants. ``excluded`` are names, in which ``*`` stands for anything.

    ``headroom`` is the part of the disk that has to stay free, from 0 to 1; ``max_bytes`` 0: no
    limit of size.
    """

    headroom: float = 0.1
    min_age_s: float = 3600.0
    max_age_s: float = 14 * 24 * 3600.0
    max_bytes: int = 0
    excluded: tuple[str, ...] = ()


def plan(
    images: Iterable[Image], in_use: Set[str], disk: Disk, limits: Limits, now: float
) -> list[Image]:
    """The images to remove, in this order. ``in_use`` holds ids and names.

    Images share layers, so removing one may free less than its size: the next look sees it.
    """
    known = list(images)
    spare = [image for image in known if _may_go(image, in_use, limits, now)]
    spare.sort(key=lambda image: (image.used_at, -image.size_bytes, image.id))
    excess = _excess(known, disk, limits)
    chosen = []
    for image in spare:
        if excess > 0 or now - image.used_at >= limits.max_age_s:
            chosen.append(image)
            excess -= image.size_bytes
    return chosen


def _excess(images: list[Image], disk: Disk, limits: Limits) -> float:
    """How many bytes are too many."""
    lacking = disk.total_bytes * limits.headroom - disk.free_bytes
    taken = sum(image.size_bytes for image in images)
    above = taken - limits.max_bytes if limits.max_bytes else 0
    return max(lacking, above, 0.0)


def _may_go(image: Image, in_use: Set[str], limits: Limits, now: float) -> bool:
    if image.id in in_use or not in_use.isdisjoint(image.names):
        return False
    if any(fnmatchcase(name, one) for name in image.names for one in limits.excluded):
        return False
    return now - image.used_at >= limits.min_age_s
