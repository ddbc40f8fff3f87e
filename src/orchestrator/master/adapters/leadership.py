"""What a master answers that does not lead.

A standby sends whoever asks for more than its own health to the leader: 307 with a Location that
has no scheme, as Mesos answers, so that clients keep theirs. Without a leader, and while the one
elected still reads the registry, the answer is 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

import orchestrator
from orchestrator.mesos import older_api
from orchestrator.mesos.types import MasterInfo
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.http import Application, Term, json_response, plain_error
from orchestrator.runtime.metrics import endpoint, gauge, new_registry

REDIRECTS = ("/redirect", "/master/redirect")
_OWN = {"/health", "/master/health", "/version", "/metrics", "/metrics/snapshot"}


class Standby:
    """The application of a master that does not lead; ``leader`` is whom it sends others to."""

    def __init__(self, clock: Clock, patience_s: float = 2.0) -> None:
        self.leader: MasterInfo | None = None
        self.is_recovering = False  # elected, and reading the registry
        self._term: Term | None = None
        self._begins = asyncio.Event()
        self._patience_s = patience_s
        self._clock = clock
        self._started_at = clock.now()
        self._own = Application(self._own_routes(), error_response=plain_error, hot=self._hot())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["path"] in _OWN:
            await self._own(scope, receive, send)
            return
        if scope["type"] == "http":
            await self._elsewhere(scope)(scope, receive, send)
        elif self.leader is None and (term := await self._next_term()):
            await term(scope, receive, send)
        else:
            denial = self._elsewhere(scope)
            await WebSocket(scope, receive, send).send_denial_response(denial)

    def begin(self, term: Term) -> None:
        """This master leads from now on."""
        self.is_recovering, self._term = False, term
        self._begins.set()

    def end(self) -> None:
        """It leads no more, or never did."""
        self.is_recovering, self._term = False, None
        self._begins.clear()

    async def _next_term(self) -> Term | None:
        """Wait a little for this master to lead.

        Agents hear of an election as early as who has won it; sending thousands of them away while
        the registry is read would only have them come again.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                await self._begins.wait()
        return self._term

    def _elsewhere(self, scope: Scope) -> Response:
        if self.is_recovering:
            return plain_error(503, "Master has not finished recovery")
        if self.leader is None:
            return plain_error(503, "No leader elected")
        return redirect(self.leader, scope)

    def _figures(self) -> dict[str, float]:
        return {"elected": 0.0, "uptime_secs": self._clock.now() - self._started_at}

    def _metrics(self) -> Iterable[Metric]:
        for name, value in self._figures().items():
            yield gauge(f"mesos_master_{name}", f"Mesos' master/{name}.", value)

    def _hot(self) -> dict[str, ASGIApp]:
        return {"/metrics": endpoint(new_registry(self._metrics))}

    def _own_routes(self) -> list[Route]:
        async def health(_: Request) -> Response:
            return Response()

        async def version(_: Request) -> Response:
            return json_response(older_api.version(orchestrator.__version__))

        async def snapshot(_: Request) -> Response:
            figures = self._figures()
            return json_response({f"master/{name}": value for name, value in figures.items()})

        return [
            Route("/health", health),
            Route("/master/health", health),
            Route("/version", version),
            Route("/metrics/snapshot", snapshot),
        ]


def redirect(leader: MasterInfo, scope: Scope) -> Response:
    """307 to the same path at the leader; ``/redirect`` itself leads to its root."""
    location = f"//{_host(leader)}:{leader.port}"
    if scope["path"] not in REDIRECTS:
        query = scope.get("query_string", b"").decode("latin-1")
        raw = scope.get("raw_path") or scope["path"].encode()
        location += raw.decode("latin-1") + (f"?{query}" if query else "")
    return Response(status_code=307, headers={"Location": location})


def redirecting(leader: MasterInfo) -> ASGIApp:
    """``/redirect`` of the leader itself."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await redirect(leader, scope)(scope, receive, send)

    return answer


def _host(leader: MasterInfo) -> str:
    address = leader.address
    return leader.hostname or (address.ip if address and address.ip else "127.0.0.1")
