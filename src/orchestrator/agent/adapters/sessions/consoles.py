"""The terminals of the Mesos containerizer's tasks: the agent's side of their consoles."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

from orchestrator.agent.adapters.sessions import console, contained
from orchestrator.agent.adapters.sessions.descriptors import CHUNK_BYTES
from orchestrator.agent.adapters.sessions.running import Running, SessionError
from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.core.task import Container, Exit
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import TTYInfo, WindowSize

_START_S = 5.0  # that a console may take to listen
_PAUSE_S = 0.05
_USUAL = WindowSize(rows=24, columns=80)


class Consoles:
    """Those whose sockets lie in ``directory``, under their containers' names."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def wrap(self, launch: wire.Launch, tty: TTYInfo) -> wire.Launch:
        """The same in a terminal: a plain command, or the start of a container. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        size = tty.window_size or _USUAL
        wrapped = console.wrapped if launch.pid_file is None else contained.wrapped
        return wrapped(launch, str(self._directory), size.rows, size.columns)

    def forget(self, container_id: str) -> None:
        """What a console that was killed left behind."""
        for name in (container_id, contained.handing_over(container_id)):
            with contextlib.suppress(OSError):
                (self._directory / name).unlink(missing_ok=True)

    async def attach(self, container: Container) -> Running:
        """See Terminals."""
        try:
            async with asyncio.timeout(_START_S):
                return ConsoleTerminal(*await self._connect(container.id))
        except TimeoutError:
            raise SessionError("the task's terminal cannot be reached") from None

    async def _connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            with contextlib.suppress(OSError):
                directory_fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    path = wire.socket_path(directory_fd, name)
                    return await asyncio.open_unix_connection(path)
                finally:
                    os.close(directory_fd)
            await asyncio.sleep(_PAUSE_S)


class ConsoleTerminal:
    """See Running: what runs in it is the task's, and is not ended here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def output(self) -> AsyncGenerator[tuple[DataType, bytes], None]:
        """See Running."""
        while data := await self._reader.read(CHUNK_BYTES):
            yield DataType.STDOUT, data

    async def write(self, data: bytes) -> None:
        """See Running."""
        with contextlib.suppress(OSError):
            self._writer.write(console.frame(console.DATA, data))
            await self._writer.drain()

    async def end_input(self) -> None:
        """See Running."""

    async def resize(self, rows: int, columns: int) -> None:
        """See Running."""
        try:
            size = console.ROWS_COLUMNS.pack(rows, columns)
        except struct.error:
            raise SessionError(f"a terminal cannot have {rows} x {columns}") from None
        self._writer.write(console.frame(console.SIZE, size))

    async def signal(self, number: int) -> None:
        """A task is ended by its framework."""
        raise SessionError(f"a task is not sent the signal {number} by way of its terminal")

    async def end(self) -> Exit:
        """See Running; how the task ended is its containerizer's to tell."""
        return Exit()

    async def close(self) -> None:
        """Let go of it."""
        self._writer.close()
