"""/v2/leader: who leads, and having it step down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.core import upkeep
from orchestrator.marathon.core.effects import PlanUpkeep
from orchestrator.marathon.core.upkeep import Upkeep
from orchestrator.runtime.http import json_response
from orchestrator.runtime.store import StoreError

ABDICATION_DELAY_S = 0.5
"""As in Marathon: the answer should be out before the leader is gone."""

Abdicate = Callable[[], Awaitable[None]]


class Leader:
    """The handlers of /v2/leader at the one who leads; ``abdicate`` ends its term."""

    def __init__(self, backend: Backend, address: str, abdicate: Abdicate) -> None:
        self._backend = backend
        self._address = address
        self._abdicate = abdicate
        self._stepping_down: asyncio.Task[None] | None = None

    def routes(self) -> list[Route]:
        """Ask and end."""
        return [
            Route("/v2/leader", self.get, methods=["GET"]),
            Route("/v2/leader", self.delete, methods=["DELETE"]),
        ]

    async def get(self, _request: Request) -> Response:
        """Where the leader is: here; a standby passes the question on."""
        return json_response({"leader": self._address})

    async def delete(self, request: Request) -> Response:
        """Step down; ``backup`` and ``restore`` are for the next leader to do first."""
        query = request.query_params
        wish = upkeep.wanted(query.get("backup"), query.get("restore"))
        if wish != Upkeep():
            await self._backend.ask(PlanUpkeep(wish))
        if self._stepping_down is None:
            self._stepping_down = asyncio.create_task(self._step_down())
        return json_response({"message": "Leadership abdicated"})

    async def _step_down(self) -> None:
        await asyncio.sleep(ABDICATION_DELAY_S)
        with suppress(StoreError):  # it leads no more already
            await self._abdicate()
