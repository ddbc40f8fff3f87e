"""The probe's HTTP client: answers that end too early."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from orchestrator.monitoring.probe.http.client import Answer, Client, Origin
from orchestrator.monitoring.probe.http.exchange import HttpError

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = b"4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"


async def _answer(body: bytes) -> Answer:
    """Of a server that says so much and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + body)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        with closing(Client(Origin(host, port))) as client:
            return await client.request("GET", "/")


async def test_an_answer_in_chunks_is_put_together() -> None:
    assert (await _answer(CHUNKED)).body == b"one\ntwo\n"


@pytest.mark.parametrize("length", range(CHUNKED.index(b"0\r\n") + 2))
async def test_an_answer_that_ends_before_its_last_chunk_is_cut_off(length: int) -> None:
    with pytest.raises(HttpError, match="the answer is cut off"):
        await _answer(CHUNKED[:length])
