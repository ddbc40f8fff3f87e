"""The HTTP kit on real sockets: limits, error bodies, streams, shutdown."""

import asyncio
import gc
import io
import json
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from tests.support import eventually, free_port

from orchestrator.mesos import recordio
from orchestrator.runtime import http
from orchestrator.runtime.http import protocol

LIMITS = http.Limits(max_body_bytes=1000, body_timeout_s=0.2)
JSON_TYPE = [(b"content-type", b"application/json")]


class TeapotError(Exception):
    """An exception that the API has its own answer for."""


async def _echo(request: Request) -> Response:
    return http.json_response({"bytes": len(await request.body())})


async def _fail(request: Request) -> Response:
    raise LookupError("a secret detail")


async def _refuse(request: Request) -> Response:
    raise HTTPException(404, "App '/x' does not exist", {"X-Reason": "unknown"})


async def _teapot(request: Request) -> Response:
    raise TeapotError("short and stout")


async def _break_off(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": JSON_TYPE})
    await send({"type": "http.response.body", "body": b"[1", "more_body": True})
    raise LookupError("half way")


async def _hot_echo(scope: Scope, receive: Receive, send: Send) -> None:
    response = http.json_response({"hot": len(await http.read_body(receive))})
    await response(scope, receive, send)


async def _websocket_echo(websocket: WebSocket) -> None:
    await websocket.accept()
    text = await websocket.receive_text()
    if text == "fail":
        raise LookupError("a bug")
    await websocket.send_text(text)
    await websocket.close()


def _app(error_response: http.application.ErrorResponse = http.json_error) -> http.Application:
    return http.Application(
        [
            Route("/echo", _echo, methods=["POST"]),
            Route("/fail", _fail),
            Route("/refuse", _refuse),
            Route("/teapot", _teapot),
            WebSocketRoute("/ws", _websocket_echo),
        ],
        error_response=error_response,
        hot={"/hot": _hot_echo, "/broken": _break_off},
        handlers={TeapotError: lambda error: http.json_response({"pot": str(error)}, 418)},
        limits=LIMITS,
    )


@pytest.fixture
async def server() -> AsyncIterator[http.Server]:
    async with http.serve(_app(), "127.0.0.1", 0) as server:
        yield server


@pytest.fixture
async def client(server: http.Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


class Raw(NamedTuple):
    """A connection whose bytes the test writes itself."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@asynccontextmanager
async def _raw(server: http.Server) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_answers_routes_and_hot_endpoints(client: aiohttp.ClientSession) -> None:
    async with client.post("/echo", data=b"1234") as response:
        assert await response.json() == {"bytes": 4}
    async with client.post("/hot", data=b"123") as response:
        assert await response.json() == {"hot": 3}


async def test_an_unhandled_exception_is_a_500_without_details(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with client.get("/fail") as response:
        assert response.status == 500
        assert "secret" not in await response.text()
    assert "a secret detail" in caplog.text


async def test_a_refusal_has_its_status_sentence_and_headers(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get("/refuse") as response:
        assert (response.status, response.headers["X-Reason"]) == (404, "unknown")
        assert await response.json() == {"message": "App '/x' does not exist"}


async def test_the_api_answers_its_own_exceptions(client: aiohttp.ClientSession) -> None:
    async with client.get("/teapot") as response:
        assert (response.status, await response.json()) == (418, {"pot": "short and stout"})


async def test_unknown_paths_and_methods_have_the_form_of_the_api(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get("/nothing") as response:
        assert (response.status, await response.json()) == (404, {"message": "Not Found"})
    async with client.get("/echo") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert await response.json() == {"message": "Method Not Allowed"}


async def test_another_api_answers_in_plain_text() -> None:
    async with (
        http.serve(_app(http.plain_error), "127.0.0.1", 0) as server,
        aiohttp.ClientSession(server.url) as client,
        client.get("/refuse") as response,
    ):
        assert await response.text() == "App '/x' does not exist"
        assert response.content_type == "text/plain"


async def test_a_body_announced_too_large_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("/echo", data=io.BytesIO(b"x" * 10_000_000)) as response:
        assert response.status == 413
        assert "over the limit of 1000 bytes" in (await response.json())["message"]


async def test_a_chunked_body_that_grows_too_large_is_refused(
    client: aiohttp.ClientSession,
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    for path in ("/echo", "/hot"):
        async with client.post(path, data=chunks()) as response:
            assert response.status == 413


async def test_a_client_that_asks_before_sending_is_refused_at_once(server: http.Server) -> None:
    async with _raw(server) as (reader, writer):
        writer.write(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert b" 413 " in await reader.readline()


async def test_a_body_that_does_not_arrive_is_a_408(server: http.Server) -> None:
    async with _raw(server) as (reader, writer):
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        answer = await asyncio.wait_for(reader.read(), 60)
        assert b" 408 " in answer
        assert b"did not arrive within 0.2 s" in answer


async def test_headers_without_end_are_refused(server: http.Server) -> None:
    async with _raw(server) as (reader, writer):
        writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"x" * 70_000 + b"\r\n")
        assert b" 431 " in await reader.readline()


async def test_headers_that_do_not_arrive_end_the_connection(
    server: http.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_TIMEOUT_S", 0.1)
    async with _raw(server) as (reader, writer):
        writer.write(b"GET /echo HT")
        assert await asyncio.wait_for(reader.read(), 60) == b""


async def test_a_connection_that_is_reset_is_forgotten(server: http.Server) -> None:
    async with _raw(server) as (reader, writer):
        writer.write(b"GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"does not exist")
        assert _connections()
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()
        await eventually(lambda: not _connections(), 10, 0.1)


def _connections() -> int:
    gc.collect()
    return sum(isinstance(one, protocol.BoundedHttpProtocol) for one in gc.get_objects())


async def test_what_is_no_http_is_a_400(server: http.Server) -> None:
    async with _raw(server) as (reader, writer):
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert b" 400 " in await reader.readline()


async def test_a_response_that_fails_half_way_is_cut(client: aiohttp.ClientSession) -> None:
    async with client.get("/broken") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_websockets_are_served(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/ws") as websocket:
        await websocket.send_str("hello")
        assert await websocket.receive_str() == "hello"


async def test_a_websocket_that_fails_is_closed_with_1011(client: aiohttp.ClientSession) -> None:
    async with client.ws_connect("/ws") as websocket:
        await websocket.send_str("fail")
        await websocket.receive()
        assert websocket.close_code == 1011


async def test_a_port_in_use_is_a_sentence(server: http.Server) -> None:
    with pytest.raises(http.PortInUseError, match=r"choose another with --master-port"):
        async with http.serve(_app(), "127.0.0.1", server.port, flag="--master-port"):
            pass
    with pytest.raises(http.PortInUseError):
        http.check_port("127.0.0.1", server.port)


async def test_a_foreign_address_is_a_sentence() -> None:
    with pytest.raises(http.ListenError, match="cannot listen on port 0"):
        http.check_port("192.0.2.1", 0)


async def test_the_port_is_free_after_the_context() -> None:
    port = free_port()  # not the system's choice: it may give that to somebody else meanwhile
    async with http.serve(_app(), "127.0.0.1", port):
        pass
    http.check_port("127.0.0.1", port)


def test_urls_name_an_address_that_can_be_reached() -> None:
    assert http.Server("0.0.0.0", 80).url == "http://127.0.0.1:80"
    assert http.Server("::1", 80).url == "http://[::1]:80"


@asynccontextmanager
async def _streaming(stream: http.Stream) -> AsyncIterator[http.Server]:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await stream.respond(scope, receive, send, JSON_TYPE)

    async with http.serve(http.Application([], hot={"/": answer}), "127.0.0.1", 0) as server:
        yield server


async def test_a_stream_carries_events_as_records_in_order() -> None:
    stream = http.recordio_stream()
    stream.send(b"0")
    async with (
        _streaming(stream) as server,
        aiohttp.ClientSession(server.url) as client,
        client.get("/") as response,
    ):
        assert response.headers["Transfer-Encoding"] == "chunked"
        for n in range(1, 100):
            stream.send(b"%d" % n)
        stream.close()
        records = recordio.Reader().feed(await response.read())
        assert records == [b"%d" % n for n in range(100)]


async def test_a_reader_that_is_too_slow_is_cut_off() -> None:
    stream = http.Stream(max_queued_bytes=1_000_000)
    async with _streaming(stream) as server, _raw(server) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a read transport
        await eventually(lambda: not stream.send(b"x" * 500_000))
        assert stream.is_closed
        assert stream.send(b"more") is False


async def test_a_stream_notices_that_its_client_left() -> None:
    stream = http.recordio_stream()
    async with _streaming(stream) as server:
        async with aiohttp.ClientSession(server.url) as client, client.get("/") as response:
            stream.send(b"1")
            await response.content.readany()
        await eventually(lambda: stream.is_closed)


async def test_open_streams_end_in_order_when_the_server_stops() -> None:
    stream = http.Stream()
    async with aiohttp.ClientSession() as client:
        async with _streaming(stream) as server:
            response = await client.get(server.url)
            stream.send(json.dumps("last").encode())
            began = time.monotonic()
        assert await response.text() == '"last"'  # a proper end, not a cut
        assert time.monotonic() - began < 2


async def test_a_request_that_never_ends_does_not_hold_up_the_shutdown() -> None:
    began = asyncio.Event()

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        await asyncio.Event().wait()

    app = http.Application([], hot={"/": hang})
    with socket.socket() as client:
        async with http.serve(app, "127.0.0.1", 0, grace_s=1) as server:
            client.connect((server.host, server.port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await began.wait()
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 3
