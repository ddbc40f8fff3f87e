"""``docker run``'s flags, as Marathon's users put them into a task's Docker parameters.

Mesos passes any parameter on to the command line. Here each is a row of ``PARAMETERS``: what it
does to the request, and whether it asks for rights over the machine. What is not in the table is
refused by its name, never ignored; what the agent decides itself (names, restarts, published ports,
limits above the task's resources) cannot be overruled.
Source: Docker's reference of ``docker run`` and of the Engine API 1.41.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping

from orchestrator.agent.adapters.docker import mounts
from orchestrator.agent.adapters.docker.body import Draft, SpecError
from orchestrator.agent.adapters.docker.values import duration_ns, flag, pair, rate, size, weight
from orchestrator.agent.adapters.policy import capability
from orchestrator.mesos.types import Parameter

Apply = Callable[[Draft, str], None]


def apply(draft: Draft, parameters: Iterable[Parameter]) -> None:
    """Put the parameters in, in their order. Raises SpecError."""
    for parameter in parameters:
        row = PARAMETERS.get(parameter.key)
        if row is None:
            known = ", ".join(sorted(PARAMETERS))
            raise SpecError(
                f"The Docker parameter '{parameter.key}' is not supported; these are: {known}"
            )
        try:
            row(draft, parameter.value)
        except SpecError:
            raise
        except ValueError:
            what = f"{parameter.key}={parameter.value}"
            raise SpecError(f"The Docker parameter {what} is not valid") from None


# --- what they do --------------------------------------------------------------------------------


def _host(key: str, read: Callable[[str], object] = str) -> Apply:
    return lambda draft, value: draft.host.__setitem__(key, read(value))


def _host_list(key: str, read: Callable[[str], object] = str) -> Apply:
    return lambda draft, value: draft.host.setdefault(key, []).append(read(value))


def _config(key: str, read: Callable[[str], object] = str) -> Apply:
    return lambda draft, value: draft.config.__setitem__(key, read(value))


def _endpoint(key: str) -> Apply:
    return lambda draft, value: draft.endpoint.setdefault("IPAMConfig", {}).__setitem__(key, value)


def _map(key: str) -> Apply:
    def put(draft: Draft, value: str) -> None:
        name, rest = pair(value)
        draft.host.setdefault(key, {})[name] = rest

    return put


def _rights(what: str, apply: Apply, harmless: Callable[[str], bool] | None = None) -> Apply:
    """Only where tasks may have rights over the machine, unless the value is harmless."""

    def judge(draft: Draft, value: str) -> None:
        if harmless is None or not harmless(value):
            draft.demand(f"The Docker parameter {what}={value}")
        apply(draft, value)

    return judge


def _lower_only(what: str, key: str, read: Callable[[str], int]) -> Apply:
    """A limit that the task's resources or the agent set may be lowered, not raised."""

    def lower(draft: Draft, value: str) -> None:
        wanted, given = read(value), draft.host.get(key)
        if given is not None and not 0 < wanted <= given:
            raise SpecError(
                f"The Docker parameter {what}={value} is above what the task was given ({given})"
            )
        draft.host[key] = wanted

    return lower


def _memory(draft: Draft, value: str) -> None:
    _lower_only("memory", "Memory", size)(draft, value)
    draft.host["MemorySwap"] = draft.host["Memory"]


def _cpus(draft: Draft, value: str) -> None:
    """A quota where the task has none; a lower one where it has."""
    period = draft.host.setdefault("CpuPeriod", 100_000)
    quota = float(value) * period
    if not math.isfinite(quota):
        raise ValueError(value)
    _lower_only("cpus", "CpuQuota", lambda _: int(quota))(draft, value)


def _cpu_period(draft: Draft, value: str) -> None:
    if "CpuQuota" in draft.host:
        raise SpecError("The Docker parameter cpu-period would change the task's cpu limit")
    draft.host["CpuPeriod"] = int(value)


