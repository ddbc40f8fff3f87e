"""Tries of tasks against real servers, good and bad."""

from __future__ import annotations

import asyncio
import resource
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.marathon import servers
from tests.integration.marathon.servers import saying, status, task_server
from tests.support import eventually, free_port

from orchestrator.marathon.adapters.probing.bodies import MAX_BODY_BYTES
from orchestrator.marathon.adapters.probing.prober import Prober
from orchestrator.marathon.adapters.probing.tries import Tries
from orchestrator.marathon.core.health.probes import (
    Connected,
    HttpAnswer,
    HttpRequest,
    NoAnswer,
    NotTried,
    Probe,
    Probed,
    ProbeKey,
    Purpose,
    TcpRequest,
)

LOCAL = "127.0.0.1"
LONG_S, SHORT_S = 60.0, 0.05


@pytest.fixture
async def tries() -> AsyncIterator[Tries]:
    tries = Tries()
    yield tries
    await tries.close()


@pytest.mark.parametrize("code", [200, 204, 302, 404, 503])
async def test_the_status_is_what_was_answered(tries: Tries, code: int) -> None:
    async with task_server(saying(status(code, "Location: http://127.0.0.1:1/"))) as server:
        answer = await tries.make(HttpRequest(LOCAL, server.port), LONG_S)
        assert answer == HttpAnswer(code)
        assert len(server.heads) == 1, "a redirection is an answer, and is not followed"


async def test_a_request_is_one_that_a_server_understands(tries: Tries) -> None:
    async with task_server(saying(status(200))) as server:
        path = "/a b?c=d&é=\r\nX: y"
        await tries.make(HttpRequest(LOCAL, server.port, path), LONG_S)
        line, *headers = server.heads[0].decode().split("\r\n")
        assert line == "GET /a%20b?c=d&%C3%A9=%0D%0AX:%20y HTTP/1.1"
        assert f"Host: {LOCAL}:{server.port}" in headers
        assert "Connection: close" in headers


async def test_a_name_is_looked_up(tries: Tries) -> None:
    async with task_server(saying(status(200))) as server:
        request = HttpRequest("localhost", server.port)
        assert await tries.make(request, LONG_S) == HttpAnswer(200)
        assert await tries.make(request, LONG_S) == HttpAnswer(200)


async def test_a_name_that_nobody_knows_is_a_failure_or_no_try_at_all(tries: Tries) -> None:
    answer = await tries.make(HttpRequest("no-such-host.invalid", 80), LONG_S)
    assert isinstance(answer, NoAnswer | NotTried)  # which, depends on the machine's resolver
    assert "name" in answer.cause


async def test_ipv6_is_spoken(tries: Tries) -> None:
    async with task_server(saying(status(200)), "::1") as server:
        assert await tries.make(HttpRequest("::1", server.port), LONG_S) == HttpAnswer(200)
        found = await tries.make(TcpRequest("localhost", server.port, is_ipv6=True), LONG_S)
        assert isinstance(found, Connected | NoAnswer)  # if localhost has such an address here


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not here")
async def test_https_doubts_no_certificate(tries: Tries, tmp_path: Path) -> None:
    tls = servers.self_signed(tmp_path)
    async with task_server(saying(status(200)), tls=tls) as server:
        request = HttpRequest(LOCAL, server.port, is_secure=True)
        assert await tries.make(request, LONG_S) == HttpAnswer(200)
        request = HttpRequest(LOCAL, server.port, is_secure=True, wants_body=True)
        assert await tries.make(request, LONG_S) == HttpAnswer(200, "", "ok")


async def test_https_to_what_speaks_http_is_a_failure(tries: Tries) -> None:
    async with task_server(saying(status(200))) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port, is_secure=True), 2.0)
        assert isinstance(found, NoAnswer)


@pytest.mark.parametrize("is_tcp", [True, False])
async def test_a_port_that_nobody_listens_on_refuses(tries: Tries, is_tcp: bool) -> None:
    request = (TcpRequest if is_tcp else HttpRequest)(LOCAL, free_port())
    assert await tries.make(request, LONG_S) == NoAnswer("Connection refused")


async def test_tcp_only_connects(tries: Tries) -> None:
    async with task_server(servers.silent) as server:
        assert await tries.make(TcpRequest(LOCAL, server.port), LONG_S) == Connected()
        await eventually(lambda: not server.connections)
        assert server.heads == []


async def test_a_server_that_never_answers_is_given_up_in_time(tries: Tries) -> None:
    async with task_server(servers.silent) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port), SHORT_S)
        assert found == NoAnswer("no answer within 0.05 s")


async def test_a_server_that_hangs_up_has_not_answered(tries: Tries) -> None:
    async with task_server(servers.dropping) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port), LONG_S)
        assert found == NoAnswer("the connection was closed without an answer")


