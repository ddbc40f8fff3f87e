"""Replicas, and the bus between them, are killed with -9: what is known of the others stays."""

from __future__ import annotations

import asyncio
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from tests.integration.monitoring.apps import Client, app_process, kill, report
from tests.integration.monitoring.probes import probing, program
from tests.support import eventually, free_port, nats
from tests.support.relay import Balancer

from orchestrator.monitoring.report import ids
from orchestrator.monitoring.report.control import KILL

pytestmark = pytest.mark.skipif(bool(nats.missing()), reason=str(nats.missing()))
HOSTS = ("a", "b", "c")
FRESH_S = 10.0
"""From a fault to a report of everybody, at most: a probe that reports every second tries again
after a second, as does a replica that has lost the bus."""


class Replica(NamedTuple):
    """An app that is a process of its own."""

    client: Client
    process: Process

    @property
    def port(self) -> int:
        port = urlsplit(self.client.url).port
        assert port is not None
        return port


@asynccontextmanager
async def _replica(directory: Path, bus: str, *flags: str) -> AsyncIterator[Replica]:
    """One that is connected."""
    async with app_process(directory, "--bus", bus, *flags) as (client, process):
        await eventually(partial(_count, client, "bus_connected"))
        yield Replica(client, process)


@asynccontextmanager
async def _replicas(directory: Path, bus: str, count: int = 3) -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(_replica(directory / f"app{n}", bus))
            for n in range(count)
        ]


@asynccontextmanager
async def _balanced(replicas: Sequence[Replica]) -> AsyncIterator[str]:
    """One address of all that live."""
    async with Balancer([one.port for one in replicas]).serving() as url:
        yield url


@asynccontextmanager
async def _probes(app: str) -> AsyncIterator[None]:
    """One a host, with one connection each."""
    async with AsyncExitStack() as stack:
        for host in HOSTS:
            await stack.enter_async_context(
                probing(app, agent_id=host, host_id=host, controls=False)
            )
        yield


@asynccontextmanager
async def _always_whole(clients: Sequence[Client]) -> AsyncIterator[None]:
    """None of them ever shows less than all hosts."""

    async def watch() -> None:
        while True:
            for client in clients:
                assert await _shown(client, "hosts") == list(HOSTS)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def _shown(client: Client, view: str) -> list[str]:
    """Ids of all nodes but those that stand for the rest of the world, each as often as it is
    shown."""
    page = await client.get(f"/api/v1/views/{view}")
    return sorted(node["id"] for node in page["nodes"] if not node.get("is_pseudo"))


async def _shows(client: Client, view: str, expected: Collection[str]) -> bool:
    return await _shown(client, view) == sorted(expected)


async def _are_fresh(client: Client, since: float) -> bool:
    """Whether everybody has reported since then."""
    agents = (await client.get("/api/v1/agents/list"))["agents"]
    return [one["agent_id"] for one in agents if one["last_report_at"] > since] == list(HOSTS)


async def _count(client: Client, name: str) -> float:
    lines = (await client.text("/metrics")).splitlines()
    [value] = [line.split()[1] for line in lines if line.startswith(f"orchestrator_app_{name} ")]
    return float(value)


async def test_a_replica_that_is_killed_takes_nothing_from_the_live_picture(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url) as [dying, *others],
        _balanced([dying, *others]) as app,
        _probes(app),
    ):
        clients = [one.client for one in others]
        for client in clients:
            await eventually(partial(_shows, client, "hosts", HOSTS))
        assert await _count(dying.client, "bus_sent_total") > 0  # it has one of the probes
        async with _always_whole(clients):
            await kill(dying.process)
            killed_at = time.time()
            for client in clients:
                await eventually(partial(_are_fresh, client, killed_at), FRESH_S)
        for client in clients:
            assert await _count(client, "agents_lost_total") == 0


