"""/monitor/statistics and /containers: what each container uses, read when asked.

From its cgroups where it has any, which count what ended processes have used as well; from /proc
otherwise, which knows of the living ones only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from orchestrator.agent.adapters.isolation.cgroups import Cgroups
from orchestrator.agent.adapters.isolation.usage import Usage, by_pid
from orchestrator.agent.adapters.isolation.watch import Watch
from orchestrator.agent.adapters.supervisor import processes
from orchestrator.agent.adapters.supervisor.processes import Leader
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.task import Condition, Container, Containerizer
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import ContainerStatus, Message

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MB = 2**20
Json = dict[str, object]


class Consumer(Message):
    """A running container: a task's, or that of an executor of a framework's own."""

    container: Container
    name: str
    pid: int
    status: ContainerStatus | None = None


class Source:
    """Where it is known what containers use: their cgroups if they have any, /proc otherwise."""

    def __init__(self, cgroups: Cgroups, watch: Watch) -> None:
        self._cgroups = cgroups
        self._watch = watch

    def used(self, consumer: Consumer) -> Usage | None:
        """What the container has used, by its cgroups."""
        if consumer.container.containerizer is Containerizer.DOCKER:
            return by_pid(consumer.pid)
        return self._cgroups.usage(consumer.container.id)

    def disk_used_bytes(self, consumer: Consumer) -> int | None:
        """What lay in the sandbox at the last look."""
        return self._watch.disk_used_bytes(consumer.container.id)


def consumers(agent: Agent) -> list[Consumer]:
    """All that run."""
    executors = [
        Consumer(container=agent.executors.container_of(one), name=one.info.name or "", pid=one.pid)
        for one in agent.book.executors()
        if one.condition is Condition.RUNNING and one.containerizer is not None and one.pid
    ]
    return executors + [
        Consumer(
            container=task.container,
            name=f"Command Executor (Task: {task.info.task_id.value})",
            pid=task.pid,
            status=task.latest.container_status if task.latest else None,
        )
        for task in agent.book.tasks()
        if task.condition is Condition.RUNNING and task.containerizer is not None and task.pid
    ]


def statistics(running: Iterable[Consumer], source: Source, now: float) -> list[Json]:
    """/monitor/statistics. Blocks for as long as a look at every process takes."""
    running = list(running)
    used = {one.container.id: source.used(one) for one in running}
    without = [one for one in running if used[one.container.id] is None]
    used |= _by_processes(without)
    return [
        {
            "executor_id": one.container.executor_id,
            "executor_name": one.name,
            "framework_id": one.container.framework_id,
            "source": one.container.task_id or "",
            "statistics": _statistics(
                one.container,
                used[one.container.id] or Usage(),
                source.disk_used_bytes(one),
                now,
            ),
        }
        for one in running
    ]


def containers(running: Iterable[Consumer], source: Source, now: float) -> list[Json]:
    """/containers."""
    running = list(running)
    return [
        shown | {"container_id": one.container.id, "status": one.status}
        for one, shown in zip(running, statistics(running, source, now), strict=True)
    ]


def _statistics(container: Container, used: Usage, disk_used: int | None, now: float) -> Json:
    """Mesos' names (ResourceStatistics in mesos.proto); what is not known is left out."""
    requested = resource_wire.from_wire(container.resources)
    memory_limit = used.memory_limit_bytes or int(requested.scalar("mem") * _MB)
    shown = {
        "timestamp": now,
        "cpus_limit": requested.scalar("cpus"),
        "cpus_user_time_secs": used.user_s,
        "cpus_system_time_secs": used.system_s,
        "cpus_nr_periods": used.periods,
        "cpus_nr_throttled": used.throttled_periods,
        "cpus_throttled_time_secs": used.throttled_s,
        "mem_limit_bytes": memory_limit,
        "mem_total_bytes": used.memory_bytes,
        "mem_rss_bytes": used.rss_bytes,
        "mem_cache_bytes": used.cache_bytes,
        "mem_mapped_file_bytes": used.mapped_bytes,
        "mem_swap_bytes": used.swap_bytes,
        "processes": used.processes,
        "threads": used.threads,
        "disk_used_bytes": disk_used,
        "disk_limit_bytes": int(requested.scalar("disk") * _MB),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _by_processes(running: list[Consumer]) -> dict[str, Usage | None]:
    """What the living processes of containers without cgroups have used."""
    if not running:
        return {}
    leaders = [Leader(one.container.id, one.pid) for one in running]
    members = processes.members(leaders, processes.scan(), frozenset(), scope="")
    return {id_: _sum([process.pid for process in found]) for id_, found in members.items()}


def _sum(pids: list[int]) -> Usage:
    all_of_them = [one for pid in pids if (one := _usage_of(pid)) is not None]
    return Usage(
        user_s=sum(one.user_s or 0.0 for one in all_of_them),
        system_s=sum(one.system_s or 0.0 for one in all_of_them),
        rss_bytes=sum(one.rss_bytes or 0 for one in all_of_them),
        processes=len(all_of_them),
        threads=sum(one.threads or 0 for one in all_of_them),
    )


def _usage_of(pid: int) -> Usage | None:
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            data = file.read()
    except OSError:
        return None
    fields = data[data.rindex(b")") + 2 :].split()
    return Usage(
        user_s=(int(fields[11]) + int(fields[13])) / _TICKS,
        system_s=(int(fields[12]) + int(fields[14])) / _TICKS,
        rss_bytes=int(fields[21]) * _PAGE_BYTES,
        threads=int(fields[17]),
    )
