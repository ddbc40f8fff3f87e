"""Registers with the app, sends reports and heartbeats, and waits longer the longer it is away.

What each answer means is said in ``report.paths``: 202 taken, 400 and 413 never again, 404 register
first, 409 another probe has this id, all else later.
"""

from __future__ import annotations

import asyncio
import logging
import random
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, NamedTuple, TypeVar

import msgspec

from orchestrator.monitoring.probe.http.client import Answer, Client
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.publishing.backlog import Backlog, Waiting
from orchestrator.monitoring.report import Report, codec, paths
from orchestrator.monitoring.report.agents import (
    Heartbeat,
    HeartbeatAnswer,
    ProbeSettings,
    Registered,
    Registration,
)

logger = logging.getLogger(__name__)
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
_MAX_AGE_S = 3300.0  # the app refuses what is an hour old
_COMPRESSION = 1
T = TypeVar("T")
Outcome = Literal["taken", "refused", "unknown", "superseded", "later"]


class Setback(NamedTuple):
    """An attempt that has to be made again."""

    reason: str
    retry_after: str = ""
    """Seconds, as the app says them."""


class SupersededError(Exception):
    """Another probe with this id started later; the text is one sentence."""


def outcome_of(status: int) -> Outcome:
    """What becomes of a report by the status of its answer; pure."""
    if 200 <= status < 300:
        return "taken"
    if status in (400, 413, 415, 422):
        return "refused"
    if status == 404:
        return "unknown"
    return "superseded" if status == 409 else "later"


def wait_s(failures: int, draw: float, retry_after: str = "") -> float:
    """How long to wait after so many failures in a row; ``draw`` is from 0 to 1. Pure.

    Half of it is by chance: a thousand probes do not all come back at once.
    """
    longest = min(FIRST_WAIT_S * float(1 << min(failures, 10)), LONGEST_WAIT_S)
    said = min(float(retry_after), 300.0) if retry_after.isdigit() else 0.0
    return max(longest * (0.5 + draw / 2), said)


def packed(report: Report) -> bytes:
    """A report as it travels."""
    packer = zlib.compressobj(_COMPRESSION, zlib.DEFLATED, 31)
    return packer.compress(codec.encode(report)) + packer.flush()


class Counts(msgspec.Struct):
    """What has become of reports."""

    sent: int = 0
    refused: int = 0
    failures: int = 0
    """In a row."""
    problem: str = ""
    """Why the last attempt failed; empty if it did not."""


class Own(NamedTuple):
    """What the probe uses itself."""

    cpu_percent: float
    memory_bytes: int


class Publisher:
    """The one way to the app."""

    def __init__(
        self,
        client: Client,
        registration: Registration,
        backlog: Backlog,
        *,
        own: Callable[[], Own],
        apply: Callable[[ProbeSettings], None],
    ) -> None:
        self.counts = Counts()
        self.backlog = backlog
        self.is_registered = asyncio.Event()
        self._client = client
        self._registration = registration
        self._own = own
        self._apply = apply
        self._news = asyncio.Event()
        self._heartbeat_s = 15.0
        self._revision = -1

    def put(self, report: Report) -> None:
        """Have a report sent."""
        self.backlog.put(Waiting(report.number, report.taken_at, packed(report)))
        self.backlog.drop_older(report.taken_at - _MAX_AGE_S)
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled. Raises SupersededError."""
        while True:
            waiting = self.backlog.first()
            if not self.is_registered.is_set():
                await self._persist(await self._tried(self._register()))
            elif waiting is not None:
                await self._persist(await self._tried(self._send(waiting)))
            else:
                self._news.clear()
                await self._news.wait()

    async def beat(self) -> None:
        """Heartbeats until cancelled. Raises SupersededError."""
        while True:
            await self.is_registered.wait()
            await asyncio.sleep(self._heartbeat_s)
            setback = await self._tried(self._beat())
            if setback is not None:
                logger.info("no heartbeat: %s", setback.reason)

    async def flush(self) -> None:
        """Try once to send what waits, at the end."""
        while self.is_registered.is_set() and (waiting := self.backlog.first()) is not None:
            if await self._tried(self._send(waiting)) is not None:
                return

    async def _tried(self, act: Awaitable[Setback | None]) -> Setback | None:
        try:
            return await act
        except HttpError as error:
            return Setback(str(error))

    async def _persist(self, setback: Setback | None) -> None:
        """Go on, or wait before the next attempt."""
        counts = self.counts
        if setback is None:
            if counts.problem:
                logger.warning("the app takes reports again")
            counts.failures, counts.problem = 0, ""
            return
        if setback.reason != counts.problem:
            logger.warning("%s", setback.reason)
        counts.problem = setback.reason
        delay_s = wait_s(counts.failures, random.random(), setback.retry_after)
        counts.failures += 1
        await asyncio.sleep(delay_s)

    async def _register(self) -> Setback | None:
        answer = await self._post(paths.REGISTER, msgspec.json.encode(self._registration))
        _check_superseded(answer)
        if answer.status != 200:
            return _setback("the app does not register this probe", answer)
        said = _decoded(answer, Registered)
        self._heartbeat_s = min(max(said.heartbeat_s, 1.0), 600.0)
        self._follow(said.settings)
        self.is_registered.set()
        return None

    async def _send(self, waiting: Waiting) -> Setback | None:
        answer = await self._post(
            paths.REPORTS, waiting.data, {"Content-Type": codec.MSGPACK, "Content-Encoding": "gzip"}
        )
        match outcome_of(answer.status):
            case "taken":
                self.counts.sent += 1
                self.backlog.sent(waiting)
            case "refused":
                self.counts.refused += 1
                self.backlog.sent(waiting)
                logger.warning("the app refuses report %d: %s", waiting.number, answer.message())
            case "unknown":
                self.is_registered.clear()
            case "superseded":
                _check_superseded(answer)
            case "later":
                return _setback("the app takes no report now", answer)
        return None

    async def _beat(self) -> Setback | None:
        own = self._own()
        said = Heartbeat(
            self._registration.instance,
            len(self.backlog),
            self.backlog.dropped,
            own.cpu_percent,
            own.memory_bytes,
            self.counts.problem,
        )
        path = paths.heartbeat(self._registration.agent_id)
        answer = await self._post(path, msgspec.json.encode(said))
        _check_superseded(answer)
        if answer.status == 404:
            self.is_registered.clear()
            self._news.set()
            return None
        if answer.status != 200:
            return _setback("the app takes no heartbeat", answer)
        if _decoded(answer, HeartbeatAnswer).settings_revision > self._revision:
            await self._read_settings()
        return None

    async def _read_settings(self) -> None:
        answer = await self._client.request("GET", paths.config(self._registration.agent_id))
        if answer.status == 200:
            self._follow(_decoded(answer, ProbeSettings))

    def _follow(self, settings: ProbeSettings) -> None:
        """Unless an app that knows less, or a replica, says what was wanted before."""
        if settings.revision > self._revision:
            self._revision = settings.revision
            self._apply(settings)

    async def _post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer:
        said = headers or {"Content-Type": codec.JSON}
        return await self._client.request("POST", path, body, said)


def _check_superseded(answer: Answer) -> None:
    if answer.status == 409:
        raise SupersededError(answer.message())


def _setback(what: str, answer: Answer) -> Setback:
    return Setback(f"{what}: {answer.message()}", answer.headers.get("retry-after", ""))


def _decoded(answer: Answer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise HttpError(f"the app answers with something else than its API says: {error}") from None
