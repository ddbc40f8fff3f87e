"""The connection to NATS: reports go out and come in, in bounded queues.

What cannot be sent, as there is no connection or it is too slow, is dropped and counted, the oldest
first: the next report of the same probe is 15 s away and says everything again. The connection is
made anew for as long as the app runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import zstandard
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError, SlowConsumerError

from orchestrator.monitoring.app.bus import contract
from orchestrator.monitoring.app.bus.contract import BusError, NobodyListensError, Sent
from orchestrator.monitoring.app.counts import Counts

REPORTS: Final = "orchestrator.app.reports"
MAX_QUEUED_BYTES: Final = 32 * 1024 * 1024
_MAX_RECEIVED_MESSAGES: Final = 20_000
_CONNECT_S: Final = 5
_RETRY_S: Final = 1
_PACKED_BYTES: Final = 64 * 1024  # above it a report is compressed, if it is not
_ONE: Final = "one"  # of several who offer the same, one is asked
_MEDIA_TYPE, _ENCODING = "Content-Type", "Content-Encoding"

logger = logging.getLogger(__name__)


Answering = Callable[[bytes], Awaitable[bytes]]
"""Answers what is asked on a subject."""


class Mailbox:
    """What comes to a subject of one's own, until the connection is lost: then some may be
    missing."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def receive(self) -> bytes:
        """The next message. Raises BusError."""
        data = await self._messages.get()
        if data is None:
            raise BusError("the connection to the bus was lost")
        return data

    async def put(self, message: Msg) -> None:
        """One has come."""
        self._messages.put_nowait(message.data)

    def lose(self) -> None:
        """No more will come."""
        self._messages.put_nowait(None)


