"""How a leader lets go of everybody at once."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.runtime.http.server import CLOSING


class Term:
    """The application of a leader, for as long as it leads.

    At the end, event streams are closed and links cut at once; other requests have ``grace_s``.
    """

    def __init__(self, app: ASGIApp, grace_s: float = 1.0) -> None:
        self._app = app
        self._grace_s = grace_s
        self._over = asyncio.Event()
        self._open: dict[str, set[asyncio.Task[object]]] = {"http": set(), "websocket": set()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        scope[CLOSING] = self._over
        task = asyncio.current_task()
        assert task is not None
        others = self._open[scope["type"]]
        others.add(task)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._over.is_set():
                raise
            task.uncancel()
        finally:
            others.discard(task)

    def end(self) -> None:
        """Let go of everybody; returns at once."""
        self._over.set()
        self._cancel("websocket")
        asyncio.get_running_loop().call_later(self._grace_s, self._cancel, "http")

    def _cancel(self, kind: str) -> None:
        for task in list(self._open[kind]):
            task.cancel()
