"""``/api/v1/scheduler``: frameworks' calls in, their event streams out.

This is the master's busiest endpoint, so it is bare ASGI: parse, check, dispatch, 202.
"""

from __future__ import annotations

from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.master.adapters.operating import Operating
from orchestrator.master.adapters.streams import EventStream, IdSource, Outlets
from orchestrator.master.core import admission
from orchestrator.master.core.commands import ChangeFramework
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import (
    FrameworkCall,
    FrameworkSubscribed,
    Input,
    StreamClosed,
)
from orchestrator.master.core.messages import Send as SendEffect
from orchestrator.mesos import calls
from orchestrator.mesos.calls import Refusal
from orchestrator.mesos.media import Media
from orchestrator.mesos.scheduler import Call, CallType, Subscribe
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.http import plain_error, read_body, recordio_stream

_ACCEPTED = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}
_EMPTY = {"type": "http.response.body", "body": b""}


def scheduler_api(
    master: Master, driver: Driver[Input, SendEffect], outlets: Outlets, new_id: IdSource
) -> ASGIApp:
    """The endpoint; ``new_id`` names streams (at most 128 characters)."""
    max_unread_bytes = master.state.config.max_unread_bytes
    operating = Operating(driver, outlets)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            raise HTTPException(405, "Expecting 'POST'", {"Allow": "POST"})
        headers = _Headers.of(scope)
        match _admit(master, headers, await read_body(receive)):
            case Refusal() as refusal:
                await plain_error(refusal.status, refusal.message)(scope, receive, send)
            case (Subscribe() as subscribe, form):
                await stream_events(subscribe, form, scope, receive, send)
            case Call(type=CallType.UPDATE_FRAMEWORK) as call:
                await (await change_framework(call))(scope, receive, send)
            case Call() as call:
                driver.dispatch(FrameworkCall(call))
                await send(_ACCEPTED)
                await send(_EMPTY)

    async def stream_events(
        subscribe: Subscribe, form: Media, scope: Scope, receive: Receive, send: Send
    ) -> None:
        stream_id, stream = new_id(), recordio_stream(max_unread_bytes)
        outlets.streams[stream_id] = EventStream(stream, form)
        headers = [
            (b"content-type", form.type.encode()),
            (b"mesos-stream-id", stream_id.encode()),
        ]
        suppressed, constraints = tuple(subscribe.suppressed_roles), subscribe.offer_constraints
        driver.dispatch(
            FrameworkSubscribed(stream_id, subscribe.framework_info, suppressed, constraints)
        )
        try:
            await stream.respond(scope, receive, send, headers)
        finally:
            del outlets.streams[stream_id]
            driver.dispatch(StreamClosed(stream_id))

    async def change_framework(call: Call) -> Response:
        assert call.framework_id and call.update_framework
        change = ChangeFramework(call.framework_id.value, call.update_framework)
        try:
            await operating.carry_out(change)
        except OperatorError as refusal:
            return plain_error(refusal.status, refusal.message)
        return Response(status_code=200)

    return answer


class _Headers(NamedTuple):
    content_type: str | None
    accept: str | None
    stream_id: str | None

    @classmethod
    def of(cls, scope: Scope) -> _Headers:
        found = {name: value.decode("latin-1") for name, value in scope["headers"]}
        wanted = (b"content-type", b"accept", b"mesos-stream-id")
        return cls(*(found.get(name) for name in wanted))


def _admit(
    master: Master, headers: _Headers, body: bytes
) -> Call | tuple[Subscribe, Media] | Refusal:
    call = calls.read(Call, "scheduler", headers.content_type, body)
    if isinstance(call, Refusal):
        return call
    if call.type is CallType.SUBSCRIBE and call.subscribe is not None:
        form = admission.stream_form(headers.accept, headers.stream_id)
        return form if isinstance(form, Refusal) else (call.subscribe, form)
    refusal = admission.check_accept(call, headers.accept)
    return refusal or admission.check_call(master.cluster, call, headers.stream_id) or call
