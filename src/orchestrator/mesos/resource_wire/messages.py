"""Resources as messages, in both reservation formats. ``text`` has them as operators write them.

Source: src/v1/resources.cpp and docs/attributes-resources.md of Apache Mesos 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from orchestrator.mesos import codec
from orchestrator.mesos.resources import (
    MILLI,
    Amount,
    Kind,
    Reservation,
    ResourceError,
    Resources,
    combine,
    merge_ranges,
    to_milli,
)
from orchestrator.mesos.types import (
    AllocationInfo,
    DiskInfo,
    ItemSet,
    Label,
    Labels,
    Range,
    Ranges,
    ReservationInfo,
    ReservationType,
    Resource,
    ResourceProviderID,
    Revocable,
    Scalar,
    Shared,
    ValueType,
)

_MAX_RANGE_END = 2**63
_MAX_RANGES = 10_000
_REMEMBERED = 4096  # kinds and bags, which their users share: they do not change


def from_wire(messages: Iterable[Resource]) -> Resources:
    """Read resources in either reservation format. Raises ResourceError."""
    messages = tuple(messages)
    if all(map(_is_plain_scalar, messages)):
        return _plain_scalars(tuple((m.name, m.scalar.value) for m in messages if m.scalar))
    return _read(messages)


@lru_cache(_REMEMBERED)
def _plain_scalars(named: tuple[tuple[str, float], ...]) -> Resources:
    """What most tasks use; thousands of the same size share one bag."""
    return _read([
        Resource(name=name, type=ValueType.SCALAR, scalar=Scalar(value=value))
        for name, value in named
    ])  # fmt: skip


def _is_plain_scalar(message: Resource) -> bool:
    return message.scalar is not None and message.type is ValueType.SCALAR and _is_plain(message)


def _is_plain(message: Resource) -> bool:
    """Whether name and type say which kind it is."""
    return (
        message.role == "*"
        and message.disk is None
        and message.revocable is None
        and message.shared is None
        and message.provider_id is None
        and message.reservation is None
        and not message.reservations
    )


def _read(messages: Iterable[Resource]) -> Resources:
    amounts: dict[Kind, Amount] = {}
    repeated: dict[Kind, list[Amount]] = {}
    for message in messages:
        kind, amount = _kind(message), _amount(message)
        if kind in amounts:
            repeated.setdefault(kind, [amounts[kind]]).append(amount)
        else:
            amounts[kind] = amount
    for kind, parts in repeated.items():
        amounts[kind] = combine(parts)
    return Resources(amounts)


def to_wire(
    resources: Resources, *, role: str | None = None, refined: bool = False
) -> list[Resource]:
    """Write resources, allocated to ``role`` if given.

    ``refined`` writes the ``reservations`` stack, for frameworks with RESERVATION_REFINEMENT;
    otherwise the older format, which can express one reservation only.
    """
    allocation = AllocationInfo(role=role) if role is not None else None
    return [
        _message(kind, amount, allocation, refined) for kind, amount in resources.amounts.items()
    ]


def _kind(message: Resource) -> Kind:
    if not message.name:
        raise ResourceError("a resource has no name")
    if _is_plain(message):
        return _plain_kind(message.name, message.type)
    return Kind(
        name=message.name,
        type=message.type,
        reservations=_reservations(message),
        provider_id=message.provider_id.value if message.provider_id else None,
        disk=codec.encode(message.disk) if message.disk else None,
        revocable=message.revocable is not None,
        shared=message.shared is not None,
    )


@lru_cache(_REMEMBERED)
def _plain_kind(name: str, type_: ValueType) -> Kind:
    return Kind(name=name, type=type_)


def _reservations(message: Resource) -> tuple[Reservation, ...]:
    if message.reservations:
        if message.role != "*" or message.reservation is not None:
            raise ResourceError(
                f"'{message.name}' uses 'reservations' together with 'role' or 'reservation'"
            )
        return tuple(_reservation(info, info.role) for info in message.reservations)
    if message.role == "*":
        if message.reservation is not None:
            raise ResourceError(f"'{message.name}' is reserved without a role")
        return ()
    if message.reservation is None:
        return (Reservation(role=message.role, type=ReservationType.STATIC),)
    return (_reservation(message.reservation, message.role, ReservationType.DYNAMIC),)


def _reservation(
    info: ReservationInfo, role: str | None, default: ReservationType = ReservationType.STATIC
) -> Reservation:
    if not role:
        raise ResourceError("a reservation needs a role")
    labels = info.labels.labels if info.labels else []
    return Reservation(
        role=role,
        type=info.type or default,
        principal=info.principal,
        labels=tuple((label.key, label.value) for label in labels),
    )


def _amount(message: Resource) -> Amount:
    if message.type is ValueType.SCALAR and message.scalar is not None:
        return to_milli(message.scalar.value)
    if message.type is ValueType.RANGES and message.ranges is not None:
        return merge_ranges(_bounds(message.name, message.ranges.range))
    if message.type is ValueType.SET and message.set is not None:
        return frozenset(message.set.item)
    raise ResourceError(f"'{message.name}' has no {message.type.lower()} value")


def _bounds(name: str, ranges: list[Range]) -> list[tuple[int, int]]:
    if len(ranges) > _MAX_RANGES:
        raise ResourceError(f"'{name}' has more than {_MAX_RANGES} ranges")
    for r in ranges:
        if not 0 <= r.begin <= r.end < _MAX_RANGE_END:
            raise ResourceError(f"'{name}' has the impossible range {r.begin}-{r.end}")
    return [(r.begin, r.end) for r in ranges]


def _message(
    kind: Kind, amount: Amount, allocation: AllocationInfo | None, refined: bool
) -> Resource:
    legacy = None if refined or not kind.reservations else kind.reservations[-1]
    dynamic = legacy if legacy and legacy.type is ReservationType.DYNAMIC else None
    return Resource(
        name=kind.name,
        type=kind.type,
        scalar=Scalar(value=amount / MILLI) if isinstance(amount, int) else None,
        ranges=_ranges(amount) if isinstance(amount, tuple) else None,
        set=ItemSet(item=sorted(amount)) if isinstance(amount, frozenset) else None,
        provider_id=_provider(kind.provider_id),
        role=legacy.role if legacy else "*",
        reservation=_info(dynamic, with_role=False) if dynamic else None,
        reservations=[_info(r, with_role=True) for r in kind.reservations] if refined else [],
        allocation_info=allocation,
        disk=codec.decode(DiskInfo, kind.disk) if kind.disk else None,
        revocable=Revocable() if kind.revocable else None,
        shared=Shared() if kind.shared else None,
    )


def _provider(id_: str | None) -> ResourceProviderID | None:
    return ResourceProviderID(value=id_) if id_ is not None else None


def _ranges(bounds: tuple[tuple[int, int], ...]) -> Ranges:
    return Ranges(range=[Range(begin=begin, end=end) for begin, end in bounds])


def _info(reservation: Reservation, *, with_role: bool) -> ReservationInfo:
    labels = [Label(key=key, value=value) for key, value in reservation.labels]
    return ReservationInfo(
        type=reservation.type if with_role else None,
        role=reservation.role if with_role else None,
        principal=reservation.principal,
        labels=Labels(labels=labels) if labels else None,
    )
