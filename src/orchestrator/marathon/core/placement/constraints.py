"""Placement constraints: where an instance may run, given where its siblings are.

Each operator is one function; what they see of an agent is text, as Marathon formats it. One thing
is not as in Marathon 1.11, where GROUP_BY without a number divides by zero: it spreads over the
groups that are known, as documented. Source: docs/docs/constraints.md and Constraints.scala.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from orchestrator.mesos.types import Attribute

OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "MAX_PER", "UNLIKE", "IS")
_LITERAL = re.compile(r"^[a-zA-Z0-9_/.-]*$")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_COUNT = re.compile(r"[0-9]{1,10}")
_THOUSANDTH = Decimal("0.001")
_LARGEST_WITH_DECIMALS = 2**53
_MAX_COUNT = 2**31 - 1
Fields = Mapping[str, str]
"""What constraints may name: ``hostname``, ``@region``, ``@zone`` and the agent's attributes."""


def scalar_text(value: float) -> str:
    """A number as Marathon writes it: three decimals at most, half to even, no zeros at the end."""
    if not abs(value) < _LARGEST_WITH_DECIMALS:  # also what is no number
        return f"{Decimal(value):f}"
    text = f"{Decimal(value).quantize(_THOUSANDTH, ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".")


def attribute_text(attribute: Attribute) -> str:
    """An attribute as constraints see it: ``rack-1``, ``1.5``, ``[1-2,5-5]``, ``{a,b}``."""
    if attribute.text:
        return attribute.text.value
    if attribute.scalar:
        return scalar_text(attribute.scalar.value)
    if attribute.ranges:
        ranges = sorted(attribute.ranges.range, key=lambda r: r.begin)
        return "[" + ",".join(f"{r.begin}-{r.end}" for r in ranges) + "]"
    return "{" + ",".join(sorted(attribute.set.item if attribute.set else [])) + "}"


def problem(constraint: Sequence[str]) -> str | None:
    """What is wrong with a constraint, in Marathon's words."""
    if len(constraint) not in (2, 3):
        return "Each constraint must have either 2 or 3 fields"
    if not constraint[0]:
        return "illegal constraint specification"
    operator, value = constraint[1].upper(), constraint[2] if len(constraint) == 3 else ""
    if operator not in OPERATORS:
        names = "UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS"
        return f"operator must be one of the following {names}"
    check = _VALUE_CHECKS.get(operator)
    return check(value) if check else None


class Tally:
    """How many of an app's instances are in each place; None is where a field is not known."""

    def __init__(self, places: Iterable[str | None] = ()) -> None:
        self.counts = Counter(places)
        self._least: int | None = None

    def add(self, place: str | None) -> None:
        """There is one more."""
        self.counts[place] += 1
        self._least = None

    @property
    def least(self) -> int:
        """How many are where the fewest are, of the places with any."""
        if self._least is None:
            self._least = min(self.counts.values(), default=0)
        return self._least


class Siblings:
    """Where an app's other instances are."""

    def __init__(self, places: Iterable[Fields] = ()) -> None:
        self._places = list(places)
        self._tallies: dict[str, Tally] = {}

    def add(self, place: Fields) -> None:
        """There is one more."""
        self._places.append(place)
        for field, tally in self._tallies.items():
            tally.add(place.get(field))

    def tally(self, field: str) -> Tally:
        """How many are in each place, as the field tells places apart."""
        found = self._tallies.get(field)
        if found is None:
            found = self._tallies[field] = Tally(place.get(field) for place in self._places)
        return found


ALONE = Siblings()


def is_met(
    constraint: Sequence[str], fields: Fields, siblings: Siblings, instances: int = 1
) -> bool:
    """Whether an instance may be placed on an agent with these fields; the app wants so many."""
    field = field_of(constraint)
    operator = constraint[1].upper()
    value = constraint[2] if len(constraint) == 3 else ""
    found = fields.get(field)
    if found is None:
        return operator == "UNLIKE"
    if operator in _BY_VALUE:
        return _BY_VALUE[operator](found, value)
    return _BY_SIBLINGS[operator](found, value, siblings.tally(field), instances)


def may_yet_be_met(constraint: Sequence[str]) -> bool:
    """Whether one that is not met can be once the app has more instances."""
    return constraint[1].upper() == "GROUP_BY"


def could_be_met(constraint: Sequence[str], fields: Fields) -> bool:
    """Whether it is met if the app has no other instance: what no waiting can change."""
    return is_met(constraint, fields, ALONE)


def field_of(constraint: Sequence[str]) -> str:
    """What the constraint is about, as a key of Fields."""
    return "hostname" if constraint[0] == "@hostname" else constraint[0]


def _unique(found: str, _value: str, others: Tally, _instances: int) -> bool:
    return found not in others.counts


def _cluster(found: str, value: str, others: Tally, _instances: int) -> bool:
    if value:
        return found == value
    return others.counts.keys() <= {found}


def _group_by(found: str, value: str, others: Tally, instances: int) -> bool:
    """Evenly over the groups there are to be; or over those that are known, if none said so."""
    counts = others.counts
    groups = int(value) if value else 0
    if groups == 0:
        return found not in counts or counts[found] == others.least
    share, extra = divmod(instances, groups)
    if found not in counts:
        return len(counts) < groups
    used = sum(max(0, count - share) for count in counts.values())
    return counts[found] < share or (counts[found] == share and used < extra)


def _max_per(found: str, value: str, others: Tally, _instances: int) -> bool:
    return others.counts[found] < int(value)


def _like(found: str, value: str) -> bool:
    return _pattern(value).fullmatch(found) is not None


def _unlike(found: str, value: str) -> bool:
    return _pattern(value).fullmatch(found) is None


def _is(found: str, value: str) -> bool:
    """A number is compared as attributes are formatted, so that 1.0 is the attribute 1."""
    return found == (scalar_text(float(value)) if _NUMBER.fullmatch(value) else value)


@lru_cache(maxsize=1024)
def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(value)


_BY_VALUE: Mapping[str, Callable[[str, str], bool]] = {"LIKE": _like, "UNLIKE": _unlike, "IS": _is}
_BY_SIBLINGS: Mapping[str, Callable[[str, str, Tally, int], bool]] = {
    "UNIQUE": _unique,
    "CLUSTER": _cluster,
    "GROUP_BY": _group_by,
    "MAX_PER": _max_per,
}


def _unique_problem(value: str) -> str | None:
    return "UNIQUE does not accept a value" if value else None


def _group_by_problem(value: str) -> str | None:
    if not value or _is_count(value):
        return None
    return "GROUP BY must define an integer value or else no value at all"


def _max_per_problem(value: str) -> str | None:
    return None if _is_count(value) else "MAX_PER requires an integer value"


def _is_count(value: str) -> bool:
    return bool(_COUNT.fullmatch(value)) and int(value) <= _MAX_COUNT


def _like_problem(value: str) -> str | None:
    if not value:
        return "LIKE and UNLIKE require a non-empty, regular expression value"
    try:
        _pattern(value)
    except re.error:
        return "is not a valid regular expression"
    return None


def _is_problem(value: str) -> str | None:
    if _LITERAL.fullmatch(value):
        return None
    return (
        "IS only supports Mesos text and float values "
        "(see http://mesos.apache.org/documentation/latest/attributes-resources/)"
    )


_VALUE_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "UNIQUE": _unique_problem,
    "GROUP_BY": _group_by_problem,
    "MAX_PER": _max_per_problem,
    "LIKE": _like_problem,
    "UNLIKE": _like_problem,
    "IS": _is_problem,
}
