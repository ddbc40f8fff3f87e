"""Docker: the agent's containerizer against the bare Engine API, on an Engine of this benchmark."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.docker_engine import IMAGE, DockerEngine, DockerEngineError, docker_engine

from benchmarks import harness
from benchmarks.containers.supplies import supplies
from orchestrator.agent.adapters import environment
from orchestrator.agent.adapters.docker import spec
from orchestrator.agent.adapters.docker.containerizer import DockerContainerizer
from orchestrator.agent.adapters.docker.engine import Engine
from orchestrator.agent.adapters.docker.settings import DockerSettings
from orchestrator.agent.adapters.docker.spec import Places, Rules
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.core.messages import Ended, Event, Started
from orchestrator.agent.core.task import Container, Containerizer
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import CommandInfo, ContainerInfo, DockerInfo

_ROUNDS = 15
_PATIENCE_S = 60.0
_AROUND = Surroundings(ip="127.0.0.1", port=5051)


class Starts:
    """Starts containers both ways, and removes each before the next."""

    def __init__(self, engine: Engine, work_dir: Path) -> None:
        self._engine = engine
        self._work_dir = work_dir
        self._started: dict[str, asyncio.Future[None]] = {}
        self._containers: dict[str, Container] = {}
        self.containerizer = DockerContainerizer(
            Engine(engine.socket),
            work_dir,
            _AROUND,
            supplies(work_dir),
            DockerSettings(),
            find=self._containers.get,
            tell=self._hear,
        )

    async def ours_s(self, number: int) -> float:
        """From the order to the news that it runs."""
        container = _container(f"ours-{number}")
        self._containers[container.id] = container
        started = self._started[container.id] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self.containerizer.launch(container)
        async with asyncio.timeout(_PATIENCE_S):
            await started
        took = time.perf_counter() - began
        await self._engine.remove(spec.name_of(container.id))
        return took

    async def bare_s(self, number: int) -> float:
        """Create and start over the API."""
        container = _container(f"bare-{number}")
        sandbox = self._work_dir / container.id
        sandbox.mkdir()
        env = environment.of_docker(container, spec.SANDBOX, _AROUND)
        places = Places(sandbox=str(sandbox), work_dir=str(sandbox))  # nobody watches it
        body = spec.of(container, env, places, Rules()).body
        name = spec.name_of(container.id)
        began = time.perf_counter()
        await self._engine.create(name, body)
        await self._engine.start(name)
        took = time.perf_counter() - began
        await self._engine.remove(name)
        return took

    def _hear(self, event: Event) -> None:
        match event:
            case Started(container_id=id_) if not self._started[id_].done():
                self._started[id_].set_result(None)
            case Ended(container_id=id_, exit=exit_) if not self._started[id_].done():
                self._started[id_].set_exception(SystemExit(f"a container failed: {exit_}"))


def _container(id_: str) -> Container:
    return Container(
        id=id_,
        containerizer=Containerizer.DOCKER,
        framework_id="f",
        framework_user="root",
        agent_id="a",
        executor_id=id_,
        task_id=id_,
        command=CommandInfo(value="exec sleep 1000"),
        info=ContainerInfo(type="DOCKER", docker=DockerInfo(image=IMAGE, network="NONE")),
        resources=resource_wire.to_wire(resource_wire.parse("cpus:0.1;mem:32"), role="*"),
    )


@asynccontextmanager
async def _starting(engine: DockerEngine, work_dir: Path) -> AsyncIterator[Starts]:
    client = Engine(engine.socket)
    await client.negotiate()
    starts = Starts(client, work_dir)
    watching = asyncio.create_task(starts.containerizer.run())
    try:
        yield starts
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await client.close()


async def figures(*, is_quick: bool) -> dict[str, float]:
    """Those of Docker; none where there is no Engine."""
    try:
        with docker_engine() as engine, tempfile.TemporaryDirectory() as directory:
            async with _starting(engine, Path(directory)) as starts:
                return await _measure(starts, 2 if is_quick else _ROUNDS)
    except DockerEngineError as error:
        harness.say(f"without Docker: {error}")
        return {}


async def _measure(starts: Starts, rounds: int) -> dict[str, float]:
    await starts.bare_s(-1)  # the first one of an Engine is no measure of anything
    await starts.ours_s(-1)
    ours, bare = [], []
    for number in range(rounds):
        bare.append(await starts.bare_s(number))
        ours.append(await starts.ours_s(number))
        harness.say(f"docker {number + 1}: {ours[-1] * 1e3:.0f} ms, {bare[-1] * 1e3:.0f} ms bare")
    return {
        "docker_start_ms": harness.median(ours) * 1e3,
        "engine_start_ms": harness.median(bare) * 1e3,
        "docker_start_ratio": harness.median([a / b for a, b in zip(ours, bare, strict=True)]),
    }
