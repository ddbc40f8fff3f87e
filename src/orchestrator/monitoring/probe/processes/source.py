"""Tells of every process; a node is made anew only when something of it has changed."""

from __future__ import annotations

import os
import pwd
import signal

from orchestrator.monitoring.probe.processes.parsing import parse_command, parse_stat
from orchestrator.monitoring.probe.processes.table import (
    PAGE_BYTES,
    TICKS_PER_S,
    Process,
    ProcessTable,
)
from orchestrator.monitoring.probe.roles import (
    Answer,
    Asked,
    ControlFailedError,
    Controller,
    Parts,
    Setup,
    Source,
)
from orchestrator.monitoring.report import Node, Topology, ids, keys
from orchestrator.monitoring.report.control import KILL

_SIGNALS = ("TERM", "KILL", "INT", "HUP", "QUIT", "STOP", "CONT", "USR1", "USR2")


def source(setup: Setup) -> Source:
    """The source."""
    processes = Processes(setup)
    controllers: dict[Topology, Controller] = {}
    if setup.config.controls:
        controllers["process"] = processes.control
    controls = (KILL,) if controllers else ()
    return Source("processes", reporter=processes, controllers=controllers, controls=controls)


class _Told:
    """The node of a process as it was told last, and what it was made of."""

    __slots__ = ("latest", "node", "parents", "revision", "started_ticks")

    def __init__(self, process: Process) -> None:
        self.revision = process.revision
        self.started_ticks = process.stat.started_ticks
        self.latest: dict[str, str] = {}
        self.parents: dict[Topology, list[str]] = {}
        self.node: Node | None = None


class Processes:
    """Reporter and controller of processes."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._table: ProcessTable = setup.table
        self._told: dict[int, _Told] = {}
        self._names: dict[int, str] = {}
        self._parents: dict[str, dict[Topology, list[str]]] = {}
        self._controls = [KILL] if setup.config.controls else []
        self._booted_at = _booted_at(setup.table.proc)

    def report(self, now: float) -> Parts:
        """All processes of the table."""
        del now
        told = self._told
        nodes = [self._node(process) for process in self._table]
        if len(told) > len(nodes):
            alive = {process.pid for process in self._table}
            for pid in [pid for pid in told if pid not in alive]:
                del told[pid]
        return Parts(nodes={"process": nodes})

    async def control(self, asked: Asked) -> Answer:
        """Send a process a signal. Raises ControlFailedError."""
        pid = int(asked.node_id.rpartition(ids.SEPARATOR)[2])
        process = self._table.get(pid)
        if process is None:
            raise ControlFailedError("the process has ended")
        name = asked.arguments.get("signal", "TERM").upper().removeprefix("SIG")
        if name not in _SIGNALS:
            raise ControlFailedError(f"{name!r} is no signal: use one of {', '.join(_SIGNALS)}")
        _send(process, getattr(signal, f"SIG{name}"), self._table.proc)
        return Answer()

    def _node(self, process: Process) -> Node:
        told = self._told.get(process.pid)
        stat, before = process.stat, process.before
        if (
            told is None
            or told.revision != process.revision
            or (told.started_ticks != stat.started_ticks)
        ):
            told = self._tell(process)
        elif told.node is not None and not process.has_changed:
            if told.node.metrics["cpu_percent"] == 0.0:
                return told.node
        elif stat.state != before.state or stat.parent != before.parent:
            told = self._tell(process)
        interval_s = self._table.interval_s
        used_s = (stat.cpu_ticks - before.cpu_ticks) / TICKS_PER_S
        metrics = {
            "cpu_percent": round(used_s / interval_s * 100, 3) if interval_s > 0 else 0.0,
            "memory_bytes": float(stat.pages * PAGE_BYTES),
            "threads": float(stat.threads),
        }
        told.node = Node(
            ids.process(self._setup.host_id, process.pid),
            process.name[:512],
            told.latest,
            metrics,
            told.parents,
            controls=self._controls,
        )
        return told.node

    def _tell(self, process: Process) -> _Told:
        told = self._told[process.pid] = _Told(process)
        started_at = self._booted_at + process.stat.started_ticks / TICKS_PER_S
        told.latest = {
            keys.PID: str(process.pid),
            keys.PARENT_PID: str(process.stat.parent),
            keys.STATE: process.stat.state,
            keys.STARTED_AT: f"{started_at:.2f}",
            keys.COMMAND: self._setup.hiding.command(parse_command(process.command))
            or f"[{process.name}]",
        }
        if process.uid >= 0:
            told.latest[keys.USER] = self._user(process.uid)
        told.parents = self._parents_in(process.container)
        return told

    def _parents_in(self, container: str) -> dict[Topology, list[str]]:
        """One dict for all processes of a container."""
        if container not in self._parents:
            if len(self._parents) > 10_000:
                self._parents.clear()
            parents: dict[Topology, list[str]] = {"host": [self._setup.host_id]}
            if container:
                parents["container"] = [container]
            self._parents[container] = parents
        return self._parents[container]

    def _user(self, uid: int) -> str:
        if uid not in self._names:
            if len(self._names) > 10_000:
                self._names.clear()
            try:
                self._names[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._names[uid] = str(uid)
        return self._names[uid]


def _send(process: Process, number: int, proc: str) -> None:
    """By a descriptor of the process, so that no other process of the same pid is meant."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError as error:
        raise ControlFailedError(f"the process cannot be reached: {error.strerror}") from None
    try:
        with open(f"{proc}/{process.pid}/stat", "rb") as file:  # noqa: PTH123
            if parse_stat(file.read()).started_ticks != process.stat.started_ticks:
                raise ControlFailedError("the process has ended")
        signal.pidfd_send_signal(descriptor, number)
    except OSError as error:
        raise ControlFailedError(f"the process cannot be signalled: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _booted_at(proc: str) -> float:
    try:
        with open(f"{proc}/stat", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"btime "):
                    return float(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0.0
