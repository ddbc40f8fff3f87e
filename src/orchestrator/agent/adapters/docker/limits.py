"""What a container may use: cpu, memory, processes, and Linux' own limits.

``cpus`` are shares, and with ``--cgroups-enable-cfs`` (or ``limits.cpus``) a quota too; ``mem`` is
a limit, swap included, so that it holds; ``limits.mem`` raises the limit above the request, which
then is the part that the kernel leaves the container when memory gets scarce. The numbers are those
of src/docker/docker.cpp and src/slave/constants.hpp (Apache Mesos).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from orchestrator.agent.adapters.docker.body import JSON, Draft, SpecError
from orchestrator.agent.adapters.policy import capability
from orchestrator.mesos.types import LinuxInfo, Message, RLimit, RLimitInfo, Scalar

MIN_MEMORY_BYTES = 32 * 1024 * 1024
MIN_CPU_SHARES = 2
CPU_SHARES_PER_CPU = 1024
CPU_PERIOD_US = 100_000
MIN_CPU_QUOTA_US = 1_000
_MIB = 1024 * 1024
_ULIMITS = frozenset(
    [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ]
)


class LimitSettings(Message):
    """The operator's settings. ``max_pids`` 0: as many as the machine has."""

    enable_cfs: bool = False
    max_pids: int = 0


def apply(draft: Draft, limits: Mapping[str, Scalar], settings: LimitSettings) -> None:
    """Put the limits of cpus, mem and processes in."""
    resources = draft.resources
    if resources.scalar("gpus") > 0:
        raise SpecError("The task wants GPUs, which this agent does not give a Docker container")
    draft.host |= _cpu(resources.scalar("cpus"), limits.get("cpus"), enable_cfs=settings.enable_cfs)
    draft.host |= _memory(resources.scalar("mem"), limits.get("mem"))
    if settings.max_pids:
        draft.host["PidsLimit"] = settings.max_pids


def _cpu(cpus: float, limit: Scalar | None, *, enable_cfs: bool) -> JSON:
    made: JSON = {"CpuShares": max(int(cpus * CPU_SHARES_PER_CPU), MIN_CPU_SHARES)}
    most = limit.value if limit is not None else cpus if enable_cfs else math.inf
    if math.isfinite(most):
        made["CpuPeriod"] = CPU_PERIOD_US
        made["CpuQuota"] = max(int(most * CPU_PERIOD_US), MIN_CPU_QUOTA_US)
    return made


def _memory(mem: float, limit: Scalar | None) -> JSON:
    most = limit.value if limit is not None else mem
    made: JSON = {}
    if math.isfinite(most) and most > 0:
        made["Memory"] = made["MemorySwap"] = max(int(most * _MIB), MIN_MEMORY_BYTES)
    if limit is not None and mem > 0:
        made["MemoryReservation"] = max(int(mem * _MIB), MIN_MEMORY_BYTES)
    return made


def apply_rlimits(draft: Draft, info: RLimitInfo) -> None:
    """Limits of each process; the Engine's words for them are ulimits."""
    for rlimit in info.rlimits:
        draft.host.setdefault("Ulimits", []).append(_ulimit(rlimit))


def _ulimit(rlimit: RLimit) -> JSON:
    name = rlimit.type.upper().removeprefix("RLMT_").lower()
    if name not in _ULIMITS:
        raise SpecError(f"Docker sets no resource limit of type {rlimit.type}")
    if (rlimit.soft is None) != (rlimit.hard is None):
        raise SpecError(f"The resource limit {rlimit.type} needs both of soft and hard, or neither")
    unlimited = -1
    soft = unlimited if rlimit.soft is None else rlimit.soft
    return {"Name": name, "Soft": soft, "Hard": unlimited if rlimit.hard is None else rlimit.hard}


def apply_linux(draft: Draft, linux: LinuxInfo) -> None:
    """What of LinuxInfo Docker has a word for; the rest is refused by name."""
    _limit_capabilities(draft, linux)
    if linux.shm_size is not None:
        draft.host["ShmSize"] = linux.shm_size * _MIB
    if linux.share_pid_namespace:
        draft.demand("Sharing the machine's pid namespace")
        draft.host["PidMode"] = "host"
    if linux.ipc_mode == "SHARE_PARENT":
        draft.demand("Sharing the machine's ipc namespace")
        draft.host["IpcMode"] = "host"
    elif linux.ipc_mode == "PRIVATE":
        draft.host["IpcMode"] = "private"
    if linux.seccomp is not None and linux.seccomp.profile_name:
        raise SpecError("Seccomp profiles by name are not supported for Docker containers")
    if linux.seccomp is not None and linux.seccomp.unconfined:
        draft.demand("Running without seccomp")
        draft.host.setdefault("SecurityOpt", []).append("seccomp=unconfined")


def _limit_capabilities(draft: Draft, linux: LinuxInfo) -> None:
    sets = (linux.effective_capabilities, linux.capability_info, linux.bounding_capabilities)
    given = next((one for one in sets if one is not None), None)
    if given is None:
        return
    if (excess := draft.policy.excess_capability(given.capabilities)) is not None:
        draft.demand(f"The capability {excess}")
    draft.host["CapDrop"] = ["ALL"]
    draft.host["CapAdd"] = [capability(name) for name in given.capabilities]
