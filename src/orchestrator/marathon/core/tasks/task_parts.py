"""Parts of a task: its volumes, secrets, the isolation of its container, a custom executor.

Tasks of apps and tasks of a pod's containers are made of the same parts.
Secrets are never seen here: a task names them, and the agent fetches them from its store.
Persistent volumes are not among a container's volumes, since they come with the task's resources.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Artifact,
    Container,
    PullConfig,
    ResourceLimits,
)
from orchestrator.marathon.core.apps.app_volumes import AppVolume, SecretReference, SecretSource
from orchestrator.mesos import types as mesos
from orchestrator.mesos.types import (
    CommandInfo,
    CommandURI,
    ContainerInfo,
    DockerImage,
    EnvironmentVariable,
    ExecutorID,
    ExecutorInfo,
    Image,
    Resource,
    Scalar,
    Secret,
    Volume,
    VolumeMode,
    VolumeSource,
)

Secrets = Mapping[str, SecretSource]
UNLIMITED = "unlimited"


def uris_of(artifacts: Iterable[Artifact]) -> list[CommandURI]:
    """What the agent is to fetch."""
    return [
        CommandURI(
            value=artifact.uri,
            extract=artifact.extract,
            executable=artifact.executable,
            cache=artifact.cache,
            output_file=artifact.dest_path,
        )
        for artifact in artifacts
    ]


def secret(name: str, secrets: Secrets) -> Secret:
    """A reference to a secret of the app or pod by its name; the store knows it by its source."""
    source = secrets[name].source if name in secrets else name
    return Secret(type="REFERENCE", reference=mesos.SecretReference(name=source))


def variables(
    plain: Mapping[str, str], asked: Mapping[str, str | SecretReference], secrets: Secrets
) -> list[EnvironmentVariable]:
    """The environment: what is known, and what of ``asked`` only the agent will know."""
    secret_ones = {k: v for k, v in asked.items() if isinstance(v, SecretReference)}
    return [
        *(EnvironmentVariable(name=k, value=v) for k, v in plain.items() if k not in secret_ones),
        *(
            EnvironmentVariable(name=k, type="SECRET", secret=secret(v.secret, secrets))
            for k, v in secret_ones.items()
        ),
    ]


def volumes(wanted: Sequence[AppVolume], secrets: Secrets) -> list[Volume]:
    """Host and secret volumes."""
    found = []
    for volume in wanted:
        mode, path = VolumeMode(volume.mode or "RW"), volume.container_path
        if volume.secret is not None:
            found.append(secret_volume(path, volume.secret, secrets))
        elif volume.host_path is not None:
            found.append(Volume(container_path=path, host_path=volume.host_path, mode=mode))
    return found


def secret_volume(path: str, name: str, secrets: Secrets) -> Volume:
    """A file with the secret, which the agent makes; nobody writes to it."""
    source = VolumeSource(type="SECRET", secret=secret(name, secrets))
    return Volume(container_path=path, mode=VolumeMode.RO, source=source)


def image(name: str, pull: PullConfig | None, secrets: Secrets, *, is_cached: bool) -> Image:
    """The image of a container of Mesos, with the secret to pull it by."""
    config = secret(pull.secret, secrets) if pull else None
    return Image(type="DOCKER", docker=DockerImage(name=name, config=config), cached=is_cached)


def linux_info(container: Container) -> mesos.LinuxInfo | None:
    """Seccomp and shared memory."""
    wanted = container.linux_info
    if wanted is None:
        return None
    seccomp, ipc = wanted.seccomp, wanted.ipc_info
    profile = None
    if seccomp is not None:
        profile = mesos.SeccompInfo(
            profile_name=seccomp.profile_name, unconfined=seccomp.unconfined
        )
    return mesos.LinuxInfo(
        seccomp=profile,
        ipc_mode=ipc.mode if ipc else None,
        shm_size=ipc.shm_size if ipc else None,
    )


def limits(wanted: ResourceLimits | None) -> dict[str, Scalar]:
    """Upper bounds above what is reserved."""
    given = {"cpus": wanted.cpus, "mem": wanted.mem} if wanted else {}
    return {name: Scalar(value=_limit(limit)) for name, limit in given.items() if limit is not None}


def _limit(limit: float | str) -> float:
    return math.inf if isinstance(limit, str) else float(limit)


def executor(
    app: App,
    task_id: str,
    command: CommandInfo,
    container: ContainerInfo | None,
    resources: list[Resource],
) -> ExecutorInfo:
    """A custom executor: a program in the sandbox that gets the app's command as arguments."""
    path = f"'{app.executor}'"
    arguments = app.cmd or " ".join(app.args)
    line = f"chmod ug+rx {path} && exec {path} {arguments}".rstrip()
    return ExecutorInfo(
        executor_id=ExecutorID(value=f"marathon-{task_id}"),
        command=CommandInfo(
            shell=True,
            value=line,
            environment=command.environment,
            uris=command.uris,
            user=command.user,
        ),
        container=container,
        resources=resources,
    )
