"""What is mounted into a container besides its root: volumes of the task and of its disk resources.

A container path that is not absolute is meant from the sandbox. Pure: where a source has to be made
or looked at first, ``Kind`` says so, and ``containers`` does it.
Sources: Volume in mesos.proto; the isolators filesystem/linux, volume/host_path,
volume/sandbox_path and volume/secret of Apache Mesos.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import PurePosixPath

from msgspec.structs import replace

from orchestrator.agent.adapters import persistence
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.persistence import VolumeError
from orchestrator.agent.core import shared_volumes
from orchestrator.mesos.types import Message, Resource, Secret, Volume, VolumeMode

_PROPAGATIONS = {
    None: "rprivate",
    "UNKNOWN": "rprivate",
    "HOST_TO_CONTAINER": "rslave",
    "BIDIRECTIONAL": "rshared",
}


class Kind(StrEnum):
    """What a source is, and so what has to be done about it first."""

    HOST = "HOST"  # has to be there
    SANDBOX = "SANDBOX"  # relative to the sandbox, made if missing
    PARENT = "PARENT"  # the same of the parent's sandbox
    PERSISTENT = "PERSISTENT"  # made if missing, and given to the task's user
    IN_VOLUME = "IN_VOLUME"  # relative to ``within``, a persistent volume; both made if missing
    SECRET = "SECRET"  # written to memory


class Mount(Message):
    """Something to be mounted; ``source`` is absolute but for SANDBOX, PARENT and IN_VOLUME."""

    kind: Kind
    source: str
    target: str
    is_read_only: bool = False
    propagation: str = "rprivate"
    secret: Secret | None = None
    within: str = ""


def of_task(
    volumes: Iterable[Volume],
    resources: Iterable[Resource],
    sandbox: str,
    work_dir: str,
    parent_volumes: Sequence[Resource] = (),
) -> list[Mount]:
    """All mounts, persistent volumes first. ``sandbox`` is where it is inside the container.

    ``parent_volumes`` are the persistent volumes that lie in the parent's sandbox.
    Raises NativeError for what this agent cannot give.
    """
    persistent = [
        _persistent(one, sandbox, work_dir)
        for one in resources
        if one.disk is not None and one.disk.persistence is not None and one.disk.volume is not None
    ]
    asked = (_volume(one, sandbox) for one in volumes)
    return [*persistent, *(_at_home(one, parent_volumes, work_dir) for one in asked)]


def _at_home(mount: Mount, volumes: Sequence[Resource], work_dir: str) -> Mount:
    """What is wanted of the parent's sandbox may be one of its volumes, or lie in it."""
    if mount.kind is not Kind.PARENT:
        return mount
    for resource in volumes:
        rest = shared_volumes.inside(mount.source, resource)
        if rest is None or resource.disk is None or resource.disk.volume is None:
            continue
        path = _path_of(resource, work_dir)
        is_read_only = mount.is_read_only or resource.disk.volume.mode is VolumeMode.RO
        whole = replace(mount, kind=Kind.PERSISTENT, source=path, is_read_only=is_read_only)
        return (
            whole if rest == "." else replace(whole, kind=Kind.IN_VOLUME, source=rest, within=path)
        )
    return mount


def _volume(volume: Volume, sandbox: str) -> Mount:
    target = _target(volume.container_path, sandbox)
    read_only = volume.mode is VolumeMode.RO
    if volume.image is not None:
        raise NativeError(f"The volume at '{volume.container_path}' is an image; use a host path")
    source = volume.source
    if source is None:
        return _legacy(volume, target, read_only)
    if source.host_path is not None:
        mode = source.host_path.mount_propagation and source.host_path.mount_propagation.mode
        if mode not in _PROPAGATIONS:
            raise NativeError(f"There is no mount propagation '{mode}'")
        path = _host_path(source.host_path.path)
        return Mount(
            kind=Kind.HOST,
            source=path,
            target=target,
            is_read_only=read_only,
            propagation=_PROPAGATIONS[mode],
        )
    if source.sandbox_path is not None:
        kind = Kind.PARENT if source.sandbox_path.type == "PARENT" else Kind.SANDBOX
        path = _relative(source.sandbox_path.path)
        return Mount(kind=kind, source=path, target=target, is_read_only=read_only)
    if source.secret is not None:
        secret = source.secret
        return Mount(kind=Kind.SECRET, source="", target=target, is_read_only=True, secret=secret)
    what = "a Docker volume" if source.docker_volume is not None else "without a source"
    raise NativeError(
        f"The volume at '{volume.container_path}' is {what}, which the Mesos containerizer of this "
        "agent cannot mount"
    )


def _legacy(volume: Volume, target: str, read_only: bool) -> Mount:
    """``host_path`` alone: absolute, or in the sandbox."""
    path = volume.host_path
    if path is None:
        raise NativeError(f"The volume at '{volume.container_path}' has no source")
    if path.startswith("/"):
        source = _host_path(path)
        return Mount(kind=Kind.HOST, source=source, target=target, is_read_only=read_only)
    source = _relative(path)
    return Mount(kind=Kind.SANDBOX, source=source, target=target, is_read_only=read_only)


def _persistent(resource: Resource, sandbox: str, work_dir: str) -> Mount:
    disk = resource.disk
    if disk is None or disk.persistence is None or disk.volume is None:
        raise AssertionError("the caller has seen both")
    return Mount(
        kind=Kind.PERSISTENT,
        source=_path_of(resource, work_dir),
        target=_target(disk.volume.container_path, sandbox),
        is_read_only=disk.volume.mode is VolumeMode.RO,
    )


def _path_of(resource: Resource, work_dir: str) -> str:
    try:
        return persistence.path_of(resource, work_dir)
    except VolumeError as error:
        raise NativeError(str(error)) from None


def _target(path: str, sandbox: str) -> str:
    parts = PurePosixPath(path).parts
    if not path or "\0" in path or ".." in parts or parts in ((), ("/",)):
        raise NativeError(f"'{path}' cannot be where a volume is mounted")
    return path if path.startswith("/") else f"{sandbox}/{path}"


def _host_path(path: str) -> str:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise NativeError(f"'{path}' cannot be the host path of a volume: it must be absolute")
    return path


def _relative(path: str) -> str:
    if path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise NativeError(f"'{path}' lies outside the sandbox")
    return path
