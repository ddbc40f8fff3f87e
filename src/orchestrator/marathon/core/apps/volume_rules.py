"""What makes the volumes of a container, and its isolation, ones that it can have.

Source: AppValidation.scala, LinuxInfo.scala and ExternalVolumes.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from orchestrator.marathon.core.apps import features, secret_rules
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_volumes import AppVolume, LinuxInfo, PersistentVolume
from orchestrator.marathon.core.refusals import Violation

Violations = Iterator[Violation]
_PROVIDERS = ("csi", "dvdi")
_VOLUME_OPERATORS = ("LIKE", "UNLIKE")
_OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS")


def problems(app: App, enabled: Collection[str]) -> Violations:
    """What is wrong with the container's volumes, its image's secret and its isolation."""
    container = app.container
    if container is None:
        return
    for index, volume in enumerate(container.volumes):
        yield from _volume(f"/container/volumes({index})", volume, app, enabled)
    if any(v.secret is not None for v in container.volumes):
        yield from _feature("/container", features.SECRETS, enabled)
    yield from _unique_paths(container.volumes)
    if container.linux_info is not None:
        yield from _linux_info(container.linux_info)
    yield from _docker(app, enabled)


def _feature(path: str, feature: str, enabled: Collection[str]) -> Violations:
    if error := features.problem(feature, enabled):
        yield Violation(path, error)


def _docker(app: App, enabled: Collection[str]) -> Violations:
    container = app.container
    if container is None or container.docker is None:
        return
    where, docker = "/container/docker", container.docker
    if docker.credential is not None:
        yield Violation(f"{where}/credential", "must be empty")
    if container.type == "MESOS" and docker.parameters:
        yield Violation(f"{where}/parameters", "must be empty")
    if docker.pull_config is None:
        return
    where = f"{where}/pullConfig"
    if container.type == "DOCKER":
        yield Violation(where, "pullConfig is not supported with Docker containerizer")
        return
    yield from secret_rules.pull_config(where, docker.pull_config, app.secrets, enabled)


def _volume(where: str, volume: AppVolume, app: App, enabled: Collection[str]) -> Violations:
    kinds = (volume.persistent, volume.external, volume.secret, volume.host_path)
    if sum(kind is not None for kind in kinds) > 1:
        yield Violation(where, "must be one of a host, persistent, external or secret volume")
    elif volume.persistent is not None:
        yield from _persistent(where, volume, volume.persistent)
    elif volume.external is not None:
        yield from _external(where, volume.external, enabled)
    elif volume.secret is not None:
        yield from secret_rules.volume(where, volume.secret, app.secrets)
    elif not volume.host_path:
        yield Violation(f"{where}/hostPath", "must not be empty")
    if volume.secret is None and volume.mode is None:
        yield Violation(f"{where}/mode", "error.path.missing")


def _persistent(where: str, volume: AppVolume, wanted: PersistentVolume) -> Violations:
    path = volume.container_path
    if path in (".", ".."):
        yield Violation(f"{where}/containerPath", f"must not be equal to one of: {path}")
    if "/" in path:
        yield Violation(f"{where}/containerPath", 'value must not contain "/"')
    if volume.mode == "RO":
        yield Violation(f"{where}/mode", "must be equal to RW")
    yield from persistent(f"{where}/persistent", wanted)


def persistent(where: str, wanted: PersistentVolume) -> Violations:
    """What is wrong with the disk that a volume of an app or a pod asks for."""
    if wanted.size <= 0:
        yield Violation(f"{where}/size", f"got {wanted.size}, expected more than 0")
    for index, constraint in enumerate(wanted.constraints):
        if error := _constraint_problem(constraint):
            yield Violation(f"{where}/constraints({index})", error)
    if wanted.type != "mount" and wanted.max_size is not None:
        yield Violation(where, "Only mount volumes can have maxSize")
    if wanted.type in (None, "root") and wanted.profile_name is None and wanted.constraints:
        yield Violation(where, "Constraints on root volumes are not supported")
    if wanted.max_size is not None and wanted.max_size <= wanted.size:
        yield Violation(where, "Max size must be larger than size")
    if wanted.profile_name == "":
        yield Violation(f"{where}/profileName", "must not be empty")


def _constraint_problem(constraint: Sequence[str]) -> str | None:
    if not constraint:
        return "Missing field and operator"
    if constraint[0] != "path" or len(constraint) < 3:
        return f"Unsupported constraint {','.join(constraint)}"
    operator, value = constraint[1], constraint[2]
    if operator not in _OPERATORS:
        return f"unknown constraint operator {operator}"
    if operator not in _VOLUME_OPERATORS:
        return "Operator must be one of LIKE, UNLIKE"
    try:
        re.compile(value)
    except re.error:
        return "Invalid regular expression"
    return None


def _external(where: str, external: dict[str, object], enabled: Collection[str]) -> Violations:
    provider = external.get("provider")
    if provider is not None and provider not in _PROVIDERS:
        yield Violation(f"{where}/external/provider", "is unknown provider")
    if features.EXTERNAL_VOLUMES in enabled:
        error = "external volumes are not supported by the agents of this cluster"
        yield Violation(f"{where}/external", error)
    yield from _feature(where, features.EXTERNAL_VOLUMES, enabled)


def _unique_paths(volumes: Sequence[AppVolume]) -> Violations:
    """Marathon leaves this to Mesos, where one of the two would hide the other."""
    paths = [v.container_path for v in volumes if v.persistent is not None]
    if len(set(paths)) < len(paths):
        error = "containerPath of persistent volumes must be unique"
        yield Violation("/container/volumes", error)


def _linux_info(info: LinuxInfo) -> Violations:
    where, seccomp, ipc = "/container/linuxInfo", info.seccomp, info.ipc_info
    if seccomp and seccomp.profile_name is not None and seccomp.unconfined:
        error = "Seccomp unconfined can NOT be true when Profile is defined"
        yield Violation(f"{where}/seccomp", error)
    if seccomp and seccomp.profile_name is None and not seccomp.unconfined:
        error = "Seccomp unconfined must be true when Profile is NOT defined"
        yield Violation(f"{where}/seccomp", error)
    if ipc and ipc.mode == "SHARE_PARENT" and ipc.shm_size is not None:
        error = "ipcInfo shmSize can NOT be set when mode is SHARE_PARENT"
        yield Violation(f"{where}/ipcInfo", error)
