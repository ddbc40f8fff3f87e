"""What is taken of resources: scalars and ports, reserved ones before those of everybody.

``left`` is what there is, by kind; what is taken of it is returned, and gone from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.mesos.resources import Amount, Kind, merge_ranges, subtract_ranges

Ranges = tuple[tuple[int, int], ...]
Left = dict[Kind, Amount]


def take_scalar(left: Left, name: str, wanted: int) -> Left | None:
    """``wanted`` thousandths of a scalar; None if there are not so many."""
    taken: Left = {}
    for kind, amount in _reserved_first(left, name):
        if wanted and isinstance(amount, int):
            taken[kind] = part = min(amount, wanted)
            wanted -= part
    if wanted:
        return None
    for kind, amount in taken.items():
        _reduce(left, kind, amount)
    return taken


def take_ports(
    left: Left, wanted: Sequence[int | None], seed: int
) -> tuple[Left, list[int | None]] | None:
    """A port for each wish: a number, 0 for any, None for none at all."""
    shelves = [(k, a) for k, a in _reserved_first(left, "ports") if isinstance(a, tuple)]
    chosen = _choose(wanted, [ranges for _, ranges in shelves], seed)
    if chosen is None:
        return None
    taken: Left = {}
    for kind, ranges in shelves:
        mine = [(p, p) for p in chosen if p is not None and contains(ranges, p)]
        if mine:
            taken[kind] = merged = merge_ranges(mine)
            left[kind] = subtract_ranges(ranges, merged)
    return taken, chosen


def contains(ranges: Ranges, port: int) -> bool:
    """Whether the port is in one of the ranges."""
    return any(begin <= port <= end for begin, end in ranges)


def _reduce(left: Left, kind: Kind, by: Amount) -> None:
    have = left[kind]
    if isinstance(have, int) and isinstance(by, int):
        left[kind] = have - by


def _reserved_first(left: Left, name: str) -> list[tuple[Kind, Amount]]:
    found = [(k, a) for k, a in left.items() if k.name == name and k.disk is None]
    return found if len(found) < 2 else sorted(found, key=lambda item: item[0].role == "*")


def _choose(
    wanted: Sequence[int | None], shelves: Sequence[Ranges], seed: int
) -> list[int | None] | None:
    """Fixed ports first, then any others, from a start that the seed gives."""
    taken = {port for port in wanted if port}
    if not all(any(contains(ranges, port) for ranges in shelves) for port in taken):
        return None
    if sum(bool(port) for port in wanted) != len(taken):
        return None
    free = (port for ranges in shelves for port in _from(ranges, seed) if port not in taken)
    chosen = [next(free, 0) if port == 0 else port for port in wanted]
    return None if 0 in chosen else chosen


def _from(ranges: Ranges, seed: int) -> Iterator[int]:
    """All ports of the ranges once, beginning somewhere in the middle."""
    size = sum(end - begin + 1 for begin, end in ranges)
    for offset in range(size):
        position = (seed + offset) % size
        for begin, end in ranges:
            if position <= end - begin:
                yield begin + position
                break
            position -= end - begin + 1
