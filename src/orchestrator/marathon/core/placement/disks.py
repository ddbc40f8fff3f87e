"""Which disk of an offer becomes which persistent volume.

The largest volume chooses first. Root and path disks are had in part, of path disks the one with
the most left, so that volumes spread; a mount is had as a whole, the first that is large enough
and not too large. Source: ResourceMatcher.scala and VolumeConstraints.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from orchestrator.marathon.core.apps.app_volumes import AppVolume, DiskType, PersistentVolume
from orchestrator.marathon.core.placement.taking import Left
from orchestrator.mesos import codec
from orchestrator.mesos.resources import MILLI, Kind
from orchestrator.mesos.types import DiskInfo, DiskSource

_TYPES: dict[str, DiskType] = {"PATH": "path", "MOUNT": "mount"}


class VolumeDisk(msgspec.Struct, frozen=True):
    """Disk for a volume: so much (in thousandths) of a kind."""

    volume: AppVolume
    kind: Kind
    amount: int


def take_disks(left: Left, volumes: Sequence[AppVolume]) -> list[VolumeDisk] | None:
    """Disk for every volume, taken off ``left``; None if there is not enough."""
    found = []
    for volume, wanted in _largest_first(volumes):
        disk = next(_suitable(left, wanted), None)
        if disk is None:
            return None
        kind, amount = disk
        taken = amount if wanted.disk_type == "mount" else wanted.size * MILLI
        left[kind] = amount - taken
        found.append(VolumeDisk(volume, kind, taken))
    return found


def persistence_id(kind: Kind) -> str | None:
    """The id of the persistent volume that resources of this kind are, if they are one."""
    disk = _disk(kind)
    return disk.persistence.id if disk and disk.persistence else None


def _largest_first(volumes: Sequence[AppVolume]) -> list[tuple[AppVolume, PersistentVolume]]:
    pairs = [(volume, volume.persistent) for volume in volumes if volume.persistent]
    return sorted(pairs, key=lambda pair: -pair[1].size)


def _suitable(left: Left, wanted: PersistentVolume) -> Iterator[tuple[Kind, int]]:
    disks = [(k, a) for k, a in left.items() if k.name == "disk" and isinstance(a, int)]
    if wanted.disk_type == "path":
        disks.sort(key=lambda disk: -disk[1])
    elif wanted.disk_type == "mount":
        disks.sort(key=lambda disk: disk[1])
    least, most = wanted.size * MILLI, (wanted.max_size or 0) * MILLI
    for kind, amount in disks:
        is_too_large = most and wanted.disk_type == "mount" and amount > most
        if least <= amount and not is_too_large and _is_as_wanted(kind, wanted):
            yield kind, amount


def _is_as_wanted(kind: Kind, wanted: PersistentVolume) -> bool:
    disk = _disk(kind)
    source = disk.source if disk else None
    if disk is not None and (disk.persistence is not None or disk.volume is not None):
        return False
    kind_of = "root" if source is None else _TYPES.get(source.type)
    if kind_of != wanted.disk_type:
        return False
    if wanted.profile_name is not None and (
        source is None or source.profile != wanted.profile_name
    ):
        return False
    return all(_is_path_met(constraint, _path(source)) for constraint in wanted.constraints)


def _is_path_met(constraint: Sequence[str], path: str) -> bool:
    is_like = re.fullmatch(constraint[2], path) is not None
    return is_like if constraint[1] == "LIKE" else not is_like


def _path(source: DiskSource | None) -> str:
    where = (source.path or source.mount) if source else None
    return (where.root if where else None) or ""


def _disk(kind: Kind) -> DiskInfo | None:
    return codec.decode(DiskInfo, kind.disk) if kind.disk else None
