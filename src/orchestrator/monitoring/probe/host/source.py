"""Tells of the machine."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator import __version__
from orchestrator.monitoring.probe.host import parsing
from orchestrator.monitoring.probe.host.parsing import Traffic
from orchestrator.monitoring.probe.kernel.addresses import (
    Scopes,
    bridged_networks,
    counts_for_traffic,
    read_addresses,
)
from orchestrator.monitoring.probe.processes.table import TICKS_PER_S, namespace_of
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Node, ids, keys

_MAX_ADDRESSES = 256


def source(setup: Setup) -> Source:
    """The source."""
    return Source("host", reporter=Host(setup))


class Host:
    """Reporter of the one machine."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._proc, self._sys = setup.config.proc, setup.config.sys
        self._namespace = namespace_of("/proc/self/ns/net")
        self._os = parsing.parse_os(_text("/etc/os-release"))
        self._before: tuple[float, float, Traffic, Traffic] | None = None

    def report(self, now: float) -> Parts:
        """The node of the machine, which is there whatever cannot be read of it."""
        latest = {
            keys.HOSTNAME: os.uname().nodename,
            keys.KERNEL: os.uname().release,
            keys.OS: self._os,
            keys.PROBE_VERSION: __version__,
        }
        problems: list[str] = []
        metrics: dict[str, float] = {"processes": float(len(self._setup.table))}
        addresses: list[str] = []
        try:
            self._measure(now, latest, metrics)
        except (OSError, ValueError, IndexError, KeyError) as error:
            problems.append(f"what the machine uses cannot be read: {_reason(error)}")
        try:
            addresses = self._addresses()
        except OSError as error:
            problems.append(f"the machine's addresses cannot be read: {_reason(error)}")
        host = self._setup.host_id
        node = Node(host, host, latest, metrics, addresses=addresses[:_MAX_ADDRESSES])
        return Parts(nodes={"host": [node]}, problems=problems)

    def _measure(self, now: float, latest: dict[str, str], metrics: dict[str, float]) -> None:
        cpu = parsing.parse_cpu(_read(f"{self._proc}/stat"), TICKS_PER_S)
        memory = parsing.parse_memory(_read(f"{self._proc}/meminfo"))
        loads = parsing.parse_load(_read(f"{self._proc}/loadavg"))
        latest |= {keys.CPUS: str(cpu.cpus), keys.BOOTED_AT: f"{cpu.booted_at:.0f}"}
        free = memory.get("MemAvailable", memory["MemFree"])
        metrics |= {
            "memory_bytes": float(memory["MemTotal"] - free),
            "memory_total_bytes": float(memory["MemTotal"]),
            **dict(zip(("load_1m", "load_5m", "load_15m"), loads, strict=True)),
        }
        disk = os.statvfs("/")
        metrics["disk_total_bytes"] = float(disk.f_blocks * disk.f_frsize)
        metrics["disk_used_bytes"] = float((disk.f_blocks - disk.f_bfree) * disk.f_frsize)
        counted = counts_for_traffic(self._sys)
        network = parsing.parse_network(_text(f"{self._proc}/net/dev"), counted.__contains__)
        disks = parsing.parse_disks(_text(f"{self._proc}/diskstats"), self._is_whole)
        if self._before is not None and (elapsed_s := now - self._before[0]) > 0:
            metrics |= _rates(self._before[1:], (cpu.busy_s, network, disks), elapsed_s)
        self._before = (now, cpu.busy_s, network, disks)

    def _is_whole(self, disk: str) -> bool:
        return Path(f"{self._sys}/block/{disk}").exists()

    def _addresses(self) -> list[str]:
        known = read_addresses()
        scopes = Scopes(self._setup.host_id, bridged_networks(known, self._sys))
        return [ids.address(scopes.of(one.ip, self._namespace), one.ip) for one in known]


def _rates(
    before: tuple[float, Traffic, Traffic], after: tuple[float, Traffic, Traffic], elapsed_s: float
) -> dict[str, float]:
    def rate(old: float, new: float) -> float:
        return round(max(new - old, 0) / elapsed_s, 3)

    return {
        "cpu_percent": rate(before[0], after[0]) * 100,
        "network_received_bytes_per_s": rate(before[1].inwards, after[1].inwards),
        "network_sent_bytes_per_s": rate(before[1].outwards, after[1].outwards),
        "disk_read_bytes_per_s": rate(before[2].inwards, after[2].inwards),
        "disk_written_bytes_per_s": rate(before[2].outwards, after[2].outwards),
    }


def _read(path: str) -> str:
    return Path(path).read_text(errors="replace")


def _text(path: str) -> str:
    try:
        return _read(path)
    except OSError:
        return ""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
