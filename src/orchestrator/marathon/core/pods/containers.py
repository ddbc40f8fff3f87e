"""How Mesos contains a pod: its networks and mapped ports, images, volumes, isolation.

Source: computeContainerInfo and buildMesosNetworks of TaskGroupBuilder.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from orchestrator.marathon.core.apps.app_parts import NetworkMode
from orchestrator.marathon.core.pods.parts import (
    Endpoint,
    PodContainer,
    PodImage,
    PodLinuxInfo,
    PodVolume,
)
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.tasks import task_parts
from orchestrator.marathon.core.tasks.task_builder import BRIDGE_NAME, labels_of
from orchestrator.mesos.types import (
    ContainerInfo,
    Image,
    LinuxInfo,
    MesosInfo,
    NetworkInfo,
    NetworkPortMapping,
    SandboxPathSource,
    SeccompInfo,
    TTYInfo,
    Volume,
    VolumeMode,
    VolumeSource,
)

_VOLUMES = "volumes/"  # in the executor's sandbox, which the containers share


def container_info(pod: Pod, container: PodContainer) -> ContainerInfo:
    """What one container asks for; its networks are the executor's."""
    image = container.image
    return ContainerInfo(
        type="MESOS",
        mesos=MesosInfo(image=_image(pod, image)) if image else None,
        volumes=list(_volumes(pod, container)),
        linux_info=linux_info(container.linux_info, pod),
        tty_info=TTYInfo() if container.tty else None,
    )


def networks(pod: Pod, host_ports: Sequence[int | None]) -> list[NetworkInfo]:
    """The networks that all containers share; none on the host's own."""
    return [
        NetworkInfo(
            name=BRIDGE_NAME if network.mode is NetworkMode.BRIDGE else network.name,
            labels=labels_of(network.labels),
            port_mappings=[
                mapping
                for endpoint, port in zip(pod.endpoints, host_ports, strict=True)
                if not endpoint.network_names or network.name in endpoint.network_names
                for mapping in _mappings(endpoint, port)
            ],
        )
        for network in pod.networks
        if network.mode is not NetworkMode.HOST
    ]


def _mappings(endpoint: Endpoint, host_port: int | None) -> Iterator[NetworkPortMapping]:
    if host_port is None:
        return
    inside = endpoint.port_inside(host_port, is_on_host=False)
    for protocol in endpoint.protocols:
        yield NetworkPortMapping(host_port=host_port, container_port=inside, protocol=protocol)


def linux_info(asked: PodLinuxInfo | None, pod: Pod) -> LinuxInfo:
    """Isolation; Mesos would have containers share the limits of their pod if nothing was said."""
    info = LinuxInfo(share_cgroups=bool(pod.legacy_shared_cgroups))
    if asked and asked.seccomp:
        seccomp = SeccompInfo(
            profile_name=asked.seccomp.profile_name, unconfined=asked.seccomp.unconfined
        )
        info = replace(info, seccomp=seccomp)
    if asked and asked.ipc_info:
        mode = asked.ipc_info.mode.value
        info = replace(info, ipc_mode=mode, shm_size=asked.ipc_info.shm_size)
    return info


def _image(pod: Pod, image: PodImage) -> Image:
    is_cached = not image.force_pull
    return task_parts.image(image.id, image.pull_config, pod.secrets, is_cached=is_cached)


def _volumes(pod: Pod, container: PodContainer) -> Iterator[Volume]:
    volumes = {volume.name: volume for volume in pod.volumes}
    for mount in container.volume_mounts:
        volume = volumes[mount.name]
        if volume.secret is not None:
            yield task_parts.secret_volume(mount.mount_path, volume.secret, pod.secrets)
            continue
        yield Volume(
            container_path=mount.mount_path,
            mode=VolumeMode.RO if mount.read_only else VolumeMode.RW,
            host_path=volume.host,
            source=None if volume.host else _of_executor(volume),
        )


def _of_executor(volume: PodVolume) -> VolumeSource:
    """A directory of the executor's sandbox; where that is, a persistent volume is mounted."""
    path = volume.name if volume.persistent is not None else _VOLUMES + volume.name
    source = SandboxPathSource(type="PARENT", path=path)
    return VolumeSource(type="SANDBOX_PATH", sandbox_path=source)
