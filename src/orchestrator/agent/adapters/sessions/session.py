"""One session: what its command writes goes to all that read it, at the pace of the slowest.

A reader holds at most ``MAX_UNREAD`` pieces; while it is full, nothing is read of the command, and
so the command waits. With no reader at all its output is dropped, as in Mesos.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import aclosing

from orchestrator.agent.adapters.sessions.descriptors import CHUNK_BYTES
from orchestrator.agent.adapters.sessions.running import Running, SessionError
from orchestrator.agent.core.task import Exit
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import ContainerID

logger = logging.getLogger(__name__)
MAX_UNREAD = 8  # pieces, of CHUNK_BYTES at most: half a MiB a reader
Piece = tuple[DataType, bytes]
__all__ = ["CHUNK_BYTES", "MAX_UNREAD", "Outlet", "Piece", "Session"]


class Outlet:
    """Where one reader gets the output of a session."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._has_room = asyncio.Event()
        self._has_news = asyncio.Event()
        self._is_closed = False  # nothing more comes
        self._is_left = False  # nobody reads any more

    async def put(self, piece: Piece) -> None:
        """Hand over a piece, once there is room for it."""
        while len(self._pieces) >= MAX_UNREAD and not self._is_left:
            self._has_room.clear()
            await self._has_room.wait()
        if not self._is_left:
            self._pieces.append(piece)
            self._has_news.set()

    async def get(self) -> Piece | None:
        """The next piece; None at the end."""
        while not self._pieces:
            if self._is_closed:
                return None
            self._has_news.clear()
            await self._has_news.wait()
        self._has_room.set()
        return self._pieces.popleft()

    def close(self) -> None:
        """There is no more output."""
        self._is_closed = True
        self._has_news.set()

    def leave(self) -> None:
        """The reader is gone."""
        self._is_left = True
        self._pieces.clear()
        self._has_room.set()


class Session:
    """A command that runs beside the container that ``id`` has for parent.

    Or, with ``is_of_task``, what is attached to the terminal of the container itself.
    """

    def __init__(self, id_: ContainerID, running: Running, *, is_of_task: bool = False) -> None:
        self.id = id_
        self.is_of_task = is_of_task
        self.is_ending = False
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.input_lock = asyncio.Lock()  # held by the one that gives it input
        self._running = running
        self._outlets: set[Outlet] = set()

    @property
    def is_used(self) -> bool:
        """Whether anybody reads or writes."""
        return bool(self._outlets) or self.input_lock.locked()

    def attach(self) -> Outlet:
        """Read its output from now on."""
        outlet = Outlet()
        if self.ended.done():
            outlet.close()
        else:
            self._outlets.add(outlet)
        return outlet

    def detach(self, outlet: Outlet) -> None:
        """Read no more."""
        outlet.leave()
        self._outlets.discard(outlet)

    async def run(self) -> None:
        """Until the command has ended and its output is handed over; ends it when cancelled."""
        try:
            async with aclosing(self._running.output()) as pieces:
                async for piece in pieces:
                    for outlet in tuple(self._outlets):
                        await outlet.put(piece)
            await self._running.end()
        except (OSError, SessionError) as error:
            logger.info("a session's output ends early: %s", error)
        finally:
            self.ended.set_result(await self._end())
            for outlet in self._outlets:
                outlet.close()

    async def _end(self) -> Exit:
        try:
            await self._running.close()
            return await self._running.end()
        except (OSError, SessionError) as error:
            return Exit(problem=str(error))

    async def write(self, data: bytes) -> None:
        """Give the command input; waits while it takes none."""
        await self._running.write(data)

    async def end_input(self) -> None:
        """There is no more input."""
        await self._running.end_input()

    async def resize(self, rows: int, columns: int) -> None:
        """Its terminal has another size. Raises SessionError."""
        await self._running.resize(rows, columns)

    async def signal(self, number: int) -> None:
        """Send the command a signal."""
        await self._running.signal(number)
