"""Plug-ins on real sockets: good ones, hung ones and liars, and their controls through an app."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.integration.monitoring.apps import an_app
from tests.integration.monitoring.probes import HOST, probing
from tests.support import eventually

from orchestrator.monitoring.plugin import Plugin, Told, host

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def serving(plugin: Plugin, directory: Path) -> Iterator[None]:
    with plugin.server(str(directory)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@asynccontextmanager
async def bad(path: Path, talk: Talk) -> AsyncIterator[None]:
    """A plug-in that is none."""
    server = await asyncio.start_unix_server(talk, path)
    try:
        yield
    finally:
        server.close()


def example() -> Plugin:
    plugin = Plugin("iowait", "IO wait")

    @plugin.reporter
    def report(told: Told) -> None:
        told.metric(host(), "iowait_percent", 12.5)
        told.control(host(), "sync")

    @plugin.control("sync")
    def sync(node: str) -> str:
        return f"synced {node.partition(';')[2]}"

    return plugin


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says more and more, for as long as somebody listens."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
    try:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
    except ConnectionError:
        writer.close()


async def _ramble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begins a line that has no end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 200_000)
    await writer.drain()
    writer.close()


async def _lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = json.dumps({"Plugins": [{"id": "somebody-else"}]}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def test_a_plugin_adds_to_the_host_and_its_control_is_carried_out(tmp_path: Path) -> None:
    directory = tmp_path / "plugins"
    with serving(example(), directory):
        async with (
            an_app(tmp_path / "app") as (client, app),
            probing(app.url, plugins_dir=str(directory)),
        ):

            async def metrics() -> Any:
                nodes = app.monitor.picture.nodes("host")
                return HOST in nodes and nodes[HOST].metrics.get("iowait_percent")

            assert await eventually(metrics) == 12.5
            assert "iowait~sync" in app.monitor.picture.nodes("host")[HOST].controls
            await eventually(lambda: len(app.monitor.hub) == 1)
            path = f"/api/v1/control/{HOST}/{HOST}/iowait~sync"
            status, answer = await client.call("POST", path, params={"topology": "host"})
            assert (status, answer["result"]) == (200, "synced <host>"), answer


async def test_hung_and_lying_plugins_harm_nobody_and_are_named(tmp_path: Path) -> None:
    directory = tmp_path / "plugins"
    directory.mkdir()
    (directory / "no-socket").touch()
    with serving(example(), directory):
        async with (
            bad(directory / "hung.sock", _hang),
            bad(directory / "babbler.sock", _babble),
            bad(directory / "liar.sock", _lie),
            bad(directory / "rambler.sock", _ramble),
            an_app(tmp_path / "app") as (_, app),
            probing(app.url, plugins_dir=str(directory)) as probe,
        ):

            def problems() -> dict[str, str] | None:
                report = probe.survey.take(1.0)
                found = {plugin.id: plugin.problem for plugin in report.plugins}
                waiting = "it was not asked yet"
                return found if found and waiting not in found.values() else None

            await eventually(lambda: (problems() or {}).get("iowait") == "")
            found = await eventually(problems)
            assert found.keys() == {"iowait", "hung", "babbler", "liar", "rambler"}
            assert "did not answer" in found["hung"]
            assert found["babbler"]
            assert "somebody-else" in found["liar"]
            assert "too long" in found["rambler"]


async def test_a_plugin_that_has_gone_is_told_no_more(tmp_path: Path) -> None:
    directory = tmp_path / "plugins"
    async with (
        an_app(tmp_path / "app") as (_, app),
        probing(app.url, plugins_dir=str(directory)) as probe,
    ):
        (source,) = [one for one in probe.survey.sources if one.name == "plugins"]
        assert source.ticker is not None and source.reporter is not None
        with serving(example(), directory):
            await source.ticker.tick(1.0)
            assert [one.id for one in source.reporter.report(1.0).plugins] == ["iowait"]
        await source.ticker.tick(2.0)
        assert source.reporter.report(2.0).plugins == []
