"""What a containerizer asks of isolation in the life of one container.

``isolate`` before it starts, ``examine`` when it has ended, ``release`` once its end is durable.
Until then its cgroups stay, empty: an agent that dies in between finds in them why it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.agent.adapters.isolation import quota
from orchestrator.agent.adapters.isolation.cgroups import CgroupError, Cgroups, Placement
from orchestrator.agent.adapters.isolation.quota import Quota
from orchestrator.agent.adapters.isolation.usage import Overrun
from orchestrator.agent.core.status import MEMORY_LIMITATION
from orchestrator.agent.core.task import Container, Exit, Limitation
from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.types import Message

_MB = 2**20
logger = logging.getLogger(__name__)


class Rules(Message):
    """What the operator has set for all containers; ``pids_limit`` 0: none."""

    enable_cfs: bool = False
    pids_limit: int = 0


class Isolator:
    """Over the cgroups of one agent."""

    def __init__(self, cgroups: Cgroups, rules: Rules | None = None) -> None:
        self.cgroups = cgroups
        self._rules = rules or Rules()
        self._to_remove: list[str] = []
        self._removing: asyncio.Task[None] | None = None
        self._found = frozenset(cgroups.strays(()))  # of earlier agents; those made now are none
        self._has_cleaned_up = False

    def isolate(self, container: Container) -> Placement:
        """Make its cgroups, with its limits in force. Blocks. Raises CgroupError."""
        return self.cgroups.create(container.id, self._quota(container))

    def resize(self, container: Container) -> None:
        """Put other limits in force, where it has cgroups."""
        try:
            self.cgroups.resize(container.id, self._quota(container))
        except CgroupError as error:
            logger.warning("container %s keeps its limits: %s", container.id, error)

    def _quota(self, container: Container) -> Quota:
        rules = self._rules
        try:
            return quota.of_container(
                container.resources,
                container.limits,
                enable_cfs=rules.enable_cfs,
                pids_limit=rules.pids_limit,
            )
        except ResourceError as error:
            raise CgroupError(f"Its resources are not valid: {error}") from None

    def examine(self, container_id: str, exit_: Exit) -> Exit:
        """The exit, and that it was for want of memory if the kernel says so."""
        if exit_.code == 0 or not exit_.started or exit_.out_of_memory:
            return exit_
        overrun = self.cgroups.overrun(container_id)
        if overrun is None:
            return exit_
        return replace(exit_, out_of_memory=True, limitation=limitation_of(overrun))

    def release(self, container_id: str) -> None:
        """Its cgroups are not needed any more; they are removed soon, many at a time."""
        self._to_remove.append(container_id)
        if self._removing is None:
            self._removing = asyncio.create_task(self._remove(), name="removing cgroups")

    def clean_up(self, known: Iterable[str]) -> None:
        """The first time: end and remove what an earlier agent left and no supervisor knows of.

        Blocks. What is being launched meanwhile has its cgroups before the supervisor hears of it.
        """
        if self._has_cleaned_up:
            return
        self._has_cleaned_up = True
        strays = sorted(self._found.intersection(self.cgroups.strays(known)))
        if strays:
            logger.warning("ending %d containers that nobody knows", len(strays))
            self.cgroups.remove_everywhere(strays)

    async def close(self) -> None:
        """Finish what is under way."""
        if self._removing is not None:
            await self._removing
        self.cgroups.close()

    async def _remove(self) -> None:
        try:
            while self._to_remove:
                batch, self._to_remove = self._to_remove, []
                await asyncio.to_thread(self.cgroups.remove, batch)
        finally:
            self._removing = None


def limitation_of(overrun: Overrun) -> Limitation:
    """As the core has it: the reason, the sentence, and how much memory was used at most."""
    used = overrun.used_bytes or overrun.limit_bytes or 0
    return Limitation(
        reason=MEMORY_LIMITATION,
        message=overrun.sentence,
        resources=resource_wire.to_wire(Resources.of(mem=used / _MB), role="*"),
    )
