"""Where persistent volumes lie: ``ROOT/volumes/roles/ROLE/ID``; a disk of type MOUNT is the volume.

As in Mesos a role's slashes become spaces, so that what lies in a volume of ``a`` cannot be taken
for the role ``a/b``. Whoever mounts or measures a volume asks here: all must mean the same place.
Source: getPersistentVolumePath() in src/slave/paths.cpp of Apache Mesos.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from orchestrator.mesos.types import DiskSource, Resource


class VolumeError(ValueError):
    """The disk is no persistent volume that can be had here; one sentence."""


def path_of(resource: Resource, work_dir: str) -> str:
    """The path of the persistent volume that a disk resource is. Raises VolumeError."""
    disk = resource.disk
    if disk is None or disk.persistence is None:
        raise VolumeError("The disk is no persistent volume")
    home = _home_of(disk.source, work_dir)
    if _is_mount(disk.source):
        return home
    role = resource.reservations[-1].role if resource.reservations else resource.role
    names = ((role or "*").replace("/", " "), disk.persistence.id)
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise VolumeError(f"'{name}' cannot be a part of a volume's path")
    return "/".join((home, "roles", *names))


def home_of(resource: Resource, work_dir: str) -> str:
    """The directory of a disk that has all its volumes, or is the one. Raises VolumeError."""
    return _home_of(resource.disk.source if resource.disk else None, work_dir)


def homes(disks: Iterable[Resource], work_dir: str) -> Iterator[str]:
    """Those directories of all disks of an agent, its work directory among them."""
    yield _home_of(None, work_dir)
    for one in disks:
        if one.disk is not None and one.disk.source is not None:
            try:
                yield home_of(one, work_dir)
            except VolumeError:
                continue  # no volume can be on it


def _is_mount(source: DiskSource | None) -> bool:
    return source is not None and source.mount is not None and bool(source.mount.root)


def _home_of(source: DiskSource | None, work_dir: str) -> str:
    if source is not None and source.mount is not None and source.mount.root:
        return _absolute(source.mount.root)
    root = work_dir if source is None else _root_of(source, work_dir)
    return f"{root.rstrip('/')}/volumes"


def _root_of(source: DiskSource, work_dir: str) -> str:
    if source.path is None or not source.path.root:
        raise VolumeError(f"This agent has no disks of type {source.type}")
    return _absolute(f"{PurePosixPath(work_dir) / source.path.root}")


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise VolumeError(f"'{path}' cannot be the root of a disk: it must be absolute")
    return path
