"""Logs and terminals, asked of the app that has the probe's channel and of another replica."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.monitoring.apps import (
    Client,
    FakeProbe,
    a_probe,
    an_app,
    app_process,
    kill,
    report,
)
from tests.support import eventually, nats
from tests.support.relay import Relay

from orchestrator.monitoring.app.bus import controls
from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import FromApp, FromProbe

pytestmark = pytest.mark.skipif(bool(nats.missing()), reason=str(nats.missing()))
STREAM = "/api/v1/control/stream"
LOGS = {"agent": "a", "node": "a/c1"}
SHELL = {**LOGS, "control": "exec", "command": "sh"}


class Sides(NamedTuple):
    """Where the probe is, and where the user; ``bus`` is on the user's way, if there is one."""

    near: Client
    user: Client
    bus: Relay | None


@asynccontextmanager
async def _apart(directory: Path) -> AsyncIterator[Sides]:
    relay = Relay()
    async with nats.nats_server(directory / "nats") as server, relay.serving() as url:
        relay.target = int(server.url.rpartition(":")[2])
        async with (
            an_app(directory / "near", bus=server.url) as (near, _),
            an_app(directory / "far", bus=url.replace("http", "nats")) as (user, app),
        ):
            link = app.monitor.link
            assert link is not None
            await eventually(lambda: link.is_ready)
            yield Sides(near, user, relay)


@pytest.fixture(params=["its app", "another replica"])
async def sides(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Sides]:
    """A probe's app and a user's, which may be the same."""
    async with AsyncExitStack() as stack:
        if request.param == "its app":
            client, _ = await stack.enter_async_context(an_app(tmp_path))
            sides = Sides(client, client, None)
        else:
            sides = await stack.enter_async_context(_apart(tmp_path))
        yield sides


@pytest.fixture
async def apart(tmp_path: Path) -> AsyncIterator[Sides]:
    """A user that has another replica than the probe."""
    async with _apart(tmp_path) as sides:
        yield sides


@asynccontextmanager
async def _probe(
    sides: Sides, answer: Callable[[FromApp], list[FromProbe]]
) -> AsyncIterator[FakeProbe]:
    """A probe that the user's app can ask."""

    async def is_known() -> bool:
        await sides.near.report(report("a", time.time(), next(numbers)))
        agents = (await sides.user.get("/api/v1/agents/list"))["agents"]
        return bool(agents)

    numbers = count(1)
    await eventually(is_known)
    async with a_probe(sides.near, answer) as probe:

        async def is_reached() -> bool:
            path = "/api/v1/control/a/a/c1/stop"
            return (await sides.user.call("POST", path))[0] == 200

        await eventually(is_reached)
        probe.asked.clear()
        yield probe


def _echo(said: FromApp) -> list[FromProbe]:
    """A shell, as far as anybody here needs one."""
    match said:
        case control.Request(id=id, control="exec" | "logs"):
            return [control.Response(id, streams=True), control.Output(id, b"$ ")]
        case control.Request(id=id):
            return [control.Response(id)]
        case control.Input(stream=id, data=b"exit\r"):
            return [control.ProbeEnd(id, exit_code=7)]
        case control.Input(stream=id, data=data):
            return [control.Output(id, data.upper())]
        case _:
            return []


async def test_a_terminal_passes_on_what_is_typed_and_written(sides: Sides) -> None:
    async with _probe(sides, _echo) as probe, sides.user.socket(STREAM, **SHELL) as terminal:
        assert await terminal.receive_bytes() == b"$ "
        await terminal.send_str('{"rows": 50, "columns": 132}')
        await terminal.send_bytes(b"ls\r")
        assert await terminal.receive_bytes() == b"LS\r"
        await terminal.send_bytes(b"exit\r")
        assert json.loads(await terminal.receive_str()) == {"problem": "", "exit_code": 7}
    [request, resize, *_] = [
        one for one in probe.asked if isinstance(one, control.Request | control.Resize)
    ]
    assert isinstance(request, control.Request)
    assert request.arguments == {"command": "sh"}
    assert resize == control.Resize(request.id, 50, 132)


