"""Commands as processes of this machine, each below a keeper of its own.

Its output stays in the kernel's pipes, or in those of a pseudo terminal, until somebody reads it:
a command that writes faster than it is read waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from orchestrator.agent.adapters.checks.commands import Beside, CommandError
from orchestrator.agent.adapters.sessions import keeper
from orchestrator.agent.adapters.sessions.descriptors import Descriptor
from orchestrator.agent.adapters.sessions.keeping import Keeper, start_keeper
from orchestrator.agent.adapters.sessions.running import Command, Running, SessionError
from orchestrator.agent.adapters.sessions.streams import Streams, pipes, set_size, terminal
from orchestrator.agent.core.task import Container, Exit
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import CommandInfo, WindowSize

_TERMINAL = "xterm"  # what programs are told of a terminal that they are told nothing else of

Tell = Callable[[Container, CommandInfo], Awaitable[Beside]]
"""How a command is run beside a container. Raises CommandError."""


class HostPlace:
    """Beside what the Mesos containerizer runs; ``beside`` says how, as for checks.

    ``in_terminal`` says it for commands with a terminal, where a program that enters containers has
    to be told of that. ``enters`` names the files of a container's cgroups, so that its limits hold
    for commands beside it.
    """

    def __init__(
        self,
        beside: Tell,
        in_terminal: Tell | None = None,
        enters: Callable[[str], list[str]] = lambda _container_id: [],
    ) -> None:
        self._beside = beside
        self._in_terminal = in_terminal or beside
        self._enters = enters

    async def start(self, container: Container, command: Command) -> Running:
        """See Place."""
        tell = self._beside if command.tty is None else self._in_terminal
        try:
            beside = await tell(container, command.info)
        except CommandError as error:
            raise SessionError(str(error)) from None
        is_contained = beside.pid_file is not None  # and its cgroups are entered with it
        run = _run(beside, command, [] if is_contained else self._cgroups_of(container))
        streams = terminal(command.tty) if command.tty is not None else pipes()
        try:
            keeper_ = await start_keeper(streams)
            try:
                streams.close_theirs()
                await keeper_.ask(run)
            except BaseException:  # also when nobody waits for it any more
                await keeper_.close()
                raise
        except BaseException:
            streams.close_all()
            _forget(beside.pid_file)
            raise
        return HostCommand(keeper_, streams, beside.pid_file)

    def _cgroups_of(self, container: Container) -> list[str]:
        """None where it has none: an agent with other settings may have started it."""
        return [file for file in self._enters(container.id) if Path(file).exists()]


class HostCommand:
    """See Running."""

    def __init__(self, keeper_: Keeper, streams: Streams, pid_file: str | None) -> None:
        self._keeper = keeper_
        self._pid_file = pid_file
        self._has_terminal = streams.has_terminal
        self._input = Descriptor(streams.input)
        ends = {streams.input: self._input}
        self._outputs = [
            (type_, ends.get(fd) or Descriptor(fd)) for type_, fd in streams.outputs.items()
        ]
        self._writing = asyncio.Lock()

    async def output(self) -> AsyncGenerator[tuple[DataType, bytes], None]:
        """See Running."""
        reads = {asyncio.create_task(end.read()): (type_, end) for type_, end in self._outputs}
        try:
            while reads:
                done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    type_, end = reads.pop(one)
                    if data := one.result():
                        yield type_, data
                        reads[asyncio.create_task(end.read())] = (type_, end)
        finally:
            for one in reads:
                one.cancel()
            await asyncio.gather(*reads, return_exceptions=True)

    async def write(self, data: bytes) -> None:
        """See Running."""
        async with self._writing:
            with contextlib.suppress(OSError):  # it reads no more; what it writes still counts
                await self._input.write(data)

    async def end_input(self) -> None:
        """See Running."""
        if not self._has_terminal:
            async with self._writing:
                self._input.close()

    async def resize(self, rows: int, columns: int) -> None:
        """See Running."""
        if not self._has_terminal:
            raise SessionError("the command has no terminal")
        if not self._input.is_closed:
            set_size(self._input.fileno(), WindowSize(rows=rows, columns=columns))

    async def signal(self, number: int) -> None:
        """See Running."""
        self._keeper.tell(keeper.Signal(number))

    async def end(self) -> Exit:
        """See Running."""
        return await self._keeper.ended()

    async def close(self) -> None:
        """See Running."""
        await self._keeper.close()
        for end in {self._input, *(end for _, end in self._outputs)}:
            end.close()
        _forget(self._pid_file)


def _forget(pid_file: str | None) -> None:
    """Its keeper ends all that is below it, and needs no pid for that."""
    if pid_file is not None:
        with contextlib.suppress(OSError):
            Path(pid_file).unlink(missing_ok=True)


def _run(beside: Beside, command: Command, enters: list[str]) -> keeper.Run:
    has_terminal = command.tty is not None
    env = {"TERM": _TERMINAL, **beside.env} if has_terminal else beside.env
    user = command.info.user if beside.user and command.info.user else beside.user
    return keeper.Run(
        beside.argv, env, beside.directory, user, beside.executable, has_terminal, enters
    )
