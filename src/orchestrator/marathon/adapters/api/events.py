"""/v2/events: what happens, as it happens."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from orchestrator.marathon.adapters.api import params
from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.adapters.event_stream import MAX_LISTENERS, Listener
from orchestrator.marathon.core import timestamps
from orchestrator.marathon.core.events import EventStreamAttached, EventStreamDetached

_ALLOWED = "GET, HEAD, OPTIONS"
_EVENT_STREAM = "text/event-stream"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
]


class Events:
    """The bare-ASGI endpoint of the event stream."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream events of the types asked for (``event_type``), or of all types.

        ``extra=true`` adds the types that are ours. With ``Last-Event-ID`` the stream begins after
        that event. ``plan-format`` changes nothing: plans are light since Marathon 1.7. Whoever
        does not accept an event stream is answered 405, as Jetty does for Marathon.
        """
        request = Request(scope)
        accepted = [part.split(";")[0].strip() for part in _accept(request).split(",")]
        if request.method != "GET" or _EVENT_STREAM not in accepted:
            raise HTTPException(405, f"use GET with Accept: {_EVENT_STREAM}", {"Allow": _ALLOWED})
        hub = self._backend.hub
        if hub.is_full:
            raise HTTPException(503, f"there are {MAX_LISTENERS} listeners already")
        types = request.query_params.getlist("event_type")
        listener = Listener(types, params.flag(request, "extra"))
        address = request.client.host if request.client else ""
        hub.add(listener, request.headers.get("last-event-id"))
        hub.publish(EventStreamAttached(timestamp=self._now(), remote_address=address))
        try:
            await listener.stream.respond(scope, receive, send, _HEADERS)
        finally:
            hub.remove(listener)
            hub.publish(EventStreamDetached(timestamp=self._now(), remote_address=address))

    def _now(self) -> str:
        return timestamps.render(self._backend.clock.now())


def _accept(request: Request) -> str:
    return ",".join(request.headers.getlist("accept"))
