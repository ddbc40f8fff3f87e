"""Probes that can be asked from any replica, wherever their channels are.

The replica that has a probe's channel listens on a subject of that probe, so that NATS itself knows
who has it, and says at once if nobody does. Another replica opens a passage: each side listens on a
subject of its own, and the messages of ``report.control`` go to and fro as on the probe's channel,
also the pings by which either side sees that the other has gone. When messages may have been lost,
as the bus was away, the passage is closed, and what was on it ends.

The replica that is asked checks who asks and keeps the record; what comes over the bus is carried
out, so whoever may publish there may control.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from orchestrator.monitoring.app.bus.contract import BusError, NobodyListensError
from orchestrator.monitoring.app.bus.passage import Passage
from orchestrator.monitoring.app.control.hub import Hub, NotReachableError, ProbeChannel
from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import ControlError, FromProbe, Response

if TYPE_CHECKING:
    from orchestrator.monitoring.app.bus.link import Link, Mailbox

_PREFIX: Final = "orchestrator.app.controls"
_OPEN_S: Final = 10.0
SILENCE_S: Final = 3 * control.PING_S

logger = logging.getLogger(__name__)


class Passed(msgspec.Struct, frozen=True, array_like=True):
    """One message on a passage."""

    frame: bytes = b""
    """Of ``report.control``."""
    closed: str = ""
    """Why nothing more will come."""


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Passed)


class Controls:
    """The channels of all probes that any replica has."""

    def __init__(self, hub: Hub, link: Link | None) -> None:
        self._hub = hub
        self._link = link

    @asynccontextmanager
    async def channel(self, agent_id: str) -> AsyncIterator[ProbeChannel]:
        """To one probe, until the context ends. Raises NotReachableError."""
        if self._link is None or self._hub.is_connected(agent_id):
            yield self._hub.channel(agent_id)
            return
        async with contextlib.AsyncExitStack() as stack:
            try:
                mailbox = await stack.enter_async_context(self._link.listening())
                subject = await self._link.ask(
                    _subject(agent_id), mailbox.subject.encode(), _OPEN_S
                )
            except NobodyListensError:
                sentence = f"the probe {agent_id!r} has no control channel to any app"
                raise NotReachableError(sentence) from None
            except BusError as error:
                sentence = f"the app that has the probe {agent_id!r} does not answer: {error}"
                raise NotReachableError(sentence) from None
            yield await stack.enter_async_context(_far(self._link, mailbox, subject.decode()))

    @asynccontextmanager
    async def offering(self, agent_id: str, channel: ProbeChannel) -> AsyncIterator[None]:
        """Other replicas can ask this probe until the context ends and the channel has closed."""
        link = self._link
        if link is None:
            yield
            return
        passages: set[asyncio.Task[None]] = set()

        async def enter(asker: bytes) -> bytes:
            opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            passages.add(task := asyncio.create_task(_near(link, channel, asker.decode(), opened)))
            task.add_done_callback(passages.discard)
            return (await opened).encode()

        try:
            async with link.offering(_subject(agent_id), enter):
                yield
        finally:
            await asyncio.gather(*passages)


@asynccontextmanager
async def _far(link: Link, mailbox: Mailbox, subject: str) -> AsyncIterator[ProbeChannel]:
    """A passage, from the side that asks."""

    async def send(frame: bytes) -> None:
        await link.send(subject, _encode(Passed(frame)))

    channel = ProbeChannel("", send)

    async def receive(frame: bytes) -> None:
        reply = channel.receive(control.decode_from_probe(frame))
        if reply is not None:
            await channel.send(reply)

    async def hear() -> None:
        channel.close(await _heard(mailbox, receive))

    tasks = [asyncio.create_task(hear()), asyncio.create_task(channel.ping())]
    try:
        yield channel
    finally:
        await _end(tasks)
        with contextlib.suppress(BusError):
            await link.send(subject, _encode(Passed(closed="nobody asks any more")))


async def _near(link: Link, channel: ProbeChannel, asker: str, opened: asyncio.Future[str]) -> None:
    """A passage, from the side that has the probe."""
    said: asyncio.Queue[FromProbe] = asyncio.Queue()  # credit bounds it
    passage = Passage(channel, said.put_nowait)

    async def receive(frame: bytes) -> None:
        await passage.receive(control.decode_from_app(frame))

    async def closed() -> str:
        await channel.closed.wait()
        return channel.reason

    try:
        async with link.listening() as mailbox:
            opened.set_result(mailbox.subject)
            reason = await _first(_heard(mailbox, receive), _told(link, asker, said), closed())
            await link.send(asker, _encode(Passed(closed=reason)))
    except BusError as error:
        logger.info("a replica's way to a probe has closed: %s", error)
    finally:
        opened.cancel()
        with contextlib.suppress(NotReachableError):
            await passage.close()


async def _heard(mailbox: Mailbox, receive: Callable[[bytes], Awaitable[None]]) -> str:
    """Take what the other side says, until it ends; why it did."""
    try:
        while True:
            async with asyncio.timeout(SILENCE_S):
                passed = _decoder.decode(await mailbox.receive())
            if passed.closed:
                return passed.closed
            await receive(passed.frame)
    except TimeoutError:
        return "the other app is silent"
    except (BusError, ControlError, NotReachableError, msgspec.DecodeError) as error:
        return str(error)


async def _told(link: Link, asker: str, said: asyncio.Queue[FromProbe]) -> str:
    """Pass on what the probe says, as long as that works; why it does not."""
    try:
        while True:
            message = await said.get()
            data = _encode(Passed(control.encode(message)))
            if isinstance(message, Response) and len(data) > link.max_bytes:
                short = Response(message.id, "the probe's answer is larger than the bus takes")
                data = _encode(Passed(control.encode(short)))
            await link.send(asker, data)
    except BusError as error:
        return str(error)


async def _first(*jobs: Coroutine[object, object, str]) -> str:
    """What the job that ends first returns."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        await _end(tasks)


async def _end(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _subject(agent_id: str) -> str:
    """Of one probe; its id may have what a subject may not."""
    return f"{_PREFIX}.{agent_id.encode().hex()}"
