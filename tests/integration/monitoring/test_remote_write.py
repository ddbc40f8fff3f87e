"""Series reach a real Prometheus, and a store that is away or refuses holds nobody up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.integration.monitoring.apps import Client, an_app, report
from tests.support import eventually, prometheus

from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.app.server import RunningApp, serve_app
from orchestrator.runtime.config import ConfigError

needs_prometheus = pytest.mark.skipif(bool(prometheus.missing()), reason=str(prometheus.missing()))


class Store:
    """Answers with the next of ``statuses``, then with 204; ``taken`` are the requests."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[web.Request] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.taken.append(request)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@asynccontextmanager
async def _store() -> AsyncIterator[Store]:
    store = Store()
    app = web.Application()
    app.router.add_post("/write", store.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store.url = "http://{}:{}/write".format(*runner.addresses[0][:2])
    try:
        yield store
    finally:
        await runner.cleanup()


async def _send(client: Client, number: int = 1) -> None:
    status, body = await client.report(report("h1", time.time(), number=number))
    assert status == 202, body


def _counted(app: RunningApp, **expected: int) -> Callable[[], bool]:
    return lambda: all(getattr(app.monitor.counts, k) == v for k, v in expected.items())


@needs_prometheus
async def test_prometheus_has_what_a_probe_measured(tmp_path: Path) -> None:
    async with prometheus.prometheus(tmp_path / "prometheus") as url:
        async with an_app(tmp_path / "app", remote_write=f"{url}/api/v1/write") as (client, app):
            await _send(client)
            node = next(iter(app.monitor.picture.nodes("container").values()))
            metric, value = next(iter(node.metrics.items()))
            name = f"orchestrator_container_{metric}"

            async def found() -> Any:
                async with aiohttp.ClientSession() as session:
                    query = {"query": f'{name}{{id="{node.id}"}}'}
                    async with session.get(f"{url}/api/v1/query", params=query) as response:
                        return (await response.json())["data"]["result"]

            (series,) = await eventually(found)
            assert float(series["value"][1]) == pytest.approx(value)
            assert series["metric"]["host"] == "h1"
        assert app.monitor.counts.remote_write_refused == 0


async def test_a_store_that_is_busy_is_tried_again(tmp_path: Path) -> None:
    async with _store() as store, an_app(tmp_path, remote_write=store.url) as (client, app):
        store.statuses = [503, 429]
        await _send(client)
        await eventually(lambda: app.monitor.counts.remote_write_sent > 0)
        assert len(store.taken) == 3
        assert _counted(app, remote_write_errors=2, remote_write_refused=0)()
        headers = store.taken[0].headers
        assert headers["Content-Encoding"] == "snappy"
        assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"


async def test_what_a_store_refuses_is_dropped_and_said(tmp_path: Path) -> None:
    async with _store() as store, an_app(tmp_path, remote_write=store.url) as (client, app):
        store.statuses = [400]
        await _send(client)
        await eventually(lambda: app.monitor.counts.remote_write_refused > 0)
        await _send(client, 2)
        await eventually(lambda: app.monitor.counts.remote_write_sent > 0)
        assert len(store.taken) == 2
        assert app.monitor.counts.remote_write_problem.startswith("400")
        metrics = await client.text("/metrics")
        assert "orchestrator_app_remote_write_refused_total" in metrics


async def test_a_store_that_is_away_costs_no_more_than_the_backlog(tmp_path: Path) -> None:
    dead = "http://127.0.0.1:9/write"
    async with an_app(tmp_path, remote_write=dead, remote_write_backlog=1000) as (client, app):
        for number in range(1, 600):
            status, _ = await client.report(report("h1", time.time() + number / 100, number=number))
            assert status == 202
        forwarder = app.monitor.forwarder
        assert forwarder is not None
        assert forwarder.backlog.samples <= 1000
        assert app.monitor.counts.remote_write_dropped > 0


async def test_what_waits_is_sent_before_the_app_ends(tmp_path: Path) -> None:
    async with _store() as store:
        async with an_app(tmp_path, remote_write=store.url) as (client, app):
            await asyncio.gather(*(_send(client, number) for number in range(1, 4)))
        sent = app.monitor.counts.remote_write_sent
        assert sent == len(store.taken) * (sent // len(store.taken)) > 0


async def test_a_token_is_sent_and_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with (
        _store() as store,
        an_app(tmp_path / "app", remote_write=store.url, remote_write_token_file=str(token)) as (
            client,
            _,
        ),
    ):
        await _send(client)
        await eventually(lambda: store.taken)
        assert store.taken[0].headers["Authorization"] == "Bearer s3cret"
        assert "s3cret" not in await client.text("/api/v1/query/stats")


@pytest.mark.parametrize("url", ["ftp://h/x", "nonsense", "http://", "http://user:s3cret@:x/"])
async def test_a_url_that_is_none_is_refused_at_once(tmp_path: Path, url: str) -> None:
    config = AppConfig(port=0, data_dir=str(tmp_path), remote_write=url)
    with pytest.raises(ConfigError, match="--remote-write") as caught:
        async with serve_app(config):
            pass
    assert "s3cret" not in str(caught.value)
