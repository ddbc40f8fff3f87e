"""One HTTP API: its routes, its limits and the form of its errors.

Nothing a client sends reaches a handler unbounded, and nothing a handler raises reaches a client
raw: Starlette's HTTPException is answered with its own status and sentence, exceptions named in
``handlers`` as these say, all others with a 500 that says nothing and a log entry that says all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from orchestrator.runtime.http.protocol import WHOLE_BODY

OPEN_ENDED = "orchestrator.open_ended"
"""Key that an endpoint sets in the ASGI scope of a request whose body is a stream without an end.

The endpoint then bounds what it holds of it: size and time of the body have no limits.
"""
_MAX_DRAINED_BYTES = 64 * 1024 * 1024
_CLOSE = {"Connection": "close"}
logger = logging.getLogger(__name__)

ErrorResponse = Callable[[int, str], Response]
"""Status and sentence to a response, in the form of one API."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may cost, and all together while their bodies are on the way."""

    max_body_bytes: int = 8 * 1024 * 1024  # beyond: 413
    body_timeout_s: float = 30.0  # for the whole body; beyond: 408
    max_waiting_bytes: int = 256 * 1024 * 1024  # of all bodies that are not whole yet; beyond: 503


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Any object that msgspec can write, as JSON."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def json_error(status: int, message: str) -> Response:
    """``{"message": ...}``, as Marathon answers."""
    return json_response({"message": message}, status)


def plain_error(status: int, message: str) -> Response:
    """The sentence as plain text, as Mesos answers."""
    return PlainTextResponse(message, status)


async def read_body(receive: Receive) -> bytes:
    """The whole request body, for bare-ASGI endpoints. Raises ClientDisconnect."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


class Application:
    """An ASGI application of Starlette routes and, by exact path, bare-ASGI hot endpoints.

    ``handlers`` turn exceptions of an API into responses, looked up by class and its bases.
    Requests for an unknown path or method are answered 404 and 405 (with Allow) in the API's form.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        *,
        error_response: ErrorResponse = json_error,
        hot: Mapping[str, ASGIApp] | None = None,
        handlers: Mapping[type[Exception], Callable[[Any], Response]] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._router = Router(routes, redirect_slashes=False)
        self._error_response = error_response
        self._hot = dict(hot or {})
        self._handlers = dict(handlers or {})
        self._limits = limits or Limits()
        self._waiting = _Waiting(self._limits.max_waiting_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or run one WebSocket."""
        scope["app"] = self  # has Starlette raise its 404 and 405 instead of answering them
        app = self._hot.get(scope["path"], self._router)
        if scope["type"] == "http":
            exchange = _Exchange(scope, receive, send, self._limits, self._waiting)
            await self._answer(app, exchange)
        else:
            await self._converse(app, scope, receive, send)

    async def _answer(self, app: ASGIApp, exchange: _Exchange) -> None:
        try:
            exchange.check_announced_length()
            await app(exchange.scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            pass
        except _BodyTooLarge as error:
            await exchange.drain()
            await exchange.respond(self._response_to(error))
        except Exception as error:
            await exchange.respond(self._response_to(error))
        finally:
            exchange.forget_body()

    def _response_to(self, error: Exception) -> Response:
        for kind in type(error).__mro__:
            if kind in self._handlers:
                return self._handlers[kind](error)
        if isinstance(error, HTTPException):
            response = self._error_response(error.status_code, error.detail)
            response.headers.update(error.headers or {})
            return response
        logger.error("a request failed: %s", error, exc_info=error)
        return self._error_response(500, "internal error: the server's log says more")

    async def _converse(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except (ClientDisconnect, WebSocketDisconnect):
            pass  # the client has gone, which it may at any time
        except Exception as error:
            logger.error("a WebSocket failed: %s", error, exc_info=error)
            with suppress(Exception):  # closed already
                await send({"type": "websocket.close", "code": 1011, "reason": "internal error"})


class _BodyTooLarge(HTTPException):
    def __init__(self, limit: int) -> None:
        super().__init__(413, f"the request body is over the limit of {limit} bytes", _CLOSE)


class _Waiting:
    """The bytes held of bodies that are not whole: many slow ones must not fill the memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0

    def add(self, size: int) -> None:
        """Hold more of them, or give some back (negative). Raises HTTPException."""
        if size > 0 and self._bytes + size > self._limit:
            sentence = "too many request bodies are on their way; try again"
            raise HTTPException(503, sentence, {**_CLOSE, "Retry-After": "5"})
        self._bytes += size


class _Exchange:
    """One request and its response, with the limits applied."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, limits: Limits, waiting: _Waiting
    ) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._limits = limits
        self._waiting = waiting
        self._waiting_bytes = 0
        self._received_bytes = 0
        self._has_whole_body = False
        self._deadline: float | None = None  # loop time
        self._is_response_started = False

    def check_announced_length(self) -> None:
        """Refuse a body by its Content-Length, before any of it is read."""
        length = self._header(b"content-length")
        if length is not None and int(length) > self._limits.max_body_bytes:
            raise _BodyTooLarge(self._limits.max_body_bytes)

    async def receive(self) -> Message:
        """The next message of the client, counted and against the deadline of the body."""
        if self._has_whole_body or OPEN_ENDED in self.scope:
            return await self._receive()
        message = await self._receive_in_time()
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._received_bytes += size
            self._has_whole_body = not message.get("more_body", False)
            if self._received_bytes > self._limits.max_body_bytes:
                raise _BodyTooLarge(self._limits.max_body_bytes)
            if not self._has_whole_body:
                self._waiting.add(size)
                self._waiting_bytes += size
        return message

    def forget_body(self) -> None:
        """What was received of the body is held no longer."""
        self._waiting.add(-self._waiting_bytes)
        self._waiting_bytes = 0

    async def send(self, message: Message) -> None:
        """Pass on a part of the response."""
        self._is_response_started = True
        await self._send(message)

    async def drain(self) -> None:
        """Read and drop the rest of the body: most clients look for a response only after it."""
        if self._header(b"expect") is not None:  # this client waits for leave to send
            return
        with suppress(HTTPException):
            while not self._has_whole_body and self._received_bytes < _MAX_DRAINED_BYTES:
                message = await self._receive_in_time()
                self._received_bytes += len(message.get("body", b""))
                self._has_whole_body = not message.get("more_body", False)

    async def respond(self, response: Response) -> None:
        """Answer, unless the handler has begun to: then the server cuts the connection."""
        if not self._is_response_started:
            await response(self.scope, self._receive, self.send)

    async def _receive_in_time(self) -> Message:
        if WHOLE_BODY in self.scope:
            return await self._receive()  # at once: a timer would cost more than that
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._limits.body_timeout_s
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            seconds = self._limits.body_timeout_s
            sentence = f"the request body did not arrive within {seconds:g} s"
            raise HTTPException(408, sentence, _CLOSE) from None

    def _header(self, wanted: bytes) -> bytes | None:
        return next((value for name, value in self.scope["headers"] if name == wanted), None)
