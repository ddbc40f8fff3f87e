"""Which instances to stop so that GROUP_BY constraints stay even.

The order given is kept as far as the groups allow: an instance is passed over while stopping it
would make its group lag more than one behind the largest, and more than groups do already.
Source: Constraints.selectInstancesToKill of Marathon 1.11.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import field_of
from orchestrator.marathon.core.run_spec import RunSpec

_Key = tuple[str | None, ...]
_Line = deque[tuple[int, Instance]]  # with the instance's place in the order


def has_groups(app: RunSpec) -> bool:
    """Whether there is anything to keep."""
    return bool(_fields(app))


def choose(app: RunSpec, ordered: Sequence[Instance], count: int) -> list[Instance]:
    """``count`` of the instances, the first ones of the order where there is nothing to keep."""
    fields = _fields(app)
    if not fields or count >= len(ordered):
        return list(ordered[:count])
    lines = _lines(ordered, fields)
    everywhere = [key for key, line in lines.items() for _ in line]
    sizes = [_Sizes(groups) for groups in zip(*everywhere, strict=True)]
    return [_pick(lines, sizes) for _ in range(count)]


def _fields(app: RunSpec) -> list[str]:
    return [field_of(c) for c in app.constraints if c[1].upper() == "GROUP_BY"]


def _lines(ordered: Sequence[Instance], fields: Sequence[str]) -> dict[_Key, _Line]:
    """The instances by where they are: of those that are alike there the first one goes first."""
    lines: dict[_Key, _Line] = {}
    for number, instance in enumerate(ordered):
        known = instance.place.fields() if instance.place else {}
        key = tuple(known.get(field) for field in fields)
        lines.setdefault(key, deque()).append((number, instance))
    return lines


def _pick(lines: dict[_Key, _Line], sizes: Sequence[_Sizes]) -> Instance:
    even = [key for key in lines if _is_even_without(key, sizes)]
    key = min(even or lines, key=lambda key: lines[key][0])
    _, instance = lines[key].popleft()
    if not lines[key]:
        del lines[key]
    for size, group in zip(sizes, key, strict=True):
        size.remove(group)
    return instance


def _is_even_without(key: _Key, sizes: Sequence[_Sizes]) -> bool:
    return all(size.is_even_without(group) for size, group in zip(sizes, key, strict=True))


class _Sizes:
    """How large the groups of one field are; None is where nothing is placed or known."""

    def __init__(self, groups: Iterable[str | None]) -> None:
        self._of = Counter(groups)
        del self._of[None]
        self._groups_of = Counter(self._of.values())
        self._least = min(self._groups_of, default=0)
        self._most = max(self._groups_of, default=0)

    def is_even_without(self, group: str | None) -> bool:
        """Whether one less makes the groups differ by no more than one, or than they do already."""
        return group is None or self._of[group] > self._least or self._least == self._most

    def remove(self, group: str | None) -> None:
        """There is one less in the group."""
        if group is None:
            return
        size = self._of[group]
        self._of[group] = size - 1
        self._groups_of[size] -= 1
        self._groups_of[size - 1] += 1
        self._least = min(self._least, size - 1)
        if not self._groups_of[self._most]:
            self._most -= 1
