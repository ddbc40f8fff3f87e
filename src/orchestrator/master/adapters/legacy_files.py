"""/files, /logging/toggle and /help: what Mesos' own web page and command line use of them.

Source: src/files/files.cpp and 3rdparty/libprocess/src/logging.cpp of Mesos 1.11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.master.adapters.pages import Handler, with_callback
from orchestrator.master.adapters.service import Service
from orchestrator.master.adapters.v1_files import shown_mode
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.v1_commands import duration
from orchestrator.mesos.operator import FileInfo
from orchestrator.runtime.http import plain_error

_HELP = """Endpoints: POST /api/v1 (operators), POST /api/v1/scheduler (frameworks), and by GET
/state /state-summary /slaves /frameworks /tasks /roles /weights /quota /flags /version /health
/maintenance/schedule /maintenance/status /metrics /metrics/snapshot /files/browse /files/read
/files/download /files/debug /logging/toggle /redirect
"""


def legacy_files(service: Service) -> list[Route]:
    """The routes."""
    pages: dict[str, Callable[[Service, Request], Awaitable[Response]]] = {
        "/files/browse": _browse,
        "/files/read": _read,
        "/files/download": _download,
        "/files/debug": _debug,
        "/logging/toggle": _toggle,
    }
    routes = [
        Route(path + suffix, _refusing(service, page))
        for path, page in pages.items()
        for suffix in ("", ".json")
    ]
    return [*routes, Route("/help", _help)]


def _refusing(service: Service, page: Callable[[Service, Request], Awaitable[Response]]) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await page(service, request)
        except OperatorError as refusal:
            return plain_error(refusal.status, refusal.message)

    return answer


def _path(request: Request) -> str:
    path = request.query_params.get("path")
    if not path:
        raise OperatorError(400, "Expecting 'path=value' in query")
    return path


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise OperatorError(400, f"Failed to parse {name}: '{text[:40]}'") from None


async def _browse(service: Service, request: Request) -> Response:
    infos = await asyncio.to_thread(service.files.browse, _path(request))
    return with_callback(request, [_entry(info) for info in infos])


def _entry(info: FileInfo) -> dict[str, object]:
    return {
        "path": info.path,
        "nlink": info.nlink,
        "size": info.size,
        "mtime": info.mtime.nanoseconds // 10**9 if info.mtime else 0,
        "mode": shown_mode(info.mode or 0),
        "uid": info.uid,
        "gid": info.gid,
    }


async def _read(service: Service, request: Request) -> Response:
    path, offset = _path(request), _number(request, "offset", -1)
    length = _number(request, "length", -1)
    if offset < -1 or length < -1:
        raise OperatorError(400, "Negative offset or length provided")
    size, data = await asyncio.to_thread(
        service.files.read, path, offset, None if length == -1 else length
    )
    if offset == -1:  # asks how large it is, to follow its end from there
        return with_callback(request, {"offset": size, "data": ""})
    return with_callback(request, {"offset": offset, "data": data.decode(errors="replace")})


async def _download(service: Service, request: Request) -> Response:
    found = service.files.resolve(_path(request))
    if found.is_dir():
        raise OperatorError(400, "Cannot download a directory")
    if not found.exists():
        raise OperatorError(404, f"'{_path(request)}' is not found")
    return FileResponse(found, filename=found.name)


async def _debug(service: Service, request: Request) -> Response:
    shown = {name: str(path) for name, path in service.files.attached.items()}
    return with_callback(request, shown)


async def _toggle(service: Service, request: Request) -> Response:
    query = request.query_params
    if "level" not in query and "duration" not in query:
        return PlainTextResponse(f"{service.verbosity.level}\n")
    for name in ("level", "duration"):
        if name not in query:
            raise OperatorError(400, f"Expecting '{name}=value' in query.\n")
    wanted = duration(query["duration"])
    assert wanted is not None
    service.verbosity.raise_to(_number(request, "level", 0), wanted.nanoseconds / 1e9)
    return Response()


async def _help(_: Request) -> Response:
    return PlainTextResponse(_HELP)
