"""Persistent volumes of an executor: who of its task group is told of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import World, executor_info, resources, task_info

from orchestrator.agent.core import shared_volumes
from orchestrator.agent.core.messages import LaunchContainer
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import (
    ContainerInfo,
    DiskInfo,
    DiskPersistence,
    Resource,
    SandboxPathSource,
    Scalar,
    TaskInfo,
    ValueType,
    Volume,
    VolumeMode,
    VolumeSource,
)


def volume(name: str) -> Resource:
    """A persistent volume with its name as its place."""
    disk = DiskInfo(
        persistence=DiskPersistence(id=f"id-of-{name}"),
        volume=Volume(container_path=name, mode=VolumeMode.RW),
    )
    return Resource(name="disk", type=ValueType.SCALAR, scalar=Scalar(value=10), disk=disk)


DATA, LOGS = volume("data"), volume("logs")
EXECUTOR = replace(
    executor_info("DEFAULT"), resources=[*resources("cpus:0.1;mem:32;disk:1"), DATA, LOGS]
)


def mounting(path: str, kind: str | None = "PARENT") -> ContainerInfo:
    source = VolumeSource(sandbox_path=SandboxPathSource(path=path, type=kind))
    return ContainerInfo(type="MESOS", volumes=[Volume(container_path="here", source=source)])


def member(name: str, *paths: str) -> TaskInfo:
    volumes = [one for path in paths for one in mounting(path).volumes]
    info = ContainerInfo(type="MESOS", volumes=volumes)
    return task_info(name, "cpus:0.1;mem:32", executor=EXECUTOR, container=info)


def launched(world: World) -> dict[str, Container]:
    containers = [launch.container for launch in world.of(LaunchContainer)]
    return {one.task_id: one for one in containers if one.task_id is not None}


def test_a_member_is_told_of_the_volumes_that_it_mounts() -> None:
    world = World(resources="cpus:4;mem:1024;disk:100").is_up()
    members = (member("a", "data"), member("b", "logs/today", "data"), member("c", "volumes/data"))
    world.runs_in(EXECUTOR, *members, is_group=True)
    told = {name: one.parent_volumes for name, one in launched(world).items()}
    assert told == {"a": [DATA], "b": [DATA, LOGS], "c": []}


def test_a_member_keeps_its_volumes_over_a_restart_of_the_agent() -> None:
    world = World(resources="cpus:4;mem:1024;disk:100").is_up()
    world.runs_in(EXECUTOR, member("a", "data"), is_group=True)
    again = World(world.disk, "d")
    again.recovers()
    assert again.task("a").container.parent_volumes == [DATA]


@pytest.mark.parametrize("info", [None, mounting("data", "SELF"), mounting("data", None)])
def test_only_paths_of_the_parents_sandbox_are_looked_at(info: ContainerInfo | None) -> None:
    assert shared_volumes.mounted(info, [DATA]) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data", "."),
        ("./data//", "."),
        ("data/a//b/", "a/b"),
        ("database", None),
        ("x/data", None),
        ("/data", None),
        ("", None),
    ],
)
def test_a_path_leads_into_a_volume_by_whole_names(path: str, expected: str | None) -> None:
    assert shared_volumes.inside(path, DATA) == expected


@pytest.mark.parametrize("place", ["/data", ".", ""])
def test_a_volume_whose_place_is_not_in_the_sandbox_has_no_path_there(place: str) -> None:
    assert shared_volumes.inside("data", volume(place)) is None


def test_disks_that_are_no_volumes_or_have_no_place_are_not_shared() -> None:
    placeless = DiskInfo(persistence=DiskPersistence(id="v"))
    fleeting = DiskInfo(volume=Volume(container_path="data"))
    disks = [replace(DATA, disk=disk) for disk in (None, placeless, fleeting)]
    assert shared_volumes.of_executor([*disks, DATA]) == (DATA,)
