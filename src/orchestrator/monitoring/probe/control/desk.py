"""Has requests carried out, each in a task of its own, and remembers the streams they open."""

from __future__ import annotations

import asyncio
import logging

from orchestrator.monitoring.probe.control.controllers import Controllers
from orchestrator.monitoring.probe.control.streams import GoneError, Send, Stream
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.roles import Answer, Asked, ControlFailedError
from orchestrator.monitoring.report.control import (
    AppCredit,
    AppEnd,
    FromApp,
    Input,
    Ping,
    Pong,
    ProbeEnd,
    Request,
    Resize,
    Response,
)

logger = logging.getLogger(__name__)
MAX_AT_ONCE = 128
"""Requests and streams of one channel."""
_MAX_RESULT = 4 * 1024 * 1024


class Desk:
    """All that is going on on one channel."""

    def __init__(self, controllers: Controllers, send: Send) -> None:
        self._controllers = controllers
        self._send = send
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def receive(self, message: FromApp) -> None:
        """Take in a message; what it names may be over, which is no error."""
        match message:
            case Request():
                await self._begin(message)
            case Input(stream=id, data=data):
                if id in self._streams and not self._streams[id].take(data):
                    self._streams[id].leave()
            case Resize(stream=id, rows=rows, columns=columns):
                if id in self._streams:
                    self._start(self._resize(self._streams[id], rows, columns))
            case AppCredit(stream=id, bytes=size):
                if id in self._streams:
                    self._streams[id].give(size)
            case AppEnd(stream=id):
                if id in self._streams:
                    self._streams[id].leave()
            case Ping():
                await self._send(Pong())

    async def close(self) -> None:
        """The channel is gone, and all that was on it."""
        for stream in self._streams.values():
            stream.leave()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, request: Request) -> None:
        if len(self._tasks) >= MAX_AT_ONCE:
            problem = f"{MAX_AT_ONCE} controls of this probe are under way already"
            await self._send(Response(request.id, problem))
            return
        self._start(self._carry_out(request))

    def _start(self, job: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(job)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resize(self, stream: Stream, rows: int, columns: int) -> None:
        try:
            await stream.resize(rows, columns)
        except (ControlFailedError, HttpError) as error:
            logger.info("a terminal cannot be resized: %s", error)

    async def _carry_out(self, request: Request) -> None:
        user = request.user or "somebody"
        logger.info("%s asks for %s of %s", user, request.control, request.node_id)
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await self._answer(request)
        except ControlFailedError as error:
            await self._send(Response(request.id, str(error)[:4000]))
        except TimeoutError:
            await self._send(Response(request.id, "it was not done in time"))
        except Exception as error:
            logger.exception("control %s failed", request.control)
            problem = f"the probe failed: {type(error).__name__}"
            await self._send(Response(request.id, problem))
        else:
            if answer.stream is None:
                await self._send(Response(request.id, result=answer.result[:_MAX_RESULT]))
            else:
                await self._stream(request, answer)

    async def _answer(self, request: Request) -> Answer:
        asked = Asked(request.node_id, request.control, request.arguments)
        return await self._controllers.carry_out(request.topology, asked)

    async def _stream(self, request: Request, answer: Answer) -> None:
        assert answer.stream is not None
        id = request.id
        stream = self._streams[id] = Stream(id, self._send)
        problem, code = "", None
        try:
            await self._send(Response(id, streams=True))
            code = await answer.stream(stream)
        except GoneError:
            pass
        except (ControlFailedError, HttpError, OSError) as error:
            problem = str(error)[:4000]
        except Exception as error:
            logger.exception("stream %s failed", request.control)
            problem = f"the probe failed: {type(error).__name__}"
        finally:
            self._streams.pop(id, None)
        await self._send(ProbeEnd(id, problem, code))