async def test_a_probe_of_a_killed_replica_is_controlled_through_any_other(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url) as replicas,
        _balanced(replicas) as app,
        probing(app, agent_id="a", host_id="a"),
    ):
        with program("import time; time.sleep(600)") as process:
            dying = await eventually(partial(_with_channel, replicas))
            await kill(dying.process)
            others = [one for one in replicas if one is not dying]
            near = await eventually(partial(_with_channel, others), FRESH_S)
            [far] = [one.client for one in others if one is not near]
            path = f"/api/v1/control/a/{quote(ids.process('a', process.pid))}/{KILL}"

            async def is_done() -> bool:
                return (await far.call("POST", path))[0] == 200

            await eventually(is_done, FRESH_S, 0.1)
            assert await asyncio.to_thread(process.wait) == -signal.SIGTERM


async def _with_channel(replicas: Sequence[Replica]) -> Replica | None:
    """The one to which the control channel of the only probe leads."""
    for one in replicas:
        if await _count(one.client, "control_channels"):
            return one
    return None


async def test_a_replica_that_comes_back_with_nothing_has_everything_soon(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url, 2) as [dying, other],
        _balanced([dying, other]) as app,
        _probes(app),
    ):
        await eventually(partial(_shows, dying.client, "hosts", HOSTS))
        await kill(dying.process)
        again = _replica(tmp_path / "again", server.url, "--port", str(dying.port))
        async with _always_whole([other.client]), again as replica:
            began_at = time.time()
            await eventually(partial(_are_fresh, replica.client, began_at), FRESH_S)
            assert await _shown(replica.client, "hosts") == list(HOSTS)


async def test_a_bus_that_is_killed_and_comes_back_brings_everything_once(tmp_path: Path) -> None:
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        _replicas(tmp_path, server.url) as replicas,
    ):
        clients = [one.client for one in replicas]
        told = _Telling(clients)
        await eventually(told.is_heard, FRESH_S, 0.1)
        server.kill()
        for client in clients:
            await eventually(partial(_is_alone, client), FRESH_S)
        await told.again()  # replicas without a bus take reports, and show what they have
        for client in clients:
            assert await _shows(client, "hosts", HOSTS)
        await server.start()
        await eventually(told.is_heard, FRESH_S, 0.1)
        for client in clients:
            assert await _shows(client, "containers", [f"{host}/c1" for host in HOSTS])
            assert await _count(client, "duplicate_reports_total") == 0
            assert await _count(client, "bus_dropped_total") == 0


class _Telling:
    """One host reports to each replica, as often as it is wanted."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._began_at = time.time() - 60
        self._number = 0

    async def again(self) -> None:
        """They are as old as their numbers say."""
        self._number += 1
        for host, client in zip(HOSTS, self._clients, strict=True):
            said = report(host, self._began_at + self._number / 10, self._number)
            assert (await client.report(said))[0] == 202

    async def is_heard(self) -> bool:
        """Tell it again; whether all have heard what was told the last time and is heard of now."""
        since = self._began_at + (self._number - 0.5) / 10
        await self.again()
        return all([await _are_fresh(client, since) for client in self._clients])


async def _is_alone(client: Client) -> bool:
    return await _count(client, "bus_connected") == 0


async def test_a_replica_that_starts_without_its_bus_says_so_and_joins_later(
    tmp_path: Path,
) -> None:
    port = free_port()
    bus = f"nats://127.0.0.1:{port}"
    async with app_process(tmp_path / "early", "--bus", bus, stderr=PIPE) as (early, process):
        assert process.stderr is not None
        async with asyncio.timeout(FRESH_S):
            said = await process.stderr.readline()
        assert f"the bus at {bus}: " in said.decode()
        now = time.time()
        assert (await early.report(report("a", now)))[0] == 202
        assert await _is_alone(early)
        async with (
            nats.nats_server(tmp_path / "nats", port),
            _replica(tmp_path / "late", bus) as late,
        ):
            await eventually(partial(_count, early, "bus_connected"), FRESH_S)
            await late.client.report(report("b", now))
            await eventually(partial(_shows, early, "hosts", ["a", "b"]), FRESH_S)
            await early.report(report("a", now + 0.1, 2))
            await eventually(partial(_shows, late.client, "hosts", ["a", "b"]), FRESH_S)
