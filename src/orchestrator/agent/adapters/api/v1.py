"""``POST /api/v1``: the operator API, in JSON and protobuf, with streams of process I/O.

Source: ``Http::api`` and ``Http::_api`` in src/slave/http.cpp of Mesos 1.11, whose order of checks
is kept.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from orchestrator.agent.adapters.api import v1_streams
from orchestrator.agent.adapters.api.v1_calls import Calls, Done
from orchestrator.agent.adapters.api.v1_guard import Guard
from orchestrator.agent.adapters.api.v1_streams import InputReader
from orchestrator.agent.adapters.sessions.session import Outlet, Session
from orchestrator.agent.adapters.sessions.sessions import Sessions
from orchestrator.agent.core.agent import Agent
from orchestrator.mesos import agent_api as api
from orchestrator.mesos import calls
from orchestrator.mesos.agent_api import AttachInputType, Call, CallType, LaunchContainer
from orchestrator.mesos.agent_api.forms import Forms, negotiate
from orchestrator.mesos.calls import UNKNOWN_TYPE, OperatorError, Refusal
from orchestrator.mesos.types import ContainerID
from orchestrator.runtime.http import OPEN_ENDED, plain_error

T = TypeVar("T")


class OperatorApi:
    """The endpoint (ASGI)."""

    def __init__(self, agent: Agent, done: Calls, sessions: Sessions, guard: Guard) -> None:
        self._agent = agent
        self._calls = done
        self._sessions = sessions
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        try:
            await self._answer(request, send)
        except OperatorError as refusal:
            response = plain_error(refusal.status, refusal.message)
            await response(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        if not self._agent.is_recovered:
            raise OperatorError(503, "Agent has not finished recovery")
        if request.method != "POST":
            raise HTTPException(405, "Expecting 'POST'", {"Allow": "POST"})
        forms = _granted(negotiate(request.headers))
        if forms.is_content_stream:
            await self._take_input(request, forms, send)
            return
        body = await request.body()
        call = _granted(calls.parse(Call, "agent", forms.content, body))
        self._check(request, call, forms)
        match call:
            case Call(type=CallType.LAUNCH_NESTED_CONTAINER_SESSION, launch=launch) if launch:
                await self._launch_session(launch, forms, request, send)
            case Call(attach_container_output=attached) if attached:
                await self._attach_output(attached.container_id, forms, request, send)
            case _:
                await self._answer_once(call, forms, request, send)

    async def _answer_once(self, call: Call, forms: Forms, request: Request, send: Send) -> None:
        """Some calls wait long; nobody does for a client that is gone."""
        doing = asyncio.create_task(self._calls.do(call))
        gone = asyncio.create_task(v1_streams.gone(request.receive))
        try:
            await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                response = _response(doing.result(), forms)
                await response(request.scope, request.receive, send)
        finally:
            for task in (doing, gone):
                task.cancel()
            await asyncio.gather(doing, gone, return_exceptions=True)

    def _check(self, request: Request, call: Call, forms: Forms) -> None:
        if (refusal := forms.problem_of(call.type)) is not None:
            raise OperatorError(refusal.status, refusal.message)
        if call.type is CallType.UNKNOWN:
            raise OperatorError(UNKNOWN_TYPE.status, UNKNOWN_TYPE.message)
        self._guard.check(request, call.type)

    async def _launch_session(
        self, launch: LaunchContainer, forms: Forms, request: Request, send: Send
    ) -> None:
        begun = await self._sessions.launch(launch)
        if begun is None:
            await Response(status_code=202)(request.scope, request.receive, send)
            return
        session, outlet = begun
        try:
            await self._stream(session, outlet, forms, request, send)
        finally:
            self._sessions.end(session)

    async def _attach_output(
        self, id_: ContainerID, forms: Forms, request: Request, send: Send
    ) -> None:
        session = await self._sessions.attach(id_)
        if session is None:
            raise OperatorError(500, "The container has ended")
        await self._stream(session, session.attach(), forms, request, send)

    async def _stream(
        self, session: Session, outlet: Outlet, forms: Forms, request: Request, send: Send
    ) -> None:
        try:
            await v1_streams.send_output(outlet, forms, request.scope, request.receive, send)
        finally:
            session.detach(outlet)
            self._sessions.end_if_unused(session)

    async def _take_input(self, request: Request, forms: Forms, send: Send) -> None:
        """Input for a container that has just ended is taken and dropped.

        The mesos command line gives up when that fails, and cannot know that the end is near.
        """
        request.scope[OPEN_ENDED] = True
        reader = InputReader(request.receive, forms)
        session = await self._target(request, forms, reader)
        try:
            if session is None:
                await v1_streams.drop_late_input(reader)
            else:
                await v1_streams.pass_input(reader, session)
        finally:
            if session is not None:
                self._sessions.end_if_unused(session)
        await Response()(request.scope, request.receive, send)

    async def _target(self, request: Request, forms: Forms, reader: InputReader) -> Session | None:
        """What the first record names."""
        call = await reader.next()
        if call is None:
            raise OperatorError(400, "Received EOF while reading request body")
        self._check(request, call, forms)
        attached = call.attach_container_input
        if (
            attached is None
            or attached.type is not AttachInputType.CONTAINER_ID
            or attached.container_id is None
        ):
            sentence = "Expecting 'attach_container_input.type' to be CONTAINER_ID"
            raise OperatorError(400, sentence)
        return await self._sessions.attach(attached.container_id)


def _granted(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        raise OperatorError(found.status, found.message)
    return found


def _response(answer: api.Response | Done, forms: Forms) -> Response:
    if isinstance(answer, Done):
        return Response(status_code=answer.status)
    return Response(forms.accept.encode(answer), media_type=forms.accept.type)
