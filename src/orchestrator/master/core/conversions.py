"""What offer operations turn resources into: reservations and persistent volumes.

Each function reads one operation as *what is consumed* and *what it becomes*, both on one agent,
and refuses with a sentence what cannot be. Whether the consumed resources are there is for the
caller to see. Sources: docs/reservation.md, docs/persistent-volume.md, src/master/validation.cpp.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from orchestrator.master.core.validation import reservations_problem
from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import Kind, ResourceError, Resources, to_milli
from orchestrator.mesos.scheduler import (
    Create,
    Destroy,
    GrowVolume,
    Operation,
    OperationType,
    Reserve,
    ShrinkVolume,
    Unreserve,
)
from orchestrator.mesos.types import DiskInfo, ReservationType, Resource

MAX_VOLUME_ID_LENGTH = 255


class ConversionError(ValueError):
    """The operation cannot be done; says why."""


class Conversion(msgspec.Struct, frozen=True):
    """Resources that go and resources that come, of the same agent."""

    consumed: Resources
    converted: Resources


class Actor(msgspec.Struct, frozen=True):
    """Who converts: a framework in a role, or an operator, for whom ``role`` is None."""

    role: str | None = None
    principal: str | None = None
    can_share: bool = True  # a framework without the capability would never be offered its volume


def convert(operation: Operation, actor: Actor) -> Conversion:
    """Read an operation that converts resources. Raises ConversionError."""
    match operation:
        case Operation(type=OperationType.RESERVE, reserve=body) if body:
            return reserve(body, actor)
        case Operation(type=OperationType.UNRESERVE, unreserve=body) if body:
            return unreserve(body)
        case Operation(type=OperationType.CREATE, create=body) if body:
            return create(body, actor)
        case Operation(type=OperationType.DESTROY, destroy=body) if body:
            return destroy(body)
        case Operation(type=OperationType.GROW_VOLUME, grow_volume=body) if body:
            return grow(body)
        case Operation(type=OperationType.SHRINK_VOLUME, shrink_volume=body) if body:
            return shrink(body)
        case _:
            raise ConversionError(f"{operation.type} is not an operation of this master")


def reserve(body: Reserve, actor: Actor) -> Conversion:
    """Push one more reservation onto resources, or re-reserve ``source``."""
    wanted = _read(body.resources)
    for kind in wanted.amounts:
        _check_reservation(kind, actor)
    if body.source:
        return Conversion(_read(body.source), wanted)
    return Conversion(_map(wanted, _without_last_reservation), wanted)


def unreserve(body: Unreserve) -> Conversion:
    """Pop the innermost reservation off resources."""
    held = _read(body.resources)
    for kind in held.amounts:
        if not kind.reservations or kind.reservations[-1].type is not ReservationType.DYNAMIC:
            raise ConversionError(f"'{kind.name}' is not dynamically reserved")
        if volume_id(kind) is not None:
            raise ConversionError(f"A persistent volume '{volume_id(kind)}' is still on it")
    return Conversion(held, _map(held, _without_last_reservation))


def create(body: Create, actor: Actor) -> Conversion:
    """Make persistent volumes of reserved disk."""
    volumes = _read(body.volumes)
    for kind in volumes.amounts:
        _check_volume(kind, actor)
    return Conversion(_map(volumes, _without_volume), volumes)


def destroy(body: Destroy) -> Conversion:
    """Turn persistent volumes back into reserved disk."""
    volumes = _read(body.volumes)
    for kind in volumes.amounts:
        if volume_id(kind) is None:
            raise ConversionError(f"'{kind.name}' is not a persistent volume")
    return Conversion(volumes, _map(volumes, _without_volume))


def grow(body: GrowVolume) -> Conversion:
    """Add disk of the same kind to a volume."""
    volume, addition = _read([body.volume]), _read([body.addition])
    kind, amount = _single_volume(volume)
    if list(addition.amounts) != [_without_volume(kind)]:
        raise ConversionError("The addition is not disk of the volume's own kind")
    grown = amount + sum(a for a in addition.amounts.values() if isinstance(a, int))
    return Conversion(volume + addition, Resources({kind: grown}))


def shrink(body: ShrinkVolume) -> Conversion:
    """Take disk from a volume."""
    volume = _read([body.volume])
    kind, amount = _single_volume(volume)
    try:
        freed = to_milli(body.subtract.value)
    except ResourceError as error:
        raise ConversionError(str(error)) from None
    if not 0 < freed < amount:
        raise ConversionError("A volume shrinks by more than nothing and less than all of it")
    return Conversion(
        volume, Resources({kind: amount - freed}) + Resources({_without_volume(kind): freed})
    )


def volume_id(kind: Kind) -> str | None:
    """The persistence id, if resources of this kind are a persistent volume."""
    disk = _disk(kind)
    return disk.persistence.id if disk and disk.persistence else None


def reapply(announced: Resources, kept: Resources) -> Resources:
    """What an agent has that announces resources, and had made others of them before.

    Conversions whose material is no longer announced are lost with it.
    """
    result = announced
    for kind, amount in kept.amounts.items():
        raw = _raw(kind)
        if raw == kind:
            continue
        material = Resources({raw: amount})
        if material in result:
            result = result - material + Resources({kind: amount})
    return result


def _raw(kind: Kind) -> Kind:
    """The kind before all volumes and dynamic reservations."""
    if volume_id(kind) is not None:
        kind = _without_volume(kind)
    while kind.reservations and kind.reservations[-1].type is ReservationType.DYNAMIC:
        kind = _without_last_reservation(kind)
    return kind


def _read(messages: list[Resource]) -> Resources:
    try:
        resources = from_wire(messages)
    except ResourceError as error:
        raise ConversionError(str(error)) from None
    if not resources:
        raise ConversionError("The operation names no resources")
    return resources


def _map(resources: Resources, change: Callable[[Kind], Kind]) -> Resources:
    result = Resources()
    for kind, amount in resources.amounts.items():
        result = result + Resources({change(kind): amount})
    return result


def _check_reservation(kind: Kind, actor: Actor) -> None:
    if not kind.reservations or kind.reservations[-1].type is not ReservationType.DYNAMIC:
        raise ConversionError(f"'{kind.name}' is not to be dynamically reserved")
    if problem := reservations_problem(kind.reservations):
        raise ConversionError(problem)
    if kind.revocable:
        raise ConversionError(f"Revocable '{kind.name}' cannot be reserved")
    if volume_id(kind) is not None:
        raise ConversionError("A persistent volume cannot be reserved")
    newest = kind.reservations[-1]
    if actor.role is not None and newest.role != actor.role:
        raise ConversionError(
            f"A reservation for role '{newest.role}' was attempted in role '{actor.role}'"
        )
    if actor.principal is not None and newest.principal != actor.principal:
        raise ConversionError(
            f"The reservation's principal '{newest.principal}' is not '{actor.principal}'"
        )


def _check_volume(kind: Kind, actor: Actor) -> None:
    disk = _disk(kind)
    if kind.name != "disk" or disk is None or disk.persistence is None or disk.volume is None:
        raise ConversionError("A persistent volume is disk with 'persistence' and 'volume'")
    if not kind.reservations:
        raise ConversionError("Persistent volumes cannot be made of unreserved disk")
    if not disk.persistence.id or len(disk.persistence.id) > MAX_VOLUME_ID_LENGTH:
        raise ConversionError(f"A persistence id has 1 to {MAX_VOLUME_ID_LENGTH} characters")
    if "/" in disk.persistence.id or not disk.persistence.id.isprintable():
        raise ConversionError(f"{disk.persistence.id!r} cannot be a persistence id")
    if kind.shared and not actor.can_share:
        raise ConversionError("A shared volume needs the capability SHARED_RESOURCES")
    if disk.volume.host_path is not None:
        raise ConversionError("A persistent volume has no 'host_path'")
    if actor.principal is not None and disk.persistence.principal != actor.principal:
        raise ConversionError(
            f"The volume's principal '{disk.persistence.principal}' is not '{actor.principal}'"
        )


def _single_volume(volume: Resources) -> tuple[Kind, int]:
    kind, amount = next(iter(volume.amounts.items()))
    if volume_id(kind) is None or not isinstance(amount, int):
        raise ConversionError(f"'{kind.name}' is not a persistent volume")
    if kind.shared:
        raise ConversionError("A shared volume cannot be resized")
    return kind, amount


def _without_last_reservation(kind: Kind) -> Kind:
    return replace(kind, reservations=kind.reservations[:-1])


def _without_volume(kind: Kind) -> Kind:
    disk = _disk(kind)
    source = DiskInfo(source=disk.source) if disk and disk.source else None
    return replace(kind, disk=codec.encode(source) if source else None, shared=False)


def _disk(kind: Kind) -> DiskInfo | None:
    return codec.decode(DiskInfo, kind.disk) if kind.disk else None
