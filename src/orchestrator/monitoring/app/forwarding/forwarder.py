"""Sends what probes measure to a store, as Prometheus' remote write.

A store that cannot be reached or is busy (5xx, 429) is tried again, ever more slowly; what it
refuses (4xx) is dropped, for it would be refused again. So a store that is away holds up nothing
but the bounded backlog. Each replica of an app sends what probes report to it, and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import aiohttp
from cramjam import snappy
from yarl import URL

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.forwarding import wire
from orchestrator.monitoring.app.forwarding.backlog import Backlog
from orchestrator.monitoring.report.model import Report
from orchestrator.runtime.config import ConfigError

MAX_SAMPLES = 2_000
"""In one message."""
_TIMEOUT_S = 30.0
_RETRY_S, _MAX_RETRY_S = 0.5, 30.0
_CLOSE_S = 5.0
_MAX_SAID = 200
_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "orchestrator",
}
logger = logging.getLogger(__name__)


class Busy(Exception):  # noqa: N818 - no error: it is tried again
    """The store does not take a message now; ``after_s`` is when it says to come again."""

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Forwarder:
    """One store. ``url`` is where it takes remote write. Raises ConfigError."""

    def __init__(self, url: str, token_file: str, max_samples: int, counts: Counts) -> None:
        self._url = _checked(url)
        self._headers = {**_HEADERS, **_authorization(token_file)}
        self._counts = counts
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_well = True
        self.backlog = Backlog(max_samples)

    def put(self, report: Report) -> None:
        """Send what the report measures, soon."""
        self.backlog.put(report)
        self._counts.remote_write_dropped += self.backlog.dropped
        self.backlog.dropped = 0
        self._is_idle.clear()
        self._has_work.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send until the context ends; what waits then has a few seconds."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session:
            sending = asyncio.create_task(self._send_all(session))
            try:
                yield
            finally:
                await self._finish(sending)

    async def _finish(self, sending: asyncio.Task[None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S if self._is_well else 0):
                await self._is_idle.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    async def _send_all(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self._has_work.wait()
            while self.backlog:
                await self._send(session, self.backlog.take())
            self._has_work.clear()
            self._is_idle.set()

    async def _send(self, session: aiohttp.ClientSession, report: Report) -> None:
        for count, message in wire.requests(report, MAX_SAMPLES):
            packed = bytes(snappy.compress_raw(message))
            wait_s = _RETRY_S
            while True:
                try:
                    await self._post(session, packed, count)
                    break
                except Busy as busy:
                    self._ails(str(busy))
                    await asyncio.sleep(min(_MAX_RETRY_S, max(wait_s, busy.after_s)))
                    wait_s = min(_MAX_RETRY_S, wait_s * 2)

    async def _post(self, session: aiohttp.ClientSession, packed: bytes, count: int) -> None:
        """One message: taken, or dropped as it was refused. Raises Busy."""
        try:
            async with session.post(self._url, data=packed, allow_redirects=False) as response:
                status = response.status
                said = (await response.content.read(_MAX_SAID)).decode(errors="replace").strip()
                after_s = _seconds(response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Busy(str(error) or "no answer in time") from None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Busy(f"{status} {said}", after_s)
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            self._counts.remote_write_refused += count
            self._ails(f"{status} {said}")
            return
        self._counts.remote_write_sent += count
        if not self._is_well:
            self._is_well = True
            logger.info("the store of series takes them again")

    def _ails(self, reason: str) -> None:
        self._counts.remote_write_errors += 1
        self._counts.remote_write_problem = reason
        if self._is_well:
            self._is_well = False
            where = self._url.with_user(None)
            logger.warning("the store of series at %s does not take them: %s", where, reason)


def _checked(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        shown = text.rpartition("@")[2][:_MAX_SAID]
        raise ConfigError(f"--remote-write: {shown!r} is no http:// or https:// URL")
    return url


def _authorization(token_file: str) -> dict[str, str]:
    if not token_file:
        return {}
    try:
        token = Path(token_file).read_text().strip()
    except OSError as error:
        sentence = f"--remote-write-token-file: cannot read {token_file}: {error.strerror}"
        raise ConfigError(sentence) from None
    if not token.isascii() or not token.isprintable() or not token:
        raise ConfigError(f"--remote-write-token-file: {token_file} is no token")
    return {"Authorization": f"Bearer {token}"}


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
