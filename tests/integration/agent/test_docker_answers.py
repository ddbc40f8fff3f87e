"""An Engine that says what nobody understands, and a launch that fails as nobody foresaw."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import docker_task
from tests.integration.agent.fake_master import FakeMaster
from tests.support import eventually
from tests.support.docker_engine import DockerEngine

from orchestrator.mesos.types import TaskState as State
from orchestrator.mesos.types import Volume

VERSION = b'{"ApiVersion": "1.41"}'


@asynccontextmanager
async def engine_that_says(answers: dict[str, bytes], socket: Path) -> AsyncIterator[list[str]]:
    """An Engine with an answer for the end of each path; gives the paths it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        body = next((text for end, text in answers.items() if request.path.endswith(end)), b"[]")
        return web.Response(body=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "answers",
    [
        {"/version": b"<html>"},
        {"/version": b"[]"},
        {"/version": b'{"ApiVersion": "new"}'},
        {"/version": VERSION, "/containers/json": b'{"a": 1}'},
        {"/version": VERSION, "/events": b"what\n"},
        {"/version": VERSION, "/events": b'{"Action": "die"}\n'},
    ],
)
async def test_an_engine_that_is_not_understood_does_not_end_the_agent(
    master: FakeMaster, serve: Serve, tmp_path: Path, answers: dict[str, bytes]
) -> None:
    socket = tmp_path / "docker"
    async with (
        engine_that_says(answers, socket) as asked,
        serve(docker_socket=str(socket)) as agent,
    ):
        await eventually(lambda: len([one for one in asked if one.endswith("/version")]) > 1)
        assert not agent.failed.done()
        await eventually(lambda: master.registrations)


async def test_a_launch_that_fails_as_nobody_foresaw_is_reported(
    master: FakeMaster, serve: Serve, clean_engine: DockerEngine
) -> None:
    async with serve(docker_socket=str(clean_engine.socket)):
        await eventually(lambda: master.registrations)
        volume = Volume(container_path="/a", host_path="/tmp/a\0b")
        await master.run(docker_task("t", volumes=[volume]))
        failed = await master.status("t", State.FAILED)
        assert "null" in str(failed.message)