def _capability_added(draft: Draft, value: str) -> None:
    if draft.policy.excess_capability([value]) is not None:
        draft.demand(f"The Docker parameter cap-add={value}")
    draft.host.setdefault("CapAdd", []).append(capability(value))


def _device(draft: Draft, value: str) -> None:
    path, _, rest = value.partition(":")
    inside, _, permissions = rest.partition(":")
    if inside and not inside.startswith("/"):
        inside, permissions = "", inside
    device = {
        "PathOnHost": path,
        "PathInContainer": inside or path,
        "CgroupPermissions": permissions or "rwm",
    }
    draft.host.setdefault("Devices", []).append(device)


def _label(draft: Draft, value: str) -> None:
    key, _, rest = value.partition("=")
    draft.config["Labels"].setdefault(key, rest)  # never one of ours


def _ulimit(draft: Draft, value: str) -> None:
    name, limits = pair(value)
    soft, _, hard = limits.partition(":")
    entry = {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
    draft.host.setdefault("Ulimits", []).append(entry)


def _expose(draft: Draft, value: str) -> None:
    port, _, protocol = value.partition("/")
    draft.expose(int(port), protocol or "tcp")


def _publish(draft: Draft, value: str) -> None:
    """``[ip:]host:container[/protocol]``; the address is Docker's to choose."""
    ports, _, protocol = value.partition("/")
    *_, host_port, container_port = ports.split(":")
    draft.publish(int(host_port), int(container_port), protocol or "tcp")


def _network(draft: Draft, value: str) -> None:
    if value.startswith("container:"):
        draft.demand(f"The Docker parameter network={value}")
    if not value or (draft.host["PortBindings"] and value in ("host", "none")):
        raise ValueError(value)
    draft.host["NetworkMode"] = value


def _log_driver(draft: Draft, value: str) -> None:
    draft.host["LogConfig"] = {"Type": value, "Config": {}}


def _log_option(draft: Draft, value: str) -> None:
    key, rest = pair(value)
    if draft.host["LogConfig"]["Type"] == "json-file" and key in ("max-size", "max-file"):
        return  # the agent has bounded what the Engine keeps already, and copies it to the sandbox
    draft.host["LogConfig"]["Config"][key] = rest


def _health(key: str, read: Callable[[str], object]) -> Apply:
    def put(draft: Draft, value: str) -> None:
        draft.config.setdefault("Healthcheck", {})[key] = read(value)

    return put


def _no_healthcheck(draft: Draft, value: str) -> None:
    if flag(value):
        draft.config["Healthcheck"] = {"Test": ["NONE"]}


def _only(key: str, *allowed: str) -> Apply:
    """Something the agent does anyway: said is fine, the contrary is not."""

    def check(draft: Draft, value: str) -> None:
        if value.lower() not in allowed:
            raise SpecError(f"The Docker parameter {key}={value} is against what this agent does")

    return check


def _is_own_namespace(value: str) -> bool:
    return value in ("private", "none", "shareable", "")


PARAMETERS: Mapping[str, Apply] = {
    "add-host": _host_list("ExtraHosts"),
    "blkio-weight": _host("BlkioWeight", int),
    "blkio-weight-device": _host_list("BlkioWeightDevice", weight),
    "cap-add": _capability_added,
    "cap-drop": _host_list("CapDrop"),
    "cgroup-parent": _rights("cgroup-parent", _host("CgroupParent")),
    "cgroupns": _rights("cgroupns", _host("CgroupnsMode"), _is_own_namespace),
    "cpu-period": _cpu_period,
    "cpu-quota": _lower_only("cpu-quota", "CpuQuota", int),
    "cpu-rt-period": _rights("cpu-rt-period", _host("CpuRealtimePeriod", int)),
    "cpu-rt-runtime": _rights("cpu-rt-runtime", _host("CpuRealtimeRuntime", int)),
    "cpu-shares": _lower_only("cpu-shares", "CpuShares", int),
    "cpus": _cpus,
    "cpuset-cpus": _host("CpusetCpus"),
    "cpuset-mems": _host("CpusetMems"),
    "device": _rights("device", _device),
    "device-cgroup-rule": _rights("device-cgroup-rule", _host_list("DeviceCgroupRules")),
    "device-read-bps": _host_list("BlkioDeviceReadBps", rate),
    "device-read-iops": _host_list("BlkioDeviceReadIOps", rate),
    "device-write-bps": _host_list("BlkioDeviceWriteBps", rate),
    "device-write-iops": _host_list("BlkioDeviceWriteIOps", rate),
    "dns": _host_list("Dns"),
    "dns-opt": _host_list("DnsOptions"),
    "dns-option": _host_list("DnsOptions"),
    "dns-search": _host_list("DnsSearch"),
    "domainname": _config("Domainname"),
    "entrypoint": _config("Entrypoint", shlex.split),
    "env": lambda draft, value: draft.config["Env"].append(value),
    "expose": _expose,
    "group-add": _host_list("GroupAdd"),
    "health-cmd": _health("Test", lambda value: ["CMD-SHELL", value]),
    "health-interval": _health("Interval", duration_ns),
    "health-retries": _health("Retries", int),
    "health-start-period": _health("StartPeriod", duration_ns),
    "health-timeout": _health("Timeout", duration_ns),
    "hostname": _config("Hostname"),
    "init": _host("Init", flag),
    "interactive": _config("OpenStdin", flag),
    "ip": _endpoint("IPv4Address"),
    "ip6": _endpoint("IPv6Address"),
    "ipc": _rights("ipc", _host("IpcMode"), _is_own_namespace),
    "label": _label,
    "link": _rights("link", _host_list("Links")),
    "log-driver": _log_driver,
    "log-opt": _log_option,
    "mac-address": _config("MacAddress"),
    "memory": _memory,
    "memory-reservation": _host("MemoryReservation", size),
    "memory-swap": _host("MemorySwap", size),
    "memory-swappiness": _host("MemorySwappiness", int),
    "mount": mounts.mount,
    "net": _network,
    "net-alias": lambda draft, value: draft.endpoint.setdefault("Aliases", []).append(value),
    "network": _network,
    "network-alias": lambda draft, value: draft.endpoint.setdefault("Aliases", []).append(value),
    "no-healthcheck": _no_healthcheck,
    "oom-kill-disable": _rights("oom-kill-disable", _host("OomKillDisable", flag)),
    "oom-score-adj": _rights(
        "oom-score-adj", _host("OomScoreAdj", int), lambda value: int(value) >= 0
    ),
    "pid": _rights("pid", _host("PidMode")),
    "pids-limit": _lower_only("pids-limit", "PidsLimit", int),
    "privileged": _rights("privileged", _host("Privileged", flag), lambda value: not flag(value)),
    "publish": _publish,
    "read-only": _host("ReadonlyRootfs", flag),
    "restart": _only("restart", "no"),
    "rm": _only("rm", "true", "1", ""),
    "runtime": _rights("runtime", _host("Runtime")),
    "security-opt": _rights(
        "security-opt",
        _host_list("SecurityOpt"),
        lambda value: value in ("no-new-privileges", "no-new-privileges:true"),
    ),
    "shm-size": _host("ShmSize", size),
    "stop-signal": _config("StopSignal"),
    "stop-timeout": _config("StopTimeout", int),
    "storage-opt": _map("StorageOpt"),
    "sysctl": _map("Sysctls"),
    "tmpfs": mounts.tmpfs,
    "tty": _config("Tty", flag),
    "ulimit": _ulimit,
    "user": _config("User"),
    "userns": _rights("userns", _host("UsernsMode")),
    "uts": _rights("uts", _host("UTSMode")),
    "volume": mounts.volume,
    "volume-driver": _host("VolumeDriver"),
    "volumes-from": _rights("volumes-from", _host_list("VolumesFrom")),
    "workdir": _config("WorkingDir"),
}
