"""What a Marathon answers that does not lead, and what a leading one says of itself.

A standby passes every request on to the leader, but for the event stream, to which clients are sent
(302), and for what asks about this very process. While nobody leads, or the one elected still reads
its state, a request waits a little, as elections are short; then the answer is 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.marathon.adapters.proxy import LEADER, Proxy
from orchestrator.mesos.types import MasterInfo
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.http import Application, Term, json_error, json_response
from orchestrator.runtime.metrics import endpoint, gauge, new_registry
from orchestrator.zookeeper import group

_EVENTS = "/v2/events"
_NO_LEADER = "Could not determine the current leader"
_RETRY_AFTER_S = "2"


class Standby:
    """The application of a Marathon that does not lead (``zookeeper.candidate.Standby``)."""

    def __init__(self, proxy: Proxy, clock: Clock, patience_s: float = 2.5) -> None:
        self.leader: MasterInfo | None = None
        self.is_recovering = False
        self._proxy = proxy
        self._clock = clock
        self._patience_s = patience_s
        self._started_at = clock.now()
        self._term: Term | None = None
        self._begins = asyncio.Event()
        own = [Route("/ping", _ping), Route("/health", self._health)]
        metrics: ASGIApp = endpoint(new_registry(self._metrics))
        hot = dict.fromkeys(("/metrics", "/metrics/prometheus"), metrics)
        self._app = Application([*own, Mount("", app=self._elsewhere)], hot=hot)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        await self._app(scope, receive, send)

    def begin(self, term: Term) -> None:
        """This Marathon leads from now on."""
        self.is_recovering, self._term = False, term
        self._begins.set()

    def end(self) -> None:
        """It leads no more, or never did."""
        self.is_recovering, self._term = False, None
        self._begins.clear()

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.leader is None and (term := await self._next_term()):
            await term(scope, receive, send)
        elif self.leader is None:
            answer = json_error(503, _NO_LEADER)
            answer.headers["Retry-After"] = _RETRY_AFTER_S
            await answer(scope, receive, send)
        elif scope["path"].startswith(_EVENTS):
            await _redirect(self.leader, scope)(scope, receive, send)
        else:
            await self._proxy.forward(group.authority(self.leader), scope, receive, send)

    async def _next_term(self) -> Term | None:
        """Wait a little for this Marathon to lead."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._begins.wait()
        return self._term

    async def _health(self, _request: Request) -> Response:
        return json_response({"healthy": True, "elected": False})

    def _metrics(self) -> Iterable[Metric]:
        uptime_s = self._clock.now() - self._started_at
        yield gauge("marathon_elected", "1 while this Marathon leads.", 0)
        yield gauge("marathon_leader_known", "1 while another leads.", self.leader is not None)
        yield gauge("marathon_uptime_seconds", "Time since the start.", uptime_s)


def leading(app: ASGIApp, address: str) -> ASGIApp:
    """The application of a leader: every answer says who gave it."""
    own = [
        (LEADER.lower().encode(), f"http://{address}".encode()),
        (b"x-frame-options", b"DENY"),
        (b"x-xss-protection", b"1; mode=block"),
    ]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        await app(scope, receive, sending)

    return answer


def _redirect(leader: MasterInfo, scope: Scope) -> Response:
    query = scope.get("query_string", b"").decode("latin-1")
    location = f"http://{leader.hostname or group.authority(leader).rpartition(':')[0]}"
    location += f":{leader.port}{scope['path']}" + (f"?{query}" if query else "")
    return Response(status_code=302, headers={"Location": location})


async def _ping(_request: Request) -> Response:
    return PlainTextResponse("pong")
