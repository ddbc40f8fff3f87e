"""Where a persistent volume lies, whoever mounts or measures it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.agent.adapters import persistence
from orchestrator.agent.adapters.isolation import disk as quotas
from orchestrator.agent.adapters.native import volumes
from orchestrator.agent.adapters.persistence import VolumeError
from orchestrator.mesos.types import (
    DiskInfo,
    DiskPath,
    DiskPersistence,
    DiskSource,
    ReservationInfo,
    Resource,
    Scalar,
    ValueType,
    Volume,
    VolumeMode,
)


def disk(id_: str = "v1", source: DiskSource | None = None, **fields: object) -> Resource:
    info = DiskInfo(
        persistence=DiskPersistence(id=id_),
        volume=Volume(container_path="data", mode=VolumeMode.RW),
        source=source,
    )
    return Resource(
        name="disk",
        type=ValueType.SCALAR,
        scalar=Scalar(value=1),
        disk=info,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (disk(), "/agent/volumes/roles/*/v1"),
        (disk(role="r"), "/agent/volumes/roles/r/v1"),
        (
            disk(source=DiskSource(type="PATH", path=DiskPath(root="/ssd/"))),
            "/ssd/volumes/roles/*/v1",
        ),
        (
            disk(source=DiskSource(type="PATH", path=DiskPath(root="ssd"))),
            "/agent/ssd/volumes/roles/*/v1",
        ),
        (disk(source=DiskSource(type="MOUNT", mount=DiskPath(root="/mnt/d"))), "/mnt/d"),
    ],
)
def test_a_persistent_volume_lies_where_mesos_has_it(resource: Resource, path: str) -> None:
    assert persistence.path_of(resource, "/agent") == path


def test_the_innermost_reservation_names_the_role_whose_slashes_become_spaces() -> None:
    resource = disk(reservations=[ReservationInfo(role="a"), ReservationInfo(role="a/b")])
    assert persistence.path_of(resource, "/agent") == "/agent/volumes/roles/a b/v1"


def test_what_is_mounted_is_what_is_measured() -> None:
    resource = disk(reservations=[ReservationInfo(role="a/b")])
    (mount,) = volumes.of_task([], [resource], "/mnt/mesos/sandbox", "/agent")
    (quota,) = quotas.quotas([resource], Path("/sandbox"), Path("/agent"))
    assert mount.source == str(quota.path) == "/agent/volumes/roles/a b/v1"


@pytest.mark.parametrize("id_", ["", "..", "../../etc", "a/b", "/etc", "a\0"])
def test_an_id_that_leads_elsewhere_is_refused(id_: str) -> None:
    with pytest.raises(VolumeError):
        persistence.path_of(disk(id_), "/agent")
    assert quotas.quotas([disk(id_)], Path("/sandbox"), Path("/agent")) == []


@pytest.mark.parametrize(
    "source",
    [
        DiskSource(type="BLOCK"),
        DiskSource(type="PATH", path=DiskPath(root="../..")),
        DiskSource(type="MOUNT", mount=DiskPath(root="mnt")),
    ],
)
def test_a_disk_that_cannot_be_had_is_refused(source: DiskSource) -> None:
    with pytest.raises(VolumeError):
        persistence.path_of(disk(source=source), "/agent")
