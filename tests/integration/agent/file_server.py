"""A web server that behaves as badly as a fetcher has to expect."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class FileServer:
    """``hits`` counts requests by path; ``files`` are served below /files/."""

    def __init__(self) -> None:
        self.url = ""
        self.hits: Counter[str] = Counter()
        self.files: dict[str, bytes] = {"a.txt": b"hello"}
        self.released = asyncio.Event()  # what /gated/NAME waits for
        self.authorization: list[str | None] = []
        self.connected = 0  # endless answers under way

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        self.authorization.append(request.headers.get("Authorization"))
        kind, _, name = request.path.lstrip("/").partition("/")
        match kind:
            case "files" if name in self.files:
                return web.Response(body=self.files[name])
            case "gated":
                await self.released.wait()
                return web.Response(body=self.files[name])
            case "status":
                return web.Response(status=int(name), text="no")
            case "loop":
                raise web.HTTPFound("/loop/x")
            case "to-file":
                raise web.HTTPFound("file:///etc/passwd")
            case "redirect":
                raise web.HTTPFound(f"/files/{name}")
            case "stalls" | "short" | "endless" | "huge":
                return await self._misbehave(request, kind)
        raise web.HTTPNotFound

    async def _misbehave(self, request: web.Request, kind: str) -> web.StreamResponse:
        response = web.StreamResponse()
        if kind in ("short", "huge"):
            response.content_length = 10**6 if kind == "short" else 10**12
        await response.prepare(request)
        await response.write(b"begun")
        self.connected += 1
        try:
            if kind == "stalls":
                await asyncio.sleep(3600)
            while kind == "endless":
                await response.write(b"x" * 65536)
                await asyncio.sleep(0.001)
        finally:
            self.connected -= 1
        assert request.transport is not None
        request.transport.close()
        return response


@asynccontextmanager
async def file_server() -> AsyncIterator[FileServer]:
    """Serve on a free port."""
    server, app = FileServer(), web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
