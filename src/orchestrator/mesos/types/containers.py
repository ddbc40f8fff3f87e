"""Images, volumes and the isolation of containers.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types.base import Credential, Labels, Message, Parameter, Parameters
from orchestrator.mesos.types.commands import Secret
from orchestrator.mesos.types.networks import NetworkInfo


class VolumeMode(StrEnum):
    """Whether a container may write to a volume."""

    RW = "RW"
    RO = "RO"


class MountPropagation(Message):
    """Which way mounts below a volume spread."""

    mode: str | None = None


class HostPathSource(Message):
    """A volume that is a path of the host."""

    path: str
    mount_propagation: MountPropagation | None = None


class SandboxPathSource(Message):
    """A volume that is a path of the sandbox."""

    path: str
    type: str | None = None


class DockerVolumeSource(Message):
    """A volume made by a Docker volume driver."""

    name: str
    driver: str | None = None
    driver_options: Parameters | None = None


class VolumeSource(Message):
    """Where a volume comes from."""

    type: str = "UNKNOWN"
    docker_volume: DockerVolumeSource | None = None
    host_path: HostPathSource | None = None
    sandbox_path: SandboxPathSource | None = None
    secret: Secret | None = None


class Volume(Message):
    """A path of the host, an image or a source, mounted into a container."""

    container_path: str
    mode: VolumeMode | None = None
    host_path: str | None = None
    image: Image | None = None
    source: VolumeSource | None = None


class DockerImage(Message):
    """A Docker image by name."""

    name: str
    credential: Credential | None = None
    config: Secret | None = None


class AppcImage(Message):
    """An appc image; named so that it can be refused by name."""

    name: str
    id: str | None = None
    labels: Labels | None = None


class Image(Message):
    """A container image."""

    type: str | None = None
    appc: AppcImage | None = None
    docker: DockerImage | None = None
    cached: bool = True


class DockerPortMapping(Message):
    """A port mapping of the Docker containerizer."""

    host_port: int
    container_port: int
    protocol: str | None = None


class DockerInfo(Message):
    """How the Docker Engine should run a container."""

    image: str
    network: str = "HOST"
    port_mappings: list[DockerPortMapping] = []
    privileged: bool = False
    parameters: list[Parameter] = []
    force_pull_image: bool | None = None
    volume_driver: str | None = None


class MesosInfo(Message):
    """How the native containerizer should run a container."""

    image: Image | None = None


class CapabilitySet(Message):
    """Linux capabilities."""

    capabilities: list[str] = []


class SeccompInfo(Message):
    """The seccomp profile of a container."""

    profile_name: str | None = None
    unconfined: bool | None = None


class LinuxInfo(Message):
    """Linux' own means of isolation."""

    capability_info: CapabilitySet | None = None
    bounding_capabilities: CapabilitySet | None = None
    effective_capabilities: CapabilitySet | None = None
    share_pid_namespace: bool | None = None
    seccomp: SeccompInfo | None = None
    ipc_mode: str | None = None
    shm_size: int | None = None
    share_cgroups: bool | None = None


class RLimit(Message):
    """One resource limit of a process."""

    type: str
    hard: int | None = None
    soft: int | None = None


class RLimitInfo(Message):
    """The resource limits of a process."""

    rlimits: list[RLimit] = []


class WindowSize(Message):
    """Rows and columns of a terminal."""

    rows: int
    columns: int


class TTYInfo(Message):
    """Present when a container wants a terminal."""

    window_size: WindowSize | None = None


class ContainerInfo(Message):
    """How a task is contained."""

    type: str
    volumes: list[Volume] = []
    hostname: str | None = None
    docker: DockerInfo | None = None
    mesos: MesosInfo | None = None
    network_infos: list[NetworkInfo] = []
    linux_info: LinuxInfo | None = None
    rlimit_info: RLimitInfo | None = None
    tty_info: TTYInfo | None = None
