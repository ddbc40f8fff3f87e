"""Fetches the URIs of a task one after the other, and several tasks' at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import aiohttp

from orchestrator.agent.adapters import accounts, archives
from orchestrator.agent.adapters.accounts import Account
from orchestrator.agent.adapters.fetcher import placing
from orchestrator.agent.adapters.fetcher.cache import Cache, Key
from orchestrator.agent.adapters.fetcher.log import FetchLog
from orchestrator.agent.adapters.fetcher.source import FetchError, Source, read
from orchestrator.agent.adapters.fetcher.transfer import Limits, transfer
from orchestrator.mesos.types import CommandURI

PARALLEL = 32
PARALLEL_UNPACKING = 8


class Fetcher:
    """One for an agent. ``directory`` is its own: what is in it is removed at the start.

    ``cache_bytes`` 0 switches the cache off. It counts ``succeeded`` and ``failed`` fetches: one
    for each task with URIs, as Mesos does.
    """

    def __init__(self, directory: Path, limits: Limits, cache_bytes: int) -> None:
        self.succeeded = self.failed = 0
        self.cache = Cache(directory / "cache", cache_bytes)
        self._limits = limits
        self._unfinished = directory / "unfinished"
        self._number = 0
        self._turns = asyncio.Semaphore(PARALLEL)
        self._unpacking = asyncio.Semaphore(PARALLEL_UNPACKING)
        self._session: aiohttp.ClientSession | None = None
        shutil.rmtree(directory, ignore_errors=True)
        for path in (self._unfinished, directory / "cache"):
            path.mkdir(parents=True, mode=0o700, exist_ok=True)

    async def fetch(
        self,
        uris: Sequence[CommandURI],
        sandbox: Path,
        user: str | None,
        *,
        reader: str | None = None,
    ) -> None:
        """Put all of them into the sandbox, owned by ``user``. Raises FetchError.

        Files of this machine are read with the rights of ``reader``, where that is somebody else.
        May be cancelled at any moment, and repeated.
        """
        if not uris:
            return
        log = FetchLog(sandbox)
        try:
            for source in [read(uri) for uri in uris]:
                await self._fetch(source, sandbox, user, reader or user, log)
        except FetchError as error:
            self.failed += 1
            log.write(str(error))
            raise
        self.succeeded += 1

    async def close(self) -> None:
        """Give up the connections."""
        if self._session is not None:
            await self._session.close()

    async def _fetch(
        self, source: Source, sandbox: Path, user: str | None, reader: str | None, log: FetchLog
    ) -> None:
        owner = _account(source, user)
        is_cached = bool(source.uri.cache and self.cache.limit_bytes)
        log.write(f"Fetching '{source.shown}'{' through the cache' if is_cached else ''}")
        try:
            if is_cached:
                await self._from_cache(source, sandbox, owner, reader)
            else:
                await self._directly(source, sandbox, owner, reader)
        except OSError as error:
            raise FetchError(source.shown, error.strerror or str(error)) from None
        log.write(f"Fetched '{source.shown}' into '{sandbox}'")

    async def _directly(
        self, source: Source, sandbox: Path, owner: Account | None, reader: str | None
    ) -> None:
        """As Mesos does: an archive that is not cached stays beside what was in it."""
        async with self._downloaded(source, reader) as file:
            with contextlib.ExitStack() as stack:
                fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, fd)
                await asyncio.to_thread(
                    placing.move, file, sandbox, source.target, owner, _mode(source)
                )
                if _is_unpacked(source, source.target):
                    await self._unpack(source, fd, source.target.name, sandbox, owner)

    async def _from_cache(
        self, source: Source, sandbox: Path, owner: Account | None, reader: str | None
    ) -> None:
        async def fill(path: Path) -> int:
            async with self._downloaded(source, reader) as file:
                size = file.stat().st_size
                file.replace(path)
            return size

        async with self.cache.use(Key(reader, source.uri.value), fill) as path:
            if not _is_unpacked(source, PurePosixPath(source.name)):
                await asyncio.to_thread(
                    placing.copy, path, sandbox, source.target, owner, _mode(source)
                )
                return
            with path.open("rb") as archive:
                await self._unpack(source, archive.fileno(), source.name, sandbox, owner)

    @asynccontextmanager
    async def _downloaded(self, source: Source, reader: str | None) -> AsyncIterator[Path]:
        """The bytes in a file of ours, which is gone in the end."""
        account = None if source.is_remote else _account(source, reader)
        self._number += 1
        file = self._unfinished / str(self._number)
        try:
            async with self._turns:
                await transfer(source, file, account, self._limits, self._http())
            yield file
        finally:
            with contextlib.suppress(FileNotFoundError):
                file.unlink()

    async def _unpack(
        self, source: Source, archive: int, name: str, sandbox: Path, owner: Account | None
    ) -> None:
        command = [sys.executable, "-P", "-m", archives.__name__, name, str(sandbox)]
        command.append(str(self._limits.max_bytes))
        if owner is not None and owner.uid != os.geteuid():
            command += map(str, (owner.uid, owner.gid, *owner.groups))
        async with self._unpacking:
            await self._unpack_by(command, source, archive)

    async def _unpack_by(self, command: list[str], source: Source, archive: int) -> None:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd="/",
            stdin=archive,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._limits.total_s):
                _, complaint = await process.communicate()
        except TimeoutError:
            why = f"it was not unpacked in {self._limits.total_s:g} s"
            raise FetchError(source.shown, why) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            said = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise FetchError(source.shown, said or "unpacking it was ended from outside")

    def _http(self) -> aiohttp.ClientSession:
        """As curl does for Mesos: nothing is decoded, proxies of the environment are used."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                headers={"Accept-Encoding": "identity"},
                trust_env=True,
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _account(source: Source, user: str | None) -> Account | None:
    try:
        return None if user is None else accounts.find(user)
    except LookupError as error:
        raise FetchError(source.shown, str(error)) from None


def _mode(source: Source) -> int:
    return placing.EXECUTABLE if source.uri.executable else placing.ORDINARY


def _is_unpacked(source: Source, path: PurePosixPath) -> bool:
    wanted = not source.uri.executable and source.uri.extract is not False
    return wanted and archives.is_archive(path.name)