async def test_an_answer_a_byte_at_a_time_is_an_answer(tries: Tries) -> None:
    async with task_server(servers.in_pieces) as server:
        assert await tries.make(HttpRequest(LOCAL, server.port), LONG_S) == HttpAnswer(204)


async def test_headers_without_end_are_not_waited_for(tries: Tries) -> None:
    async with task_server(servers.endless_headers) as server:
        assert await tries.make(HttpRequest(LOCAL, server.port), LONG_S) == HttpAnswer(200)


@pytest.mark.parametrize("talk", [servers.endless_line, saying(b"SSH-2.0-OpenSSH\r\n")])
async def test_what_is_not_http_is_told_so(tries: Tries, talk: servers.Talk) -> None:
    async with task_server(talk) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port), LONG_S)
        assert found == NoAnswer("the answer is not HTTP")


async def test_interim_answers_are_passed_over(tries: Tries) -> None:
    interims = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
    async with task_server(saying(interims + status(503))) as server:
        assert await tries.make(HttpRequest(LOCAL, server.port), LONG_S) == HttpAnswer(503)


async def test_an_interim_answer_counts_if_nothing_follows(tries: Tries) -> None:
    async with task_server(saying(b"HTTP/1.1 103 Early Hints\r\n\r\n")) as server:
        assert await tries.make(HttpRequest(LOCAL, server.port), LONG_S) == HttpAnswer(103)


async def test_interim_answers_without_end_are_given_up(tries: Tries) -> None:
    async with task_server(servers.endless_interims) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port), LONG_S)
        assert found == NoAnswer("no status within 65536 bytes")


async def test_a_body_is_given_with_its_type_where_it_is_wanted(tries: Tries) -> None:
    answer = status(503, "Content-Type: text/plain; charset=utf-8", body="warming up")
    async with task_server(saying(answer)) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port, wants_body=True), LONG_S)
        assert found == HttpAnswer(503, "text/plain", "warming up")


async def test_of_a_body_without_end_the_beginning_is_given(tries: Tries) -> None:
    async with task_server(servers.endless_body) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port, wants_body=True), LONG_S)
        assert found == HttpAnswer(200, "text/plain", "y" * MAX_BODY_BYTES)


@pytest.mark.parametrize("talk", [servers.silent, servers.dropping, saying(b"\0\r\n\r\n")])
async def test_a_body_that_does_not_come_is_a_failure(tries: Tries, talk: servers.Talk) -> None:
    async with task_server(talk) as server:
        found = await tries.make(HttpRequest(LOCAL, server.port, wants_body=True), SHORT_S)
        assert isinstance(found, NoAnswer)
        assert found.cause


async def test_running_out_of_files_says_nothing_about_the_task(tries: Tries) -> None:
    async with task_server(saying(status(200))) as server:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as lowest_free:
            limit = lowest_free.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            found = await tries.make(HttpRequest(LOCAL, server.port), LONG_S)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert found == NotTried("Too many open files")


def probe(port: int, index: int, timeout_s: float = LONG_S) -> Probe:
    key = ProbeKey(Purpose.HEALTH, "task", index)
    return Probe(key, HttpRequest(LOCAL, port), timeout_s)


async def test_every_probe_is_answered_once() -> None:
    told: list[Probed] = []
    async with task_server(saying(status(200))) as server, Prober(told.append, 8) as prober:
        for index in range(200):
            prober.begin(probe(server.port, index))
        await eventually(lambda: len(told) >= 200)
        assert sorted(probed.key.index for probed in told) == list(range(200))
        assert server.most_connections <= 8
        await eventually(lambda: (prober.in_flight, prober.queued) == (0, 0))


async def test_probes_that_hang_make_others_wait_but_not_for_ever() -> None:
    told: list[Probed] = []
    async with (
        task_server(servers.silent) as hanging,
        task_server(saying(status(200))) as good,
        Prober(told.append, 2) as prober,
    ):
        for index in range(4):
            prober.begin(probe(hanging.port, index, SHORT_S))
        prober.begin(probe(good.port, 4))
        assert (prober.in_flight, prober.queued) == (2, 3)
        await eventually(lambda: len(told) == 5)
        assert {probed.key.index: probed.answer for probed in told}[4] == HttpAnswer(200)


async def test_the_end_leaves_no_try_behind() -> None:
    told: list[Probed] = []
    before = asyncio.all_tasks()
    async with task_server(servers.silent) as server:
        async with Prober(told.append, 4) as prober:
            for index in range(10):
                prober.begin(probe(server.port, index))
            await eventually(lambda: server.connections == 4)
        await eventually(lambda: not server.connections)
    assert told == []
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}
