"""The same on a real Docker Engine: containers are healed, survive the platform, and end."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.docker_engine import IMAGE, DockerEngine, DockerEngineError, docker_engine
from tests.support.waiting import eventually
from tests.system.datacenter import Datacenter, datacenter
from tests.system.test_examples import example, outputs

APP = {
    "id": "/contained",
    "cmd": "exec sleep 100000",
    "cpus": 0.1,
    "mem": 32,
    "instances": 3,
    "container": {"type": "DOCKER", "docker": {"image": IMAGE}},
}


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    try:
        with docker_engine() as found:
            yield found
    except DockerEngineError as error:
        pytest.skip(str(error))


@pytest.fixture
async def platform(tmp_path: Path, engine: DockerEngine) -> AsyncIterator[Datacenter]:
    environment = {"DOCKER_HOST": f"unix://{engine.socket}"}
    async with datacenter(tmp_path, environment) as found:
        await found.up()
        yield found
        await found.end(signal.SIGTERM)


def running(engine: DockerEngine) -> dict[str, int]:
    """The first process of each running container, by container id."""
    found = [c["Id"] for c in engine.containers() if c["State"] == "running"]
    return {container_id: pid_of(engine, container_id) for container_id in found}


def pid_of(engine: DockerEngine, container_id: str) -> int:
    """The container's first process, as this machine numbers it."""
    details = json.loads(engine.request("GET", f"/containers/{container_id}/json")[1])
    return int(details["State"]["Pid"])


async def test_containers_heal_survive_scale_and_end(
    platform: Datacenter, engine: DockerEngine
) -> None:
    await platform.call("POST", "/v2/apps", APP)
    await platform.running("contained", 3)
    before = running(engine)
    assert len(before) == 3

    victim = next(iter(before))
    os.kill(before[victim], signal.SIGKILL)
    killed_at = time.monotonic()
    await eventually(lambda: len(running(engine)) == 3 and victim not in running(engine), 10)
    await platform.running("contained", 3)
    assert time.monotonic() - killed_at < 5

    before = running(engine)
    await platform.end(signal.SIGKILL)
    assert running(engine) == before
    await platform.up()
    await platform.running("contained", 3)
    assert running(engine) == before

    await platform.call("PUT", "/v2/apps/contained", {"instances": 5})
    await platform.running("contained", 5)
    assert len(running(engine)) == 5
    await platform.call("PUT", "/v2/apps/contained", {"instances": 1})
    await platform.running("contained", 1)
    await platform.call("DELETE", "/v2/apps/contained")
    await eventually(lambda: running(engine) == {})


async def test_the_container_example(platform: Datacenter, engine: DockerEngine) -> None:
    engine.import_image("busybox:latest")
    app = example("container")
    await platform.call("POST", "/v2/apps", app)
    (task,) = await platform.running("container", 1)
    await eventually(lambda: "in a container as " in outputs(platform))
    (container,) = [c for c in engine.containers() if c["State"] == "running"]
    assert {_published(port) for port in container["Ports"]} == {(8080, task["ports"][0])}


def _published(port: dict[str, Any]) -> tuple[int, int]:
    return port["PrivatePort"], port["PublicPort"]


async def test_an_image_that_cannot_be_had_is_said_and_does_not_stop_others(
    platform: Datacenter,
) -> None:
    app = APP | {
        "id": "/missing",
        "container": {"type": "DOCKER", "docker": {"image": "nowhere.invalid/none:1"}},
    }
    await platform.call("POST", "/v2/apps", app)

    async def failure() -> str | None:
        found = await platform.call("GET", "/v2/apps/missing?embed=apps.lastTaskFailure")
        failed = found["app"].get("lastTaskFailure")
        return failed["message"] if failed else None

    assert "nowhere.invalid/none:1" in await eventually(failure)
    await platform.call("POST", "/v2/apps", {"id": "/fine", "cmd": "sleep 1000", "mem": 16})
    await eventually(lambda: platform.tasks("fine"))