async def test_terminals_of_several_users_are_kept_apart(sides: Sides) -> None:
    async with _probe(sides, _echo), AsyncExitStack() as stack:
        users = [sides.user, sides.near, sides.user, sides.near]
        terminals = [
            await stack.enter_async_context(user.socket(STREAM, **SHELL)) for user in users
        ]
        for number, terminal in enumerate(terminals):
            await terminal.send_bytes(b"i am %d" % number)
        for number, terminal in enumerate(terminals):
            assert await terminal.receive_bytes() == b"$ "
            assert await terminal.receive_bytes() == b"I AM %d" % number


async def test_a_stream_gives_credit_for_what_is_read(sides: Sides) -> None:
    data = bytes(control.MAX_DATA_BYTES)

    def writing(said: FromApp) -> list[FromProbe]:
        match said:
            case control.Request(id=id, control="logs"):
                return [control.Response(id, streams=True), *([control.Output(id, data)] * 4)]
            case control.AppCredit(stream=id, bytes=size):
                return [control.Output(id, bytes(size))]
            case _:
                return _echo(said)

    async with _probe(sides, writing), sides.user.socket(STREAM, **LOGS) as logs:
        received = 0
        while received < 4 * control.INITIAL_CREDIT_BYTES:
            received += len(await logs.receive_bytes())


async def test_a_probe_that_sends_without_credit_loses_the_stream(sides: Sides) -> None:
    def flooding(said: FromApp) -> list[FromProbe]:
        if isinstance(said, control.Request) and said.control == "logs":
            outputs = [control.Output(said.id, bytes(control.MAX_DATA_BYTES))] * 400
            return [control.Response(said.id, streams=True), *outputs]
        return _echo(said)

    async with _probe(sides, flooding) as probe, sides.user.socket(STREAM, **LOGS):
        await eventually(lambda: _ended(probe), 60)


def _ended(probe: FakeProbe) -> bool:
    """Whether the one stream has been ended from this side."""
    [asked] = [one for one in probe.asked if isinstance(one, control.Request)]
    return control.AppEnd(asked.id) in probe.asked


async def test_a_user_who_leaves_ends_what_he_saw(sides: Sides) -> None:
    async with _probe(sides, _echo) as probe:
        async with sides.user.socket(STREAM, **LOGS) as logs:
            await logs.receive_bytes()
            assert not _ended(probe)
        await eventually(lambda: _ended(probe))


async def test_a_probe_that_leaves_ends_its_streams_with_a_sentence(sides: Sides) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_probe(sides, _echo))
        async with sides.user.socket(STREAM, **LOGS) as logs:
            await logs.receive_bytes()
            await stack.aclose()
            assert "closed" in json.loads(await logs.receive_str())["problem"]


async def test_a_bus_that_is_lost_ends_streams_on_both_sides(
    apart: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "SILENCE_S", 2.0)
    monkeypatch.setattr(control, "PING_S", 0.5)
    assert apart.bus is not None
    async with _probe(apart, _echo) as probe, apart.user.socket(STREAM, **SHELL) as terminal:
        await terminal.receive_bytes()
        await asyncio.sleep(3)  # longer than anybody may be silent
        await terminal.send_bytes(b"ls\r")
        assert await terminal.receive_bytes() == b"LS\r"
        server = apart.bus.target
        apart.bus.cut()
        assert "bus was lost" in json.loads(await terminal.receive_str())["problem"]
        apart.bus.target = server
        await eventually(lambda: _ended(probe))


async def test_an_answer_that_the_bus_does_not_take_is_said_to_be_too_large(apart: Sides) -> None:
    def verbose(said: FromApp) -> list[FromProbe]:
        if not isinstance(said, control.Request):
            return []
        return [control.Response(said.id, result="x" * 2_000_000 if said.arguments else "")]

    async with _probe(apart, verbose):
        path, body = "/api/v1/control/a/a/c1/stop", {"arguments": {"timeout": "3"}}
        status, body = await apart.user.call("POST", path, json=body)
    assert (status, "larger than the bus" in body["message"]) == (409, True)


async def test_a_killed_replica_ends_the_streams_of_its_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "SILENCE_S", 2.0)
    async with (
        nats.nats_server(tmp_path / "nats") as server,
        an_app(tmp_path / "near", bus=server.url) as (near, _),
        app_process(tmp_path / "far", "--bus", server.url) as (user, process),
        _probe(Sides(near, user, None), _echo) as probe,
        user.socket(STREAM, **LOGS) as logs,
    ):
        await logs.receive_bytes()
        await kill(process)
        await eventually(lambda: _ended(probe))
