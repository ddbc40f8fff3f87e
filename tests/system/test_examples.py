"""Every example runs as its README says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.support.waiting import eventually
from tests.system.datacenter import Datacenter, Json, datacenter

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Datacenter]:
    async with datacenter(tmp_path) as found:
        await found.up()
        yield found


def example(name: str) -> Json:
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def outputs(platform: Datacenter, name: str = "stdout") -> str:
    """What all tasks wrote, as it lies in their sandboxes."""
    return "".join(path.read_text() for path in platform.data_dir.rglob(f"runs/*/{name}"))


async def test_hello(platform: Datacenter) -> None:
    await platform.call("POST", "/v2/apps", example("hello"))
    (task,) = await platform.running("hello", 1)
    await eventually(lambda: f"hello from {task['id']}" in outputs(platform))


async def test_web(platform: Datacenter) -> None:
    await platform.call("POST", "/v2/apps", example("web"))
    tasks = await platform.running("web", 3)
    pages = set()
    for task in tasks:
        pages.add(await _page(platform, task["ports"][0]))
    assert len(pages) == 3


async def _page(platform: Datacenter, port: int) -> str:
    async def read() -> str | None:
        try:
            async with platform.http.get(f"http://127.0.0.1:{port}/") as response:
                return await response.text()
        except aiohttp.ClientError:
            return None

    page = await eventually(read)
    assert page and page.startswith("served by")
    return page


async def test_flaky(platform: Datacenter) -> None:
    await platform.call("POST", "/v2/apps", example("flaky"))

    async def has_failed_and_waits() -> bool:
        queue = (await platform.call("GET", "/v2/queue"))["queue"]
        return any(entry["delay"]["timeLeftSeconds"] > 0 for entry in queue)

    await eventually(has_failed_and_waits)
    assert "falling over" in outputs(platform, "stderr")
    app = (await platform.call("GET", "/v2/apps/flaky?embed=apps.lastTaskFailure"))["app"]
    assert app["lastTaskFailure"]["state"] == "TASK_FAILED"
    assert "status 1" in app["lastTaskFailure"]["message"]


async def test_shop(platform: Datacenter) -> None:
    await platform.call("PUT", "/v2/apps", example("shop"))
    (store,) = await platform.running("shop/store", 1)
    fronts = await platform.running("shop/front", 2)
    assert all(front["startedAt"] >= store["startedAt"] for front in fronts)
    assert "selling bread and cheese" in outputs(platform)
