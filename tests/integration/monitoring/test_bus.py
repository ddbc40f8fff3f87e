"""Replicas of the app over a real NATS server: each knows what any of them was told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nats import connect
from tests.integration.monitoring.apps import Client, a_probe, an_app, report
from tests.support import eventually, nats
from tests.support.relay import Relay

from orchestrator.monitoring.app.bus import link, settings
from orchestrator.monitoring.app.bus.contract import Sent, check
from orchestrator.monitoring.app.server import RunningApp
from orchestrator.monitoring.report import paths
from orchestrator.monitoring.report.control import FromApp, FromProbe, Request, Response
from orchestrator.runtime.config import ConfigError

pytestmark = pytest.mark.skipif(bool(nats.missing()), reason=str(nats.missing()))
Replica = tuple[Client, RunningApp]


@asynccontextmanager
async def _replicas(directory: Path, url: str, count: int = 2) -> AsyncIterator[list[Replica]]:
    """Apps that are connected to the bus."""
    async with AsyncExitStack() as stack:
        apps = [
            await stack.enter_async_context(an_app(directory / f"app{n}", bus=url))
            for n in range(count)
        ]
        for _, app in apps:
            await eventually(partial(_is_subscribed, app))
        yield apps


def _is_subscribed(app: RunningApp) -> bool:
    assert app.monitor.link is not None
    return app.monitor.link.is_ready


async def _containers(client: Client) -> set[str]:
    page = await client.get("/api/v1/views/containers")
    return {node["id"] for node in page["nodes"] if not node.get("is_pseudo")}


async def test_every_replica_shows_what_any_was_told(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url, 3) as replicas,
    ):
        for number, (client, _) in enumerate(replicas):
            assert (await client.report(report(f"h{number}", time.time())))[0] == 202
        expected = {f"h{number}/c1" for number in range(3)}
        for client, _ in replicas:
            await eventually(partial(_shows, client, expected))


async def _shows(client: Client, expected: set[str]) -> bool:
    return await _containers(client) == expected


async def test_a_replica_that_fails_takes_nothing_with_it(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url, 1) as [(client, _)],
    ):
        async with _replicas(tmp_path / "other", server.url, 1) as [(failing, _)]:
            await failing.report(report("a", time.time()))
            await eventually(lambda: _shows(client, {"a/c1"}))
        assert await _containers(client) == {"a/c1"}
        assert (await client.report(report("a", time.time() + 1, 2)))[0] == 202


async def test_a_bus_that_comes_back_is_used_again(tmp_path: Path) -> None:
    relay = Relay()
    async with nats.nats_server(tmp_path / "nats") as server, relay.serving() as url:
        port = relay.target = int(server.url.rpartition(":")[2])
        bus = url.replace("http", "nats")
        async with _replicas(tmp_path, bus) as [(one, app), (other, _)]:
            relay.cut()
            await eventually(lambda: not _is_subscribed(app))
            status, _ = await one.report(report("a", time.time() - 5))
            assert status == 202  # an app without a bus is an app
            relay.target = port
            number = 1

            async def arrives() -> bool:
                nonlocal number
                number += 1
                await one.report(report("b", time.time(), number))
                return "b/c1" in await _containers(other)

            await eventually(arrives, interval_s=0.2)


async def test_of_what_waits_for_the_bus_the_oldest_goes_first(tmp_path: Path) -> None:
    relay = Relay()
    async with nats.nats_server(tmp_path / "nats") as server, relay.serving() as url:
        port = relay.target = int(server.url.rpartition(":")[2])
        async with (
            _replicas(tmp_path, url.replace("http", "nats"), 1) as [(_, app)],
            await connect(server.url) as listener,
        ):
            heard = await listener.subscribe(link.REPORTS, pending_bytes_limit=-1)
            relay.cut()
            await eventually(lambda: not _is_subscribed(app))
            assert app.monitor.link is not None
            size = link.MAX_QUEUED_BYTES // 40
            for number in range(43):
                app.monitor.link.publish(Sent(bytes([number]) * size, "", "zstd"))
            assert app.monitor.counts.bus_dropped == 3
            relay.target = port
            numbers = [(await heard.next_msg(20)).data[0] for _ in range(40)]
            assert numbers == list(range(3, 43))
            assert app.monitor.counts.bus_dropped == 3


async def test_a_control_finds_the_replica_that_has_the_probe(tmp_path: Path) -> None:
    asked: list[Request] = []

    def answer(said: FromApp) -> list[FromProbe]:
        assert isinstance(said, Request)
        asked.append(said)
        problem = "it will not stop" if said.arguments.get("signal") else ""
        return [Response(said.id, problem, "stopped")]

    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url) as [(near, _), (far, _)],
    ):
        await near.report(report("a", time.time()))
        await eventually(lambda: _shows(far, {"a/c1"}))
        path = "/api/v1/control/a/a/c1/stop"
        assert (await far.call("POST", path))[0] == 502  # nobody has the probe
        async with a_probe(near, answer):
            status, body = await _until_reached(far, path)
            assert (status, body["result"]) == (200, "stopped")
            status, body = await far.call("POST", path, json={"arguments": {"signal": "9"}})
            assert status == 409
            assert "it will not stop" in str(body)
        assert {one.node_id for one in asked} == {"a/c1"}
        [record, *_] = (await far.get("/api/v1/audit"))["records"]
        assert record["agent_id"] == "a"


async def _until_reached(client: Client, path: str) -> tuple[int, Any]:
    """The probe's channel is known to the bus some time after it is open."""

    async def reached() -> tuple[int, Any] | None:
        answer = await client.call("POST", path)
        return answer if answer[0] != 502 else None

    return await eventually(reached, interval_s=0.1)


