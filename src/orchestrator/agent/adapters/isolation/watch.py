"""Looks at what running containers use, and tells of limits that were broken.

Memory: v1 kills single processes, and a container whose first process lives on is told of here; one
whose first process was killed is told of by its exit. Disk: usage is always measured, and a
quota enforced only where the operator has said so, as in Mesos. Looks are made in a thread, and
those at the disk pause so long after each round that they take a bounded part of one processor's
time: at most a tenth, or a hundredth where nothing is enforced.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.isolation import disk
from orchestrator.agent.adapters.isolation.cgroups import Cgroups
from orchestrator.agent.adapters.isolation.isolator import limitation_of
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.messages import LimitExceeded
from orchestrator.agent.core.status import DISK_LIMITATION
from orchestrator.agent.core.task import Condition, Container, Limitation, Task

MEMORY_INTERVAL_S = 1.0
REST_FACTOR = 99.0  # seconds of rest for each second of looking at the disk
REST_FACTOR_ENFORCING = 9.0
_MB = 2**20


class Watch:
    """Over the running containers of an agent; ``tell`` hears of each that broke a limit."""

    def __init__(
        self,
        cgroups: Cgroups,
        work_dir: Path,
        agent: Agent,
        tell: Callable[[LimitExceeded], None],
        *,
        enforces_disk: bool,
    ) -> None:
        self._cgroups = cgroups
        self._work_dir = work_dir
        self._agent = agent
        self._tell = tell
        self._enforces_disk = enforces_disk
        self._rest_factor = REST_FACTOR_ENFORCING if enforces_disk else REST_FACTOR
        self._disk_used: dict[str, int] = {}  # by container, in bytes

    def disk_used_bytes(self, container_id: str) -> int | None:
        """What lay in the container's sandbox at the last look."""
        return self._disk_used.get(container_id)

    async def memory_forever(self) -> None:
        """Until cancelled; returns at once where there is nothing to watch."""
        while "memory" in self._cgroups.controllers:
            await asyncio.sleep(MEMORY_INTERVAL_S)
            ids = [one.id for one in _running(self._agent)]
            for broken in await asyncio.to_thread(self._out_of_memory, ids):
                self._tell(broken)

    async def disk_forever(self, interval_s: float) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            containers = {one.id: self._container(one) for one in _running(self._agent)}
            self._disk_used = {id_: n for id_, n in self._disk_used.items() if id_ in containers}
            for container in containers.values():
                for broken in await asyncio.to_thread(self._look_at_disk, container):
                    self._tell(broken)
            took_s = time.monotonic() - began
            await asyncio.sleep(max(interval_s, took_s * self._rest_factor))

    def _container(self, one: Task | Executor) -> Container:
        if isinstance(one, Executor):
            return self._agent.executors.container_of(one)
        return one.container

    def _out_of_memory(self, ids: list[str]) -> list[LimitExceeded]:
        found = ((id_, self._cgroups.overrun(id_)) for id_ in ids)
        return [
            LimitExceeded(container_id=id_, limitation=limitation_of(overrun))
            for id_, overrun in found
            if overrun is not None
        ]

    def _look_at_disk(self, container: Container) -> list[LimitExceeded]:
        path = sandbox.path_of(self._work_dir, container)
        in_sandbox = disk.used_bytes(path)
        self._disk_used[container.id] = in_sandbox
        if not self._enforces_disk:
            return []
        found = []
        resources = [*container.resources, *container.parent_volumes]
        for quota in disk.quotas(resources, path, self._work_dir):
            taken = in_sandbox if quota.path == path else disk.used_bytes(quota.path)
            if taken > quota.limit_bytes:
                limitation = _of_disk(quota, taken)
                found.append(LimitExceeded(container_id=container.id, limitation=limitation))
        return found


def _running(agent: Agent) -> list[Task | Executor]:
    known: list[Task | Executor] = [*agent.book.executors(), *agent.book.tasks()]
    is_running = Condition.RUNNING
    return [one for one in known if one.condition is is_running and one.containerizer is not None]


def _of_disk(quota: disk.DiskQuota, used_bytes: int) -> Limitation:
    used, limit = used_bytes / _MB, quota.limit_bytes / _MB
    message = f"Disk usage ({used:.0f}MB) exceeds quota ({limit:.0f}MB) of {quota.path}"
    return Limitation(reason=DISK_LIMITATION, message=message, resources=quota.resources)
