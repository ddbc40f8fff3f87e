"""A stand-in for an API server, over TLS: it lists what it is given and notes what it was asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from tests.support import free_port
from tests.support.certificates import Tls

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class KubernetesApi:
    """What it has and how it answers; ``url`` is where."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = "first-token"
        self.lists: dict[str, list[Any]] = {}
        """By path; a list in a namespace is a part of that of all."""
        self.answers: dict[str, Handler] = {}
        """By path, instead of a list."""
        self.asked: list[web.Request] = []
        self.expired = 0
        """So many next pages are refused as too old."""

    def paths(self) -> list[str]:
        """What was asked for, without questions for next pages."""
        return [one.path for one in self.asked if "continue" not in one.query]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """To anything."""
        self.asked.append(request)
        if request.headers.get("Authorization", "") != f"Bearer {self.token}":
            return failure(401, "Unauthorized")
        if request.path in self.answers:
            return await self.answers[request.path](request)
        return self._list(request)

    def _list(self, request: web.Request) -> web.Response:
        before, _, rest = request.path.partition("/namespaces/")
        namespace, _, name = rest.partition("/")
        objects = self.lists.get(f"{before}/{name}" if name else request.path, [])
        if name:
            objects = [one for one in objects if one["metadata"]["namespace"] == namespace]
        field, _, wanted = request.query.get("fieldSelector", "").partition("=")
        if field == "spec.nodeName":
            objects = [one for one in objects if one["spec"]["nodeName"] == wanted]
        if request.query.get("resourceVersion") == "0":  # from memory, where a limit is no matter
            return web.json_response({"items": objects, "metadata": {"resourceVersion": "7"}})
        begin, end = int(request.query.get("continue", 0)), int(request.query["limit"])
        if begin and self.expired:
            self.expired -= 1
            return failure(410, "The provided continue parameter is too old")
        end = begin + end
        metadata = {"continue": str(end)} if end < len(objects) else {}
        return web.json_response({"items": objects[begin:end], "metadata": metadata})


def documented() -> list[dict[str, Any]]:
    """The objects that the documents tell to make."""
    text = (Path(__file__).parents[3] / "docs/probe.md").read_text()
    return list(yaml.safe_load_all(text.partition("```yaml")[2].partition("```")[0]))


def failure(status: int, message: str) -> web.Response:
    """As Kubernetes says no."""
    return web.json_response({"kind": "Status", "message": message}, status=status)


def always(status: int, body: bytes, kind: str = "application/json") -> Handler:
    """Answers the same to everything."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type=kind)

    return answer


async def busy(request: web.Request) -> web.Response:
    """Has no room for what was asked."""
    response = web.Response(status=429, text="Too many requests, please try again later.\n")
    response.headers["Retry-After"] = "1"
    response.force_close()
    return response


async def never(request: web.Request) -> web.Response:
    """Hangs."""
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def kubernetes_api(tls: Tls | None) -> AsyncIterator[KubernetesApi]:
    """With a certificate, or without TLS."""
    port = free_port()
    api = KubernetesApi(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls.file("server-both.pem"))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield api
    finally:
        await runner.cleanup()