class Link:
    """One replica's end of the bus."""

    def __init__(self, url: str, counts: Counts, take: Callable[[Sent], None]) -> None:
        """``take`` is told of reports of others. Raises ConfigError."""
        contract.check(url)
        self._client = Client()
        self._url = url
        self._shown = contract.without_secrets(url)
        self._counts = counts
        self._take = take
        self._queue: deque[Sent] = deque()
        self._queued_bytes = 0
        self._has_work = asyncio.Event()
        self._offers: dict[int, tuple[str, Answering]] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._mailboxes: set[Mailbox] = set()
        self._heard: dict[str, Callable[[bytes], None]] = {}
        self._offered = 0
        self._subscribing = asyncio.Lock()
        self._is_begun = False
        self._problem = ""
        """What was logged last; a bus that is away is tried every second."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client.is_connected

    @property
    def is_ready(self) -> bool:
        """Whether reports of others come in."""
        return self._is_begun and self.is_connected

    @property
    def max_bytes(self) -> int:
        """Of one message."""
        return self._client.max_payload

    async def ask(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        """The answer of one replica that offers this. Raises BusError."""
        try:
            return (await self._client.request(subject, data, timeout=timeout_s)).data
        except NoRespondersError as error:
            raise NobodyListensError(str(error)) from None
        except (NatsError, OSError, TimeoutError) as error:
            raise BusError(str(error)) from None

    def hear(self, subject: str, take: Callable[[bytes], None]) -> None:
        """Take in what others tell everybody there; to be said before ``running``."""
        self._heard[subject] = take

    async def send(self, subject: str, data: bytes) -> None:
        """To whoever listens there. Raises BusError."""
        if not self.is_connected:
            raise BusError("the bus is not connected")
        try:
            await self._client.publish(subject, data)
        except (NatsError, OSError) as error:
            raise BusError(str(error)) from None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Mailbox]:
        """A subject of one's own, until the context ends. Raises BusError."""
        if not self.is_connected:
            raise BusError("the bus is not connected")
        mailbox = Mailbox(self._client.new_inbox())
        try:
            subscription = await self._client.subscribe(mailbox.subject, cb=mailbox.put)
        except (NatsError, OSError) as error:
            raise BusError(str(error)) from None
        self._mailboxes.add(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes.discard(mailbox)
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()

    def publish(self, report: Sent) -> None:
        """Pass a report on to all other replicas, soon."""
        self._queue.append(report)
        self._queued_bytes += len(report.data)
        while self._queued_bytes > MAX_QUEUED_BYTES:
            self._queued_bytes -= len(self._queue.popleft().data)
            self._counts.bus_dropped += 1
        self._has_work.set()

    @asynccontextmanager
    async def offering(self, subject: str, answer: Answering) -> AsyncIterator[None]:
        """Answer what is asked on a subject until the context ends, also after reconnecting."""
        self._offered += 1
        number = self._offered
        self._offers[number] = (subject, answer)
        if self._is_begun:
            await self._subscribe(number)
        try:
            yield
        finally:
            async with self._subscribing:
                del self._offers[number]
                subscription = self._subscriptions.pop(number, None)
                if subscription is not None:
                    with contextlib.suppress(NatsError, OSError):
                        await subscription.unsubscribe()

    async def _subscribe(self, number: int) -> None:
        async with self._subscribing:
            if number in self._offers and number not in self._subscriptions:
                subject, answer = self._offers[number]
                with contextlib.suppress(NatsError, OSError):
                    begin = partial(self._begin, answer)
                    subscription = await self._client.subscribe(subject, _ONE, cb=begin)
                    self._subscriptions[number] = subscription

    async def _begin(self, answer: Answering, message: Msg) -> None:
        """One answer that takes long does not hold up the next."""
        self._answering.add(task := asyncio.create_task(_answer(answer, message)))
        task.add_done_callback(self._answering.discard)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected, as far as that is possible, until the context ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await asyncio.wait_for(self._client.close(), _CONNECT_S)

    async def _run(self) -> None:
        """The client makes a connection anew by itself, unless the server threw it out."""
        while True:
            try:
                await self._serve()
            except (NatsError, OSError, TimeoutError) as error:
                await self._failed(error)
            self._is_begun = False
            self._subscriptions.clear()
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await self._client.close()
            await asyncio.sleep(_RETRY_S)
            self._client = Client()

    async def _serve(self) -> None:
        """Until the client is closed. Raises NatsError, OSError or TimeoutError."""
        await self._connect()
        await self._client.subscribe(
            REPORTS,
            cb=self._received,
            pending_msgs_limit=_MAX_RECEIVED_MESSAGES,
            pending_bytes_limit=MAX_QUEUED_BYTES,
        )
        for subject, take in self._heard.items():
            await self._client.subscribe(subject, cb=partial(_pass_on, take))
        await self._client.flush()
        self._is_begun, self._problem = True, ""
        for number in list(self._offers):
            await self._subscribe(number)
        while not self._client.is_closed:
            while self._queue and self.is_connected:  # else the client would keep the oldest
                await self._send(self._next())
            self._has_work.clear()
            await self._has_work.wait()

    async def _connect(self) -> None:
        """The first connection; the client makes the later ones itself."""
        while True:
            try:
                await self._client.connect(
                    self._url,
                    name="orchestrator app",
                    no_echo=True,
                    connect_timeout=_CONNECT_S,
                    reconnect_time_wait=_RETRY_S,
                    max_reconnect_attempts=-1,
                    pending_size=MAX_QUEUED_BYTES,
                    error_cb=self._failed,
                    disconnected_cb=self._lost,
                    reconnected_cb=self._back,
                    closed_cb=self._closed,
                )
            except (NatsError, OSError, TimeoutError) as error:
                await self._failed(error)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    def _next(self) -> Sent:
        report = self._queue.popleft()
        self._queued_bytes -= len(report.data)
        return report

    async def _send(self, report: Sent) -> None:
        if not report.encoding and len(report.data) > _PACKED_BYTES:
            packed = zstandard.ZstdCompressor(level=1).compress(report.data)
            report = Sent(packed, report.media_type, "zstd")
        headers = {_MEDIA_TYPE: report.media_type}
        if report.encoding:
            headers[_ENCODING] = report.encoding
        try:
            await self._client.publish(REPORTS, report.data, headers=headers)
        except (NatsError, OSError) as error:
            self._counts.bus_dropped += 1
            await self._failed(error)
        else:
            self._counts.bus_sent += 1

    async def _received(self, message: Msg) -> None:
        self._counts.bus_received += 1
        headers = message.headers or {}
        self._take(Sent(message.data, headers.get(_MEDIA_TYPE, ""), headers.get(_ENCODING, "")))
        await asyncio.sleep(0)  # a long queue of them does not stop everything else

    async def _failed(self, error: Exception) -> None:
        if isinstance(error, SlowConsumerError):
            self._counts.bus_dropped += 1
        self._counts.bus_errors += 1
        problem = str(error) or type(error).__name__
        if problem != self._problem:
            logger.warning("the bus at %s: %s", self._shown, problem)
        self._problem = problem

    async def _lost(self) -> None:
        logger.warning("the bus at %s is not connected", self._shown)
        self._lose_mailboxes()

    async def _closed(self) -> None:
        self._lose_mailboxes()
        self._has_work.set()

    def _lose_mailboxes(self) -> None:
        for mailbox in self._mailboxes:
            mailbox.lose()

    async def _back(self) -> None:
        self._problem = ""
        self._has_work.set()
        logger.info("the bus at %s is connected again", self._shown)


async def _answer(answer: Answering, message: Msg) -> None:
    data = await answer(message.data)
    with contextlib.suppress(NatsError, OSError):
        await message.respond(data)


async def _pass_on(take: Callable[[bytes], None], message: Msg) -> None:
    take(message.data)
