"""Commands run inside a running container: for checks, and for people who look around.

``Commands.start`` begins one and gives a ``Session``: its output as it comes, its input if that was
asked for, and in the end its exit status. The Engine answers the request that starts a command by
turning the connection into a plain two-way stream, which no HTTP client does; so that one request
is written here by hand.
Source: "Exec" and "Attach: stream format" of the Engine API reference.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

from orchestrator.agent.adapters.docker.engine import (
    CONNECT_TIMEOUT_S,
    Engine,
    EngineError,
    message,
    short,
)
from orchestrator.agent.adapters.supervisor import processes
from orchestrator.agent.adapters.supervisor.processes import Leader
from orchestrator.mesos.types import Message

MAX_HEAD_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
_HEADER_BYTES = 8
_POLL_S = 0.02
_NOTE_TIMEOUT_S = 10.0
Stream = Literal["stdout", "stderr"]


class Command(Message):
    """What to run; ``user`` and ``directory`` are the container's own if empty."""

    argv: Sequence[str]
    environment: Mapping[str, str] = {}
    user: str = ""
    directory: str = ""
    tty: bool = False
    stdin: bool = False
    rows: int = 0
    columns: int = 0


class Session:
    """A command that was started. With a terminal all its output is ``stdout``."""

    def __init__(
        self,
        engine: Engine,
        exec_id: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        tty: bool,
    ) -> None:
        self.id = exec_id
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._tty = tty

    async def output(self) -> AsyncIterator[tuple[Stream, bytes]]:
        """Each piece of output until the command's end. Raises EngineError if the Engine goes."""
        try:
            while True:
                if self._tty:
                    if not (data := await self._reader.read(CHUNK_BYTES)):
                        return
                    yield "stdout", data
                    continue
                header = await self._reader.readexactly(_HEADER_BYTES)
                left = int.from_bytes(header[4:8], "big")
                while left:
                    data = await self._reader.readexactly(min(left, CHUNK_BYTES))
                    left -= len(data)
                    yield ("stderr" if header[0] == 2 else "stdout"), data
        except asyncio.IncompleteReadError:
            return  # the end of the stream
        except OSError as error:
            raise self._engine.absence(error) from None

    async def write(self, data: bytes) -> None:
        """Give it input; waits while it takes none. Raises EngineError when it has ended."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise self._engine.absence(error) from None

    def end_input(self) -> None:
        """There is no more input."""
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def resize(self, rows: int, columns: int) -> None:
        """Its terminal has another size now."""
        await self._engine.resize_exec(self.id, rows, columns)

    async def exit_code(self) -> int | None:
        """How it ended, once its output has; None when the Engine does not say within 10 s.

        The Engine notes the end a moment after the stream's.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTE_TIMEOUT_S):
                while True:
                    found = await self._engine.inspect_exec(self.id)
                    if not found.running:
                        return found.exit_code
                    await asyncio.sleep(_POLL_S)
        return None

    async def pid(self) -> int | None:
        """Its process on this machine; None when it has ended, or the Engine does not say in 10 s.

        The Engine notes the pid a moment after the start; there may be output by then.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTE_TIMEOUT_S):
                while (found := await self._engine.inspect_exec(self.id)).running:
                    if found.pid > 1:
                        return found.pid
                    await asyncio.sleep(_POLL_S)
        return None

    async def kill(self) -> None:
        """End it now, with all it started that is still below it.

        The Engine cannot; but its processes are this machine's.
        """
        if (pid := await self.pid()) is not None:
            await asyncio.to_thread(_kill_tree, self.id, pid)

    def close(self) -> None:
        """Let go of it; a command that reads or writes then finds nobody there."""
        self._writer.close()


class Commands:
    """Runs commands in containers of one Engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def start(self, container: str, command: Command) -> Session:
        """Start a command; its ``Session`` has to be closed.

        Raises EngineError: 404, there is no such container; 409, it does not run.
        """
        exec_id = await self._engine.create_exec(container, _body(command))
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                body = json.dumps({"Detach": False, "Tty": command.tty}).encode()
                reader, writer = await hijack(self._engine, f"/exec/{exec_id}/start", body)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise self._engine.absence(error) from None
        session = Session(self._engine, exec_id, reader, writer, tty=command.tty)
        if command.tty and command.rows and command.columns:
            with contextlib.suppress(EngineError):  # a short command may have ended by now
                await session.resize(command.rows, command.columns)
        return session

    async def run(
        self, container: str, command: Command, timeout_s: float, max_bytes: int = 64 * 1024
    ) -> tuple[int | None, bytes]:
        """Run a command to its end: its exit code and the first of its output, both streams.

        Raises TimeoutError after killing it when it takes longer.
        """
        session = await self.start(container, command)
        collected = bytearray()
        try:
            async with asyncio.timeout(timeout_s):
                async for _, data in session.output():
                    collected += data[: max_bytes - len(collected)]
                return await session.exit_code(), bytes(collected)
        except BaseException:  # cancelled too: nobody else would end it
            with contextlib.suppress(EngineError):
                await asyncio.shield(session.kill())
            raise
        finally:
            session.close()


async def hijack(
    engine: Engine, path: str, body: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """POST something whose answer is a two-way stream. Raises EngineError, OSError."""
    reader, writer = await asyncio.open_unix_connection(short(engine.socket), limit=MAX_HEAD_BYTES)
    try:
        writer.write(_request(f"{engine.prefix}{path}", body))
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status not in (101, 200):
            raise EngineError(status, message(await reader.read(MAX_HEAD_BYTES)))
    except BaseException:
        writer.close()
        raise
    return reader, writer


def _kill_tree(exec_id: str, pid: int) -> None:
    leader = Leader(exec_id, pid)
    tree = processes.members([leader], processes.scan(), frozenset(), scope="")[exec_id]
    for one in {pid, *(process.pid for process in tree)}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def _request(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(command: Command) -> dict[str, object]:
    made: dict[str, object] = {
        "Cmd": list(command.argv),
        "Env": [f"{name}={value}" for name, value in command.environment.items()],
        "AttachStdin": command.stdin,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": command.tty,
    }
    if command.user:
        made["User"] = command.user
    if command.directory:
        made["WorkingDir"] = command.directory
    return made
