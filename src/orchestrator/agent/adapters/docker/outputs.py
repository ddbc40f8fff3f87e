"""Which containers' output is being copied, and the records of how far each copy is.

A copy runs from the container's start, or from its adoption, until the container has ended and all
is in the sandbox. The record of a container goes with the container.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.docker import logs, spec
from orchestrator.agent.adapters.docker.engine import Engine
from orchestrator.agent.core.task import Container

logger = logging.getLogger(__name__)


class Outputs:
    """All copies of one agent. ``find`` gives the container of an id, if there is one."""

    def __init__(
        self, engine: Engine, work_dir: Path, find: Callable[[str], Container | None]
    ) -> None:
        self._engine = engine
        self._work_dir = work_dir
        self._records = work_dir / "docker" / "output"
        self._find = find
        self._running: dict[str, asyncio.Task[None]] = {}

    def begin(self, container_id: str, directory: Path) -> None:
        """Before the container's first start. Blocks. Raises OutputError."""
        logs.begin(directory, self._records / container_id)

    def follow(self, container_id: str) -> None:
        """Copy what it writes, unless that is done already."""
        container = self._find(container_id)
        if container is None or container_id in self._running:
            return
        directory = sandbox.path_of(self._work_dir, container)
        name, record = spec.name_of(container_id), self._records / container_id
        task = asyncio.create_task(logs.follow(self._engine, name, directory, record))
        task.add_done_callback(lambda done: self._on_done(container_id, done))
        self._running[container_id] = task

    async def rest(self, container_id: str, timeout_s: float) -> None:
        """Wait until all of it is in the sandbox, but not for longer than that."""
        if task := self._running.get(container_id):
            await asyncio.wait({task}, timeout=timeout_s)

    def forget(self, container_id: str) -> None:
        """The container is gone."""
        (self._records / container_id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Drop the records of containers that went while no agent was there to see it. Blocks."""
        for record in self._records.iterdir() if self._records.is_dir() else ():
            if record.name not in self._running and self._find(record.name) is None:
                record.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop copying; the next agent goes on."""
        for task in self._running.values():
            task.cancel()

    def _on_done(self, container_id: str, done: asyncio.Task[None]) -> None:
        self._running.pop(container_id, None)
        if not done.cancelled() and (error := done.exception()):
            logger.error("the output of %s is not copied", container_id, exc_info=error)
