"""A master played by the test, an agent of it, a directory whose processes are ended, Docker."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.agent.cgroup_trees import remove_all_of
from tests.integration.agent.containers import clear_containers
from tests.integration.agent.fake_master import FakeMaster, fake_master
from tests.integration.agent.processes import end_all_below
from tests.support import eventually
from tests.support.docker_engine import DockerEngine, DockerEngineError, docker_engine

from orchestrator.agent.config import AgentConfig
from orchestrator.agent.server import RunningAgent, serve_agent

Serve = Callable[..., AbstractAsyncContextManager[RunningAgent]]


@pytest.fixture
async def master() -> AsyncIterator[FakeMaster]:
    async with fake_master() as master:
        yield master


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Where an agent keeps its things; whatever it leaves running is ended."""
    yield tmp_path / "agent"
    end_all_below(tmp_path)
    clear_containers(tmp_path / "agent/native")
    remove_all_of(tmp_path / "agent")


@pytest.fixture
def serve(master: FakeMaster, data_dir: Path) -> Serve:
    """Starts an agent of this test's master and directory."""

    @asynccontextmanager
    async def start(**settings: object) -> AsyncIterator[RunningAgent]:
        config = AgentConfig(
            **{
                "master": master.url,
                "port": 0,
                "data_dir": str(data_dir),
                "docker_socket": "",
                "resources": "cpus:4;mem:1024;disk:100;ports:[31000-31009]",
                **settings,
            }  # type: ignore[arg-type]
        )
        async with serve_agent(config) as agent:
            yield agent

    return start


@pytest.fixture
async def agent(serve: Serve) -> AsyncIterator[RunningAgent]:
    async with serve() as agent:
        await eventually(lambda: agent.agent_id)
        yield agent


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """One Engine for all tests."""
    try:
        with docker_engine() as engine:
            yield engine
    except DockerEngineError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Docker Engine: {error}")


@pytest.fixture
async def docker_agent(serve: Serve, clean_engine: DockerEngine) -> AsyncIterator[RunningAgent]:
    """An agent with the Engine."""
    async with serve(docker_socket=str(clean_engine.socket)) as agent:
        await eventually(lambda: agent.agent_id)
        yield agent


@pytest.fixture
def clean_engine(engine: DockerEngine) -> Iterator[DockerEngine]:
    """The Engine; no container of this test is left in it."""
    yield engine
    for container in engine.containers():
        engine.request("DELETE", f"/containers/{container['Id']}?force=1")
