"""Parts of long lists, and answers to those who have the list already.

``limit`` and ``offset`` are ours, Marathon lists everything. An answer to them says in
``X-Total-Count`` how much there is, and in ``Link`` (RFC 8288) where the pages beside it are. An
``ETag`` stands for a state of the cluster; who sends it back in ``If-None-Match`` is answered 304
while nothing has changed, at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.marathon.adapters.api.backend import Backend
from orchestrator.marathon.core.refusals import BadRequest

T = TypeVar("T")
_LARGEST = 2**31
_MS = 1000


def page(request: Request, items: Sequence[T]) -> tuple[Sequence[T], dict[str, str]]:
    """The items asked for, and the headers to go with them. Raises BadRequest."""
    query = request.query_params
    if "limit" not in query and "offset" not in query:
        return items, {}
    offset = _number(request, "offset", 0)
    limit = _number(request, "limit", _LARGEST)
    headers = {"X-Total-Count": str(len(items))}
    if links := _links(request, limit, offset, len(items)):
        headers["Link"] = ", ".join(links)
    return items[offset : offset + limit], headers


def etag(backend: Backend, revision: int) -> str:
    """The revision as an ETag; one of an earlier process is never taken for this one's."""
    return f'"{int(backend.started_at * _MS):x}-{revision:x}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """The answer 304 for a client that has this state already."""
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers={"ETag": tag})
    return None


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and int(text[:12]) <= _LARGEST):
        raise BadRequest(f"'{name}' must be a whole number from 0 to {_LARGEST}, not '{text}'")
    return int(text)


def _links(request: Request, limit: int, offset: int, total: int) -> list[str]:
    if not limit:
        return []
    places = {"first": 0}
    if offset:
        places["prev"] = max(0, offset - limit)
    if offset + limit < total:
        places["next"] = offset + limit
    places["last"] = max(0, total - 1) // limit * limit
    return [
        f'<{request.url.include_query_params(limit=limit, offset=place)}>; rel="{name}"'
        for name, place in places.items()
    ]