async def test_what_is_wanted_of_a_probe_is_known_to_all_replicas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "EVERY_S", 0.2)
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url) as [(one, _), (other, _)],
    ):
        for client, interval_s in ((one, 5.0), (other, 60.0)):
            await client.report(report("a", time.time()))
            path = paths.config("a")
            status, written = await client.call("PUT", path, json={"interval_s": interval_s})
            assert (status, written["interval_s"]) == (200, interval_s)
            for everyone in (one, other):
                await eventually(partial(_wants, everyone, written))
        async with _replicas(tmp_path / "later", server.url, 1) as [(later, _)]:
            await eventually(partial(_wants, later, written))


async def _wants(client: Client, expected: Any) -> bool:
    return bool(await client.get(paths.config("a")) == expected)


async def test_what_the_bus_does_is_counted(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url) as [(one, _), (other, _)],
    ):
        await one.report(report("a", time.time()))
        await eventually(lambda: _shows(other, {"a/c1"}))
        await eventually(lambda: _has(one, "orchestrator_app_bus_sent_total 1.0"))
        assert await _has(other, "orchestrator_app_bus_received_total 1.0")
        assert await _has(other, "orchestrator_app_bus_connected 1.0")


async def _has(client: Client, line: str) -> bool:
    return line in await client.text("/metrics")


async def test_without_the_bus_an_app_starts_and_keeps_a_bounded_queue(tmp_path: Path) -> None:
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, an_app(tmp_path, bus=f"nats://127.0.0.1:{port}") as (client, app):
        assert (await client.report(report("a", time.time())))[0] == 202
        assert app.monitor.link is not None
        sent = Sent(bytes(link.MAX_QUEUED_BYTES // 2), "application/msgpack", "")
        for _ in range(4):
            app.monitor.link.publish(sent)
        assert app.monitor.counts.bus_dropped == 3
        assert await _containers(client) == {"a/c1"}


@pytest.mark.parametrize("url", ["http://x:4222", "nats://", "nonsense"])
async def test_an_address_that_is_none_is_refused_at_once(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="no address of NATS"):
        async with an_app(tmp_path, bus=url):
            pass


async def test_a_password_in_the_address_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        check("http://user:secret@x:1")
    assert "secret" not in str(refused.value)
