"""The control channels of all probes, and the requests and streams on their way.

A probe opens one WebSocket; a later instance of the same probe takes its place. Requests wait for
their response up to a deadline, streams are bounded by credit in both directions (see
``report.control``). When a channel closes, everything on it ends with a sentence.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import (
    AppCredit,
    AppEnd,
    FromApp,
    FromProbe,
    Input,
    Output,
    Ping,
    Pong,
    ProbeCredit,
    ProbeEnd,
    Request,
    Resize,
    Response,
)
from orchestrator.monitoring.report.model import Topology

TIMEOUT_S = 30.0
MAX_STREAMS = 64
"""Of one probe."""
_GONE = "the probe's control channel has closed"


class NotReachableError(Exception):
    """The probe cannot be asked, or does not answer; the text is one sentence."""


class Order(NamedTuple):
    """What is asked of a node."""

    topology: Topology
    node_id: str
    control: str
    arguments: dict[str, str]
    user: str


class ControlStream:
    """The app's end of a stream."""

    def __init__(self, id: int, channel: ProbeChannel) -> None:
        self.id = id
        self.end: ProbeEnd | None = None
        self._channel = channel
        self._received: deque[Output] = deque()
        self._held = 0  # bytes received and not read, and read since the last credit
        self._credit = control.INITIAL_CREDIT_BYTES
        self._news = asyncio.Event()

    async def read(self) -> Output | ProbeEnd:
        """What comes next; ``ProbeEnd`` is the last. Gives credit for what is taken."""
        while not self._received:
            if self.end is not None:
                return self.end
            self._news.clear()
            await self._news.wait()
        output = self._received.popleft()
        self._held -= len(output.data)
        if self.end is None and output.data:
            await self._channel.send(AppCredit(self.id, len(output.data)))
        return output

    async def write(self, data: bytes) -> None:
        """Pass on what the user types, as the probe takes it."""
        for at in range(0, len(data), control.MAX_DATA_BYTES):
            part = data[at : at + control.MAX_DATA_BYTES]
            while self._credit < len(part) and self.end is None:
                self._news.clear()
                await self._news.wait()
            self._credit -= len(part)
            await self._channel.send(Input(self.id, part))

    async def resize(self, rows: int, columns: int) -> None:
        """The user's terminal has another size."""
        await self._channel.send(Resize(self.id, rows, columns))

    async def close(self) -> None:
        """The user is gone."""
        if self.end is None:
            self.finish(ProbeEnd(self.id, "closed"))
            await self._channel.send(AppEnd(self.id))
        self._channel.forget(self.id)

    def receive(self, output: Output) -> bool:
        """Data of the probe; False if it had no credit for them."""
        self._held += len(output.data)
        if self._held > control.INITIAL_CREDIT_BYTES + control.MAX_DATA_BYTES:
            return False
        self._received.append(output)
        self._news.set()
        return True

    def give(self, size: int) -> None:
        """The probe takes more."""
        self._credit += size
        self._news.set()

    def finish(self, end: ProbeEnd) -> None:
        """The stream is over."""
        if self.end is None:
            self.end = end
        self._news.set()


