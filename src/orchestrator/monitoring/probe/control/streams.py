"""The probe's end of a stream: output waits for credit, input is credited as it is read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from orchestrator.monitoring.report.control import (
    INITIAL_CREDIT_BYTES,
    MAX_DATA_BYTES,
    FromProbe,
    Output,
    ProbeCredit,
)

Send = Callable[[FromProbe], Awaitable[None]]


class GoneError(Exception):
    """The user, or the channel, is gone."""


class Stream:
    """One stream; a ``roles.Terminal``."""

    def __init__(self, id: int, send: Send) -> None:
        self.id = id
        self.on_resize: Callable[[int, int], Awaitable[None]] | None = None
        self._send = send
        self._credit = INITIAL_CREDIT_BYTES
        self._typed: deque[bytes] = deque()
        self._held = 0
        self._is_gone = False
        self._news = asyncio.Event()

    async def write(self, data: bytes, channel: str = "stdout") -> None:
        """Pass output on, as the app takes it. Raises GoneError."""
        for at in range(0, len(data), MAX_DATA_BYTES):
            part = data[at : at + MAX_DATA_BYTES]
            while self._credit < len(part) and not self._is_gone:
                self._news.clear()
                await self._news.wait()
            if self._is_gone:
                raise GoneError
            self._credit -= len(part)
            await self._send(Output(self.id, part, "stderr" if channel == "stderr" else "stdout"))

    async def read(self) -> bytes:
        """What the user typed; empty when the user is gone."""
        while not self._typed:
            if self._is_gone:
                return b""
            self._news.clear()
            await self._news.wait()
        data = self._typed.popleft()
        self._held -= len(data)
        if not self._is_gone and data:
            await self._send(ProbeCredit(self.id, len(data)))
        return data

    def give(self, size: int) -> None:
        """The app takes more."""
        self._credit += size
        self._news.set()

    def take(self, data: bytes) -> bool:
        """What the user typed arrives; False if the app had no credit for it."""
        self._held += len(data)
        if self._held > INITIAL_CREDIT_BYTES + MAX_DATA_BYTES:
            return False
        if data:
            self._typed.append(data)
            self._news.set()
        return True

    async def resize(self, rows: int, columns: int) -> None:
        """The user's terminal has another size."""
        if self.on_resize is not None:
            await self.on_resize(rows, columns)

    def leave(self) -> None:
        """The user is gone."""
        self._is_gone = True
        self._news.set()
