"""The REST API: /api/v1/syncs.

GET    /api/v1/syncs                             all
POST   /api/v1/syncs[?dry_run=true]              begin one; or only say what it would write
GET    /api/v1/syncs/{name}                      one
DELETE /api/v1/syncs/{name}                      end it; both ensembles stay as they are
POST   /api/v1/syncs/{name}/pause, /resume
POST   /api/v1/syncs/{name}/verify               {"path": "/", "repair": false}
POST   /api/v1/syncs/{name}/authority            {"side": "B"}
GET    /api/v1/syncs/{name}/conflicts[?held=true]
POST   /api/v1/syncs/{name}/conflicts/resolve    {"path": ..., "winner": "A" | "data": ...}
GET    /api/v1/syncs/{name}/alerts
GET    /api/v1/syncs/{name}/differences          subtrees that differ by their sums
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from orchestrator.migration.adapters.spec import SpecError, SyncSpec
from orchestrator.migration.adapters.sync import Sync
from orchestrator.migration.adapters.syncs import Syncs, UnknownSyncError
from orchestrator.migration.adapters.views import conflict_view, reply_view, sync_view
from orchestrator.migration.core.events import (
    Command,
    Pause,
    Resolve,
    Resume,
    SetAuthority,
    Verify,
)
from orchestrator.migration.core.sides import Side
from orchestrator.runtime.http import json_error, json_response

Body = TypeVar("Body")
SideName = Literal["A", "B"]
_ROOT = "/api/v1/syncs"


class VerifyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to compare, and whether to put it right."""

    path: str = "/"
    repair: bool = False


class AuthorityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which side elects."""

    side: SideName


class ResolveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wins, or a value for both: as text, or in base64."""

    path: str
    winner: SideName | None = None
    data: str | None = None
    data_base64: str | None = None


class Api:
    """The handlers."""

    def __init__(self, syncs: Syncs) -> None:
        self._syncs = syncs

    def routes(self) -> list[BaseRoute]:
        """All routes."""
        one = _ROOT + "/{name}"
        return [
            Route(_ROOT, self._list, methods=["GET"]),
            Route(_ROOT, self._start, methods=["POST"]),
            Route(one, self._show, methods=["GET"]),
            Route(one, self._stop, methods=["DELETE"]),
            Route(one + "/pause", self._command(_none, lambda _: Pause()), methods=["POST"]),
            Route(one + "/resume", self._command(_none, lambda _: Resume()), methods=["POST"]),
            Route(one + "/verify", self._command(VerifyBody, _verify), methods=["POST"]),
            Route(one + "/authority", self._command(AuthorityBody, _authority), methods=["POST"]),
            Route(one + "/conflicts", self._conflicts, methods=["GET"]),
            Route(
                one + "/conflicts/resolve", self._command(ResolveBody, _resolve), methods=["POST"]
            ),
            Route(one + "/alerts", self._alerts, methods=["GET"]),
            Route(one + "/differences", self._differences, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        return json_response({"syncs": [sync_view(hosted) for hosted in self._syncs]})

    async def _start(self, request: Request) -> Response:
        spec = await _body(request, SyncSpec)
        if request.query_params.get("dry_run") == "true":
            return json_response({"would": await self._syncs.preview(spec)})
        return json_response(sync_view(await self._syncs.start(spec)), 201)

    async def _show(self, request: Request) -> Response:
        return json_response(sync_view(self._syncs.get(request.path_params["name"])))

    async def _stop(self, request: Request) -> Response:
        await self._syncs.stop(request.path_params["name"])
        return Response(status_code=204)

    async def _conflicts(self, request: Request) -> Response:
        conflicts = self._running(request).conflicts()
        if request.query_params.get("held") == "true":
            conflicts = [each for each in conflicts if each.decision == "held"]
        return json_response({"conflicts": [conflict_view(each) for each in conflicts]})

    async def _alerts(self, request: Request) -> Response:
        return json_response({"alerts": self._running(request).alerts.latest()})

    async def _differences(self, request: Request) -> Response:
        return json_response({"paths": self._running(request).engine.compare()})

    def _command(
        self, kind: type[Body], command_of: Callable[[Body], Command]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def carry_out(request: Request) -> Response:
            sync = self._running(request)
            reply = await sync.command(command_of(await _body(request, kind)))
            if reply.refusal:
                raise HTTPException(409, reply.refusal)
            return json_response(reply_view(reply))

        return carry_out

    def _running(self, request: Request) -> Sync:
        hosted = self._syncs.get(request.path_params["name"])
        if hosted.current is None:
            raise HTTPException(409, f"sync {hosted.spec.name} does not run: {hosted.reason}")
        return hosted.current


def spec_error(error: SpecError) -> Response:
    """What cannot work."""
    return json_error(422, str(error))


def unknown(error: UnknownSyncError) -> Response:
    """No such sync."""
    return json_error(404, str(error))


class _none(msgspec.Struct, frozen=True):  # noqa: N801 - no body
    """Nothing is said."""


def _verify(body: VerifyBody) -> Command:
    return Verify(body.path, body.repair)


def _authority(body: AuthorityBody) -> Command:
    return SetAuthority(Side[body.side])


def _resolve(body: ResolveBody) -> Command:
    given = [each for each in (body.winner, body.data, body.data_base64) if each is not None]
    if len(given) != 1:
        raise HTTPException(400, "say one of winner, data and data_base64")
    if body.winner is not None:
        return Resolve(body.path, winner=Side[body.winner])
    if body.data is not None:
        return Resolve(body.path, data=body.data.encode())
    try:
        return Resolve(body.path, data=base64.b64decode(body.data_base64 or "", validate=True))
    except binascii.Error:
        raise HTTPException(400, "data_base64 is not base64") from None


async def _body(request: Request, kind: type[Body]) -> Body:
    data = await request.body()
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"the body is not as it should be: {error}") from None
