"""The agent's end of the WebSocket to the master.

Opens and closes when told to; the core decides when. To where is fixed, or follows the leader that
ZooKeeper names: a link to another is given up, and one that is being opened waits for a leader
that answers, so that the core's growing pauses do not delay the return to a new one.

What is sent within one turn of the event loop, and while an earlier frame is on its way, travels in
one frame.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import aiohttp

from orchestrator.agent.core.messages import Event, LinkLost, LinkOpened, Received
from orchestrator.mesos import codec
from orchestrator.mesos.link import LINK_PATH, FromAgent, FromMaster

MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_QUEUED = 100_000
MESSAGES_PER_FRAME = 1_000
CLOSE_TIMEOUT_S = 2.0
PATIENCE_S = 12.0  # less than the core has
RETRY_S = 0.5
SPREAD_S = 0.5  # over which the agents of a cluster come to a new leader
logger = logging.getLogger(__name__)


class MasterLink:
    """A link to the master at ``url``; ``tell`` is called with LinkOpened, Received, LinkLost.

    Without a URL it has to be told where the leader is (``follow``).
    """

    def __init__(self, url: str | None, tell: Callable[[Event], None]) -> None:
        self._follows = url is None
        self._url = _link_url(url) if url is not None else None
        self._linked_to: str | None = None
        self._moved = asyncio.Event()
        self._tell = tell
        self._queue: list[FromAgent] = []
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Connect; ends in LinkOpened or LinkLost."""
        self.close()
        self._queue.clear()
        self._has_work.clear()
        self._is_idle.set()
        self._task = asyncio.create_task(self._run(), name="link to the master")

    def close(self) -> None:
        """Give the connection up without a further word."""
        self._linked_to = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def send(self, message: FromAgent) -> None:
        """Queue a message; dropped when there is no link."""
        if self._task is None or self._task.done():
            return
        self._queue.append(message)
        self._has_work.set()
        self._is_idle.clear()
        if len(self._queue) > MAX_QUEUED:
            self.close()
            self._lost("the master does not read")

    def follow(self, leader: str | None) -> None:
        """The leader is at this URL, or unknown; a link stays until another leader is known."""
        self._url = _link_url(leader) if leader is not None else None
        self._moved.set()
        if self._url is not None and self._linked_to not in (None, self._url):
            self.close()
            self._lost("another master leads now")

    async def drain(self) -> None:
        """Wait until what was queued is sent, or the link is gone."""
        if self._task is not None and not self._task.done():
            sent = asyncio.create_task(self._is_idle.wait())
            await asyncio.wait({sent, self._task}, return_when=asyncio.FIRST_COMPLETED)
            sent.cancel()

    async def _run(self) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            self._moved.clear()
            reason = "no master leads" if self._url is None else await self._use(self._url)
            was_open, self._linked_to = self._linked_to is not None, None
            is_late = asyncio.get_running_loop().time() > deadline
            if was_open or is_late or not self._follows:
                break
            await self._wait_for_a_leader()
        self._lost(reason)

    async def _wait_for_a_leader(self) -> None:
        try:
            async with asyncio.timeout(RETRY_S * random.uniform(0.5, 1.5)):
                await self._moved.wait()
        except TimeoutError:
            return
        await asyncio.sleep(SPREAD_S * random.random())

    async def _use(self, url: str) -> str:
        """Connect and converse; return why that ended."""
        timeout = aiohttp.ClientTimeout(total=None, connect=10.0)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.ws_connect(
                    url,
                    max_msg_size=MAX_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
                ) as socket,
            ):
                self._linked_to = url
                self._tell(LinkOpened())
                await self._converse(socket)
            return "the master closed the link"
        except (aiohttp.ClientError, OSError, TimeoutError, codec.DecodeError) as error:
            return f"no link to the master at {url}: {error}"

    def _lost(self, reason: str) -> None:
        self._tell(LinkLost(reason=reason, jitter=random.random()))

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        writer = asyncio.create_task(self._write(socket))
        try:
            async for frame in socket:
                if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return
                for message in codec.decode(list[FromMaster], frame.data):
                    self._tell(Received(message=message))
        finally:
            writer.cancel()

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while self._queue:
                batch = self._queue[:MESSAGES_PER_FRAME]
                try:
                    await socket.send_str(codec.encode(batch).decode())
                except (ConnectionError, aiohttp.ClientError):
                    return  # the reader notices it too
                del self._queue[: len(batch)]
            self._is_idle.set()


def _link_url(master: str) -> str:
    base = master if "://" in master else f"http://{master}"
    return base.rstrip("/") + LINK_PATH
