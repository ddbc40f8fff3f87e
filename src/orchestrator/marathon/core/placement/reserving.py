"""Reservations for instances with persistent volumes, and the operations that make and end them.

What is reserved carries two labels, as Marathon's own: whose framework it is, and for which
instance. So an offer says itself what it holds, and what is of no use any more is given back.
Source: TaskLabels.scala, OfferOperationFactory.scala and OfferMatcherReconciler.scala of 1.11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from orchestrator.marathon.core.placement.disks import VolumeDisk, persistence_id
from orchestrator.marathon.core.placement.reservation import LocalVolume, Reservation
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.mesos import codec, resources
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import Amount, Kind, Resources
from orchestrator.mesos.scheduler import (
    Create,
    Destroy,
    Operation,
    OperationType,
    Reserve,
    Unreserve,
)
from orchestrator.mesos.types import (
    DiskInfo,
    DiskPersistence,
    ReservationType,
    Volume,
    VolumeMode,
)

FRAMEWORK_LABEL, INSTANCE_LABEL = "marathon_framework_id", "marathon_task_id"


def instance_label(kind: Kind, framework_id: str | None = None) -> str | None:
    """The instance that a Marathon (or only this one) has reserved such resources for."""
    if not kind.reservations:
        return None
    labels = dict(kind.reservations[-1].labels)
    if framework_id is not None and labels.get(FRAMEWORK_LABEL) != framework_id:
        return None
    return labels.get(INSTANCE_LABEL)


def local_volumes(
    app: RunSpec, disks: Sequence[VolumeDisk], new_id: Callable[[], str]
) -> list[LocalVolume]:
    """A name for each volume that is to be made, in the order of the disks."""
    return [LocalVolume.of(app.id, disk.volume.container_path, new_id()) for disk in disks]


class Reserver:
    """Makes the operations for one instance's reservation."""

    def __init__(self, framework_id: str, instance_id: str, principal: str | None) -> None:
        self._principal = principal
        self._labels = ((FRAMEWORK_LABEL, framework_id), (INSTANCE_LABEL, instance_id))

    def operations(
        self, wanted: Resources, disks: Sequence[VolumeDisk], reservation: Reservation
    ) -> list[Operation]:
        """Reserve all that the instance needs, then make volumes of the disks."""
        role = reservation.role
        reserved = [(self._reserved(kind, role), a) for kind, a in wanted.amounts.items()]
        volumes = [
            (self._volume(self._reserved(disk.kind, role), volume), disk.amount)
            for disk, volume in zip(disks, reservation.volumes, strict=True)
        ]
        return [
            *(
                Operation(
                    type=OperationType.RESERVE, reserve=Reserve(resources=to_wire(part, role=role))
                )
                for part in _by_provider(reserved)
            ),
            *(
                Operation(
                    type=OperationType.CREATE, create=Create(volumes=to_wire(part, role=role))
                )
                for part in _by_provider(volumes)
            ),
        ]

    def _reserved(self, kind: Kind, role: str) -> Kind:
        newest = resources.Reservation(
            role=role,
            type=ReservationType.DYNAMIC,
            principal=self._principal,
            labels=self._labels,
        )
        return replace(kind, reservations=(*kind.reservations, newest))

    def _volume(self, kind: Kind, volume: LocalVolume) -> Kind:
        source = codec.decode(DiskInfo, kind.disk).source if kind.disk else None
        disk = DiskInfo(
            persistence=DiskPersistence(id=volume.persistence_id, principal=self._principal),
            volume=Volume(container_path=volume.container_path, mode=VolumeMode.RW),
            source=source,
        )
        return replace(kind, disk=codec.encode(disk))


def unused(
    offered: Resources, framework_id: str, is_needed: Callable[[str], bool]
) -> dict[str, Resources]:
    """What this framework has reserved for instances that do not need it, by instance."""
    found: dict[str, dict[Kind, Amount]] = {}
    for kind, amount in offered.amounts.items():
        instance_id = instance_label(kind, framework_id)
        if instance_id is not None and not is_needed(instance_id):
            found.setdefault(instance_id, {})[kind] = amount
    return {instance_id: Resources(amounts) for instance_id, amounts in found.items()}


def is_rest_in_use(reservation: Reservation, held: Resources) -> bool:
    """Whether more than is held here is still to come: of a pod, what its executor has.

    A master gives that back after the tasks' part, when the executor has ended.
    """
    found = {persistence_id(kind) for kind in held.amounts}
    missing = any(volume.persistence_id not in found for volume in reservation.volumes)
    return reservation.is_used and missing


def freeing(held: Resources, role: str) -> list[Operation]:
    """Destroy the volumes, with what is in them, and give the resources back to everybody."""
    volumes = [(k, a) for k, a in held.amounts.items() if persistence_id(k) is not None]
    plain = [(_without_volume(kind), amount) for kind, amount in held.amounts.items()]
    return [
        *(
            Operation(type=OperationType.DESTROY, destroy=Destroy(volumes=to_wire(part, role=role)))
            for part in _by_provider(volumes)
        ),
        *(
            Operation(
                type=OperationType.UNRESERVE,
                unreserve=Unreserve(resources=to_wire(part, role=role)),
            )
            for part in _by_provider(plain)
        ),
    ]


def _without_volume(kind: Kind) -> Kind:
    if persistence_id(kind) is None or kind.disk is None:
        return kind
    source = codec.decode(DiskInfo, kind.disk).source
    disk = codec.encode(DiskInfo(source=source)) if source else None
    return replace(kind, disk=disk, shared=False)


def _by_provider(parts: Iterable[tuple[Kind, Amount]]) -> list[Resources]:
    """Mesos wants one operation for each resource provider."""
    bags: dict[str | None, Resources] = {}
    for kind, amount in parts:
        bag = bags.get(kind.provider_id, resources.EMPTY)
        bags[kind.provider_id] = bag + Resources({kind: amount})
    return list(bags.values())
