"""The routes of the agent's API.

As libprocess does, each of the agent's endpoints answers below ``/slave(1)`` too, and every one
wraps its JSON in the function that ``?jsonp=`` names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from orchestrator import __version__
from orchestrator.agent.adapters.api import files, gauges, state, usage
from orchestrator.agent.adapters.api.files import FilesError
from orchestrator.agent.adapters.api.v1_files import SandboxFiles
from orchestrator.agent.adapters.threads import to_the_end
from orchestrator.agent.core.agent import Agent
from orchestrator.mesos import older_api
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.http import json_response

_PIECE_BYTES = 256 * 1024
_JSONP = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.]{0,127}")
Handler = Callable[[Request], Awaitable[object]]


class AgentApi:
    """Answers from what the core knows, and from the sandboxes."""

    def __init__(
        self,
        agent: Agent,
        work_dir: Path,
        flags: Mapping[str, str],
        clock: Clock,
        source: usage.Source,
        more_figures: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self.flags = flags
        self.sandbox_files = SandboxFiles(work_dir)
        self._agent = agent
        self._work_dir = work_dir
        self._clock = clock
        self._more_figures = more_figures
        self._started_at = clock.now()
        self._source = source

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        own = {
            "/state": self._state,
            "/flags": self._show_flags,
            "/health": self._health,
            "/containers": self._containers,
            "/monitor/statistics": self._statistics,
        }
        others = {
            "/version": self._version,
            "/metrics/snapshot": self._snapshot,
            "/files/browse": self._browse,
            "/files/read": self._read,
            "/files/debug": self._attached,
        }
        paths = own | others | {f"/slave(1){path}": handler for path, handler in own.items()}
        routes: list[BaseRoute] = [
            Route(path, _answering(handler), methods=["GET"]) for path, handler in paths.items()
        ]
        return [*routes, Route("/files/download", self._download, methods=["GET"])]

    async def _health(self, _: Request) -> object:
        return None

    async def _version(self, _: Request) -> object:
        return older_api.version(__version__)

    async def _state(self, _: Request) -> object:
        return state.state(self._agent, self._work_dir, self.flags, self._started_at)

    async def _show_flags(self, _: Request) -> object:
        return {"flags": self.flags}

    async def _snapshot(self, _: Request) -> object:
        return self.figures()

    def figures(self) -> dict[str, float]:
        """Mesos' metrics by name."""
        own = gauges.snapshot(self._agent, self._clock.now() - self._started_at)
        return {**own, **self._more_figures()}

    async def _statistics(self, _: Request) -> object:
        running = usage.consumers(self._agent)
        return await asyncio.to_thread(usage.statistics, running, self._source, self._clock.now())

    async def _containers(self, _: Request) -> object:
        return await self.containers()

    async def containers(self) -> list[older_api.Json]:
        """What runs and what it uses."""
        running = usage.consumers(self._agent)
        return await asyncio.to_thread(usage.containers, running, self._source, self._clock.now())

    async def _attached(self, _: Request) -> object:
        return await asyncio.to_thread(files.attached, self._work_dir)

    async def _browse(self, request: Request) -> object:
        return await asyncio.to_thread(
            files.browse, self._work_dir, request.query_params.get("path")
        )

    async def _read(self, request: Request) -> object:
        offset, length = _number(request, "offset"), _number(request, "length")
        path = request.query_params.get("path")
        start = -1 if offset is None else offset
        return await asyncio.to_thread(files.read, self._work_dir, path, start, length)

    async def _download(self, request: Request) -> Response:
        path = request.query_params.get("path")
        try:
            return await asyncio.to_thread(_download, self._work_dir, path)
        except FilesError as error:
            raise HTTPException(error.status, str(error)) from None


def _download(work_dir: Path, asked: str | None) -> Response:
    """All that the file holds now; what is written to it meanwhile is not waited for."""
    with contextlib.ExitStack() as stack:
        fd = os.dup(stack.enter_context(files.file_opened(work_dir, asked)))
    size, name = os.fstat(fd).st_size, quote(Path(str(asked)).name)
    headers = {
        "content-length": str(size),
        "content-disposition": f"attachment; filename*=utf-8''{name}",
    }
    return StreamingResponse(
        _pieces(fd, size), headers=headers, media_type="application/octet-stream"
    )


async def _pieces(fd: int, size: int) -> AsyncIterator[bytes]:
    offset = 0
    try:
        while offset < size:
            wanted = min(_PIECE_BYTES, size - offset)
            piece = await to_the_end(os.pread, fd, wanted, offset)
            if not piece:  # it was cut meanwhile: the connection ends short of what was promised
                return
            offset += len(piece)
            yield piece
    finally:
        os.close(fd)


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        callback = request.query_params.get("jsonp")
        if callback is not None and not _JSONP.fullmatch(callback):
            raise HTTPException(400, "'jsonp' is not the name of a function.\n")
        try:
            content = await handler(request)
        except FilesError as error:
            raise HTTPException(error.status, str(error)) from None
        if content is None:
            return Response()
        response = json_response(content)
        if callback is not None:
            wrapped = callback.encode() + b"(" + bytes(response.body) + b");"
            response = Response(wrapped, media_type="text/javascript")
        return response

    return answer


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else int(text)
    except ValueError:
        raise FilesError(400, f"Failed to parse {name}: '{text}' is not a number.\n") from None
