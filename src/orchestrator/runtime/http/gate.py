"""A server that must know its port before it can build its application."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Gate:
    """Answers 503 until it is opened to an application.

    A server that listens on port 0 learns its port only when it serves, and what it then says of
    itself depends on it.
    """

    def __init__(self) -> None:
        self._app: ASGIApp = PlainTextResponse("starting", 503)

    def open(self, app: ASGIApp) -> None:
        """Pass everything on to the application from now on."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        await self._app(scope, receive, send)
