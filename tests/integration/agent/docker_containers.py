"""Tasks in Docker containers, and what the Engine says of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.integration.agent.fake_master import FakeMaster, task
from tests.support.docker_engine import IMAGE, DockerEngine

from orchestrator.mesos.types import ContainerInfo, DockerInfo, TaskInfo, TaskState

INFO_FIELDS = (
    "volumes",
    "hostname",
    "network_infos",
    "linux_info",
    "rlimit_info",
    "tty_info",
)
DOCKER_FIELDS = (
    "network",
    "port_mappings",
    "parameters",
    "privileged",
    "force_pull_image",
    "volume_driver",
)


def docker_task(
    name: str, script: str | None = "sleep 1000", *, image: str = IMAGE, **fields: Any
) -> TaskInfo:
    info = {key: fields.pop(key) for key in INFO_FIELDS if key in fields}
    docker = {key: fields.pop(key) for key in DOCKER_FIELDS if key in fields}
    container = ContainerInfo(type="DOCKER", docker=DockerInfo(image=image, **docker), **info)
    return task(name, script, container=container, **fields)


async def container_of(master: FakeMaster, name: str) -> str:
    """The Engine's name of a running task's container."""
    running = await master.status(name, TaskState.RUNNING)
    assert running.container_status is not None
    assert running.container_status.container_id is not None
    return f"mesos-{running.container_status.container_id.value}"


async def inspected(engine: DockerEngine, name: str) -> dict[str, Any]:
    _, body = await asyncio.to_thread(engine.request, "GET", f"/containers/{name}/json")
    found: dict[str, Any] = json.loads(body)
    return found
