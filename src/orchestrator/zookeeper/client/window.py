"""How much is under way, and who waits until it is less."""

from __future__ import annotations

import asyncio


class Window:
    """Bounds requests and their bytes. One request may go over the bound in bytes, so that the
    bound never makes a request impossible."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.requests = 0
        self.bytes = 0
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def full(self) -> bool:
        """Whether nothing more may be sent."""
        return self.requests >= self.max_requests or self.bytes >= self.max_bytes

    def take(self, size_bytes: int) -> None:
        """A request goes out."""
        self.requests += 1
        self.bytes += size_bytes

    def give(self, size_bytes: int) -> None:
        """A request is done. Waiters are woken when a quarter is free, so that they come in
        swarms and not one by one."""
        self.requests -= 1
        self.bytes -= size_bytes
        if self._waiting and self._has_quarter():
            self._wake()

    def _has_quarter(self) -> bool:
        few = self.requests == 0 or self.requests * 4 <= self.max_requests * 3
        return few and self.bytes * 4 <= self.max_bytes * 3

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    async def room(self) -> None:
        """Return when something may be sent; it may until the caller awaits something else."""
        while self.full:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
