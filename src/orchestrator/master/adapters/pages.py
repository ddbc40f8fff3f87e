"""JSON pages that scripts may have called back (``?jsonp=``)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.mesos import codec
from orchestrator.runtime.http import plain_error

_CALLBACK = re.compile(r"[\w.$\[\]]{1,128}")
Handler = Callable[[Request], Awaitable[Response]]


def json_page(read: Callable[[Request], object]) -> Handler:
    """A handler that shows what ``read`` gives; its ValueError is a bad query."""

    async def answer(request: Request) -> Response:
        try:
            content = read(request)
        except ValueError as error:
            return plain_error(400, f"Failed to parse the query: {error}")
        return with_callback(request, content)

    return answer


def with_callback(request: Request, content: object) -> Response:
    """The content as JSON, inside a call of the function that the query names, if it does."""
    callback = request.query_params.get("jsonp")
    if callback is None:
        return Response(codec.encode(content), media_type="application/json")
    if not _CALLBACK.fullmatch(callback):
        return plain_error(400, "'jsonp' is not the name of a function")
    script = callback.encode() + b"(" + codec.encode(content) + b");"
    return Response(script, media_type="text/javascript")
