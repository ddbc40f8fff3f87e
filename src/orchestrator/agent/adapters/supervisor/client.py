"""The agent's side of the supervisor: starts one when none answers, and stays connected.

What is sent while there is no connection is dropped, not queued: after every (re)connection the
supervisor lists what it knows, and from that list the core decides anew what is to be started and
what is to be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.agent.adapters.supervisor import wire

logger = logging.getLogger(__name__)

MAX_STARTS = 50
MAX_FAILURES = 10  # connections in a row that brought nothing
FAILURE_PAUSE_S = 0.1
START_TIMEOUT_S = 15.0
MAX_BACKLOG_BYTES = 64 * 1024 * 1024

Fact = wire.Spawned | wire.Exited


class SupervisorError(Exception):
    """No supervisor could be started; says why."""


class SupervisorClient:
    """A lasting connection to the supervisor of ``directory``.

    After each (re)connection ``on_list`` is called with all that the supervisor knows, from then on
    ``on_event`` with every event, in order.
    """

    def __init__(
        self,
        directory: Path,
        on_list: Callable[[list[Fact]], None],
        on_event: Callable[[Fact], None],
    ) -> None:
        self._directory = directory
        self._on_list = on_list
        self._on_event = on_event
        self._writer: asyncio.StreamWriter | None = None

    @property
    def is_connected(self) -> bool:
        """Whether what is sent reaches the supervisor."""
        return self._writer is not None and not self._writer.is_closing()

    def send(self, request: wire.Request) -> None:
        """Send now, or drop it when there is no connection.

        Raises WireError for a request so long that the supervisor would end the connection.
        """
        line = wire.encode(request)
        if len(line) > wire.MAX_LINE_BYTES:
            raise wire.WireError(f"more than {wire.MAX_LINE_BYTES} bytes are not taken")
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        writer.write(line)
        if writer.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            writer.transport.abort()

    async def run(self) -> None:
        """Keep connected until cancelled. Raises SupervisorError when none can be started."""
        self._directory.mkdir(parents=True, exist_ok=True)
        failures = 0
        while True:
            reader, writer = await self._reach()
            try:
                has_listed = await self._converse(reader, writer)
            finally:
                self._writer = None
                writer.close()
            logger.warning("the supervisor's connection ended; connecting again")
            failures = 0 if has_listed else failures + 1
            if failures > MAX_FAILURES:
                raise SupervisorError(f"the supervisor ends at once; see {self._directory}/log")
            await asyncio.sleep(failures * FAILURE_PAUSE_S)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, starting a supervisor when none answers.

        One that is just ending holds the lock but answers no more; so this is tried again.
        """
        for _ in range(MAX_STARTS):
            with contextlib.suppress(OSError):
                return await self._connect()
            await self._start()
        raise SupervisorError(f"the supervisor of {self._directory} does not answer")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        directory_fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            path = wire.socket_path(directory_fd)
            return await asyncio.open_unix_connection(path, limit=wire.MAX_LINE_BYTES)
        finally:
            os.close(directory_fd)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Until the connection ends; tells whether it brought a complete list."""
        self._writer = writer
        self.send(wire.List())
        listed: list[Fact] | None = []  # None once the list is complete
        with contextlib.suppress(ConnectionError, wire.WireError):
            while line := await reader.readline():
                match wire.decode(line):
                    case wire.Listed() if listed is not None:
                        self._on_list(listed)
                        listed = None
                    case wire.Spawned() | wire.Exited() as fact if listed is not None:
                        listed.append(fact)
                    case wire.Spawned() | wire.Exited() as fact:
                        self._on_event(fact)
        return listed is None

    async def _start(self) -> None:
        """Start a supervisor; it detaches itself and its starter returns when it serves."""
        command = [sys.executable, "-P", "-m", "orchestrator.agent.adapters.supervisor"]
        starter = await asyncio.create_subprocess_exec(
            *command,
            str(self._directory),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                _, complaint = await starter.communicate()
        except TimeoutError:
            starter.kill()
            raise SupervisorError("the supervisor did not start in time") from None
        if starter.returncode != 0:
            last_line = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise SupervisorError(f"the supervisor does not start: {last_line}")
