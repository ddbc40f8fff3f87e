"""How Mesos' older endpoints (/state and its kin) write what masters and agents both show.

Source: src/common/http.cpp of Mesos 1.11.
"""

from __future__ import annotations

from orchestrator.mesos.resources import MILLI, Resources, format_amount
from orchestrator.mesos.types import Attribute

MESOS_VERSION = "1.11.0"  # what this is compatible with; clients expect digits only

Json = dict[str, object]


def version(build_version: str) -> Json:
    """/version."""
    return {
        "version": MESOS_VERSION,
        "build_date": "",
        "build_time": 0,
        "build_user": "",
        "orchestrator_version": build_version,
    }


def quantities(of: Resources) -> Json:
    """Amounts by name: scalars as numbers, the usual ones always there, the rest as text."""
    shown: Json = {"cpus": 0.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0}
    shown.update({name: milli / MILLI for name, milli in of.scalars().items()})
    for kind, amount in of.amounts.items():
        if isinstance(amount, tuple):
            shown[kind.name] = format_amount(of.ranges(kind.name))
        elif isinstance(amount, frozenset):
            shown[kind.name] = format_amount(amount)
    return shown


def reserved(resources: Resources) -> Json:
    """What is reserved, by role."""
    roles = sorted({kind.role for kind in resources.amounts if kind.reservations})
    return {role: quantities(_of_role(resources, role)) for role in roles}


def _of_role(resources: Resources, role: str) -> Resources:
    return resources.where(lambda kind: kind.role == role)


def attribute(of: Attribute) -> object:
    """An attribute's value: a number, or text."""
    if of.scalar is not None:
        return of.scalar.value
    if of.text is not None:
        return of.text.value
    if of.ranges is not None:
        return format_amount(tuple((r.begin, r.end) for r in of.ranges.range))
    return format_amount(frozenset(of.set.item if of.set else ()))
