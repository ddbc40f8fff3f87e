"""The baseline: the same bytes through the same HTTP and WebSocket stack, without any logic.

It answers the n-th ACCEPT with a frame to the n-th agent, each frame of an agent with as many
events as it has updates, each ACKNOWLEDGE with an acknowledgement to the agent next in line. All
it sends was recorded from the real master; it reads nothing but the lengths of what it gets.

    python -m benchmarks.simulated.stub PORT RECORDING
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

import msgspec
import uvloop
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestrator.mesos.link import LINK_PATH
from orchestrator.runtime import memory
from orchestrator.runtime.http import Application, Stream, read_body, recordio_stream, serve

_REGISTERED = (
    '[{"type":"REGISTERED","agent_id":{"value":"stub-S%d"},"master":{"id":"stub","ip":1},'
    '"ping_timeout_s":15.0,"max_ping_timeouts":5}]'
)
_SUBSCRIBED = b'{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"stub"}}}'
_ACCEPTED = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}
_EMPTY = {"type": "http.response.body", "body": b""}
_STREAM_HEADERS = [
    (b"content-type", b"application/json"),
    (b"mesos-stream-id", b"00000000-0000-0000-0000-000000000000"),
]


class Recording(msgspec.Struct):
    """What the real master sent, to be sent again."""

    run: bytes  # a frame: the tasks of one ACCEPT
    update: bytes  # an event
    acknowledgement: bytes  # one message of a frame, without the brackets
    tasks_an_accept: int


class Stub:
    """All its state: the open ends, and whose turn it is."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._run = recording.run.decode().removeprefix("[").removesuffix("]")
        self._acknowledgement = recording.acknowledgement.decode()
        self._links: list[_Link] = []
        self._stream: Stream | None = None
        self._next_link = 0
        self._to_acknowledge: deque[_Link] = deque()

    async def scheduler(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The scheduler API."""
        start = (await read_body(receive))[:24]
        if b"SUBSCRIBE" in start:
            self._stream = recordio_stream(1 << 30)
            self._stream.send(_SUBSCRIBED)
            self._next_link = 0
            self._to_acknowledge.clear()
            await self._stream.respond(scope, receive, send, _STREAM_HEADERS)
            return
        if b"ACCEPT" in start:
            self._links[self._next_link].send(self._run)
            self._next_link = (self._next_link + 1) % len(self._links)
        elif b"ACKNOWLEDGE" in start:
            self._to_acknowledge.popleft().send(self._acknowledgement)
        await send(_ACCEPTED)
        await send(_EMPTY)

    async def link(self, socket: WebSocket) -> None:
        """The link of one agent."""
        await socket.accept()
        await socket.receive_text()
        link = _Link()
        await socket.send_text(_REGISTERED % len(self._links))
        self._links.append(link)
        writer = asyncio.create_task(link.write(socket))
        with suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()
                for _ in range(self._recording.tasks_an_accept):
                    self._to_acknowledge.append(link)
                    if self._stream is not None:
                        self._stream.send(self._recording.update)
        writer.cancel()


class _Link:
    """Batches what is to be sent to one agent, as the master does."""

    def __init__(self) -> None:
        self._queue: list[str] = []
        self._has_news = asyncio.Event()

    def send(self, message: str) -> None:
        self._queue.append(message)
        self._has_news.set()

    async def write(self, socket: WebSocket) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await self._has_news.wait()
                self._has_news.clear()
                batch, self._queue = self._queue, []
                await socket.send_text(f"[{','.join(batch)}]")


async def _health(_: object) -> Response:
    return Response()


async def main(port: int, recording: Recording) -> None:
    """Serve until SIGTERM."""
    memory.collect_rarely()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stub = Stub(recording)
    routes = [WebSocketRoute(LINK_PATH, stub.link), Route("/health", _health)]
    app = Application(routes, hot={"/api/v1/scheduler": stub.scheduler})
    async with serve(app, "127.0.0.1", port):
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(
        main(int(sys.argv[1]), msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=Recording))
    )
