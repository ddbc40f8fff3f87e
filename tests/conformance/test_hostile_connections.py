"""Connections that are broken or mean: slow, idle, many, or speaking another protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
from tests.conformance.cluster import Server
from tests.conformance.conftest import FAST
from tests.conformance.hostile import run_one, unharmed
from tests.conformance.raw_framework import SCHEDULER
from tests.conformance.raw_http import JSON, get, read_head

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_MB = 2**20


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server("master", tmp_path_factory.mktemp("hostile-connections"), *FAST)
    server.wait_until_healthy()
    yield server
    server.stop()


@asynccontextmanager
async def connections(master: Server, count: int) -> AsyncIterator[list[Connection]]:
    opened: list[Connection] = []
    try:
        for _ in range(count):
            opened += [await asyncio.open_connection("127.0.0.1", master.port)]
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


def head(body_bytes: int) -> bytes:
    return (
        f"POST {SCHEDULER} HTTP/1.1\r\nHost: h\r\nContent-Type: {JSON}\r\n"
        f"Content-Length: {body_bytes}\r\n\r\n"
    ).encode()


async def test_a_thousand_idle_connections_are_no_burden(master: Server) -> None:
    async with unharmed(master, grown_mb=40) as bystander, connections(master, 1000) as idle:
        for reader, writer in idle[::2]:  # the others never say anything
            writer.write(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await read_head(reader))[0] == 200
        await run_one(bystander)


async def test_bodies_that_trickle_in_hold_nobody_up(master: Server) -> None:
    async with unharmed(master, grown_mb=40) as bystander, connections(master, 300) as slow:
        for _, writer in slow:
            writer.write(head(_MB) + b'{"type"')
        for _ in range(5):
            for _, writer in slow:
                writer.write(b" ")
            await run_one(bystander)


async def test_headers_that_trickle_in_hold_nobody_up(master: Server) -> None:
    async with unharmed(master, grown_mb=60) as bystander, connections(master, 300) as slow:
        for _, writer in slow:
            writer.write(b"GET /health HTTP/1.1\r\nHost: h\r\n")
        for number in range(5):
            for _, writer in slow:
                writer.write(f"X-{number}: {'x' * 1000}\r\n".encode())
            await run_one(bystander)


async def test_half_bodies_fill_a_budget_and_not_the_memory(master: Server) -> None:
    async with unharmed(master, grown_mb=330, peak_mb=400) as bystander:
        async with connections(master, 60) as slow:  # 420 MiB; the budget is 256
            answers = await asyncio.gather(*(_send_most(*connection) for connection in slow))
            assert 10 < answers.count(503) < 40
            assert set(answers) == {503, None}
            await run_one(bystander)
        answer = await get(master.port, "/version")
        assert answer.status == 200


async def _send_most(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int | None:
    """Send 7 of 8 MB; the status of an answer that comes before the end, if one does."""
    writer.write(head(8 * _MB))
    with suppress(ConnectionError):  # answered and closed in the middle of it
        for _ in range(7):
            writer.write(b" " * _MB)
            await writer.drain()
    try:
        async with asyncio.timeout(10):  # well before the server gives the body up
            return (await read_head(reader))[0]
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        return None if isinstance(error, TimeoutError) else 503


async def test_other_protocols_are_told_so(master: Server) -> None:
    hello = bytes.fromhex("16030100c8010000c40303") + b"\0" * 190
    http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    async with unharmed(master), connections(master, 4) as opened:
        junk = [hello, http2, b"\0" * 1000, b"5\n{}\n" * 100]
        for (reader, writer), data in zip(opened, junk, strict=True):
            writer.write(data)
            assert (await reader.read()).startswith(b"HTTP/1.1 400")


async def test_junk_behind_pipelined_calls_ends_its_own_connection_only(master: Server) -> None:
    call = b'{"type":"NOVEL"}'
    async with unharmed(master), connections(master, 1) as [(reader, writer)]:
        writer.write((head(len(call)) + call) * 500)
        for _ in range(500):
            status, headers = await read_head(reader)
            assert status == 400
            await reader.readexactly(int(headers["content-length"]))
        writer.write(b"\0\xff junk\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
