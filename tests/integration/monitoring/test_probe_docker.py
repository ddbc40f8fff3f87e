"""A real probe and a real Docker Engine: containers, what they use, their connections, controls."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.monitoring.apps import Client, an_app
from tests.integration.monitoring.probes import HOST, by_id, probing
from tests.support import eventually
from tests.support.docker_engine import IMAGE, DockerEngine

from orchestrator.monitoring.app.server import RunningApp
from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.server import Probe
from orchestrator.monitoring.report import Report

SECRET = "correct-horse-battery"


class EngineError(AssertionError):
    """The Engine refuses."""


def _ask(engine: DockerEngine, method: str, path: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    connection_type = {"Content-Type": "application/json"}
    from tests.support import docker_engine

    connection = docker_engine._Connection(engine.socket)
    connection.request(method, path, data, connection_type)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status >= 400:
        raise EngineError(answer)
    return json.loads(answer) if answer else None


def _run(engine: DockerEngine, name: str, script: str = "sleep 1000", **fields: Any) -> str:
    body = {"Image": IMAGE, "Cmd": ["/bin/sh", "-c", script], **fields}
    id = str(_ask(engine, "POST", f"/containers/create?name={name}", body)["Id"])
    _ask(engine, "POST", f"/containers/{id}/start")
    return id


@pytest.fixture
async def probe(clean_engine: DockerEngine) -> AsyncIterator[Probe]:
    """A probe that is asked by hand."""
    config = ProbeConfig(host_id=HOST, docker_socket=str(clean_engine.socket), resolve_names=False)
    probe = Probe(config)
    yield probe
    probe.close()


async def _look(probe: Probe) -> Report:
    await probe.tick_all()
    return probe.survey.take(time.time())


async def test_all_containers_are_told_no_more_no_less(
    probe: Probe, clean_engine: DockerEngine
) -> None:
    ids = {_run(clean_engine, name) for name in ("one", "two")}
    ended = _run(clean_engine, "three", "exit 7")
    await eventually(
        lambda: (
            _ask(clean_engine, "GET", f"/containers/{ended}/json")["State"]["Status"] == "exited"
        )
    )
    containers = by_id(await _look(probe), "container")
    told = {id: node for id, node in containers.items() if node.latest.get("engine") == "docker"}
    assert told.keys() == {*ids, ended}
    assert (told[ended].latest["state"], told[ended].latest["exit_code"]) == ("exited", "7")
    assert "start" in told[ended].controls


async def test_a_container_has_its_processes_image_and_usage(
    probe: Probe, clean_engine: DockerEngine
) -> None:
    id = _run(clean_engine, "busy", "while :; do :; done", Labels={"tier": "front"})
    await _look(probe)
    await asyncio.sleep(1)
    report = await _look(probe)
    node = by_id(report, "container")[id]
    pid = _ask(clean_engine, "GET", f"/containers/{id}/json")["State"]["Pid"]
    assert (node.label, node.labels["tier"], node.latest["image"]) == ("busy", "front", IMAGE)
    assert node.parents["image"] == [IMAGE]
    assert IMAGE in by_id(report, "image")
    assert by_id(report, "process")[f"{HOST};{pid}"].parents["container"] == [id]
    assert node.metrics["cpu_percent"] > 10
    assert node.metrics["memory_bytes"] > 0


async def test_no_secret_of_a_container_leaves_the_machine(
    probe: Probe, clean_engine: DockerEngine
) -> None:
    fields = {"Env": [f"DB={SECRET}"], "Labels": {"api-token": SECRET}}
    id = _run(clean_engine, "secretive", f"PASSWORD={SECRET} sleep 1000", **fields)
    report = await _look(probe)
    assert id in by_id(report, "container")
    assert SECRET.encode() not in msgspec.json.encode(report)


async def test_connections_into_a_container_name_it(
    probe: Probe, clean_engine: DockerEngine
) -> None:
    if clean_engine.bridge is None:
        pytest.skip("no bridge can be made")
    id = _run(clean_engine, "quiet")
    found = _ask(clean_engine, "GET", f"/containers/{id}/json")
    ip = found["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    from orchestrator.monitoring.probe.kernel.namespaces import inside

    path = f"/proc/{found['State']['Pid']}/ns/net"
    with inside(path, lambda: socket.create_server((ip, 0))) as listener:
        with socket.create_connection(listener.getsockname()) as opener:
            accepted, _ = listener.accept()
            opener.sendall(bytes(4321))
            accepted.recv(4321, socket.MSG_WAITALL)
            report = await _look(probe)
            accepted.close()
        port = listener.getsockname()[1]
    target = f"{HOST};{ip};{port}"
    [one] = [one for one in report.connections if one.target == target]
    assert one.bytes_sent == 4321
    assert one.source_process
    assert one.target_container == id or one.target_process
    assert f"{HOST};{ip}" in by_id(report, "container")[id].addresses


@asynccontextmanager
async def _watched(
    tmp_path: Path, engine: DockerEngine
) -> AsyncIterator[tuple[Client, RunningApp]]:
    async with (
        an_app(tmp_path) as (client, app),
        probing(client.url, docker_socket=str(engine.socket)) as probe,
    ):
        channel = probe.channel
        assert channel is not None
        await eventually(lambda: channel.is_open)
        yield client, app


def _state(app: RunningApp, id: str) -> str:
    kept = app.monitor.picture.kept.get(HOST)
    node = by_id(kept.report, "container").get(id) if kept is not None else None
    return node.latest["state"] if node is not None else ""


async def test_containers_are_controlled_by_the_app(
    tmp_path: Path, clean_engine: DockerEngine
) -> None:
    id = _run(clean_engine, "obedient", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    async with _watched(tmp_path, clean_engine) as (client, app):
        for control, state in (
            ("pause", "paused"),
            ("unpause", "running"),
            ("stop", "exited"),
            ("start", "running"),
            ("kill", "exited"),
            ("remove", ""),
        ):
            await eventually(lambda: _state(app, id))
            path = f"/api/v1/control/{HOST}/{id}/{control}"
            status, body = await client.call("POST", path)
            assert status == 200, (control, body)
            await eventually(lambda state=state: _state(app, id) == state)  # type: ignore[misc]


async def test_what_is_inspected_hides_the_environment(
    tmp_path: Path, clean_engine: DockerEngine
) -> None:
    id = _run(clean_engine, "open", Env=[f"DB={SECRET}"])
    async with _watched(tmp_path, clean_engine) as (client, app):
        await eventually(lambda: _state(app, id))
        status, body = await client.call("POST", f"/api/v1/control/{HOST}/{id}/inspect")
    assert status == 200
    assert SECRET not in json.dumps(body)
    assert "DB=***" in json.dumps(body)


async def _read_until(stream: Any, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        data += await stream.receive_bytes()
    return data


async def test_logs_are_followed(tmp_path: Path, clean_engine: DockerEngine) -> None:
    id = _run(clean_engine, "talker", "echo begun; while :; do echo again; sleep 0.1; done")
    async with _watched(tmp_path, clean_engine) as (client, app):
        await eventually(lambda: _state(app, id))
        params = {"agent": HOST, "node": id, "control": "logs", "tail": "1000"}
        async with client.socket("/api/v1/control/stream", **params) as logs:
            assert (await _read_until(logs, b"again\nagain")).startswith(b"begun")


async def test_a_terminal_in_a_container_works_and_ends_with_its_code(
    tmp_path: Path, clean_engine: DockerEngine
) -> None:
    id = _run(clean_engine, "host-of-shells")
    async with _watched(tmp_path, clean_engine) as (client, app):
        await eventually(lambda: _state(app, id))
        params = {"agent": HOST, "node": id, "control": "exec", "command": "sh"}
        async with client.socket("/api/v1/control/stream", **params) as terminal:
            await terminal.send_bytes(b"echo $((6*7))\r")
            await _read_until(terminal, b"42")
            await terminal.send_bytes(b"exit 5\r")
            while not isinstance((message := (await terminal.receive()).data), str):
                pass
    assert json.loads(message) == {"problem": "", "exit_code": 5}


async def test_what_a_command_with_a_size_wrote_is_there_though_it_ends_at_once(
    tmp_path: Path, clean_engine: DockerEngine
) -> None:
    id = _run(clean_engine, "host-of-commands")
    async with _watched(tmp_path, clean_engine) as (client, app):
        await eventually(lambda: _state(app, id))
        params = {"agent": HOST, "node": id, "control": "exec", "command": "echo hi; exit 7"}
        async with client.socket(
            "/api/v1/control/stream", **params, rows="30", columns="100"
        ) as terminal:
            assert await _read_until(terminal, b"hi") == b"hi\r\n"
            assert json.loads(await terminal.receive_str()) == {"problem": "", "exit_code": 7}


async def test_a_command_ends_when_its_terminal_is_left(
    tmp_path: Path, clean_engine: DockerEngine
) -> None:
    id = _run(clean_engine, "left-alone")

    def is_running() -> bool:
        processes = _ask(clean_engine, "GET", f"/containers/{id}/top")["Processes"]
        return any(process[-1] == "sleep 999" for process in processes)

    async with _watched(tmp_path, clean_engine) as (client, app):
        await eventually(lambda: _state(app, id))
        params = {"agent": HOST, "node": id, "control": "exec", "command": "sleep 999; true"}
        async with client.socket("/api/v1/control/stream", **params):
            await eventually(is_running)
        await eventually(lambda: not is_running())
