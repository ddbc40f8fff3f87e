"""Destroyed volumes are deleted once, by order only, and never while in use."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import FRAMEWORK, World, task_info

from orchestrator.agent.adapters import mounted
from orchestrator.agent.adapters.volume_removal import VolumeRemoval
from orchestrator.agent.core.messages import RemoveVolumes, VolumesRemoved
from orchestrator.mesos import link
from orchestrator.mesos.types import (
    DiskInfo,
    DiskPath,
    DiskPersistence,
    DiskSource,
    ReservationInfo,
    ReservationType,
    Resource,
    Scalar,
    ValueType,
    Volume,
    VolumeMode,
)


def volume(id_: str = "v1", source: DiskSource | None = None) -> Resource:
    disk = DiskInfo(
        persistence=DiskPersistence(id=id_),
        volume=Volume(container_path="data", mode=VolumeMode.RW),
        source=source,
    )
    reservation = ReservationInfo(type=ReservationType.DYNAMIC, role="a/b")
    return Resource(
        name="disk",
        type=ValueType.SCALAR,
        scalar=Scalar(value=1),
        disk=disk,
        reservations=[reservation],
    )


def order(number: int, *volumes: Resource) -> link.DestroyVolumes:
    return link.DestroyVolumes(number=number, volumes=list(volumes))


def done(world: World, number: int) -> list[int]:
    world.happens(VolumesRemoved(number=number))
    return answers(world)


def answers(world: World) -> list[int]:
    return [message.number for message in world.messages(link.VolumesDestroyed)]


# --- the core ------------------------------------------------------------------------------------


def test_an_order_is_carried_out_kept_and_answered() -> None:
    world = World().is_up()
    assert world.said(order(1, volume())) == [RemoveVolumes(number=1, volumes=[volume()])]
    assert world.said(order(1, volume())) == []  # it is being done
    assert done(world, 1) == [1]
    world.said(order(1, volume()))
    assert not world.of(RemoveVolumes)
    assert answers(world) == [1]


def test_what_was_carried_out_is_told_with_the_registration() -> None:
    world = World().is_up()
    world.said(order(1, volume()))
    done(world, 1)
    again = world.crashes().is_up()
    again.said(order(1, volume()))
    assert not again.of(RemoveVolumes)
    again.said(order(2, volume()))
    assert again.of(RemoveVolumes)


def test_without_an_order_nothing_is_removed() -> None:
    world = World().is_up()
    assert not world.of(RemoveVolumes)


@pytest.mark.parametrize(
    "other",
    [volume(), volume("w", DiskSource(type="MOUNT", mount=DiskPath(root="/mnt/d")))],
)
def test_a_volume_that_a_task_uses_is_spared(other: Resource) -> None:
    world = World(resources="cpus:4;mem:256;disk:10").is_up()
    info = task_info()
    world.runs(replace(info, resources=[*info.resources, other]))
    source = other.disk.source if other.disk else None
    doomed = volume("v1", source)
    world.said(order(1, doomed, volume("x")))
    expected = RemoveVolumes(number=1, volumes=[volume("x")], spared=[doomed])
    assert world.of(RemoveVolumes) == [expected]


def test_a_task_that_has_ended_or_lost_its_framework_keeps_no_volume() -> None:
    world = World(resources="cpus:4;mem:256;disk:10").is_up()
    one, two = task_info("t1"), task_info("t2")
    world.runs(replace(one, resources=[*one.resources, volume()]))
    world.starts("c1")
    world.ends("c1")
    world.said(order(1, volume()))
    assert world.of(RemoveVolumes) == [RemoveVolumes(number=1, volumes=[volume()])]
    world.runs(replace(two, resources=[*two.resources, volume()]))
    world.said(link.ShutdownFramework(framework_id=FRAMEWORK))
    world.said(order(2, volume()))
    assert world.of(RemoveVolumes) == [RemoveVolumes(number=2, volumes=[volume()])]


# --- on disk -------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """What has to be there after all."""
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "file").write_text("mine")
    return kept


def removal(work_dir: Path, *disks: Resource) -> VolumeRemoval:
    work_dir.mkdir(exist_ok=True)
    return VolumeRemoval(work_dir, disks)


def destroy(removal: VolumeRemoval, *volumes: Resource) -> None:
    removal.begin(RemoveVolumes(number=1, volumes=list(volumes)))


def test_a_volume_is_away_at_once_and_deleted_after(tmp_path: Path, elsewhere: Path) -> None:
    work = tmp_path / "agent"
    path = work / "volumes/roles/a b/v1"
    (path / "deep/er").mkdir(parents=True)
    (path / "link").symlink_to(elsewhere)
    other = work / "volumes/roles/a b/v2"
    other.mkdir()
    one = removal(work)
    destroy(one, volume(), volume("never used"))
    assert not path.exists()
    path.mkdir()  # a new volume
    (path / "new").touch()
    removal(work).sweep()  # as the next agent does
    assert [p.name for p in (work / "volumes").iterdir()] == ["roles"]
    assert (path / "new").exists()
    assert other.exists()
    assert (elsewhere / "file").exists()


def test_a_link_in_place_of_a_volume_is_left_alone(
    tmp_path: Path, elsewhere: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = tmp_path / "agent"
    path = work / "volumes/roles/a b/v1"
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)
    one = removal(work)
    destroy(one, volume())
    one.sweep()
    assert (path / "file").exists()
    assert str(path) in caplog.text


def test_a_disk_of_type_mount_is_emptied(tmp_path: Path, elsewhere: Path) -> None:
    disk = tmp_path / "disk"
    (disk / "dir").mkdir(parents=True)
    (disk / "file").touch()
    (disk / "link").symlink_to(elsewhere)
    source = DiskSource(type="MOUNT", mount=DiskPath(root=str(disk)))
    one = removal(tmp_path / "agent", Resource(
        name="disk", type=ValueType.SCALAR, scalar=Scalar(value=1), disk=DiskInfo(source=source)
    ))  # fmt: skip
    destroy(one, volume(source=source))
    assert all(p.name.startswith(".destroyed-") for p in disk.iterdir())
    one.sweep()
    assert list(disk.iterdir()) == []
    assert (elsewhere / "file").exists()


@pytest.mark.parametrize("kind", ["MOUNT", "PATH"])
def test_a_disk_that_the_agent_does_not_announce_is_left_alone(
    tmp_path: Path, elsewhere: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = DiskPath(root=str(elsewhere))
    mount, path = (root, None) if kind == "MOUNT" else (None, root)
    own = elsewhere / "volumes/roles/a b/v1"
    own.mkdir(parents=True)
    source = DiskSource(type=kind, mount=mount, path=path)
    one = removal(tmp_path / "agent")
    destroy(one, volume(source=source))
    one.sweep()
    assert (elsewhere / "file").exists()
    assert own.exists()
    assert "on no disk that this agent has" in caplog.text


@pytest.fixture
def mount_in_volume(tmp_path: Path, elsewhere: Path) -> Iterator[Path]:
    place = tmp_path / "agent/volumes/roles/a b/v1/inner"
    place.mkdir(parents=True)
    bound = subprocess.run(["mount", "--bind", elsewhere, place], check=False, capture_output=True)
    if bound.returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_volume_with_a_mount_below_it_stays(
    tmp_path: Path, mount_in_volume: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = removal(tmp_path / "agent")
    destroy(one, volume())
    one.sweep()
    assert (mount_in_volume / "file").exists()
    assert f"{mount_in_volume} is mounted there" in caplog.text
    assert mounted.below(tmp_path) == mount_in_volume


def test_without_volumes_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    removal(tmp_path / "agent").sweep()
