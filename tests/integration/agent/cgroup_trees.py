"""The cgroups of an agent as the kernel has them, for tests to look at and to clear away."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from orchestrator.agent.adapters.isolation import cgroups, hierarchies, setting
from orchestrator.agent.adapters.isolation.cgroups import Cgroups
from orchestrator.agent.adapters.isolation.usage import Place

ROOT = "orchestrator"


class Held(NamedTuple):
    """What the kernel holds a process to, whichever version of cgroups it has; bytes."""

    shares: int  # of v1; of v2 the weight that stands for as much
    quota_us: int
    memory: int
    memory_and_swap: int
    reserved: int
    pids: int


def held_to(pid: int) -> Held:
    """The limits of the cgroups that a process is in."""
    if _directory_of(pid, "memory").is_unified:
        memory = _figure(pid, "memory", "memory.max")
        return Held(
            shares=2 + (_figure(pid, "cpu", "cpu.weight") - 1) * 262_142 // 9_999,
            quota_us=_figure(pid, "cpu", "cpu.max"),
            memory=memory,
            memory_and_swap=memory + _figure(pid, "memory", "memory.swap.max"),
            reserved=_figure(pid, "memory", "memory.low"),
            pids=_figure(pid, "pids", "pids.max"),
        )
    return Held(
        shares=_figure(pid, "cpu", "cpu.shares"),
        quota_us=_figure(pid, "cpu", "cpu.cfs_quota_us"),
        memory=_figure(pid, "memory", "memory.limit_in_bytes"),
        memory_and_swap=_figure(pid, "memory", "memory.memsw.limit_in_bytes"),
        reserved=_figure(pid, "memory", "memory.soft_limit_in_bytes"),
        pids=_figure(pid, "pids", "pids.max"),
    )


def _figure(pid: int, controller: str, file: str) -> int:
    """The first number of a file."""
    return int((_directory_of(pid, controller).path / file).read_text().split()[0])


def _directory_of(pid: int, controller: str) -> Place:
    found = hierarchies.holder(hierarchies.detect(), controller)
    assert found is not None, f"no hierarchy has the controller {controller}"
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names == "" if found.is_unified else controller in names.split(","):
            return Place(found.path / path.lstrip("/"), found.is_unified)
    raise AssertionError(f"{pid} is in no cgroup of {controller}")


def cgroups_of(work_dir: Path) -> Cgroups:
    """Another view of the cgroups that the agent of this directory uses."""
    return cgroups.open_cgroups(setting.parse("auto"), ROOT, work_dir.resolve())


def directories_of(work_dir: Path) -> list[Path]:
    """All cgroups of its containers, in every hierarchy."""
    group = cgroups.group_of(ROOT, work_dir.resolve())
    bases = [one.path / group for one in hierarchies.detect()]
    return [path for base in bases if base.is_dir() for path in base.iterdir() if path.is_dir()]


def remove_all_of(work_dir: Path) -> None:
    """Whatever a test left."""
    if directories_of(work_dir) or has_place_of(work_dir):
        found = cgroups_of(work_dir)
        found.remove_everywhere(found.strays([]))
        found.close()


def has_place_of(work_dir: Path) -> bool:
    """Whether the agent has cgroups at all, if only its own."""
    group = cgroups.group_of(ROOT, work_dir.resolve())
    return any((one.path / group).is_dir() for one in hierarchies.detect())
