"""Finds and runs plug-ins, each in a session of its own, so that one that hangs can be ended whole.

A few run at once on one agent: they contend for the locks of iptables and of address files anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from orchestrator.agent.adapters.network.cni import results
from orchestrator.agent.adapters.network.cni.config import CniError

TIMEOUT_S = 60.0
LAST_S = 5.0  # that a plug-in is given whose answer nobody waits for any more
MAX_AT_ONCE = 8


class Plugins:
    """The programs in ``directories``; one that takes longer than ``timeout_s`` is ended."""

    def __init__(self, directories: Sequence[Path], timeout_s: float = TIMEOUT_S) -> None:
        self.directories = directories
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    @property
    def path(self) -> str:
        """Where plug-ins look for those that they call themselves."""
        return ":".join(map(str, self.directories))

    def find(self, type_: str) -> Path:
        """The program of a type of plug-in. Raises CniError."""
        for directory in self.directories:
            program = directory / type_
            if program.is_file() and os.access(program, os.X_OK):
                return program
        raise CniError(f"there is no plug-in '{type_}' in {self.path or 'any directory'}")

    async def run(self, type_: str, environment: Mapping[str, str], stdin: bytes) -> bytes:
        """Run one plug-in and give what it answers. Raises CniError."""
        program = self.find(type_)
        async with self._places, _outlet() as answer, _outlet() as errors:
            process = await _start(program, environment, stdin, answer, errors)
            try:
                return await self._answer(process, answer, errors)
            except asyncio.CancelledError:
                with contextlib.suppress(TimeoutError):  # half of its work cannot always be undone
                    async with asyncio.timeout(LAST_S):
                        await process.wait()
                raise
            finally:
                if process.returncode is None:
                    _kill_session(process.pid)
                    await process.wait()

    async def _answer(
        self, process: asyncio.subprocess.Process, answer: _Outlet, errors: _Outlet
    ) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                said, complained = await asyncio.gather(answer.read(), errors.read())
                code = await process.wait()
        except TimeoutError:
            _kill_session(process.pid)  # also when only those are left that it called
            raise CniError(f"it did not end within {self._timeout_s:g} s") from None
        if code != 0:
            raise CniError(results.complaint(said, complained, code))
        return said


class _Outlet:
    """A pipe of ours: asyncio's own keep a process from being waited for while one is full."""

    def __init__(self, reader: asyncio.StreamReader, end: IO[bytes]) -> None:
        self._reader = reader
        self.end = end

    async def read(self) -> bytes:
        """All that comes. Raises CniError when it is more than any plug-in has to say."""
        data = bytearray()
        while part := await self._reader.read(1 << 16):
            data += part
            if len(data) > results.MAX_BYTES:
                raise CniError(f"it answered with more than {results.MAX_BYTES} bytes")
        return bytes(data)


@asynccontextmanager
async def _outlet() -> AsyncIterator[_Outlet]:
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader()
    with os.fdopen(write_end, "wb", 0) as end:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", 0)
        )
        try:
            yield _Outlet(reader, end)
        finally:
            transport.close()


async def _start(
    program: Path, environment: Mapping[str, str], stdin: bytes, answer: _Outlet, errors: _Outlet
) -> asyncio.subprocess.Process:
    """Start a plug-in; what it reads is ready, so nobody has to feed it. Raises CniError."""
    with os.fdopen(os.memfd_create("network configuration"), "w+b") as given:
        given.write(stdin)
        given.seek(0)
        try:
            return await asyncio.create_subprocess_exec(
                program,
                env=environment,
                cwd="/",
                start_new_session=True,
                stdin=given,
                stdout=answer.end,
                stderr=errors.end,
            )
        except OSError as error:
            raise CniError(f"{program} cannot be started: {error.strerror}") from None
        finally:
            answer.end.close()
            errors.end.close()


def _kill_session(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
