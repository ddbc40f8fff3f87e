"""/v2/plugins: this Marathon takes no plugins, and says so in Marathon's form."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.runtime.http import json_error, json_response

_METHODS = ["GET", "PUT", "POST", "DELETE"]


def routes() -> list[Route]:
    """The list, and whatever a plugin would serve."""
    return [
        Route("/v2/plugins", _list, methods=["GET"]),
        Route("/v2/plugins/{plugin_id}/{path:path}", _serve, methods=_METHODS),
    ]


async def _list(_request: Request) -> Response:
    return json_response({"plugins": []})


async def _serve(request: Request) -> Response:
    plugin_id = request.path_params["plugin_id"]
    return json_error(404, f"No plugin with this pluginId: {plugin_id}")
