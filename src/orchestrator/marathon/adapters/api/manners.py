"""What Marathon's HTTP server does around its resources, whichever they are.

Bodies that are not JSON are answered 415 and clients that take no JSON 406, ``OPTIONS`` says what
is allowed, nothing may be cached, and a slash at the end of a path makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.runtime.http import json_error

_JSON = "application/json"
_WITH_BODY = ("POST", "PUT", "PATCH")
_OTHER_TYPES = ("/v2/events", "/v2/tasks", "/v2/plugins/")
"""Resources that answer in other types than JSON as well."""
_WANTED_HEADERS = "access-control-request-headers"
_SHARED_METHODS = "GET, HEAD, OPTIONS"  # as in Marathon: pages may look, not change
_SHARED_FOR_S = "86400"
_NOT_CACHED = "no-cache, no-store, must-revalidate"
_CHECKED = "no-cache, must-revalidate"  # kept by those who ask whether it has changed


def with_manners(app: ASGIApp, origins: Sequence[str] = ()) -> ASGIApp:
    """The application, as Marathon's server would serve it; pages from ``origins`` may use it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        send = _without_caching(send)
        if origin := _allowed_origin(scope, origins):
            send = _sharing_with(origin, Headers(scope=scope), send)
        if scope["method"] == "OPTIONS":
            send = _saying_what_is_allowed(send)
        elif (problem := _problem(scope)) is not None:
            await json_error(*problem)(scope, receive, send)
            return
        await app(scope, receive, send)

    return answer


def _problem(scope: Scope) -> tuple[int, str] | None:
    path, headers = scope["path"], Headers(scope=scope)
    if not path.startswith("/v2/"):
        return None
    kind = headers.get("content-type", _JSON)
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if scope["method"] in _WITH_BODY and has_body and _media_type(kind) != _JSON:
        return 415, f"Unsupported Media Type: send {_JSON}, not {kind}"
    if not path.startswith(_OTHER_TYPES) and not _takes_json(headers.getlist("accept")):
        return 406, f"Not Acceptable: answers are {_JSON}"
    return None


def _takes_json(accepted: Iterable[str]) -> bool:
    types = [_media_type(part) for value in accepted for part in value.split(",")]
    return not types or not {_JSON, "application/*", "*/*", "*", ""}.isdisjoint(types)


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _allowed_origin(scope: Scope, origins: Sequence[str]) -> str:
    """What the answer allows, of several the one that asks; "" for nothing."""
    asking = Headers(scope=scope).get("origin", "")
    if "*" in origins:
        return "*"
    return asking if asking in origins else next(iter(origins), "")


def _sharing_with(origin: str, asked: Headers, send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Headers"] = asked.get(_WANTED_HEADERS, "")
            headers["Access-Control-Allow-Methods"] = _SHARED_METHODS
            headers["Access-Control-Max-Age"] = _SHARED_FOR_S
            headers.add_vary_header("Origin")
        await send(message)

    return with_headers


def _without_caching(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers.setdefault("Cache-Control", _CHECKED if "etag" in headers else _NOT_CACHED)
        await send(message)

    return with_headers


def _saying_what_is_allowed(send: Send) -> Send:
    """Every resource knows what it allows: it says so when it refuses OPTIONS itself."""
    is_answered = False

    async def turned(message: Message) -> None:
        nonlocal is_answered
        if message["type"] == "http.response.start" and message["status"] == 405:
            is_answered = True
            allowed = Headers(raw=message["headers"]).get("allow", "")
            allow = ", ".join(dict.fromkeys([*filter(None, allowed.split(", ")), "OPTIONS"]))
            headers = [(b"allow", allow.encode()), (b"content-length", b"0")]
            await send({**message, "status": 200, "headers": headers})
        elif message["type"] == "http.response.body" and is_answered:
            await send({**message, "body": b""})
        else:
            await send(message)

    return turned
