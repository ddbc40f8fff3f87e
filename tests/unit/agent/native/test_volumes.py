"""What is mounted where; and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.agent.adapters.native import volumes
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.volumes import Kind, Mount
from orchestrator.mesos.types import (
    DiskInfo,
    DiskPersistence,
    DockerVolumeSource,
    HostPathSource,
    Image,
    MountPropagation,
    Resource,
    SandboxPathSource,
    Scalar,
    Secret,
    ValueType,
    Volume,
    VolumeMode,
    VolumeSource,
)

BOX = "/mnt/mesos/sandbox"


def mount(volume: Volume) -> Mount:
    (found,) = volumes.of_task([volume], [], BOX, "/agent")
    return found


def disk(**info: Any) -> Resource:
    info.setdefault("persistence", DiskPersistence(id="v1"))
    info.setdefault("volume", Volume(container_path="data", mode=VolumeMode.RW))
    return Resource(
        name="disk", type=ValueType.SCALAR, scalar=Scalar(value=1), disk=DiskInfo(**info)
    )


def source(**fields: Any) -> VolumeSource:
    return VolumeSource(**fields)


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (
            Volume(container_path="/a", host_path="/b", mode=VolumeMode.RO),
            Mount(kind=Kind.HOST, source="/b", target="/a", is_read_only=True),
        ),
        (
            Volume(container_path="a/b", host_path="c"),
            Mount(kind=Kind.SANDBOX, source="c", target=f"{BOX}/a/b"),
        ),
        (
            Volume(
                container_path="/a",
                source=source(
                    host_path=HostPathSource(
                        path="/b", mount_propagation=MountPropagation(mode="BIDIRECTIONAL")
                    )
                ),
            ),
            Mount(kind=Kind.HOST, source="/b", target="/a", propagation="rshared"),
        ),
        (
            Volume(container_path="/a", source=source(sandbox_path=SandboxPathSource(path="b"))),
            Mount(kind=Kind.SANDBOX, source="b", target="/a"),
        ),
        (
            Volume(
                container_path="/a",
                source=source(sandbox_path=SandboxPathSource(path="b", type="PARENT")),
            ),
            Mount(kind=Kind.PARENT, source="b", target="/a"),
        ),
        (
            Volume(container_path="a", source=source(secret=Secret(type="VALUE"))),
            Mount(
                kind=Kind.SECRET,
                source="",
                target=f"{BOX}/a",
                is_read_only=True,
                secret=Secret(type="VALUE"),
            ),
        ),
    ],
)
def test_a_volume_is_a_mount(volume: Volume, expected: Mount) -> None:
    assert mount(volume) == expected


@pytest.mark.parametrize(
    "volume",
    [
        Volume(container_path="/a"),
        Volume(container_path="", host_path="/b"),
        Volume(container_path="/", host_path="/b"),
        Volume(container_path="/a/../b", host_path="/b"),
        Volume(container_path="/a", host_path="/b/../../etc"),
        Volume(container_path="/a", host_path="../b"),
        Volume(container_path="/a\0", host_path="/b"),
        Volume(container_path="/a", image=Image(type="DOCKER")),
        Volume(container_path="/a", source=source()),
        Volume(container_path="/a", source=source(docker_volume=DockerVolumeSource(name="x"))),
        Volume(container_path="/a", source=source(host_path=HostPathSource(path="b"))),
        Volume(container_path="/a", source=source(sandbox_path=SandboxPathSource(path="../b"))),
        Volume(container_path="/a", source=source(sandbox_path=SandboxPathSource(path="/b"))),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_refused(volume: Volume) -> None:
    with pytest.raises(NativeError):
        mount(volume)


def of_parent(path: str, mode: VolumeMode = VolumeMode.RW, **info: Any) -> Mount:
    """A mount of the parent's sandbox, where a volume ``v1`` lies at ``data``."""
    wanted = Volume(
        container_path="/a",
        mode=mode,
        source=source(sandbox_path=SandboxPathSource(path=path, type="PARENT")),
    )
    (found,) = volumes.of_task([wanted], [], BOX, "/agent", [disk(**info)])
    return found


V1 = "/agent/volumes/roles/*/v1"


@pytest.mark.parametrize("path", ["data", "data/", "./data"])
def test_a_path_of_the_parents_sandbox_may_be_a_persistent_volume(path: str) -> None:
    assert of_parent(path) == Mount(kind=Kind.PERSISTENT, source=V1, target="/a")


def test_it_may_lie_in_a_persistent_volume() -> None:
    expected = Mount(kind=Kind.IN_VOLUME, source="b/c", within=V1, target="/a")
    assert of_parent("data/b/c") == expected


@pytest.mark.parametrize("path", ["database", "volumes/data", "dat"])
def test_other_paths_are_of_the_sandbox(path: str) -> None:
    assert of_parent(path) == Mount(kind=Kind.PARENT, source=path, target="/a")


def test_a_volume_is_read_only_when_either_says_so() -> None:
    read_only = Volume(container_path="data", mode=VolumeMode.RO)
    assert of_parent("data", VolumeMode.RO).is_read_only
    assert of_parent("data", volume=read_only).is_read_only
    assert of_parent("data/b", volume=read_only).is_read_only


def test_a_volume_of_the_parent_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(NativeError):
        of_parent("data", persistence=DiskPersistence(id="../../etc"))


def test_persistent_volumes_come_first_so_that_others_may_lie_in_them() -> None:
    made = volumes.of_task(
        [Volume(container_path="data/x", host_path="/b")], [disk()], BOX, "/agent"
    )
    assert [one.kind for one in made] == [Kind.PERSISTENT, Kind.HOST]


def test_a_persistent_volume_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(NativeError):
        volumes.of_task([], [disk(persistence=DiskPersistence(id="../../etc"))], BOX, "/agent")


def test_disk_without_a_volume_is_not_mounted() -> None:
    assert volumes.of_task([], [disk(volume=None)], BOX, "/agent") == []
