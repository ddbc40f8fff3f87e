"""Commands in containers of the Docker Engine, and the terminals of such containers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable

from orchestrator.agent.adapters.checks.beside import words_of
from orchestrator.agent.adapters.checks.commands import CommandError
from orchestrator.agent.adapters.docker import execs
from orchestrator.agent.adapters.docker.engine import CONNECT_TIMEOUT_S, Engine, EngineError
from orchestrator.agent.adapters.docker.execs import CHUNK_BYTES
from orchestrator.agent.adapters.sessions.running import Command, Running, SessionError
from orchestrator.agent.core.task import Container, Exit
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import CommandInfo, EnvironmentVariable, WindowSize

_TYPES = {"stdout": DataType.STDOUT, "stderr": DataType.STDERR}
Execute = Callable[[str, execs.Command], Awaitable[execs.Session]]


class DockerPlace:
    """Beside containers of the Engine; ``execute`` starts a command in one, by its id."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    async def start(self, container: Container, command: Command) -> Running:
        """See Place."""
        try:
            return DockerCommand(await self._execute(container.id, _exec(command)), command)
        except (EngineError, CommandError) as error:
            raise SessionError(f"The command cannot be started: {error}") from None


class DockerCommand:
    """See Running."""

    def __init__(self, session: execs.Session, command: Command) -> None:
        self._session = session
        self._has_terminal = command.tty is not None
        self._exit: Exit | None = None

    async def output(self) -> AsyncGenerator[tuple[DataType, bytes], None]:
        """See Running."""
        try:
            async for stream, data in self._session.output():
                yield _TYPES[stream], data
        except EngineError as error:
            raise SessionError(str(error)) from None

    async def write(self, data: bytes) -> None:
        """See Running."""
        with contextlib.suppress(EngineError):  # it reads no more
            await self._session.write(data)

    async def end_input(self) -> None:
        """See Running."""
        if not self._has_terminal:
            self._session.end_input()

    async def resize(self, rows: int, columns: int) -> None:
        """See Running."""
        if not self._has_terminal:
            raise SessionError("the command has no terminal")
        if rows and columns:  # the Engine knows no terminal without a size
            await _resize(self._session.resize(rows, columns))

    async def signal(self, number: int) -> None:
        """See Running; the command's process is one of this machine's."""
        with contextlib.suppress(EngineError, ProcessLookupError):
            if number == signal.SIGKILL:
                await self._session.kill()
            elif (pid := await self._session.pid()) is not None:
                os.kill(pid, number)

    async def end(self) -> Exit:
        """See Running."""
        if self._exit is None:
            try:
                self._exit = Exit(code=await self._session.exit_code())
            except EngineError as error:
                self._exit = Exit(problem=str(error))
        return self._exit

    async def close(self) -> None:
        """See Running."""
        if self._exit is None:
            await self.signal(signal.SIGKILL)
            await self.end()
        self._session.close()


class DockerTerminals:
    """The terminals of containers that were made with one; ``name_of`` gives the Engine's name."""

    def __init__(self, engine: Engine, name_of: Callable[[str], str]) -> None:
        self._engine = engine
        self._name_of = name_of

    async def attach(self, container: Container) -> Running:
        """See Terminals."""
        name = self._name_of(container.id)
        path = f"/containers/{name}/attach?stream=1&stdin=1&stdout=1&stderr=1"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reader, writer = await execs.hijack(self._engine, path)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise SessionError(str(self._engine.absence(error))) from None
        except EngineError as error:
            raise SessionError(str(error)) from None
        return DockerTerminal(self._engine, name, reader, writer)


class DockerTerminal:
    """See Running: what runs in it is the task's, and is not ended here."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._engine = engine
        self._name = name
        self._reader = reader
        self._writer = writer

    async def output(self) -> AsyncGenerator[tuple[DataType, bytes], None]:
        """See Running."""
        while data := await self._reader.read(CHUNK_BYTES):
            yield DataType.STDOUT, data

    async def write(self, data: bytes) -> None:
        """See Running."""
        with contextlib.suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def end_input(self) -> None:
        """See Running."""

    async def resize(self, rows: int, columns: int) -> None:
        """See Running."""
        if rows and columns:
            await _resize(self._engine.resize(self._name, rows, columns))

    async def signal(self, number: int) -> None:
        """A task is ended by its framework."""
        raise SessionError(f"a task is not sent the signal {number} by way of its terminal")

    async def end(self) -> Exit:
        """See Running; how the task ended is its containerizer's to tell."""
        return Exit()

    async def close(self) -> None:
        """Let go of it."""
        self._writer.close()


async def _resize(request: Awaitable[None]) -> None:
    try:
        await request
    except EngineError as error:
        if error.is_absence:
            raise SessionError(str(error)) from None  # otherwise it has just ended


def _exec(command: Command) -> execs.Command:
    size = command.tty.window_size if command.tty is not None else None
    size = size or WindowSize(rows=0, columns=0)
    return execs.Command(
        argv=words_of(command.info),
        environment={variable.name: _value(variable) for variable in _variables(command.info)},
        user=command.info.user or "",
        tty=command.tty is not None,
        stdin=True,
        rows=size.rows,
        columns=size.columns,
    )


def _variables(info: CommandInfo) -> list[EnvironmentVariable]:
    return info.environment.variables if info.environment is not None else []


def _value(variable: EnvironmentVariable) -> str:
    if variable.value is None and variable.secret is not None:
        raise CommandError(f"the variable '{variable.name}' is a secret, which it cannot have")
    return variable.value or ""
