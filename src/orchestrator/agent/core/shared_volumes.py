"""The persistent volumes of an executor, which the members of its task group find in its sandbox.

Mesos mounts them into the executor's container. The default executor here is no process and has no
mounts, so each member that mounts such a path of its parent's sandbox is given the volume itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.mesos.types import ContainerInfo, Resource


def of_executor(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Those of an executor's resources that are persistent volumes with a place."""
    return tuple(one for one in resources if _path(one) is not None)


def mounted(info: ContainerInfo | None, volumes: Sequence[Resource]) -> list[Resource]:
    """Which of them a member mounts."""
    sources = [volume.source for volume in info.volumes] if info is not None else []
    paths = [
        source.sandbox_path.path
        for source in sources
        if source is not None and source.sandbox_path and source.sandbox_path.type == "PARENT"
    ]
    return [one for one in volumes if any(inside(path, one) is not None for path in paths)]


def inside(path: str, volume: Resource) -> str | None:
    """Where in the volume a path of the executor's sandbox leads, ``.`` for all; None: nowhere."""
    place = _path(volume)
    if place is None or path.startswith("/") or place.startswith("/"):
        return None
    parts, of_volume = _parts(path), _parts(place)
    if not of_volume or parts[: len(of_volume)] != of_volume:
        return None
    return "/".join(parts[len(of_volume) :]) or "."


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _path(resource: Resource) -> str | None:
    disk = resource.disk
    if disk is None or disk.persistence is None or disk.volume is None:
        return None
    return disk.volume.container_path
