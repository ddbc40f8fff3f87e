"""``POST /api/v1/executor``: custom executors' calls in, their event streams out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.executor_admission import check_call
from orchestrator.agent.core.messages import (
    CloseExecutorStream,
    Event,
    ExecutorSaid,
    ExecutorStreamClosed,
    ExecutorSubscribed,
    ExecutorUpdated,
    TellExecutor,
)
from orchestrator.mesos import calls
from orchestrator.mesos import executor as api
from orchestrator.mesos.calls import Refusal
from orchestrator.mesos.executor import Call, CallType
from orchestrator.mesos.media import Media
from orchestrator.runtime.http import Stream, plain_error, recordio_stream

HEARTBEAT_S = 30 * 60.0  # as Mesos' agent, so that a connection is not taken for dead


class ExecutorStreams:
    """The open ends of the streams, by the names that the core knows them by."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[Stream, Media]] = {}

    def open(self, name: str, form: Media) -> Stream:
        """A new stream, whose events are in the form given."""
        stream = recordio_stream()
        self._streams[name] = (stream, form)
        return stream

    def forget(self, name: str) -> None:
        """A stream that has ended."""
        self._streams.pop(name, None)

    def perform(self, effect: TellExecutor | CloseExecutorStream) -> None:
        """Do one send; what is meant for an executor that has gone is dropped."""
        if (found := self._streams.get(effect.stream)) is None:
            return
        stream, form = found
        match effect:
            case TellExecutor(event=event):
                stream.send(form.encode(event))
            case CloseExecutorStream():
                stream.close()


class ExecutorApi:
    """The endpoint (ASGI). ``tell`` hands an event to the core; ``new_id`` names streams."""

    def __init__(
        self,
        agent: Agent,
        streams: ExecutorStreams,
        tell: Callable[[Event], None],
        new_id: Callable[[], str],
    ) -> None:
        self._agent = agent
        self._streams = streams
        self._tell = tell
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        if request.method != "POST":
            raise HTTPException(405, "Expecting 'POST'", {"Allow": "POST"})
        content_type = request.headers.get("content-type")
        call = calls.read(Call, "executor", content_type, await request.body())
        response: Response
        match call:
            case Refusal():
                response = plain_error(call.status, call.message)
            case Call(type=CallType.HEARTBEAT):
                response = Response(status_code=202)
            case Call(type=CallType.SUBSCRIBE, subscribe=subscribe) if subscribe:
                await self._subscribe(call, subscribe, request, send)
                return
            case Call():
                response = self._obey(call)
        await response(scope, receive, send)

    def _obey(self, call: Call) -> Response:
        caller = check_call(self._agent, call)
        if isinstance(caller, Refusal):
            return plain_error(caller.status, caller.message)
        if call.update is not None:
            self._tell(ExecutorUpdated(container_id=caller.id, status=call.update.status))
        elif call.message is not None:
            self._tell(ExecutorSaid(container_id=caller.id, data=call.message.data))
        return Response(status_code=202)

    async def _subscribe(
        self, call: Call, subscribe: api.Subscribe, request: Request, send: Send
    ) -> None:
        form = calls.answer_form(request.headers.get("accept"))
        caller = check_call(self._agent, call) if isinstance(form, Media) else form
        if isinstance(caller, Executor) and isinstance(form, Media):
            await self._stream(caller, subscribe, form, request, send)
        elif isinstance(caller, Refusal):
            refusal = plain_error(caller.status, caller.message)
            await refusal(request.scope, request.receive, send)

    async def _stream(
        self,
        caller: Executor,
        subscribe: api.Subscribe,
        form: Media,
        request: Request,
        send: Send,
    ) -> None:
        name = self._new_id()
        stream = self._streams.open(name, form)
        subscribed = ExecutorSubscribed(
            container_id=caller.id,
            stream=name,
            unacknowledged_tasks=tuple(subscribe.unacknowledged_tasks),
            unacknowledged_updates=tuple(u.status for u in subscribe.unacknowledged_updates),
        )
        self._tell(subscribed)
        beating = asyncio.create_task(_beat(stream, form), name="heartbeat of an executor")
        headers = [(b"content-type", form.type.encode()), (b"mesos-stream-id", name.encode())]
        try:
            await stream.respond(request.scope, request.receive, send, headers)
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
            self._streams.forget(name)
            self._tell(ExecutorStreamClosed(stream=name))


async def _beat(stream: Stream, form: Media) -> None:
    heartbeat = form.encode(api.Event(type=api.EventType.HEARTBEAT))
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        stream.send(heartbeat)
