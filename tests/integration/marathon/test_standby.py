"""A standby without the rest of its Marathon: who leads is said by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from starlette.responses import PlainTextResponse
from tests.support import eventually
from tests.support.ports import free_port
from yarl import URL

from orchestrator.marathon.adapters.proxy import Proxy, ProxyLimits
from orchestrator.marathon.adapters.standby import Standby
from orchestrator.mesos.types import Address, MasterInfo
from orchestrator.runtime.clock import ManualClock
from orchestrator.runtime.http import Term, serve

OWN = "me:8080"


class Fake:
    """A standby that serves, and a client of it."""

    def __init__(self, standby: Standby, http: aiohttp.ClientSession, url: str) -> None:
        self.standby = standby
        self.url = url
        self.http = http

    def follow(self, port: int) -> None:
        self.standby.leader = MasterInfo(
            id="x", ip=0, port=port, address=Address(ip="127.0.0.1", port=port)
        )


@asynccontextmanager
async def standing_by(
    limits: ProxyLimits | None = None, patience_s: float = 0.0
) -> AsyncIterator[Fake]:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(OWN, limits or ProxyLimits()))
        standby = Standby(proxy, ManualClock(), patience_s)
        server = await stack.enter_async_context(serve(standby, "127.0.0.1", 0, grace_s=1))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(server.url, auto_decompress=False)
        )
        yield Fake(standby, http, server.url)


@asynccontextmanager
async def leading(*routes: web.RouteDef) -> AsyncIterator[int]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_without_a_leader_the_answer_is_503_with_a_reason() -> None:
    async with standing_by() as fake, fake.http.get("/v2/apps") as answer:
        assert answer.status == 503
        assert await answer.json() == {"message": "Could not determine the current leader"}
        assert "Retry-After" in answer.headers


async def test_a_request_during_an_election_waits_for_the_term() -> None:
    async with standing_by(patience_s=60.0) as fake:
        asking = asyncio.create_task(fake.http.get("/v2/apps"))
        await asyncio.sleep(0)
        fake.standby.begin(Term(PlainTextResponse("the term")))
        assert await (await asking).text() == "the term"


async def test_a_leader_that_is_gone_is_502() -> None:
    async with standing_by() as fake:
        fake.follow(free_port())
        async with fake.http.get("/v2/apps") as answer:
            assert answer.status == 502
            assert await answer.json() == {"message": "Connection to leader refused."}


async def test_a_leader_that_says_nothing_is_504() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with (
        leading(web.get("/v2/apps", silent)) as port,
        standing_by(ProxyLimits(read_s=0.1)) as fake,
    ):
        fake.follow(port)
        async with fake.http.get("/v2/apps") as answer:
            assert answer.status == 504


async def test_a_leader_that_hangs_up_is_502() -> None:
    async def rude(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.abort()
        return web.Response()

    async with leading(web.post("/v2/apps", rude)) as port, standing_by() as fake:
        fake.follow(port)
        async with fake.http.post("/v2/apps", data=b"{}") as answer:
            assert answer.status == 502


async def test_only_so_many_requests_are_on_their_way() -> None:
    arrived, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        arrived.set()
        await may_end.wait()
        return web.Response()

    async with (
        leading(web.get("/v2/apps", slow)) as port,
        standing_by(ProxyLimits(max_requests=1)) as fake,
    ):
        fake.follow(port)
        first = asyncio.create_task(fake.http.get("/v2/apps"))
        await arrived.wait()
        async with fake.http.get("/v2/apps") as answer:
            assert answer.status == 503
        may_end.set()
        assert (await first).status == 200
        async with fake.http.get("/v2/apps") as answer:
            assert answer.status == 200


async def test_everything_of_a_request_arrives_and_everything_of_its_answer() -> None:
    heard: list[tuple[str, str, bytes]] = []
    headers: dict[str, str] = {}

    async def echo(request: web.Request) -> web.Response:
        heard.append((request.method, request.raw_path, await request.read()))
        headers.update(request.headers)
        return web.Response(status=418, body=b"raw", headers={"Content-Encoding": "gzip"})

    path = "/v2/apps//a%2Fb?embed=apps.tasks&embed=x&label=a%3D%3Db"
    async with leading(web.put("/{path:.*}", echo)) as port, standing_by() as fake:
        fake.follow(port)
        sent = {
            "Authorization": "Basic x", "X-Forwarded-For": "1.2.3.4", "Content-Type": "text/odd",
            "Accept": "text/plain",
        }  # fmt: skip
        url = URL(fake.url + path, encoded=True)
        async with fake.http.put(url, data=b"body", headers=sent) as answer:
            assert answer.status == 418
            assert await answer.read() == b"raw"
            assert answer.headers["X-Marathon-Via"] == f"1.1 {OWN}"
    assert heard == [("PUT", path, b"body")]
    for name in ("Authorization", "Content-Type", "Accept"):
        assert headers[name] == sent[name]
    assert headers["X-Forwarded-For"] == "1.2.3.4,127.0.0.1"
    assert headers["X-Marathon-Via"] == f"1.1 {OWN}"


async def test_an_answer_passes_through_as_it_comes() -> None:
    may_go_on = asyncio.Event()

    async def in_parts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await may_go_on.wait()
        await response.write(b"second")
        return response

    async with leading(web.get("/", in_parts)) as port, standing_by() as fake:
        fake.follow(port)
        async with fake.http.get("/") as answer:
            assert await answer.content.readexactly(5) == b"first"
            may_go_on.set()
            assert await answer.content.read() == b"second"


async def test_a_body_passes_through_as_it_comes() -> None:
    heard = bytearray()
    may_go_on = asyncio.Event()

    async def listen(request: web.Request) -> web.Response:
        async for chunk in request.content.iter_any():
            heard.extend(chunk)
        return web.Response()

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await may_go_on.wait()
        yield b"second"

    async with leading(web.post("/", listen)) as port, standing_by() as fake:
        fake.follow(port)
        asking = asyncio.create_task(fake.http.post("/", data=parts()))
        await eventually(lambda: heard == b"first")
        may_go_on.set()
        assert (await asking).status == 200
    assert heard == b"firstsecond"


async def test_a_client_that_goes_away_in_its_body_is_not_the_leaders_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def listen(request: web.Request) -> web.Response:
        began.set()
        try:
            await request.read()
        finally:
            ended.set()
        return web.Response()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async with leading(web.post("/", listen)) as port, standing_by() as fake:
        fake.follow(port)
        asking = asyncio.create_task(fake.http.post("/", data=endless()))
        await began.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(ended.wait(), 60)
    assert "the leader" not in caplog.text
    assert "failed" not in caplog.text
