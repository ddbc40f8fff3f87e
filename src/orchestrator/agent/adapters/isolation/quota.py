"""What a container may use, and how each version of cgroups is told so.

Constants and rules are those of Mesos (src/slave/containerizer/mesos/isolators/cgroups): a request
for cpus is a share of a busy machine and no upper limit, unless ``cgroups_enable_cfs`` or a limit
in TaskInfo.limits says so; a request for memory is both what is left to the container under
pressure and its upper limit, unless TaskInfo.limits names a higher one. What is over the limit is
not swapped out instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import Message, Resource, Scalar

SHARES_PER_CPU = 1024
MIN_SHARES, MAX_SHARES = 2, 262_144
MIN_MEMORY_BYTES = 32 * 2**20
CFS_PERIOD_US = 100_000
MIN_CFS_QUOTA_US = 1_000
MAX_PIDS = 4_194_304  # the kernel's own limit


class Quota(Message):
    """Of one container; None where there is no limit, 0 cpus or bytes where none were requested."""

    cpus: float = 0.0
    cpu_limit: float | None = None
    memory_bytes: int = 0
    memory_limit_bytes: int | None = None
    pids: int | None = None


class Setting(Message):
    """A controller's file and what is written to it; ``is_optional``: some kernels have it not."""

    controller: str
    file: str
    value: str
    is_optional: bool = False


def of_container(
    resources: Iterable[Resource],
    limits: Mapping[str, Scalar],
    *,
    enable_cfs: bool = False,
    pids_limit: int = 0,
) -> Quota:
    """What TaskInfo's resources and limits amount to. Raises ResourceError."""
    requested = resource_wire.from_wire(resources)
    cpus, mem = requested.scalar("cpus"), requested.scalar("mem")
    cpu_limit = limits["cpus"].value if "cpus" in limits else cpus if enable_cfs else 0.0
    mem_limit = limits["mem"].value if "mem" in limits else mem
    return Quota(
        cpus=cpus,
        cpu_limit=cpu_limit if 0 < cpu_limit < math.inf else None,
        memory_bytes=_bytes(mem) or 0,
        memory_limit_bytes=_bytes(mem_limit),
        pids=min(pids_limit, MAX_PIDS) if pids_limit > 0 else None,
    )


def _bytes(megabytes: float) -> int | None:
    return max(int(megabytes * 2**20), MIN_MEMORY_BYTES) if 0 < megabytes < math.inf else None


def settings(quota: Quota, *, is_unified: bool) -> list[Setting]:
    """What is to be written, in this order, to the files of a fresh cgroup."""
    return _of_v2(quota) if is_unified else _of_v1(quota)


def shares(cpus: float) -> int:
    """A request for cpus as v1 weighs it."""
    return min(max(int(cpus * SHARES_PER_CPU), MIN_SHARES), MAX_SHARES)


def weight(cpus: float) -> int:
    """The same for v2: 1..10000, mapped from v1's range as container runtimes do."""
    return 1 + (shares(cpus) - MIN_SHARES) * 9_999 // (MAX_SHARES - MIN_SHARES)


def _of_v1(quota: Quota) -> list[Setting]:
    found = []
    if quota.cpus:
        found.append(Setting(controller="cpu", file="cpu.shares", value=str(shares(quota.cpus))))
    if quota.cpu_limit is not None:
        found += [
            Setting(controller="cpu", file="cpu.cfs_period_us", value=str(CFS_PERIOD_US)),
            Setting(controller="cpu", file="cpu.cfs_quota_us", value=str(_cfs_us(quota.cpu_limit))),
        ]
    if quota.memory_bytes and quota.memory_bytes != quota.memory_limit_bytes:
        found.append(_memory("memory.soft_limit_in_bytes", quota.memory_bytes, is_optional=True))
    if (limit := quota.memory_limit_bytes) is not None:
        found.append(_memory("memory.limit_in_bytes", limit))
        found.append(_memory("memory.memsw.limit_in_bytes", limit, is_optional=True))
    return found + _pids(quota)


def _of_v2(quota: Quota) -> list[Setting]:
    found = []
    if quota.cpus:
        found.append(Setting(controller="cpu", file="cpu.weight", value=str(weight(quota.cpus))))
    if quota.cpu_limit is not None:
        value = f"{_cfs_us(quota.cpu_limit)} {CFS_PERIOD_US}"
        found.append(Setting(controller="cpu", file="cpu.max", value=value))
    if quota.memory_bytes:
        found.append(_memory("memory.low", quota.memory_bytes, is_optional=True))
    if (limit := quota.memory_limit_bytes) is not None:
        found.append(_memory("memory.max", limit))
        found.append(_memory("memory.swap.max", 0, is_optional=True))
        found.append(_memory("memory.oom.group", 1, is_optional=True))  # all of it ends, or none
    return found + _pids(quota)


def _memory(file: str, value: int, *, is_optional: bool = False) -> Setting:
    return Setting(controller="memory", file=file, value=str(value), is_optional=is_optional)


def _pids(quota: Quota) -> list[Setting]:
    if quota.pids is None:
        return []
    return [Setting(controller="pids", file="pids.max", value=str(quota.pids))]


def _cfs_us(cpus: float) -> int:
    return max(int(cpus * CFS_PERIOD_US), MIN_CFS_QUOTA_US)
