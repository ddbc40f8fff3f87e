"""The connection to the master: a stream of events in, calls out.

Only the public contract of the v1 scheduler API is used, so any Mesos master will do. The client
subscribes, follows redirects to the leader (whose Location has no scheme), and reconnects with
growing, jittered pauses when the stream ends or its heartbeats stop. Calls keep their order, except
acknowledgements, which are many and need none. A call that cannot be delivered ends the stream:
after the next subscription the core reconciles, which makes up for whatever was lost.
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType

import aiohttp
from yarl import URL

from orchestrator.marathon.adapters.master_access import Access
from orchestrator.mesos import codec, media, recordio
from orchestrator.mesos.scheduler import Call, CallType, Event, EventType

_PATH = "/api/v1/scheduler"
_STREAM_ID = "Mesos-Stream-Id"
_CONNECT_TIMEOUT_S = 10.0
_CALL_TIMEOUT_S = 30.0
_DEFAULT_HEARTBEAT_S = 15.0
_MISSED_HEARTBEATS = 3
_MIN_PAUSE_S, _MAX_PAUSE_S = 0.1, 15.0
_MAX_QUEUED_CALLS = 100_000
_ACKNOWLEDGERS = 4
_MAX_REDIRECTS = 3
_UNKNOWN = URL()
logger = logging.getLogger(__name__)


class _UnusableError(Exception):
    """The connection is no use; the text says why."""


class MasterClient:
    """Keeps subscribed from ``async with`` to its end.

    Without a ``master`` it has to be told where the leader is (``follow``).
    ``subscription()`` gives the SUBSCRIBE call for each attempt; ``hear`` and ``lost`` are told of
    events and of the end of a stream that had begun, ``failed`` of what ``hear`` raises.
    """

    def __init__(
        self,
        master: str | None,
        subscription: Callable[[], Call],
        hear: Callable[[Event], None],
        lost: Callable[[], None],
        failed: Callable[[BaseException], None],
        access: Access | None = None,
    ) -> None:
        self._configured = URL(master) if master is not None else None
        self._leader = self._configured or _UNKNOWN
        self._moved = asyncio.Event()
        self._subscription = subscription
        self._hear = hear
        self._lost = lost
        self._failed = failed
        self._access = access or Access()
        self._stream: aiohttp.ClientResponse | None = None
        self._stream_id: str | None = None
        self._heartbeat_s = _DEFAULT_HEARTBEAT_S
        self._calls: asyncio.Queue[Call] = asyncio.Queue(_MAX_QUEUED_CALLS)
        self._acknowledgements: asyncio.Queue[Call] = asyncio.Queue(_MAX_QUEUED_CALLS)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def leader(self) -> str:
        """URL of the master that is, or was last, subscribed to."""
        return str(self._leader)

    def follow(self, leader: str | None) -> None:
        """The leader is at this URL, or unknown; a stream stays until another leader is known."""
        self._configured = self._access.located(leader) if leader is not None else None
        self._moved.set()
        if self._configured not in (None, self._leader) and self._stream is not None:
            self._stream.close()

    def send(self, call: Call) -> None:
        """Queue a call; dropped while there is no stream."""
        if self._stream_id is None:
            return
        queue = self._acknowledgements if call.type is CallType.ACKNOWLEDGE else self._calls
        try:
            queue.put_nowait(call)
        except asyncio.QueueFull:
            logger.warning("dropped a call to the master: too many wait", extra={"call": call.type})

    async def __aenter__(self) -> MasterClient:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=0, ssl=self._access.tls or True)
        self._session = aiohttp.ClientSession(
            timeout=timeout, headers=self._access.headers, connector=connector
        )
        work = [self._stay_subscribed(), self._deliver(self._calls)]
        work += [self._deliver(self._acknowledgements) for _ in range(_ACKNOWLEDGERS)]
        self._tasks = [asyncio.create_task(self._guard(coroutine)) for coroutine in work]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def _guard(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:
            logger.exception("the connection to the master failed")
            self._failed(error)

    async def _stay_subscribed(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = _MIN_PAUSE_S
        while True:
            began_at = loop.time()
            self._leader = self._configured or self._leader  # it knows who leads now
            self._moved.clear()
            reason = await self._subscribe_and_listen()
            if self._stream_id is not None:
                self._end_stream()
            if loop.time() - began_at > _MAX_PAUSE_S:
                pause_s = _MIN_PAUSE_S
            logger.warning("not connected to the master %s: %s", self._leader, reason)
            pause_s = await self._pause(pause_s)

    async def _pause(self, pause_s: float) -> float:
        """Wait before the next attempt, at most until another master leads; return the next."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s * random.uniform(0.5, 1.5)):
                await self._moved.wait()
                return _MIN_PAUSE_S
        return min(pause_s * 2, _MAX_PAUSE_S)

    def _end_stream(self) -> None:
        self._stream_id = None
        for queue in (self._calls, self._acknowledgements):
            while not queue.empty():
                queue.get_nowait()
        self._lost()

    async def _subscribe_and_listen(self) -> str:
        """Follow the stream to its end; return why it ended."""
        try:
            async with await self._subscribe() as response:
                self._stream = response
                await self._listen(response)
            return "the stream has ended"
        except TimeoutError:
            return "it does not answer"
        except (aiohttp.ClientError, recordio.RecordError, OSError, _UnusableError) as error:
            return str(error) or type(error).__name__
        finally:
            self._stream = None

    async def _subscribe(self) -> aiohttp.ClientResponse:
        if self._leader is _UNKNOWN:
            raise _UnusableError("no master leads")
        body = self._access.media.encode(self._subscription())
        for _ in range(_MAX_REDIRECTS):
            async with asyncio.timeout(_CALL_TIMEOUT_S):
                response = await self._session.post(
                    self._leader.join(URL(_PATH)), data=body, allow_redirects=False
                )
            if response.status not in (302, 307, 308):
                return response
            response.release()
            self._follow(response.headers.get("Location", ""))
        raise _UnusableError(f"it redirects more than {_MAX_REDIRECTS} times")

    def _follow(self, location: str) -> None:
        try:
            target = self._leader.join(URL(location))  # "//host:port/path" takes over the scheme
            target.origin()
        except ValueError:
            raise _UnusableError(f"it redirects to {location!r}, which is no URL") from None
        logger.info("the leading master is %s", target.origin())
        self._leader = target.origin()

    async def _listen(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            text = (await response.content.read(500)).decode(errors="replace")
            raise _UnusableError(f"it answered {response.status}: {text.strip()}")
        reader = recordio.Reader()
        self._heartbeat_s = _DEFAULT_HEARTBEAT_S
        while True:
            async with asyncio.timeout(self._heartbeat_s * _MISSED_HEARTBEATS):
                chunk = await response.content.readany()
            if not chunk:
                return
            for record in reader.feed(chunk):
                self._receive(record, response)

    def _receive(self, record: bytes, response: aiohttp.ClientResponse) -> None:
        try:
            event = media.decode(self._access.media, Event, record)
        except codec.DecodeError as error:
            logger.warning("ignored an event of the master: %s", error)
            return
        if event.type is EventType.SUBSCRIBED and event.subscribed:
            self._stream_id = response.headers.get(_STREAM_ID, "")
            interval_s = event.subscribed.heartbeat_interval_seconds
            self._heartbeat_s = max(1.0, interval_s or _DEFAULT_HEARTBEAT_S)
            logger.info("subscribed as framework %s", event.subscribed.framework_id.value)
        if event.type is EventType.ERROR and event.error:
            logger.error("the master ends the subscription: %s", event.error.message)
        self._hear(event)

    async def _deliver(self, queue: asyncio.Queue[Call]) -> None:
        while True:
            call = await queue.get()
            try:
                await self._post(call)
            except (aiohttp.ClientError, TimeoutError, OSError, _UnusableError) as error:
                logger.warning("a %s call did not reach the master: %s", call.type, error)
                if call.type is not CallType.ACKNOWLEDGE and self._stream is not None:
                    self._stream.close()

    async def _post(self, call: Call) -> None:
        headers = {_STREAM_ID: self._stream_id} if self._stream_id else {}
        timeout = aiohttp.ClientTimeout(total=_CALL_TIMEOUT_S)
        async with self._session.post(
            self._leader.join(URL(_PATH)),
            data=io.BytesIO(self._access.media.encode(call)),  # may be megabytes: sent in pieces
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            if response.status >= 300:
                text = (await response.content.read(500)).decode(errors="replace")
                raise _UnusableError(f"it answered {response.status}: {text.strip()}")
            with suppress(aiohttp.ClientError):
                await response.read()
