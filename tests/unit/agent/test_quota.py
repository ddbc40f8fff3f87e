"""From a task's resources to what the kernel is told."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.isolation import disk, quota, setting
from orchestrator.agent.adapters.isolation.disk import used_bytes
from orchestrator.agent.adapters.isolation.quota import MIN_MEMORY_BYTES, Quota
from orchestrator.agent.adapters.isolation.setting import IsolationError
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import DiskInfo, DiskPersistence, Resource, Scalar, ValueType

MB = 1 << 20


def of(text: str, limits: dict[str, float] | None = None, **rules: object) -> Quota:
    resources = resource_wire.to_wire(resource_wire.parse(text), role="*")
    wire = {name: Scalar(value=value) for name, value in (limits or {}).items()}
    return quota.of_container(resources, wire, **rules)  # type: ignore[arg-type]


def test_cpus_are_a_share_and_memory_a_limit() -> None:
    assert of("cpus:0.5;mem:64") == Quota(
        cpus=0.5, memory_bytes=64 * MB, memory_limit_bytes=64 * MB
    )


def test_cpus_are_a_limit_where_the_operator_says_so() -> None:
    assert of("cpus:0.5", enable_cfs=True).cpu_limit == 0.5


def test_a_task_may_be_limited_to_more_than_it_requests() -> None:
    limited = of("cpus:0.5;mem:64", {"cpus": 2, "mem": 128})
    assert (limited.cpus, limited.cpu_limit) == (0.5, 2)
    assert (limited.memory_bytes, limited.memory_limit_bytes) == (64 * MB, 128 * MB)


def test_a_limit_may_be_none_at_all() -> None:
    limits = {"cpus": math.inf, "mem": math.inf}
    limited = of("cpus:0.5;mem:64", limits, enable_cfs=True)
    assert (limited.cpu_limit, limited.memory_limit_bytes) == (None, None)
    assert limited.memory_bytes == 64 * MB


def test_what_is_not_requested_is_not_limited() -> None:
    assert of("disk:1", enable_cfs=True) == Quota()


def test_no_container_gets_less_memory_than_a_process_needs() -> None:
    assert of("mem:1").memory_limit_bytes == MIN_MEMORY_BYTES


def test_memory_is_limited_before_memory_with_swap() -> None:
    files = [one.file for one in quota.settings(of("mem:64"), is_unified=False)]
    assert files == ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]


@given(st.floats(0.001, 10_000), st.floats(0.001, 10_000))
def test_more_cpus_never_weigh_less(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert 2 <= quota.shares(less) <= quota.shares(more) <= 262_144
    assert 1 <= quota.weight(less) <= quota.weight(more) <= 10_000


# --- the operator's choice ---------------------------------------------------------------------


def test_auto_wants_everything_and_demands_nothing() -> None:
    wanted = setting.parse("auto")
    assert wanted.controllers == {"cpu", "cpuacct", "memory", "pids"}
    assert not wanted.is_demanded


def test_names_are_those_of_mesos() -> None:
    wanted = setting.parse("cgroups/mem, disk/du")
    assert wanted.controllers == {"memory"}
    assert wanted.is_demanded


@pytest.mark.parametrize("text", ["", "cgroups/gpu", "auto,cgroups/mem", ","])
def test_what_is_not_an_isolation_is_refused_with_the_choice(text: str) -> None:
    with pytest.raises(IsolationError, match="cgroups/pids"):
        setting.parse(text)


# --- disk --------------------------------------------------------------------------------------


def filled(path: Path, kilobytes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * kilobytes * 1024)
    return path


def test_the_disk_used_is_that_of_all_files_below(tmp_path: Path) -> None:
    before = used_bytes(tmp_path)
    filled(tmp_path / "a", 100)
    filled(tmp_path / "below/b", 50)
    assert used_bytes(tmp_path) - before >= 150 * 1024


def test_a_hole_in_a_file_takes_no_disk(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert used_bytes(tmp_path) < MB


def test_a_file_with_two_names_counts_once_and_a_link_not_at_all(tmp_path: Path) -> None:
    filled(tmp_path / "a", 512)
    os.link(tmp_path / "a", tmp_path / "b")
    elsewhere = filled(tmp_path.parent / f"{tmp_path.name}-elsewhere/c", 512).parent
    (tmp_path / "link").symlink_to(elsewhere)
    assert 512 * 1024 <= used_bytes(tmp_path) < 600 * 1024


def test_a_look_at_too_many_files_stops(tmp_path: Path) -> None:
    for number in range(20):
        filled(tmp_path / f"{number}/a", 4)
    assert used_bytes(tmp_path, max_files=20) < used_bytes(tmp_path)


def test_a_directory_that_is_gone_uses_nothing(tmp_path: Path) -> None:
    assert used_bytes(tmp_path / "gone") == 0


def test_each_volume_has_a_quota_of_its_own(tmp_path: Path) -> None:
    plain = resource_wire.to_wire(resource_wire.parse("disk:10"), role="*")
    volume = Resource(
        name="disk",
        type=ValueType.SCALAR,
        scalar=Scalar(value=20),
        role="web",
        disk=DiskInfo(persistence=DiskPersistence(id="data")),
    )
    sandbox = tmp_path / "sandbox"
    found = disk.quotas([*plain, *plain, volume], sandbox, tmp_path)
    assert [(one.path, one.limit_bytes // MB) for one in found] == [
        (sandbox, 20),
        (tmp_path / "volumes/roles/web/data", 20),
    ]


def test_a_task_that_asks_for_no_disk_has_no_quota(tmp_path: Path) -> None:
    nothing = resource_wire.to_wire(resource_wire.parse("cpus:1"), role="*")
    assert disk.quotas(nothing, tmp_path, tmp_path) == []
