"""Files that several tasks want, fetched once each for a user and a URI.

An entry that is being fetched is waited for by all who want it; the last of them to lose interest
ends the download. What nobody uses may be evicted, least recently used first, when the whole grows
over its limit; an entry that alone is over it serves those who wait for it and is then removed.
What is here is never fetched again: who changes a file gives it a new URI (Mesos' rule), or names
its checksum, which is part of the URI. Sizes are bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

Fetch = Callable[[Path], Awaitable[int]]


class Key(NamedTuple):
    """What makes two fetches the same: whose rights read it, and the URI as it was given."""

    user: str | None
    uri: str


class _Entry:
    def __init__(self, path: Path, fetching: asyncio.Task[int]) -> None:
        self.path = path
        self.fetching = fetching
        self.users = 0
        self.size = 0


class Cache:
    """A directory of files named by numbers, and the entries they belong to, oldest use first."""

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._directory = directory
        self._entries: dict[Key, _Entry] = {}
        self._number = 0

    @asynccontextmanager
    async def use(self, key: Key, fetch: Fetch) -> AsyncIterator[Path]:
        """The file of the key, which stays until the context ends; raises what ``fetch`` does."""
        entry = self._entries.pop(key, None) or self._begin(key, fetch)
        self._entries[key] = entry  # now the one most recently used
        entry.users += 1
        try:
            await asyncio.shield(entry.fetching)
            yield entry.path
        finally:
            entry.users -= 1
            await self._leave(key, entry)

    def _begin(self, key: Key, fetch: Fetch) -> _Entry:
        self._number += 1
        path = self._directory / str(self._number)
        entry = _Entry(path, asyncio.create_task(_awaited(fetch(path)), name="a shared download"))
        entry.fetching.add_done_callback(lambda done: self._on_done(key, entry, done))
        return entry

    def _on_done(self, key: Key, entry: _Entry, done: asyncio.Task[int]) -> None:
        if done.cancelled() or done.exception():
            self._drop(key, entry)
            return
        entry.size = done.result()
        self.used_bytes += entry.size
        self._evict()

    async def _leave(self, key: Key, entry: _Entry) -> None:
        if entry.users:
            return
        if not entry.fetching.done():
            self._entries.pop(key)  # who comes now begins anew
            entry.fetching.cancel()
            await asyncio.wait({entry.fetching})
        self._evict()

    def _evict(self) -> None:
        idle = [(key, entry) for key, entry in self._entries.items() if not entry.users]
        for key, entry in idle:
            if self.used_bytes <= self.limit_bytes:
                return
            if entry.fetching.done():
                self._drop(key, entry)

    def _drop(self, key: Key, entry: _Entry) -> None:
        if self._entries.get(key) is entry:
            del self._entries[key]
            self.used_bytes -= entry.size
        with contextlib.suppress(OSError):  # gone, or never begun
            entry.path.unlink(missing_ok=True)


async def _awaited(work: Awaitable[int]) -> int:
    return await work
