"""Reading and writing pipes and terminals without blocking, and only when somebody wants to.

asyncio's own pipe transports read ahead, and lose what a terminal held when its other end closed.
Here nothing is read that was not asked for, so whoever writes into a full pipe waits.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable

CHUNK_BYTES = 64 * 1024


class Descriptor:
    """One end of a pipe or terminal, closed by ``close`` and by nothing else."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""
        return self._fd < 0

    def fileno(self) -> int:
        """The number; -1 once it is closed."""
        return self._fd

    async def read(self) -> bytes:
        """What there is, once there is something; nothing at the end. One reader at a time."""
        while not self.is_closed:
            try:
                return os.read(self._fd, CHUNK_BYTES)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError as error:
                if error.errno != errno.EIO:  # a terminal that nobody has open any more
                    raise
                return b""
        return b""

    async def write(self, data: bytes) -> None:
        """All of it, as fast as it is taken. Raises OSError when nobody will. One at a time."""
        view = memoryview(data)
        while view:
            if self.is_closed:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)

    def close(self) -> None:
        """Give it back; whoever waits is woken."""
        if not self.is_closed:
            fd, self._fd = self._fd, -1
            for remove in (self._loop.remove_reader, self._loop.remove_writer):
                remove(fd)
            os.close(fd)
            self._wake()

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def _ready(self, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(waiter)
        fd = self._fd
        add(fd, lambda: None if waiter.done() else waiter.set_result(None))
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
            if self._fd == fd:
                remove(fd)
