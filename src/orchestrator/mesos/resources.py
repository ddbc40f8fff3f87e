"""Resource arithmetic: what can be added, taken away and compared.

A ``Resources`` is an immutable bag: for each *kind* (name, reservations, disk, ...) an amount.
Amounts of one kind combine, amounts of different kinds never do, as in Mesos' ``Resources`` class
(src/v1/resources.cpp). Scalars are held as whole thousandths, because Mesos counts three decimals
and floats do not add up; ranges are sorted, disjoint and merged; sets are sets. What is zero or
empty is not in the bag, so equal contents are equal bags.

``mesos.resource_wire`` reads and writes them as messages and as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import cast

from orchestrator.mesos.types import Message, ReservationType, ValueType

MILLI = 1000
MAX_SCALAR = 10**12  # far above any machine; keeps absurd announcements out of the arithmetic

Amount = int | tuple[tuple[int, int], ...] | frozenset[str]


class ResourceError(ValueError):
    """A resource that cannot be used; says which and why."""


class Reservation(Message, cache_hash=True):
    """One level of a reservation, outermost role first in the stack."""

    role: str
    type: ReservationType
    principal: str | None = None
    labels: tuple[tuple[str, str | None], ...] = ()


class Kind(Message, cache_hash=True):
    """What two resources must share for their amounts to combine."""

    name: str
    type: ValueType
    reservations: tuple[Reservation, ...] = ()
    provider_id: str | None = None
    disk: bytes | None = None  # the DiskInfo as canonical JSON: it only has to be compared
    revocable: bool = False
    shared: bool = False

    @property
    def role(self) -> str:
        """The role this is reserved for, ``*`` when it is not."""
        return self.reservations[-1].role if self.reservations else "*"


def merge_ranges(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Sort ranges (both ends included) and join those that overlap or touch."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if merged and begin <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return tuple(merged)


def subtract_ranges(
    left: tuple[tuple[int, int], ...], right: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """What of the left ranges is not in the right ones; both sorted and disjoint."""
    rest: list[tuple[int, int]] = []
    i = 0  # the first right range that may reach into what is left
    for begin, end in left:
        start = begin
        while i < len(right) and right[i][0] <= end:
            taken_begin, taken_end = right[i]
            if taken_begin > start:
                rest.append((start, taken_begin - 1))
            start = max(start, taken_end + 1)
            if taken_end > end:
                break  # it may also reach into the next left range
            i += 1
        if start <= end:
            rest.append((start, end))
    return tuple(rest)


def combine(amounts: Sequence[Amount]) -> Amount:
    """The sum of one or more amounts of one kind."""
    first = amounts[0]
    if len(amounts) == 1:
        return first
    if isinstance(first, int):
        return sum(cast("Sequence[int]", amounts))
    if isinstance(first, frozenset):
        return first.union(*cast("Sequence[frozenset[str]]", amounts))
    ranges = cast("Sequence[tuple[tuple[int, int], ...]]", amounts)
    return merge_ranges(chain.from_iterable(ranges))


def _subtract(left: Amount, right: Amount) -> Amount:
    if isinstance(left, int):
        return max(0, left - cast(int, right))
    if isinstance(left, frozenset):
        return left - cast("frozenset[str]", right)
    return subtract_ranges(left, cast("tuple[tuple[int, int], ...]", right))


def _contains(left: Amount, right: Amount) -> bool:
    if isinstance(left, int):
        return left >= cast(int, right)
    if isinstance(left, frozenset):
        return left >= cast("frozenset[str]", right)
    return not subtract_ranges(cast("tuple[tuple[int, int], ...]", right), left)


class Resources:
    """An immutable bag of resources; see the module for its laws.

    ``a + b`` unites, ``a - b`` takes away what is there (never below nothing), ``b in a`` says
    whether all of b is in a; ``(a - b) + b == a`` exactly when ``b in a``.
    """

    __slots__ = ("_amounts",)

    def __init__(self, amounts: Mapping[Kind, Amount] | None = None) -> None:
        self._amounts: dict[Kind, Amount] = {k: v for k, v in (amounts or {}).items() if v}

    @classmethod
    def of(cls, **scalars: float) -> Resources:
        """Unreserved scalars by name: ``Resources.of(cpus=0.5, mem=64)``."""
        return cls(
            {Kind(name=name, type=ValueType.SCALAR): to_milli(v) for name, v in scalars.items()}
        )

    @property
    def amounts(self) -> Mapping[Kind, Amount]:
        """The amounts by kind; scalars in thousandths."""
        return self._amounts

    def __add__(self, other: Resources) -> Resources:
        amounts = dict(self._amounts)
        for kind, amount in other._amounts.items():
            mine = amounts.get(kind)
            if mine is None:
                amounts[kind] = amount
            elif isinstance(mine, int) and isinstance(amount, int):  # most are: no call for them
                amounts[kind] = mine + amount
            else:
                amounts[kind] = combine((mine, amount))
        return _bag(amounts)

    def __sub__(self, other: Resources) -> Resources:
        amounts = dict(self._amounts)
        for kind, amount in other._amounts.items():
            if kind not in amounts:
                continue
            rest = _subtract(amounts[kind], amount)
            if rest:
                amounts[kind] = rest
            else:
                del amounts[kind]
        return _bag(amounts)

    def __contains__(self, other: Resources) -> bool:
        mine = self._amounts
        return all(k in mine and _contains(mine[k], v) for k, v in other._amounts.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resources) and self._amounts == other._amounts

    def __hash__(self) -> int:
        return hash(frozenset(self._amounts.items()))

    def __bool__(self) -> bool:
        return bool(self._amounts)

    def __repr__(self) -> str:
        return f"Resources({self})"

    def __str__(self) -> str:
        return "; ".join(f"{_label(k)}:{format_amount(v)}" for k, v in self._amounts.items())

    def where(self, predicate: Callable[[Kind], bool]) -> Resources:
        """Only the kinds that the predicate accepts."""
        return _bag({k: v for k, v in self._amounts.items() if predicate(k)})

    def unreserved(self) -> Resources:
        """What belongs to no role."""
        return self.where(lambda kind: not kind.reservations)

    def plain(self) -> Resources:
        """By name alone: whoever they are reserved for, whatever is kept on them."""
        amounts: dict[Kind, list[Amount]] = {}
        for kind, amount in self._amounts.items():
            plain = Kind(name=kind.name, type=kind.type, provider_id=kind.provider_id)
            amounts.setdefault(plain, []).append(amount)
        return _bag({kind: combine(parts) for kind, parts in amounts.items()})

    def only_scalars(self) -> Resources:
        """Without ranges and sets, whose items mean nothing away from their agent."""
        scalars: dict[Kind, Amount] = {k: v for k, v in self._amounts.items() if isinstance(v, int)}
        return self if len(scalars) == len(self._amounts) else _bag(scalars)

    def allocatable_to(self, role: str) -> Resources:
        """What may be offered to a role: unreserved, its own and its ancestors' reservations."""
        return self.where(
            lambda kind: (
                not kind.reservations or role == kind.role or role.startswith(kind.role + "/")
            )
        )

    def scalar(self, name: str) -> float:
        """How much there is of a scalar, whoever it is reserved for."""
        return self.milli(name) / MILLI

    def milli(self, name: str) -> int:
        """The same in thousandths."""
        return sum(v for k, v in self._amounts.items() if k.name == name and isinstance(v, int))

    def scalars(self) -> dict[str, int]:
        """All scalars by name, in thousandths, reserved or not."""
        totals: dict[str, int] = {}
        for kind, amount in self._amounts.items():
            if isinstance(amount, int):
                totals[kind.name] = totals.get(kind.name, 0) + amount
        return totals

    def ranges(self, name: str) -> tuple[tuple[int, int], ...]:
        """The ranges of a resource such as ports, whoever they are reserved for."""
        found = (v for k, v in self._amounts.items() if k.name == name and isinstance(v, tuple))
        return merge_ranges(r for ranges in found for r in ranges)

    def missing_from(self, available: Resources) -> Resources:
        """What of this the available resources lack."""
        return self - available


