"""A real master, agent and Marathon behind a guard that asks who wants to know."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from tests.integration.monitoring.probes import by_id, probing
from tests.support import eventually
from tests.system.datacenter import Datacenter, datacenter

from orchestrator.monitoring.probe.server import RunningProbe
from orchestrator.monitoring.report import Report

SECRET = "correct-horse-battery"
NOWHERE = "http://127.0.0.1:1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SOURCES = ("agent", "mesos", "marathon")


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """The URL of a server that answers all GETs so."""
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def guarded(url: str, principal: str) -> AsyncIterator[str]:
    """A server, to those with a principal and its secret (as ``--authenticate_http`` of Mesos)."""
    wanted = aiohttp.encode_basic_auth(principal, SECRET)

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="mesos"'})
        async with aiohttp.request("GET", url + request.path_qs) as found:
            body = await found.read()
            return web.Response(status=found.status, body=body, content_type="application/json")

    async with serving(answer) as address:
        yield address


class Guarded:
    """The addresses of a datacenter's servers."""

    def __init__(self, agent: str, master: str, marathon: str) -> None:
        self.agent, self.master, self.marathon = agent, master, marathon

    @asynccontextmanager
    async def probed(self, mesos: str = "", marathon: str = "") -> AsyncIterator[RunningProbe]:
        """A probe that asks all of them."""
        async with probing(
            NOWHERE,
            agent=(self.agent,),
            mesos=self.master,
            marathon=self.marathon,
            mesos_credential_file=mesos,
            marathon_credential_file=marathon,
            controls=False,
        ) as probe:
            yield probe


@asynccontextmanager
async def _guarded(platform: Datacenter) -> AsyncIterator[Guarded]:
    async with AsyncExitStack() as stack:
        agent = f"http://127.0.0.1:{platform.agent_port}"
        urls = [
            await stack.enter_async_context(guarded(url, principal))
            for url, principal in (
                (agent, "probe"),
                (platform.master_url, "probe"),
                (platform.marathon_url, "watcher"),
            )
        ]
        yield Guarded(*urls)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with datacenter(tmp_path) as platform:
        await platform.up()
        app = {"id": "/sleep", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 16}
        await platform.call("POST", "/v2/apps", app)
        await platform.running("sleep", 1)
        async with _guarded(platform) as servers:
            yield servers
        await platform.call("DELETE", "/v2/apps/sleep")
        await eventually(lambda: platform.task_pids() == [])
        await platform.end()


def _files(directory: Path, secret: str = SECRET) -> tuple[str, str]:
    mesos, marathon = directory / "mesos", directory / "marathon"
    mesos.write_text(f'{{"principal": "probe", "secret": "{secret}"}}')
    marathon.write_text(f"watcher {secret}\n")
    return str(mesos), str(marathon)


async def _asked(probe: RunningProbe) -> Report:
    """A report after each server was asked once more."""
    for source in probe.survey.sources:
        if source.name in SOURCES:
            assert source.ticker is not None
            await source.ticker.tick(time.time())
    return probe.survey.take(time.time())


def _unseen(report: Report) -> list[str]:
    return sorted(one for one in report.problems if " is not seen: " in one)


async def test_who_knows_the_secret_sees_the_cluster_and_tells_it_to_nobody(
    servers: Guarded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with servers.probed(*_files(tmp_path)) as probe:
        report = await _asked(probe)
    assert _unseen(report) == []
    [app] = by_id(report, "marathon_app").values()
    tasks = by_id(report, "mesos_task")
    [task] = [each for each in tasks.values() if each.parents.get("marathon_app") == ["/sleep"]]
    assert (app.id, task.label) == ("/sleep", "sleep")
    containers = by_id(report, "container").values()
    assert [task.id] in [each.parents.get("mesos_task") for each in containers]
    header = aiohttp.encode_basic_auth("probe", SECRET).partition(" ")[2]
    for told in (msgspec.json.encode(report).decode(), caplog.text):
        assert SECRET not in told
        assert header not in told


async def test_without_or_with_a_wrong_secret_the_problem_names_the_setting(
    servers: Guarded, tmp_path: Path
) -> None:
    async with servers.probed() as probe:
        missing = _unseen(await _asked(probe))
    async with servers.probed(*_files(tmp_path, "wrong")) as probe:
        wrong = _unseen(await _asked(probe))
    address = servers.agent.removeprefix("http://")
    servers_and_flags = (
        ("Marathon", "--marathon-credential-file"),
        (f"the Mesos agent {address}", "--mesos-credential-file"),
        ("the Mesos master", "--mesos-credential-file"),
    )
    assert missing == [
        f"{server} is not seen: it asks for a principal and its secret: name their file with {flag}"
        for server, flag in servers_and_flags
    ]
    assert wrong == [
        f"{server} is not seen: it does not accept the principal and secret in the file of {flag}"
        for server, flag in servers_and_flags
    ]


async def test_a_redirect_elsewhere_does_not_take_the_secret_along(tmp_path: Path) -> None:
    heard: list[str | None] = []

    async def listen(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.json_response({})

    async with serving(listen) as elsewhere:

        async def redirect(request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(elsewhere + request.path_qs)

        async with (
            serving(redirect) as url,
            Guarded(url, url, url).probed(*_files(tmp_path)) as probe,
        ):
            problems = _unseen(await _asked(probe))
    assert heard == []
    assert len(problems) == 3
    assert all("status 307" in problem for problem in problems)


@pytest.mark.parametrize("flag", ["--mesos-credential-file", "--marathon-credential-file"])
async def test_a_file_that_holds_no_credential_ends_the_start(tmp_path: Path, flag: str) -> None:
    file = tmp_path / "credential"
    file.write_text(SECRET)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator.cli.main", "probe", "--app", NOWHERE,
        "--mesos", NOWHERE, "--marathon", NOWHERE, flag, str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    said = err.decode()
    assert (process.returncode, out, SECRET in said) == (2, b"", False)
    assert f"{flag} {file} cannot be used: it has to hold" in said
