"""Apps and probes for the tests: real apps, and probes that say what they are told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.app.server import RunningApp, serve_app
from orchestrator.monitoring.report import Connection, Node, Report, codec, control, paths
from orchestrator.monitoring.report.control import FromApp, FromProbe


class Client:
    """HTTP to one app, with one token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str = "") -> None:
        self.session = session
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON body."""
        headers = {**self._headers, **options.pop("headers", {})}
        async with self.session.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            return response.status, await response.json(content_type=None)

    async def get(self, path: str, **params: Any) -> Any:
        """The JSON body of an answer that must be 200."""
        status, body = await self.call("GET", path, params=params)
        assert status == 200, body
        return body

    async def text(self, path: str, params: Any = None) -> str:
        """The text of an answer that must be 200."""
        async with self.session.get(
            self.url + path, params=params, headers=self._headers
        ) as response:
            assert response.status == 200
            return await response.text()

    async def report(self, report: Report, **headers: str) -> tuple[int, Any]:
        """Send a report."""
        said = {"Content-Type": codec.MSGPACK, **headers}
        return await self.call("POST", paths.REPORTS, data=codec.encode(report), headers=said)

    def socket(self, path: str, **params: str) -> Any:
        """A WebSocket."""
        return self.session.ws_connect(
            self.url + path, params=params, headers=self._headers, max_msg_size=0
        )


@asynccontextmanager
async def an_app(directory: Path, **settings: Any) -> AsyncIterator[tuple[Client, RunningApp]]:
    """An app that ticks quickly."""
    config = AppConfig(data_dir=str(directory), **{"port": 0, "tick_s": 0.05, **settings})
    async with serve_app(config) as app, aiohttp.ClientSession() as session:
        yield Client(session, app.url), app


@asynccontextmanager
async def app_process(
    directory: Path, *flags: str, stderr: int | None = None
) -> AsyncIterator[tuple[Client, Process]]:
    """`orchestrator app` as a process of its own, which is killed with -9 at the end."""
    command = ("-m", "orchestrator.cli.main", "app", "--port", "0", "--tick-s", "0.1")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--data-dir", str(directory), *flags, stdout=PIPE, stderr=stderr
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        async with aiohttp.ClientSession() as session:
            yield Client(session, json.loads(line)["url"]), process
    finally:
        await kill(process)


async def kill(process: Process) -> None:
    """With -9, unless it has ended already."""
    if process.returncode is None:
        os.kill(process.pid, signal.SIGKILL)
    await process.wait()


def report(host: str, at: float, number: int = 1, **changes: Any) -> Report:
    """Of a host with one container and one process in it, which talks to the Internet."""
    fields: dict[str, Any] = {
        "version": 1,
        "agent_id": host,
        "instance": "first",
        "instance_started_at": at - 100,
        "number": number,
        "taken_at": at,
        "host_id": host,
        "nodes": {
            "host": [Node(id=host, metrics={"cpu_percent": 12.5})],
            "container": [
                Node(
                    id=f"{host}/c1",
                    label="web",
                    latest={"state": "running", "image": "nginx:1"},
                    metrics={"cpu_percent": 3.0, "memory_bytes": 1e6},
                    parents={"host": [host]},
                    controls=["stop", "remove", "logs", "exec"],
                )
            ],
            "process": [
                Node(
                    id=f"{host};1",
                    label="nginx",
                    parents={"host": [host], "container": [f"{host}/c1"]},
                )
            ],
        },
        "connections": [
            Connection(source=";10.0.0.1;", target=";8.8.8.8;443", source_process=f"{host};1")
        ],
    }
    return Report(**{**fields, **changes})


class FakeProbe:
    """A control channel whose answers are a function of what is asked."""

    def __init__(self, socket: Any, answer: Callable[[FromApp], list[FromProbe]]) -> None:
        self.asked: list[FromApp] = []
        self._socket = socket
        self._answer = answer

    async def run(self) -> None:
        """Answer until the channel closes."""
        async for message in self._socket:
            said = control.decode_from_app(message.data)
            if isinstance(said, control.Ping):
                await self._socket.send_bytes(control.encode(control.Pong()))
                continue
            self.asked.append(said)
            for answer in self._answer(said):
                await self._socket.send_bytes(control.encode(answer))


@asynccontextmanager
async def a_probe(
    client: Client, answer: Callable[[FromApp], list[FromProbe]], agent_id: str = "a"
) -> AsyncIterator[FakeProbe]:
    """A probe's control channel, open."""
    async with client.socket(paths.CONTROL, agent_id=agent_id, instance="first") as socket:
        probe = FakeProbe(socket, answer)
        running = asyncio.create_task(probe.run())
        yield probe
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
