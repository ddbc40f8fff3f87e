"""Commands that run as processes beside a task, by way of the spawner.

The spawner is started with the first command, and anew when it has died; what ran then could not
be tried, for no fault of its task.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable
from signal import strsignal
from typing import NamedTuple, Protocol

from orchestrator.agent.adapters.checks import spawner
from orchestrator.agent.core.checking.probe import (
    CommandExited,
    Outcome,
    ProbeFailed,
    ProbeSkipped,
)
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import CommandInfo

END_TIMEOUT_S = 5.0
_PROGRAM = "orchestrator.agent.adapters.checks.spawner"


class Commands(Protocol):
    """Runs commands where a container is."""

    async def run(self, container: Container, command: CommandInfo) -> Outcome:
        """Run it to its end; ends it when cancelled."""
        ...


class Beside(NamedTuple):
    """A process that does a command beside a container; ``executable`` if it is not argv[0].

    ``pid_file`` is where it notes the pid of a process in the container, which ends with it.
    """

    argv: list[str]
    env: dict[str, str]
    directory: str
    user: str | None = None
    executable: str | None = None
    pid_file: str | None = None


class CommandError(Exception):
    """The command cannot be run there; says why."""


class HostCommands:
    """Commands as processes of this machine; ``close`` ends the spawner and all that it runs.

    ``beside`` says how a command is run beside a container, and raises CommandError if it cannot.
    """

    def __init__(self, beside: Callable[[Container, CommandInfo], Awaitable[Beside]]) -> None:
        self._beside = beside
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[spawner.Ran]] = {}
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def run(self, container: Container, command: CommandInfo) -> Outcome:
        """See Commands."""
        try:
            beside = await self._beside(container, command)
            requests = await self._connected()
        except (CommandError, OSError) as error:
            return ProbeSkipped(reason=f"The command cannot be run: {error}")
        try:
            return _outcome(await self._ask(requests, beside))
        except ConnectionError:
            return ProbeSkipped(reason="The process that runs commands has ended")

    async def close(self) -> None:
        """End all that runs."""
        if self._process is None:
            return
        _input(self._process).close()
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        if self._reading is not None:
            await self._reading

    async def _ask(self, requests: asyncio.StreamWriter, beside: Beside) -> spawner.Ran:
        number = next(self._numbers)
        answer: asyncio.Future[spawner.Ran] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        requests.write(spawner.encode(spawner.Run(number, *beside)))
        try:
            return await answer
        finally:
            del self._waiting[number]
            if answer.cancelled():
                requests.write(spawner.encode(spawner.Cancel(number)))

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._starting:
            if self._process is None or self._reading is None or self._reading.done():
                self._process = await _start()
                self._reading = asyncio.create_task(self._read(self._process))
            return _input(self._process)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            async for line in process.stdout:
                match spawner.decode(line):
                    case spawner.Ran(number) as ran if number in self._waiting:
                        _settle(self._waiting[number], ran)
                    case _:
                        pass  # nobody waits for it any more
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError())


async def _start() -> asyncio.subprocess.Process:
    """Start a spawner, which no signal to the agent's terminal reaches."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        _PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd="/",
        start_new_session=True,
    )


def _settle(answer: asyncio.Future[spawner.Ran], ran: spawner.Ran) -> None:
    if not answer.done():  # it was just given up
        answer.set_result(ran)


def _input(process: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise OSError("it has no standard input")
    return process.stdin


def _outcome(ran: spawner.Ran) -> Outcome:
    if ran.code is not None:
        return CommandExited(code=ran.code)
    if ran.signal is not None:
        name = strsignal(ran.signal) or f"number {ran.signal}"
        return ProbeFailed(reason=f"Command terminated with signal {name}")
    return ProbeFailed(reason=f"Command could not be started: {ran.problem}")
