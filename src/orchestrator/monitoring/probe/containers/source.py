"""Adds to containers what they use, and tells of those that no engine tells of."""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.monitoring.probe.containers.groups import Group, Hierarchies
from orchestrator.monitoring.probe.containers.usage import Usage
from orchestrator.monitoring.probe.host.parsing import Traffic, parse_network
from orchestrator.monitoring.probe.processes.table import Process, namespace_of
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Node, keys

MAX_CONTAINERS = 5000


def source(setup: Setup) -> Source:
    """The source."""
    containers = Containers(setup)
    return Source("containers", tagger=containers, close=containers.close)


class _Measured:
    """A container as it was measured last."""

    def __init__(self, pid: int, group: Group) -> None:
        self.pid = pid
        self.group = group
        self.usage = Usage()
        self.traffic = Traffic()
        self.at = 0.0


class Containers:
    """Tagger of containers."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._hierarchies = Hierarchies(setup.config.proc, setup.config.sys)
        self._measured: dict[str, _Measured] = {}
        self._home = namespace_of("/proc/self/ns/net")

    def close(self) -> None:
        """Close what is open."""
        for measured in self._measured.values():
            measured.group.close()

    def tag(self, parts: Parts, now: float) -> None:
        """Measure every container that has processes."""
        processes: dict[str, list[Process]] = {}
        for process in self._setup.table:
            if process.container:
                processes.setdefault(process.container, []).append(process)
        nodes = parts.nodes.setdefault("container", [])
        known = {node.id: n for n, node in enumerate(nodes)}
        for id, found in list(processes.items())[:MAX_CONTAINERS]:
            if id not in known:
                known[id] = len(nodes)
                nodes.append(self._unknown(id, found))
            metrics = self._measure(id, found, now)
            at = known[id]
            nodes[at] = replace(nodes[at], metrics={**nodes[at].metrics, **metrics})
        for id in self._measured.keys() - processes.keys():
            self._measured.pop(id).group.close()

    def _unknown(self, id: str, processes: list[Process]) -> Node:
        first = min(processes, key=lambda process: process.stat.started_ticks)
        latest = {keys.STATE: "running", keys.PID: str(first.pid)}
        return Node(id, f"{first.name} {id[:12]}", latest, parents={"host": [self._setup.host_id]})

    def _measure(self, id: str, processes: list[Process], now: float) -> dict[str, float]:
        first = min(process.pid for process in processes)
        measured = self._measured.get(id)
        if measured is None or self._setup.table.get(measured.pid) is None:
            if measured is not None:
                measured.group.close()
            measured = self._measured[id] = _Measured(
                first, Group(self._hierarchies.files_of(first))
            )
        usage, traffic = measured.group.read(), self._traffic(processes)
        metrics = _metrics(measured, usage, traffic, now, len(processes))
        measured.usage, measured.traffic, measured.at = usage, traffic, now
        return metrics

    def _traffic(self, processes: list[Process]) -> Traffic:
        """Of its own network namespace; what is shared with the machine is the machine's."""
        process = processes[0]
        if process.namespace in (0, self._home):
            return Traffic()
        try:
            path = f"{self._setup.config.proc}/{process.pid}/net/dev"
            with open(path) as file:  # noqa: PTH123
                return parse_network(file.read(), lambda name: name != "lo")
        except OSError:
            return Traffic()


def _metrics(
    before: _Measured, usage: Usage, traffic: Traffic, now: float, processes: int
) -> dict[str, float]:
    elapsed_s = now - before.at if before.at else 0.0
    metrics: dict[str, float] = {"processes": float(processes)}

    def rate(name: str, old: float | None, new: float | None, factor: float = 1.0) -> None:
        if new is not None:
            grown = max(new - old, 0.0) if old is not None and elapsed_s > 0 else 0.0
            metrics[name] = round(grown / elapsed_s * factor, 3) if elapsed_s > 0 else 0.0

    rate("cpu_percent", before.usage.cpu_s, usage.cpu_s, 100.0)
    rate("disk_read_bytes_per_s", before.usage.read_bytes, usage.read_bytes)
    rate("disk_written_bytes_per_s", before.usage.written_bytes, usage.written_bytes)
    rate("network_received_bytes_per_s", before.traffic.inwards, traffic.inwards)
    rate("network_sent_bytes_per_s", before.traffic.outwards, traffic.outwards)
    for name, value in (
        ("memory_bytes", usage.memory_bytes),
        ("memory_limit_bytes", usage.memory_limit_bytes),
        ("oom_kills", usage.oom_kills),
    ):
        if value is not None:
            metrics[name] = float(value)
    return metrics
