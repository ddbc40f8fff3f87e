"""Volumes: paths of the host and the sandbox, persistent volumes, Docker's own, secrets.

The rules are those of src/docker/docker.cpp (Apache Mesos), with one addition: a path of the host
has to pass the agent's policy. Symbolic links are followed before a path is judged, because the
Engine follows them too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from orchestrator.agent.adapters import persistence
from orchestrator.agent.adapters.docker.body import JSON, SANDBOX, Draft, SpecError
from orchestrator.agent.adapters.persistence import VolumeError
from orchestrator.mesos.types import (
    DockerVolumeSource,
    HostPathSource,
    Resource,
    SandboxPathSource,
    Volume,
    VolumeMode,
)

_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_PROPAGATION = {"HOST_TO_CONTAINER": "rslave", "BIDIRECTIONAL": "rshared"}


def add(draft: Draft, volume: Volume, driver: str | None, secrets: Mapping[str, str]) -> None:
    """Mount a volume. ``secrets``: where the secret for a container path lies on the host.

    ``driver`` is DockerInfo.volume_driver: with one, a host path that is not absolute is a name.
    """
    source = volume.source
    path = volume.host_path
    if volume.image is not None:
        raise SpecError(f"The volume at '{volume.container_path}' is an image: not supported")
    if source is None:
        if path is not None and driver and not path.startswith("/"):
            return named(draft, DockerVolumeSource(name=path, driver=driver), volume)
        return _add_path(draft, volume, path)
    if source.host_path is not None:
        return _add_host_path(draft, volume, source.host_path)
    if source.sandbox_path is not None:
        return _add_sandbox_path(draft, volume, source.sandbox_path)
    if source.docker_volume is not None:
        return named(draft, source.docker_volume, volume)
    if source.secret is not None:
        return _add_secret(draft, volume, secrets)
    return _add_path(draft, volume, path)


def add_persistent(draft: Draft, resource: Resource, work_dir: str) -> None:
    """Mount the persistent volume that a disk resource is, if it is one."""
    disk = resource.disk
    if disk is None or disk.persistence is None:
        return
    if disk.volume is None:
        raise SpecError(f"The persistent volume '{disk.persistence.id}' has no place in the task")
    try:
        path = persistence.path_of(resource, work_dir)
    except VolumeError as error:
        raise SpecError(str(error)) from None
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(
            f"The persistent volume '{disk.persistence.id}' is not here: {error}"
        ) from None
    bind(draft, path, disk.volume.container_path, [_mode(disk.volume)])


def from_host(draft: Draft, path: str, target: str, options: list[str]) -> None:
    """Mount an absolute path of the host, if the policy allows it."""
    refusal = draft.policy.refusal_of_volume(path, read_only="ro" in options)
    if refusal is not None:
        raise SpecError(f"The volume '{path}' is not mounted: {refusal}")
    if "rshared" in options or "shared" in options:
        draft.demand(f"The bidirectional volume '{path}'")
    bind(draft, path, target, options)


def from_sandbox(draft: Draft, path: str, target: str, options: list[str]) -> None:
    """Mount a path of the sandbox, which must not lead out of it."""
    whole = f"{draft.sandbox}/{path}"
    sandbox = os.path.realpath(draft.sandbox)
    if os.path.commonpath((sandbox, os.path.realpath(whole))) != sandbox:
        raise SpecError(f"'{path}' cannot be the path of a volume: it leads out of the sandbox")
    bind(draft, whole, target, options)


def bind(draft: Draft, path: str, target: str, options: list[str]) -> None:
    """Mount without asking the policy. A target that is not absolute is in the sandbox."""
    inside = _target(target)
    for one in (path, inside):
        if ":" in one or "\0" in one or ".." in PurePosixPath(one).parts:
            raise SpecError(f"'{one}' cannot be the path of a volume")
    draft.host["Binds"].append(f"{path}:{inside}:{','.join(options)}")


def named(draft: Draft, source: DockerVolumeSource, volume: Volume) -> None:
    """Mount a volume that Docker or one of its volume plugins keeps."""
    if not _VOLUME_NAME.fullmatch(source.name):
        raise SpecError(f"'{source.name}' cannot be the name of a Docker volume")
    options = source.driver_options.parameter if source.driver_options else []
    if options and source.driver in (None, "local"):
        draft.demand(f"The local volume '{source.name}' with options of its own")
    mount: JSON = {
        "Type": "volume",
        "Source": source.name,
        "Target": _target(volume.container_path),
        "ReadOnly": volume.mode is VolumeMode.RO,
    }
    if source.driver or options:
        given = {option.key: option.value for option in options}
        mount["VolumeOptions"] = {
            "DriverConfig": {"Name": source.driver or "local", "Options": given}
        }
    draft.host["Mounts"].append(mount)


def _add_secret(draft: Draft, volume: Volume, secrets: Mapping[str, str]) -> None:
    path = secrets.get(volume.container_path)
    if path is None:
        raise SpecError(f"The volume at '{volume.container_path}' is a secret that is not here")
    bind(draft, path, volume.container_path, ["ro"])


def _add_path(draft: Draft, volume: Volume, path: str | None) -> None:
    if path is None:
        raise SpecError(f"The volume at '{volume.container_path}' has no source on this agent")
    mount = from_host if path.startswith("/") else from_sandbox
    mount(draft, path, volume.container_path, [_mode(volume)])


def _add_host_path(draft: Draft, volume: Volume, source: HostPathSource) -> None:
    options = [_mode(volume)]
    if (asked := source.mount_propagation) is not None and asked.mode is not None:
        if asked.mode not in _PROPAGATION:
            raise SpecError(f"There is no mount propagation '{asked.mode}'")
        options.append(_PROPAGATION[asked.mode])
    mount = from_host if source.path.startswith("/") else from_sandbox
    mount(draft, source.path, volume.container_path, options)


def _add_sandbox_path(draft: Draft, volume: Volume, source: SandboxPathSource) -> None:
    if source.type == "PARENT":
        raise SpecError("A Docker container has no parent whose sandbox could be mounted")
    if source.path.startswith("/"):
        raise SpecError(f"'{source.path}' cannot be a path of the sandbox: it is absolute")
    from_sandbox(draft, source.path, volume.container_path, [_mode(volume)])


def _mode(volume: Volume) -> str:
    return (volume.mode or VolumeMode.RW).lower()


def _target(path: str) -> str:
    if not path:
        raise SpecError("A volume has no path in the container")
    return path if path.startswith("/") else f"{SANDBOX}/{path}"