class ProbeChannel:
    """One probe's WebSocket, from the app's side."""

    def __init__(self, instance: str, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.instance = instance
        self.closed = asyncio.Event()
        self.reason = ""
        self._send = send
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self._streams: dict[int, ControlStream] = {}
        self._lent: dict[int, Callable[[FromProbe], None]] = {}

    async def send(self, message: FromApp) -> None:
        """Write one frame. Raises NotReachableError."""
        if self.closed.is_set():
            raise NotReachableError(_GONE)
        try:
            await self._send(control.encode(message))
        except Exception:  # whatever the server raises when the connection is gone
            self.close(_GONE)
            raise NotReachableError(_GONE) from None

    async def ping(self) -> None:
        """Ask every now and then whether the probe lives, until the channel has closed."""
        try:
            while True:
                await self.send(Ping())
                await asyncio.sleep(control.PING_S)
        except NotReachableError:
            return

    async def ask(self, order: Order, timeout_s: float = TIMEOUT_S) -> Response:
        """Have a control carried out. Raises NotReachableError."""
        id = self._take_id()
        return await self._answer(id, order, timeout_s)

    async def open(self, order: Order, timeout_s: float = TIMEOUT_S) -> ControlStream | Response:
        """Open a stream; the response if there is none. Raises NotReachableError."""
        self._check_room()
        id = self._take_id()
        stream = self._streams[id] = ControlStream(id, self)
        is_open = False
        try:
            response = await self._answer(id, order, timeout_s)
            is_open = response.streams and not response.problem
        finally:
            if not is_open:
                self.forget(id)
        return stream if is_open else response

    def lend(self, take: Callable[[FromProbe], None]) -> int:
        """An id of this channel for what somebody else asks: until ``forget``, ``take`` is told
        what the probe says to it. Raises NotReachableError."""
        self._check_room()
        id = self._take_id()
        self._lent[id] = take
        return id

    def receive(self, message: FromProbe) -> AppEnd | None:
        """Take in a message; what it names may be over, which is no error."""
        if (take := self._lent.get(_subject(message))) is not None:
            take(message)
            return None
        match message:
            case Response(id=id):
                future = self._waiting.get(id)
                if future is not None and not future.done():
                    future.set_result(message)
                elif message.streams and id not in self._streams:
                    return AppEnd(id)  # nobody waits for it any more
            case Output(stream=id):
                stream = self._streams.get(id)
                if stream is not None and not stream.receive(message):
                    stream.finish(ProbeEnd(id, "the probe sent more than it was allowed"))
                    return AppEnd(id)
            case ProbeCredit(stream=id, bytes=size):
                if id in self._streams:
                    self._streams[id].give(size)
            case ProbeEnd(stream=id):
                if id in self._streams:
                    self._streams[id].finish(message)
            case Pong():
                pass
        return None

    def forget(self, id: int) -> None:
        """Nobody reads a stream any more."""
        self._streams.pop(id, None)
        self._lent.pop(id, None)

    def close(self, reason: str) -> None:
        """End everything on it."""
        self.closed.set()
        self.reason = self.reason or reason
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(NotReachableError(reason))
        for id, stream in list(self._streams.items()):
            stream.finish(ProbeEnd(id, reason))

    def _check_room(self) -> None:
        if len(self._streams) + len(self._lent) >= MAX_STREAMS:
            raise NotReachableError(f"{MAX_STREAMS} streams of this probe are open already")

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    async def _answer(self, id: int, order: Order, timeout_s: float) -> Response:
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[id] = future
        try:
            await self.send(
                Request(
                    id,
                    order.topology,
                    order.node_id,
                    order.control,
                    order.arguments,
                    order.user,
                    timeout_s,
                )
            )
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            sentence = f"the probe did not answer within {timeout_s:g} s"
            raise NotReachableError(sentence) from None
        finally:
            del self._waiting[id]
            future.cancel()


class Hub:
    """Channels by agent."""

    def __init__(self) -> None:
        self._channels: dict[str, ProbeChannel] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def add(self, agent_id: str, channel: ProbeChannel) -> None:
        """A probe has opened its channel; one that it had before is closed."""
        before = self._channels.get(agent_id)
        self._channels[agent_id] = channel
        if before is not None:
            before.close("the probe has opened another control channel")

    def remove(self, agent_id: str, channel: ProbeChannel) -> None:
        """A channel is gone."""
        channel.close(_GONE)
        if self._channels.get(agent_id) is channel:
            del self._channels[agent_id]

    def is_connected(self, agent_id: str) -> bool:
        """Whether a probe can be asked."""
        return agent_id in self._channels

    def channel(self, agent_id: str) -> ProbeChannel:
        """Of one probe. Raises NotReachableError."""
        channel = self._channels.get(agent_id)
        if channel is None:
            raise NotReachableError(f"the probe {agent_id!r} has no control channel to this app")
        return channel


def _subject(message: FromProbe) -> int:
    """The request or stream that a message is about; 0 is none."""
    match message:
        case Response(id=id):
            return id
        case Pong():
            return 0
        case _:
            return message.stream
