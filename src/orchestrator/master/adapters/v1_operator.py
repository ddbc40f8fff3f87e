"""``POST /api/v1``: the operator API, in JSON and protobuf.

Source: ``Master::Http::api`` (src/master/http.cpp) of Mesos 1.11, whose order of checks is kept.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from orchestrator.master.adapters import v1_calls
from orchestrator.master.adapters.service import Service
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import OperatorSubscribed, OperatorUnsubscribed
from orchestrator.mesos import calls
from orchestrator.mesos.calls import UNKNOWN_TYPE, Refusal
from orchestrator.mesos.media import Media
from orchestrator.mesos.operator import Call, CallType
from orchestrator.runtime.http import plain_error, recordio_stream

_ACCEPTED = frozenset(
    {
        CallType.RESERVE_RESOURCES,
        CallType.UNRESERVE_RESOURCES,
        CallType.CREATE_VOLUMES,
        CallType.DESTROY_VOLUMES,
        CallType.GROW_VOLUME,
        CallType.SHRINK_VOLUME,
    }
)


class OperatorApi:
    """The endpoint (ASGI)."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        if request.method != "POST":
            raise HTTPException(405, "Expecting 'POST'", {"Allow": "POST"})
        admitted = _admit(request, await request.body())
        if isinstance(admitted, Refusal):
            await plain_error(admitted.status, admitted.message)(scope, receive, send)
            return
        call, form = admitted
        if call.type is CallType.SUBSCRIBE:
            await self._stream(form, scope, receive, send)
            return
        response = await self._answer(call, form)
        await response(scope, receive, send)

    async def _answer(self, call: Call, form: Media) -> Response:
        try:
            answer = await v1_calls.do(self._service, call)
        except OperatorError as refusal:
            return plain_error(refusal.status, refusal.message)
        if answer is None:
            return Response(status_code=202 if call.type in _ACCEPTED else 200)
        return Response(form.encode(answer), media_type=form.type)

    async def _stream(self, form: Media, scope: Scope, receive: Receive, send: Send) -> None:
        service = self._service
        stream_id, stream = service.new_id(), recordio_stream(service.max_unread_bytes)
        service.outlets.watchers.add(stream_id, stream, form)
        service.driver.dispatch(OperatorSubscribed(stream_id))
        headers = [(b"content-type", form.type.encode()), (b"mesos-stream-id", stream_id.encode())]
        try:
            await stream.respond(scope, receive, send, headers)
        finally:
            service.outlets.watchers.remove(stream_id)
            service.driver.dispatch(OperatorUnsubscribed(stream_id))


def _admit(request: Request, body: bytes) -> tuple[Call, Media] | Refusal:
    call = calls.read(Call, "master", request.headers.get("content-type"), body)
    if isinstance(call, Refusal):
        return call
    form = calls.answer_form(request.headers.get("accept"))
    if isinstance(form, Refusal):
        return form
    return UNKNOWN_TYPE if call.type is CallType.UNKNOWN else (call, form)
