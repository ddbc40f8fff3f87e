"""Whatever is killed, every task runs once or has ended once, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.conformance.cluster import Cluster
from tests.conformance.conftest import FAST
from tests.conformance.raw_framework import RawFramework
from tests.support import images
from tests.support.docker_engine import DockerEngine, DockerEngineError, docker_engine
from tests.support.waiting import eventually
from tests.system.fault_driver import NATIVE_IMAGE, FaultDriver

CAPABILITIES = [{"type": "PARTITION_AWARE"}, {"type": "TASK_KILLING_STATE"}]


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    if os.geteuid() != 0 or shutil.which("runc") is None:
        pytest.skip("native containers need root and runc (Debian: runc)")
    try:
        with docker_engine() as found:
            yield found
    except DockerEngineError as error:
        pytest.skip(str(error))


@asynccontextmanager
async def driver(tmp_path: Path, engine: DockerEngine, seed: int) -> AsyncIterator[FaultDriver]:
    """The agent with all its containerizers, and the framework that keeps it busy."""
    images.to_layout(images.tiny(), tmp_path / "images" / NATIVE_IMAGE)
    flags = ["--docker-socket", str(engine.socket)]
    flags += ["--docker-registry", f"file://{tmp_path}/images"]
    cluster = await asyncio.to_thread(Cluster, tmp_path, 1, *FAST, agent_flags=flags)
    try:
        async with RawFramework(
            cluster.port, f"faults{seed}", failover_timeout=600.0, capabilities=CAPABILITIES
        ) as framework:
            yield FaultDriver(cluster, framework, engine, seed)
    finally:
        await asyncio.to_thread(cluster.stop)


async def trial(one: FaultDriver, strikes: int) -> None:
    loading = asyncio.create_task(one.load())
    for _ in range(strikes):
        await one.strike()
    one.is_loading = False
    await loading
    await one.settle()
    assert len(one.launched) > strikes / 2, "there was no load to speak of"
    await eventually(lambda: _none(one.verdicts()), 60.0)
    await one.end_all()
    await eventually(lambda: _none(one.verdicts()), 60.0)
    await eventually(lambda: _none(one.leftovers()), 60.0)


def _none(problems: list[str]) -> bool:
    assert problems == []
    return True


async def test_tasks_survive_twelve_kills_of_what_runs_them(
    tmp_path: Path, engine: DockerEngine
) -> None:
    async with driver(tmp_path, engine, seed=1) as one:
        await trial(one, strikes=12)


@pytest.mark.soak
async def test_tasks_survive_two_hundred_kills_of_what_runs_them(
    tmp_path: Path, engine: DockerEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    async with driver(tmp_path, engine, seed=2) as one:
        await trial(one, strikes=200)
        with capsys.disabled():
            print(f"\n{dict(one.strikes)}, {len(one.launched)} tasks")  # noqa: T201
