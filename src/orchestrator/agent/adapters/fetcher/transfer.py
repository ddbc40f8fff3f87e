"""Moves the bytes of a URI into a file, within limits of size and time.

The network is read on the event loop, the disk written from threads, a megabyte at a time. A file
of this machine is read with the rights of the task's user, as Mesos does: an agent that runs as
root would otherwise hand out what the user must not see. A process of that user's does the reading,
because the rights of one thread cannot be changed portably.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from pathlib import Path

import aiohttp

from orchestrator.agent.adapters.accounts import Account
from orchestrator.agent.adapters.fetcher.source import FetchError, Source
from orchestrator.agent.adapters.threads import to_the_end
from orchestrator.mesos.types import Message

MAX_REDIRECTS = 10
_CHUNK_BYTES = 1024 * 1024


class Limits(Message):
    """What one fetch may take; ``total_s`` bounds a download and an unpacking each."""

    max_bytes: int
    stall_s: float
    total_s: float


class StalledError(Exception):
    """Nothing came for as long as the limit allows."""


async def transfer(
    source: Source,
    file: Path,
    reader: Account | None,
    limits: Limits,
    session: aiohttp.ClientSession,
) -> int:
    """Fill ``file``, which must not exist; gives its size. Raises FetchError.

    ``reader`` is whose rights open a local file, None for the agent's own.
    """
    try:
        async with asyncio.timeout(limits.total_s):
            return await _gather(source, file, limits, _chunks(source, reader, limits, session))
    except FetchError:
        raise
    except StalledError:
        why = f"nothing came for {limits.stall_s:g} s"
    except TimeoutError:
        why = f"it was not done in {limits.total_s:g} s"
    except aiohttp.TooManyRedirects:
        why = f"it leads through more than {MAX_REDIRECTS} redirects"
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        why = "it, or what it redirects to, is no valid URL"
    except aiohttp.ClientPayloadError:
        why = "the connection ended before all of it had come"
    except aiohttp.ClientError as error:
        why = _said(error, source)
    except OSError as error:
        why = error.strerror or type(error).__name__
    except ValueError:  # of a host name that cannot be one
        why = "it, or what it redirects to, is no valid URL"
    raise FetchError(source.shown, why)


def _said(error: aiohttp.ClientError, source: Source) -> str:
    """The error's own words, unless they repeat an address, which may hold a password."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port} ({error.strerror or 'no reason'})"
    text = str(error)
    return type(error).__name__ if "://" in text or source.location in text or not text else text


async def _gather(
    source: Source, file: Path, limits: Limits, chunks: AsyncGenerator[bytes, None]
) -> int:
    size, pending = 0, bytearray()
    digest = hashlib.new(source.checksum.algorithm) if source.checksum else None
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def flush(data: bytes) -> None:
        if digest is not None:
            digest.update(data)
        _write_all(fd, data)

    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                pending += chunk
                if (size := size + len(chunk)) > limits.max_bytes:
                    why = f"it is larger than the {limits.max_bytes} bytes that are allowed"
                    raise FetchError(source.shown, why)
                if len(pending) >= _CHUNK_BYTES:
                    await to_the_end(flush, bytes(pending))
                    pending.clear()
        await to_the_end(flush, bytes(pending))
    finally:
        os.close(fd)
    if digest is not None and source.checksum and digest.hexdigest() != source.checksum.digest:
        why = f"its {source.checksum.algorithm} is {digest.hexdigest()}, not what the URI names"
        raise FetchError(source.shown, why)
    return size


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _chunks(
    source: Source, reader: Account | None, limits: Limits, session: aiohttp.ClientSession
) -> AsyncGenerator[bytes, None]:
    if source.is_remote:
        return _remote(source, limits, session)
    if reader is None or reader.uid == os.geteuid():
        return _local(source.location)
    return _as_user(source, reader, limits)


async def _remote(
    source: Source, limits: Limits, session: aiohttp.ClientSession
) -> AsyncGenerator[bytes, None]:
    try:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=limits.stall_s, sock_read=limits.stall_s
        )
        async with session.get(
            source.location, max_redirects=MAX_REDIRECTS, timeout=timeout
        ) as response:
            if response.status != 200:
                raise FetchError(source.shown, f"the server answered {response.status}")
            if (response.content_length or 0) > limits.max_bytes:
                why = f"it has {response.content_length} bytes, {limits.max_bytes} are allowed"
                raise FetchError(source.shown, why)
            async for chunk in response.content.iter_any():
                yield chunk
    except aiohttp.ServerTimeoutError:
        raise StalledError from None


async def _local(path: str) -> AsyncGenerator[bytes, None]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, "it is a directory or no ordinary file")
        while chunk := await to_the_end(os.read, fd, _CHUNK_BYTES):
            yield chunk
    finally:
        os.close(fd)


async def _as_user(source: Source, reader: Account, limits: Limits) -> AsyncGenerator[bytes, None]:
    process = await asyncio.create_subprocess_exec(
        *("/bin/cat", "--", source.location),
        cwd="/",
        env={"LC_ALL": "C"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        user=reader.uid,
        group=reader.gid,
        extra_groups=reader.groups,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        while chunk := await _in_time(process.stdout.read(_CHUNK_BYTES), limits.stall_s):
            yield chunk
        complaint = await _in_time(process.stderr.read(4096), limits.stall_s)
        if await process.wait() != 0:
            raise FetchError(source.shown, _last_words(complaint))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _last_words(complaint: bytes) -> str:
    """The reason that a program gives after its name and the file's."""
    return complaint.decode(errors="replace").strip().rpartition(": ")[2] or "it is unreadable"


async def _in_time(reading: Awaitable[bytes], stall_s: float) -> bytes:
    try:
        async with asyncio.timeout(stall_s):
            return await reading
    except TimeoutError:
        raise StalledError from None
