"""What an endpoint is, and how routes are made of a table of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from orchestrator.monitoring.app.access import DeniedError, Permission, Principal
from orchestrator.monitoring.app.monitor import Monitor
from orchestrator.runtime.http import json_response

Body = TypeVar("Body")
Method = Literal["GET", "POST", "PUT", "WEBSOCKET"]


class Parameter(NamedTuple):
    """One of the query."""

    name: str
    description: str
    kind: Literal["string", "number", "integer"] = "string"
    is_required: bool = False


class Call(msgspec.Struct, frozen=True):
    """One request, with who makes it."""

    request: Request
    monitor: Monitor
    who: Principal

    def text(self, name: str, default: str = "") -> str:
        """A parameter of the query."""
        return self.request.query_params.get(name, default)

    def number(self, name: str, default: float) -> float:
        """A number of the query. Raises HTTPException."""
        return number(self.request, name, default)

    def count(self, name: str, default: int, most: int) -> int:
        """A number of things, at most so many. Raises HTTPException."""
        value = self.number(name, default)
        if value < 0 or value != int(value):
            raise HTTPException(400, f"{name} must be a whole number that is not negative")
        return min(int(value), most)

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    async def body(self, kind: type[Body]) -> Body:
        """The JSON body. Raises HTTPException."""
        try:
            return msgspec.json.decode(await self.request.body(), type=kind)
        except msgspec.ValidationError as error:
            sentence = str(error).replace("`", "")
            raise HTTPException(400, f"the body is not valid: {sentence}") from None
        except (msgspec.DecodeError, UnicodeError):
            raise HTTPException(400, "the body is not JSON") from None


Handler = Callable[[Call], Awaitable[Response | object]]
SocketHandler = Callable[[WebSocket, Monitor, Principal], Awaitable[None]]


class Endpoint(NamedTuple):
    """One method of one path."""

    method: Method
    path: str
    """As Starlette writes it: {id}, or {id:path} where slashes may be in it."""
    permission: Permission
    handler: Handler | SocketHandler
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """Type of the body, if there is one."""
    body_types: tuple[str, ...] = ("application/json",)
    is_body_required: bool = True
    answer: Any = None
    """Type of the JSON answer; None where it is something else."""
    status: int = 200
    media_type: str = "application/json"


def number(connection: HTTPConnection, name: str, default: float) -> float:
    """A number of the query. Raises HTTPException."""
    text = connection.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        raise HTTPException(400, f"{name} must be a number, not {text[:100]!r}") from None
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124
        raise HTTPException(400, f"{name} must be a number, not {text[:100]!r}")
    return value


def routes(endpoints: list[Endpoint], monitor: Monitor) -> list[BaseRoute]:
    """Routes that check who asks, call the handler, and write what it returns as JSON."""
    made: list[BaseRoute] = []
    for endpoint in endpoints:
        if endpoint.method == "WEBSOCKET":
            made.append(WebSocketRoute(endpoint.path, _socket(endpoint, monitor)))
        else:
            route = Route(endpoint.path, _answering(endpoint, monitor), methods=[endpoint.method])
            made.append(route)
    return made


def _answering(endpoint: Endpoint, monitor: Monitor) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        who = _checked(request, endpoint, monitor)
        for parameter in endpoint.parameters:
            if parameter.is_required and parameter.name not in request.query_params:
                raise HTTPException(400, f"the parameter {parameter.name} is missing")
        call: Any = endpoint.handler
        result = await call(Call(request, monitor, who))
        if isinstance(result, Response):
            return result
        return json_response(result, endpoint.status)

    return answer


def _socket(endpoint: Endpoint, monitor: Monitor) -> Callable[[WebSocket], Awaitable[None]]:
    async def converse(socket: WebSocket) -> None:
        try:
            who = monitor.access.check(socket.scope, endpoint.permission)
        except DeniedError as error:
            await refuse(socket, 4000 + error.status, str(error))
            return
        call: Any = endpoint.handler
        await call(socket, monitor, who)

    return converse


def _checked(request: Request, endpoint: Endpoint, monitor: Monitor) -> Principal:
    try:
        return monitor.access.check(request.scope, endpoint.permission)
    except DeniedError as error:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        raise HTTPException(error.status, str(error), headers) from None


async def refuse(socket: WebSocket, code: int, sentence: str) -> None:
    """Accept and close: only so does a browser learn why. A reason has at most 123 bytes."""
    await socket.accept()
    await socket.close(code, sentence.encode()[:123].decode(errors="ignore"))
