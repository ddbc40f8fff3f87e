"""The pieces of a pod definition, and how they are written.

The rules of ``app_parts`` hold here too. Source: pod.raml, podContainer.raml, healthCheck.raml and
volumes.raml of Marathon 1.11.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from orchestrator.marathon.core.apps.app_parts import (
    RANDOM_PORT,
    Amount,
    AnyPort,
    Artifact,
    Count,
    Part,
    PullConfig,
    ResourceLimits,
    Seconds,
    Text,
    always,
)
from orchestrator.marathon.core.apps.app_volumes import PersistentVolume, SecretReference

Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Path = Annotated[str, Meta(min_length=1, max_length=1024)]
Duration = Annotated[float, Meta(ge=0, le=1e9)]


class Word(StrEnum):
    """A word of a fixed set, in upper or lower case: clients write ``http`` and ``docker``."""

    @classmethod
    def _missing_(cls, value: object) -> Word | None:
        return next((one for one in cls if one.value.lower() == str(value).lower()), None)


class ImageKind(Word):
    """Where images come from."""

    DOCKER = "DOCKER"


class Scheme(Word):
    """How an HTTP check asks."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"


class IpcMode(Word):
    """With whom a container shares memory."""

    PRIVATE = "PRIVATE"
    SHARE_PARENT = "SHARE_PARENT"


EnvValue = str | SecretReference


class PodCommand(Part):
    """A line for the shell, or a program with its arguments: one of both."""

    shell: Text | None = None
    argv: Annotated[list[str], Meta(min_length=1)] | None = None


class Exec(Part):
    """What a container runs; without it, what its image says."""

    command: PodCommand
    override_entrypoint: bool | None = None


class PodResources(Part):
    """What one container is given: cpus in cores, mem and disk in MiB."""

    cpus: Annotated[float, Meta(ge=0.001, le=1e9)] = always(default=1.0)
    mem: Annotated[float, Meta(ge=0.001, le=1e9)] = always(default=128.0)
    disk: Amount = always(default=0.0)
    gpus: Count = always(default=0)


class ExecutorResources(Part):
    """What the executor of each instance is given besides."""

    cpus: Annotated[float, Meta(ge=0.1, le=1e9)] = always(default=0.1)
    mem: Annotated[float, Meta(ge=32, le=1e9)] = always(default=32.0)
    disk: Annotated[float, Meta(ge=10, le=1e9)] = always(default=10.0)


class Endpoint(Part):
    """A port that a container listens on, and the host's port that leads there."""

    name: Name
    container_port: AnyPort | None = None
    host_port: AnyPort | None = None
    protocol: Annotated[list[Name], Meta(min_length=1)] | None = None
    labels: dict[str, str] = {}
    network_names: list[str] = []

    @property
    def protocols(self) -> list[str]:
        """What it speaks; TCP when nothing is said."""
        return self.protocol or ["tcp"]

    def port_inside(self, host_port: int | None, *, is_on_host: bool) -> int:
        """Where the process listens, given the host port that was allocated."""
        if is_on_host:
            return host_port or self.container_port or RANDOM_PORT
        return self.container_port or host_port or RANDOM_PORT


class PodImage(Part):
    """The file system of a container."""

    kind: ImageKind
    id: Path
    pull_config: PullConfig | None = None
    force_pull: bool | None = None
    labels: dict[str, str] = {}


class PodHttpCheck(Part):
    """An HTTP request to an endpoint of the container."""

    endpoint: Name
    path: Path | None = None
    scheme: Scheme = always(default=Scheme.HTTP)


class PodTcpCheck(Part):
    """A connection to an endpoint of the container."""

    endpoint: Name


class PodExecCheck(Part):
    """A command run beside the container."""

    command: PodCommand


class PodCheck(Part):
    """A check whose result is only shown; exactly one kind of it is set."""

    http: PodHttpCheck | None = None
    tcp: PodTcpCheck | None = None
    exec: PodExecCheck | None = None
    interval_seconds: Seconds = always(default=60)
    timeout_seconds: Seconds = always(default=20)
    delay_seconds: Seconds = always(default=15)


class PodHealthCheck(PodCheck):
    """A check whose failure ends the instance."""

    grace_period_seconds: Seconds = always(default=300)
    max_consecutive_failures: Count = always(default=3)


class VolumeMount(Part):
    """Where a container finds a volume of its pod."""

    name: Name
    mount_path: Path
    read_only: bool | None = None


class PodVolume(Part):
    """A volume: a path of the host's, disk that outlives the tasks, a secret, or (nothing else
    set) the instance's directory.
    """

    name: Name
    host: Text | None = None
    persistent: PersistentVolume | None = None
    secret: Text | None = None


class Lifecycle(Part):
    """How a container ends."""

    kill_grace_period_seconds: Duration | None = None


class Seccomp(Part):
    """Which system calls a container may make."""

    profile_name: Text | None = None
    unconfined: bool = always(default=False)


class IpcInfo(Part):
    """With whom a container shares memory."""

    mode: IpcMode
    shm_size: Count | None = None


class PodLinuxInfo(Part):
    """Settings of Linux' own isolation."""

    seccomp: Seccomp | None = None
    ipc_info: IpcInfo | None = None


class PodContainer(Part):
    """One container of a pod."""

    name: Name
    resources: PodResources
    exec: Exec | None = None
    resource_limits: ResourceLimits | None = None
    endpoints: list[Endpoint] = []
    linux_info: PodLinuxInfo | None = None
    image: PodImage | None = None
    environment: dict[str, EnvValue] = {}
    user: str | None = None
    health_check: PodHealthCheck | None = None
    check: PodCheck | None = None
    volume_mounts: list[VolumeMount] = []
    artifacts: list[Artifact] = []
    labels: dict[str, str] = {}
    lifecycle: Lifecycle | None = None
    tty: bool | None = None
