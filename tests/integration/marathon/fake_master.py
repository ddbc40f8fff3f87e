"""A Mesos master over HTTP for tests, written from the public contract of the v1 scheduler API.

What it does with calls is the in-memory master of the unit tests; this adds the stream, the status
codes and the trouble: it can redirect, cut the stream, refuse, or fall silent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from tests.unit.marathon.cluster import FakeMaster

from orchestrator.mesos import media, recordio
from orchestrator.mesos.media import Media
from orchestrator.mesos.scheduler import Call, CallType, Event, EventType, Subscribed
from orchestrator.mesos.types import FrameworkID

STREAM_ID = "the-stream"


class HttpMaster:
    """One framework, as many agents as the in-memory master has; works by itself."""

    def __init__(self, heartbeat_s: float = 15.0) -> None:
        self.mesos = FakeMaster()
        self.url = ""
        self.redirect_to: str | None = None
        self.is_refusing = False
        self.refuses_next: CallType | None = None
        self.redirects = 0
        self.forms: set[str] = set()
        self.problems: list[str] = []
        self.subscriptions: list[Call] = []
        self.authorizations: list[str | None] = []
        self._heartbeat_s = heartbeat_s
        self._events: asyncio.Queue[Event | bytes | None] = asyncio.Queue()
        self._has_work = asyncio.Event()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpMaster]:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/api/v1/scheduler", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"{'https' if tls else 'http'}://{host}:{port}"
        worker = asyncio.create_task(self._work())
        try:
            yield self
        finally:
            worker.cancel()
            self.cut()
            await runner.cleanup()

    def tell(self, event: Event) -> None:
        """Send an event, and whatever follows from it."""
        self._events.put_nowait(event)
        self._has_work.set()

    def say(self, record: bytes) -> None:
        """Send bytes that need be no event."""
        self._events.put_nowait(record)

    def cut(self) -> None:
        """End the stream without a word."""
        self._events.put_nowait(None)

    async def _work(self) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while self.mesos.events:
                self._events.put_nowait(self.mesos.events.pop(0))
            agents = [subject for kind, subject in self.mesos.choices() if kind == "offer"]
            if agents and self.subscriptions:
                self.mesos.refused_agents |= set(agents)
                self._events.put_nowait(self.mesos.offer(*agents))
            for kind, subject in self.mesos.choices():
                if kind == "report":
                    self._events.put_nowait(self.mesos.report(subject))
                    self._has_work.set()
            await asyncio.sleep(0)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.redirect_to is not None:
            self.redirects += 1
            location = self.redirect_to
            if location.startswith("http"):
                location = f"//{location.removeprefix('http://')}{request.path}"
            return web.Response(status=307, headers={"Location": location})
        if self.is_refusing:
            return web.Response(status=503, text="No leader elected")
        form = media.of_content(request.headers["Content-Type"])
        assert form is not None, "of no known form"
        self.forms.add(form.type)
        call = media.decode(form, Call, await request.read())
        if (problem := call.problem()) is not None:
            self.problems.append(problem)
            return web.Response(status=400, text=problem)
        if call.type is CallType.SUBSCRIBE:
            return await self._subscribe(request, call, form)
        if request.headers.get("Mesos-Stream-Id") != STREAM_ID:
            self.problems.append(f"{call.type} with a wrong stream id")
            return web.Response(status=400)
        if call.type is self.refuses_next:
            self.refuses_next = None
            return web.Response(status=503, text="leader lost")
        self.mesos.receive(call)
        self._has_work.set()
        return web.Response(status=202)

    async def _subscribe(self, request: web.Request, call: Call, form: Media) -> web.StreamResponse:
        self._events = asyncio.Queue()
        self.subscriptions.append(call)
        self.authorizations.append(request.headers.get("Authorization"))
        self.mesos.refused_agents.clear()
        self.mesos.is_suppressed = False
        headers = {"Content-Type": form.type, "Mesos-Stream-Id": STREAM_ID}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        known = call.framework_id or FrameworkID(value="framework")
        subscribed = Subscribed(framework_id=known, heartbeat_interval_seconds=self._heartbeat_s)
        self.tell(Event(type=EventType.SUBSCRIBED, subscribed=subscribed))
        events = self._events
        while (event := await events.get()) is not None:
            record = event if isinstance(event, bytes) else form.encode(event)
            await response.write(recordio.encode(record))
        if request.transport:
            request.transport.close()
        return response
