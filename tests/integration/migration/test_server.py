"""`zk-migrate serve` and `zk-migrate sync`: what people and programs say to it, and hear."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.migration.conftest import Pair
from tests.integration.migration.serving import COMMAND, Served, address_of
from tests.support import eventually

SYNCS = "/api/v1/syncs"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    server = Served(tmp_path)
    await server.start()
    yield server
    await server.stop()


def run(served: Served, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "sync", *arguments, "--server", served.url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


async def zk_migrate(served: Served, *arguments: str, code: int = 0) -> tuple[str, str]:
    """Run a command; what it wrote to stdout and stderr."""
    done = await asyncio.to_thread(run, served, *arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout, done.stderr


async def test_a_sync_is_begun_watched_commanded_and_ended(pair: Pair, served: Served) -> None:
    await pair.a.do("create", "/n", b"1")
    ends = ["--a", pair.a.address, "--b", pair.b.address]
    stdout, stderr = await zk_migrate(served, "start", "x", *ends, "--dry-run")
    assert (stdout, stderr) == ("/n is written on B\n", "1 paths; nothing was written\n")
    assert not await pair.b.do("exists", "/n")
    _, stderr = await zk_migrate(served, "start", "x", *ends, "--policy", "hold", "--follow")
    assert stderr.startswith("sync x has begun\n")
    assert (await pair.are_equal()).keys() == {"/n"}
    stdout, _ = await zk_migrate(served, "status")
    assert stdout.splitlines()[1].split()[:3] == ["x", "live", "yes"]
    await zk_migrate(served, "verify", "x")

    await zk_migrate(served, "pause", "x")
    for side, value in ((pair.a, b"of A"), (pair.b, b"of B")):
        await side.do("set", "/n", value)
    await eventually(lambda: _differs(served))
    await zk_migrate(served, "resume", "x")
    await eventually(lambda: _is_held(served))
    stdout, _ = await zk_migrate(served, "conflicts", "x", "--held")
    assert stdout.splitlines()[1].split()[2:5] == ["held", "update", "/n"]
    await zk_migrate(served, "resolve", "x", "/n", "--winner", "B")
    assert (await pair.are_equal())["/n"].data == b"of B"
    await zk_migrate(served, "stop", "x")
    _, stderr = await zk_migrate(served, "status", "x", code=4)
    assert stderr == "Error: there is no sync 'x'\n"


async def _differs(served: Served) -> bool:
    _, found = await served.call("GET", f"{SYNCS}/x/differences")
    return "/n" in found["paths"]


async def _is_held(served: Served) -> bool:
    _, found = await served.call("GET", f"{SYNCS}/x")
    return bool(found["held"] == 1)


async def test_a_sync_outlives_its_server(pair: Pair, served: Served) -> None:
    await served.begin(address_of(pair.a), address_of(pair.b))
    await pair.a.do("create", "/n", b"1")
    await served.at_rest()
    await served.kill()
    await pair.b.do("create", "/m", b"2")
    await served.start()
    await served.at_rest()
    assert (await pair.are_equal()).keys() == {"/n", "/m"}


async def test_metrics_are_those_of_prometheus(pair: Pair, served: Served) -> None:
    await served.begin(address_of(pair.a), address_of(pair.b))
    await pair.a.do("create", "/n", b"1")
    await pair.are_equal()
    await served.at_rest()
    status, _ = await served.call("POST", "/api/v1/syncs/test/verify", {})
    assert status == 200
    async with aiohttp.ClientSession() as session, session.get(served.url + "/metrics") as answer:
        families = {f.name: f for f in text_string_to_metric_families(await answer.text())}
    samples = {
        (sample.name, sample.labels.get("side", "")): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["zk_migrate_sync_up", ""] == 1
    assert samples["zk_migrate_sync_equal", ""] == 1
    assert samples["zk_migrate_sync_written_total", "B"] == 1
    assert samples["zk_migrate_sync_lag_seconds_count", ""] == 1
    assert samples["zk_migrate_sync_verified_differences", ""] == 0
    assert samples["zk_migrate_sync_verified_timestamp_seconds", ""] > 1.7e9


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"name": "../x"}, 400, "matching regex"),
        ({"b": {"address": "http://x"}}, 422, "http://x does not begin with zk://"),
        ({"settings": {"include": ["x"]}}, 422, "include: 'x' does not begin with a slash"),
        ({"settings": {"includes": []}}, 400, "unknown field `includes`"),
        ({"settings": {"policy": "mine"}}, 400, "Invalid enum value 'mine'"),
        ({"b": {"address": "zk://127.0.0.1:1/x"}}, 422, "B cannot be reached at 127.0.0.1:1"),
    ],
)
async def test_what_cannot_work_is_refused_with_a_sentence(
    pair: Pair, served: Served, change: dict[str, Any], status: int, message: str
) -> None:
    body = {"name": "x", "a": address_of(pair.a), "b": address_of(pair.b)} | change
    found, answer = await served.call("POST", SYNCS, body)
    assert (found, message in answer["message"]) == (status, True), answer
    assert await served.call("GET", SYNCS) == (200, {"syncs": []})


async def test_no_password_is_ever_shown(pair: Pair, served: Served) -> None:
    b = address_of(pair.b)
    b["address"] = b["address"].replace("zk://", "zk://ann:s3cret@")
    await served.begin(address_of(pair.a), b)
    await served.at_rest()
    _, one = await served.call("GET", f"{SYNCS}/test")
    assert one["spec"]["b"]["address"] == pair.b.address
    b["address"] = "zk://ann:s3cret@127.0.0.1:1/"
    status, answer = await served.call("POST", SYNCS, {"name": "y", "a": b, "b": b})
    assert (status, "s3cret" in answer["message"]) == (422, False)


async def test_alerts_go_to_a_webhook(pair: Pair, served: Served) -> None:
    received: list[dict[str, Any]] = []

    async def hook(request: web.Request) -> web.Response:
        received.append(await request.json())
        return web.Response(status=503 if len(received) == 1 else 204)

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await pair.a.do("create", "/n", b"1")
    await pair.b.do("create", "/theirs", b"2")
    body = {
        "name": "x",
        "a": address_of(pair.a),
        "b": address_of(pair.b),
        "thresholds": {"webhook": url},
    }
    assert (await served.call("POST", SYNCS, body))[0] == 201
    await eventually(lambda: len(received) == 2)
    assert received[0] == received[1]
    assert [alert["problem"] for alert in received[0]["alerts"]] == ["target_not_empty"]
    await runner.cleanup()


async def test_without_a_server_it_is_said_how_to_start_one(served: Served) -> None:
    served.port, port = 1, served.port
    _, stderr = await zk_migrate(served, "status", code=3)
    assert "is `zk-migrate serve` running?" in stderr
    served.port = port
