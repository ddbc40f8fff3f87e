"""Which instances to stop so that GROUP_BY constraints stay even.

The order given is kept as far as the groups allow: an instance is passed over while stopping it
would make its group lag more than one behind the largest, and more than groups do already.
Source: Constraints.selectInstancesToKill of Marathon 1.11.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import field_of
from orchestrator.marathon.core.run_spec import RunSpec

_TOLERATED = 1  # by how much groups may differ


def has_groups(app: RunSpec) -> bool:
    """Whether there is anything to keep."""
    return bool(_fields(app))


def choose(app: RunSpec, ordered: Sequence[Instance], count: int) -> list[Instance]:
    """``count`` of the instances, the first ones of the order where there is nothing to keep."""
    fields = _fields(app)
    if not fields or count >= len(ordered):
        return list(ordered[:count])
    left = {instance.id: instance for instance in ordered}
    groups = {field: Counter(_group(i, field) for i in ordered) for field in fields}
    for counts in groups.values():
        del counts[None]  # where nothing is placed, or nothing is known
    chosen = []
    for _ in range(count):
        first = next(iter(left.values()))
        picked = next((i for i in left.values() if _is_even_without(i, groups)), first)
        chosen.append(left.pop(picked.id))
        for field, counts in groups.items():
            if (group := _group(picked, field)) is not None:
                counts[group] -= 1
    return chosen


def _fields(app: RunSpec) -> list[str]:
    return [field_of(c) for c in app.constraints if c[1].upper() == "GROUP_BY"]


def _is_even_without(instance: Instance, groups: dict[str, Counter[str | None]]) -> bool:
    for field, counts in groups.items():
        group = _group(instance, field)
        if group is None:
            continue
        before = _difference(counts)
        counts[group] -= 1
        after = _difference(counts)
        counts[group] += 1
        if after > max(_TOLERATED, before):
            return False
    return True


def _difference(counts: Counter[str | None]) -> int:
    return max(counts.values()) - min(counts.values())


def _group(instance: Instance, field: str) -> str | None:
    return instance.place.fields().get(field) if instance.place else None
