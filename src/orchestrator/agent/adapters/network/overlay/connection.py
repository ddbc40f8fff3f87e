"""Keeps a host connected to its overlay.

It looks when the master says something, when a device changes its state, and every ``PERIOD_S``. A
cut of the link between hosts is seen as the kernel sees it (the device below loses its carrier or
is set down) and told in the log and as ``problem``; when it is back, all entries are compared again
at once. What the kernel was told outlives the agent, so containers stay connected while it is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar

from orchestrator.agent.adapters.network import builtin, configurations, namespaces
from orchestrator.agent.adapters.network.links import changed_links, watch
from orchestrator.agent.adapters.network.overlay import device, traces
from orchestrator.agent.adapters.network.overlay.addresses import Overlay, OverlayError
from orchestrator.agent.adapters.network.overlay.device import Underlay

PERIOD_S = 30.0
SETTLE_S = 0.1  # changes of devices come in bursts
T = TypeVar("T")
logger = logging.getLogger(__name__)


class OverlayConnection:
    """One host's connection, under its address ``local``.

    The network's configuration is written into ``configs``, what is on the host is noted in
    ``directory``. ``within`` is the path of a network namespace that stands for the host; None:
    this process' own.
    """

    def __init__(
        self,
        overlay: Overlay,
        local: IPv4Address,
        directory: Path,
        configs: Path,
        within: Path | None = None,
    ) -> None:
        self.problem: str | None = "the master has not given this agent a subnet yet"
        self._overlay = overlay
        self._local = local
        self._directory = directory
        self._configs = configs
        self._within = within
        self._subnet: int | None = None
        self._peers: Mapping[int, str] | None = None
        self._watched: frozenset[str] = frozenset()
        self._reason = asyncio.Event()

    def configure(self, subnet: int, peers: Mapping[int, str] | None) -> None:
        """The agent's subnet, and where the others are; None: not known yet."""
        self._subnet, self._peers = subnet, peers
        self._reason.set()

    def refuse(self, problem: str) -> None:
        """The agent has no subnet, or not one any more; what it had goes on as it is."""
        self._tell(problem)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with self._watching():
            while True:
                await self._wait()
                await self.reconcile()

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Hear of changes of devices; where that cannot be, what changes is seen later."""
        try:
            events = await self._do(watch)
        except OSError as error:
            logger.warning("overlay %s: devices cannot be watched: %s", self._overlay.name, error)
            yield
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(events, self._on_event, events)
        try:
            yield
        finally:
            loop.remove_reader(events)
            events.close()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PERIOD_S):
                await self._reason.wait()
        await asyncio.sleep(SETTLE_S)
        self._reason.clear()

    async def reconcile(self) -> None:
        """Put right whatever is not as it should be; what cannot be is the ``problem``."""
        subnet, peers = self._subnet, self._peers
        if subnet is None:
            return
        try:
            carrier, changes = await self._do(lambda: self._connect(subnet, peers))
        except (OverlayError, OSError) as error:
            self._tell(str(error))
            return
        self._watched = frozenset({carrier.name, self._overlay.device})
        if changes:
            logger.info("overlay %s: %d entries put right", self._overlay.name, changes)
        cut = f"{carrier.name} has no link, so no other host can be reached"
        self._tell(None if carrier.is_connected else cut)

    def _connect(self, number: int, peers: Mapping[int, str] | None) -> tuple[Underlay, int]:
        overlay, subnet = self._overlay, self._overlay.subnet(number)
        trace, before = traces.trace_of(overlay, number), traces.read(self._directory)
        if trace != before:
            traces.note(self._directory, trace)
        if before is not None and before.overlay == overlay and before.subnet != number:
            logger.warning("overlay %s: this agent has another subnet now", overlay.name)
            device.retire(overlay, overlay.subnet(before.subnet))
        carrier, changes = device.connect(overlay, self._local, subnet, peers)
        text = builtin.overlay(overlay.name, subnet, device.mtu_over(carrier))
        configurations.write(self._configs, overlay.name, text)
        return carrier, changes

    async def leave(self) -> None:
        """Take everything of the overlay away from this host."""
        await self._do(lambda: take_away(self._directory, self._configs))

    def _on_event(self, events: socket.socket) -> None:
        """A device has changed; only those that the overlay runs over are a reason to look."""
        if self._watched & changed_links(events):
            self._reason.set()

    def _tell(self, problem: str | None) -> None:
        if problem == self.problem:
            return
        self.problem = problem
        if problem is None:
            logger.info("overlay %s: connected", self._overlay.name)
        else:
            logger.warning("overlay %s: %s", self._overlay.name, problem)

    async def _do(self, work: Callable[[], T]) -> T:
        within = self._within
        if within is None:
            return await asyncio.to_thread(work)
        return await asyncio.to_thread(lambda: namespaces.inside(within, work))


def take_away(directory: Path, configs: Path, unless: Overlay | None = None) -> None:
    """Take away what is left of an overlay on this host, unless it is this one."""
    try:
        trace = traces.read(directory)
        if trace is None or trace.overlay == unless:
            return
        configurations.write(configs, trace.name, None)
        device.retire(trace.overlay, trace.overlay.subnet(trace.subnet))
        device.disconnect(trace.overlay)
        traces.note(directory, None)
    except (OverlayError, OSError) as error:
        logger.warning("an overlay of earlier cannot be taken away from this host: %s", error)
