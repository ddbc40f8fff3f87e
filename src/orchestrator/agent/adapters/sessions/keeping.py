"""The agent's side of a keeper: starts one, tells it what to run, and hears how that ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys

from orchestrator.agent.adapters.sessions import keeper
from orchestrator.agent.adapters.sessions.running import SessionError
from orchestrator.agent.adapters.sessions.streams import Streams
from orchestrator.agent.core.task import Exit

_PROGRAM = "orchestrator.agent.adapters.sessions.keeper"
_START_TIMEOUT_S = 20.0
_END_TIMEOUT_S = keeper.ENDING_S + 5.0


class Keeper:
    """The other side of a keeper's socket."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._ending: asyncio.Task[Exit] | None = None

    async def ask(self, run: keeper.Run) -> None:
        """Have it run the command. Raises SessionError."""
        self.tell(run)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                answer = await self._hear()
        except TimeoutError:
            answer = keeper.Ended(problem="it did not start in time")
        if not isinstance(answer, keeper.Started):
            problem = answer.problem or "its keeper was killed"
            raise SessionError(f"The command cannot be started: {problem}")
        self._ending = asyncio.create_task(self._wait())

    def tell(self, line: keeper.Run | keeper.Signal) -> None:
        """Say something to it; nothing when it has ended."""
        if not self._writer.is_closing():
            self._writer.write(keeper.encode(line))

    async def ended(self) -> Exit:
        """How the command ended."""
        assert self._ending is not None
        return await asyncio.shield(self._ending)

    async def close(self) -> None:
        """It ends everything when its socket does."""
        self._writer.close()
        try:
            async with asyncio.timeout(_END_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._ending is not None:
            await self._ending

    async def _wait(self) -> Exit:
        ended = await self._hear()
        match ended:
            case keeper.Ended(code, number, problem):
                return Exit(code=code, signal=number, problem=problem)
            case _:
                return Exit(problem="its keeper says nothing that is understood")

    async def _hear(self) -> keeper.Started | keeper.Ended:
        line = b""
        with contextlib.suppress(ConnectionError):
            line = await self._reader.readline()
        if not line:
            return keeper.Ended(signal=signal.SIGKILL)  # it ended with its keeper
        answer = keeper.decode(line)
        assert isinstance(answer, keeper.Started | keeper.Ended)
        return answer


async def start_keeper(streams: Streams) -> Keeper:
    """Start one, with the command's standard streams for its own. Raises SessionError."""
    ours, theirs = socket.socketpair()
    stdin, stdout, stderr = streams.theirs
    with theirs:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", _PROGRAM, str(theirs.fileno())),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                start_new_session=True,
            )
            reader, writer = await asyncio.open_unix_connection(
                sock=ours, limit=keeper.MAX_LINE_BYTES
            )
        except BaseException as error:
            ours.close()  # a keeper that was started ends by this
            if isinstance(error, OSError):
                raise SessionError(f"The command cannot be started: {error}") from None
            raise
    return Keeper(process, reader, writer)
