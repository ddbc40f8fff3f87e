"""Takes what the core wants to know of tasks, finds it out, and tells.

Each try is a task of the event loop, at most ``MAX_CONNECTIONS`` and ``MAX_COMMANDS`` of them at a
time; the rest waits for its turn. That wait does not count against a check's own timeout, but one
that lasts ``MAX_WAIT_S`` ends the try: it could not be made, so nothing is concluded from it. Every
try that is not stopped ends in exactly one result.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from orchestrator.agent.adapters.checks.commands import Commands
from orchestrator.agent.adapters.checks.http import HttpClient
from orchestrator.agent.adapters.checks.sockets import NoSocketError, Sockets
from orchestrator.agent.adapters.checks.tcp import try_tcp
from orchestrator.agent.core.checking.probe import (
    CommandProbe,
    HttpProbe,
    Outcome,
    Probe,
    ProbeFailed,
    ProbeSkipped,
    Purpose,
    TcpProbe,
)
from orchestrator.agent.core.messages import Event, Probed, RunProbe, StopProbes
from orchestrator.agent.core.task import Container, Containerizer

MAX_CONNECTIONS = 256
MAX_COMMANDS = 64
MAX_WAIT_S = 60.0
MAX_TIMEOUT_S = 3600.0  # of a try without a timeout, which would hold its place for ever
MAX_COMPLAINTS = 32  # that are remembered, so as not to be repeated
_NAMES = {CommandProbe: "Command", HttpProbe: "HTTP request", TcpProbe: "TCP connection"}
logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a check is made: beside which container, in the network of which process."""

    container: Container
    pid: int | None


class Prober:
    """``find`` knows where containers are, ``commands`` how to run something there."""

    def __init__(
        self,
        commands: Mapping[Containerizer, Commands],
        *,
        find: Callable[[str], Place | None],
        tell: Callable[[Event], None],
    ) -> None:
        self._commands = commands
        self._find = find
        self._tell = tell
        self._sockets = Sockets()
        self._http = HttpClient(self._sockets)
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)
        self._running = asyncio.Semaphore(MAX_COMMANDS)
        self._tries: dict[tuple[str, Purpose], asyncio.Task[None]] = {}
        self._complaints: set[str] = set()

    async def close(self) -> None:
        """Stop everything."""
        tries = list(self._tries.values())
        for one in tries:
            one.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        self._http.close()
        self._sockets.close()

    def perform(self, effect: RunProbe | StopProbes) -> None:
        """Do what the core asks for."""
        match effect:
            case RunProbe(probe=probe):
                self.begin(probe)
            case StopProbes(container_id=container_id):
                self.stop(container_id)

    def begin(self, probe: Probe) -> None:
        """Try it; the result is told, unless it is stopped."""
        key = (probe.container_id, probe.purpose)
        self._tries[key] = task = asyncio.create_task(self._make(probe))
        task.add_done_callback(lambda done: self._forget(key, done))

    def stop(self, container_id: str) -> None:
        """Give up what is tried of a container."""
        for purpose in Purpose:
            if task := self._tries.get((container_id, purpose)):
                task.cancel()

    def _forget(self, key: tuple[str, Purpose], done: asyncio.Task[None]) -> None:
        if self._tries.get(key) is done:
            del self._tries[key]

    async def _make(self, probe: Probe) -> None:
        try:
            outcome = await self._try(probe)
        except NoSocketError as error:
            outcome = ProbeSkipped(reason=str(error))
        except Exception as error:
            logger.exception("a %s could not be made", probe.purpose)
            outcome = ProbeSkipped(reason=f"the agent failed: {error}")
        if isinstance(outcome, ProbeSkipped):
            self._complain(probe, outcome.reason)
        result = Probed(
            container_id=probe.container_id,
            purpose=probe.purpose,
            number=probe.number,
            outcome=outcome,
        )
        self._tell(result)

    async def _try(self, probe: Probe) -> Outcome:
        is_command = isinstance(probe.what, CommandProbe)
        places = self._running if is_command else self._connections
        if not await _has_turn(places):
            return ProbeSkipped(reason=f"too many checks: no turn within {MAX_WAIT_S:g} s")
        try:
            return await self._try_in_time(probe)
        finally:
            places.release()

    async def _try_in_time(self, probe: Probe) -> Outcome:
        if (place := self._find(probe.container_id)) is None:
            return ProbeSkipped(reason="its container is gone")
        try:
            async with asyncio.timeout(probe.timeout_s or MAX_TIMEOUT_S):
                return await self._try_at(place, probe)
        except TimeoutError:
            return _of_timeout(probe)

    async def _try_at(self, place: Place, probe: Probe) -> Outcome:
        match probe.what:
            case HttpProbe() as what:
                return await self._http.get(place.pid, what)
            case TcpProbe() as what:
                return await try_tcp(self._sockets, place.pid, what)
            case CommandProbe(command=command):
                commands = self._commands.get(place.container.containerizer)
                if commands is None:
                    return ProbeSkipped(reason="commands cannot be run in such a container here")
                return await commands.run(place.container, command)

    def _complain(self, probe: Probe, reason: str) -> None:
        """Say it once, not for each of ten thousand checks."""
        if reason not in self._complaints:
            if len(self._complaints) >= MAX_COMPLAINTS:
                self._complaints.clear()
            self._complaints.add(reason)
            logger.warning(
                "the %s of container %s could not be made: %s",
                probe.purpose,
                probe.container_id,
                reason,
            )


async def _has_turn(places: asyncio.Semaphore) -> bool:
    """Take a place, once there is one; False if that takes too long."""
    if not places.locked():
        return await places.acquire()
    try:
        async with asyncio.timeout(MAX_WAIT_S):
            return await places.acquire()
    except TimeoutError:
        return False


def _of_timeout(probe: Probe) -> Outcome:
    if probe.timeout_s is None:
        return ProbeSkipped(reason=f"it took longer than {MAX_TIMEOUT_S:g} s")
    return ProbeFailed(reason=f"{_NAMES[type(probe.what)]} timed out after {probe.timeout_s:g}secs")