def _bag(amounts: dict[Kind, Amount]) -> Resources:
    bag = Resources.__new__(Resources)
    bag._amounts = amounts
    return bag


EMPTY = Resources()


def total(parts: Iterable[Resources]) -> Resources:
    """The sum of bags."""
    result = EMPTY
    for part in parts:
        result = result + part
    return result


def to_milli(value: float) -> int:
    """A scalar as thousandths, rounded. Raises ResourceError for what no resource can be."""
    if not 0 <= value <= MAX_SCALAR:  # also false for NaN
        raise ResourceError(f"a resource cannot have the value {value}")
    return round(value * MILLI)


def format_amount(amount: Amount) -> str:
    """An amount as Mesos prints it: ``0.5``, ``[31000-31001, 31005-31005]``, ``{a, b}``."""
    if isinstance(amount, int):
        whole, thousandths = divmod(amount, MILLI)
        return f"{whole}.{thousandths:03d}".rstrip("0") if thousandths else str(whole)
    if isinstance(amount, frozenset):
        return "{" + ", ".join(sorted(amount)) + "}"
    return "[" + ", ".join(f"{begin}-{end}" for begin, end in amount) + "]"


def _label(kind: Kind) -> str:
    return kind.name if kind.role == "*" else f"{kind.name}({kind.role})"
