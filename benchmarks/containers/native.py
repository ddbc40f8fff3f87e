"""Native containers: the Mesos containerizer on runc, against Docker on the same machine."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support import images
from tests.support.docker_engine import IMAGE, DockerEngineError, docker_engine

from benchmarks import harness
from benchmarks.containers.supplies import supplies
from orchestrator.agent.adapters.docker.engine import Engine
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.images.store import ImageStore, Source
from orchestrator.agent.adapters.isolation import setting
from orchestrator.agent.adapters.isolation.cgroups import open_cgroups
from orchestrator.agent.adapters.isolation.isolator import Isolator
from orchestrator.agent.adapters.native import runc
from orchestrator.agent.adapters.native.containers import NativeContainers
from orchestrator.agent.adapters.native.given import Given, Policy
from orchestrator.agent.adapters.processes import ProcessContainerizer
from orchestrator.agent.core.messages import Ended, Event, Observed, Started
from orchestrator.agent.core.task import Container, Containerizer
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import CommandInfo, ContainerInfo, DockerImage, Image, MesosInfo

AT_ONCE = 4
_ROUNDS = 5
_CONTAINERS = 24
_PATIENCE_S = 60.0
_AROUND = Surroundings(ip="127.0.0.1", port=5051)


class Native:
    """Starts containers by the agent's containerizer, and ends them."""

    def __init__(self, directory: Path) -> None:
        layout = images.to_layout(images.tiny(), directory / "image")
        self._image = str(layout)
        self._heard: dict[str, asyncio.Event] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self.is_connected = asyncio.Event()
        store = ImageStore(directory / "images", Source())
        cgroups = open_cgroups(setting.parse("auto"), "orchestrator-benchmark", directory)
        native = NativeContainers(
            directory,
            _AROUND,
            store,
            Policy(),
            switch_user=True,
            given=Given(cgroups_path=cgroups.path_of),
        )
        self.containerizer = ProcessContainerizer(
            directory,
            _AROUND,
            Isolator(cgroups),
            supplies(directory).fetcher,
            native,
            switch_user=True,
            tell=self._hear,
        )

    async def start(self, id_: str) -> float:
        """Seconds from the order to the news that it runs."""
        self._heard[id_], self._ended[id_] = asyncio.Event(), asyncio.Event()
        began = time.perf_counter()
        self.containerizer.launch(_container(id_, self._image))
        async with asyncio.timeout(_PATIENCE_S):
            await self._heard[id_].wait()
        return time.perf_counter() - began

    async def end(self, id_: str) -> None:
        """Kill it and have it cleared away."""
        self.containerizer.kill(id_, 0.0)
        async with asyncio.timeout(_PATIENCE_S):
            await self._ended[id_].wait()
        self.containerizer.forget(id_)

    def _hear(self, event: Event) -> None:
        match event:
            case Observed():
                self.is_connected.set()
            case Started(container_id=id_):
                self._heard[id_].set()
            case Ended(container_id=id_, exit=exit_) if not self._heard[id_].is_set():
                raise SystemExit(f"a container failed: {exit_}")
            case Ended(container_id=id_):
                self._ended[id_].set()


@asynccontextmanager
async def _native(directory: Path) -> AsyncIterator[Native]:
    native = Native(directory)
    running = asyncio.create_task(native.containerizer.run())
    try:
        await native.is_connected.wait()
        yield native
    finally:
        native.containerizer.shut_down()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


class Docker:
    """Starts containers over the bare Engine API, and ends them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def start(self, id_: str) -> float:
        """Seconds for create and start."""
        body = {"Image": IMAGE, "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "host"}}
        began = time.perf_counter()
        await self._engine.create(id_, body)
        await self._engine.start(id_)
        return time.perf_counter() - began

    async def end(self, id_: str) -> None:
        """Kill and remove it."""
        await self._engine.remove(id_)


async def _rate(one: Native | Docker, prefix: str, count: int) -> float:
    """Containers started a second, ``AT_ONCE`` at a time; they are ended afterwards."""
    names = [f"{prefix}-{number}" for number in range(count)]
    began = time.perf_counter()
    await _each(names, one.start)
    took = time.perf_counter() - began
    await _each(names, one.end)
    return count / took


async def _each(names: list[str], do: Callable[[str], Awaitable[object]]) -> None:
    left = list(names)

    async def work() -> None:
        while left:
            await do(left.pop())

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def figures(*, is_quick: bool) -> dict[str, float]:
    """Those of native containers; none where there is no runc or no Engine."""
    if (problem := runc.absence()) is not None:
        harness.say(f"without native containers: {problem}")
        return {}
    rounds, count = (1, 4) if is_quick else (_ROUNDS, _CONTAINERS)
    try:
        with docker_engine() as engine, tempfile.TemporaryDirectory() as directory:
            client = Engine(engine.socket)
            await client.negotiate()
            try:
                async with _native(Path(directory)) as native:
                    return await _measure(native, Docker(client), rounds, count)
            finally:
                await client.close()
    except DockerEngineError as error:
        harness.say(f"native containers are not compared, without Docker: {error}")
        return {}


async def _measure(native: Native, docker: Docker, rounds: int, count: int) -> dict[str, float]:
    for one, name in ((native, "first"), (docker, "first")):  # the image is unpacked, caches fill
        await one.start(name)
        await one.end(name)
    starts, rates, ratios = [], [], []
    for number in range(rounds):
        name = f"single-{number}"
        starts.append(await native.start(name))
        await native.end(name)
        theirs = await _rate(docker, f"docker-{number}", count)
        ours = await _rate(native, f"native-{number}", count)
        rates.append(ours)
        ratios.append(ours / theirs)
        harness.say(f"native {number + 1}: {ours:.1f}/s, Docker {theirs:.1f}/s")
    return {
        "native_start_ms": harness.median(starts) * 1e3,
        "native_rate_per_s": harness.median(rates),
        "native_rate_ratio": harness.median(ratios),
    }


def _container(id_: str, image: str) -> Container:
    info = MesosInfo(image=Image(type="DOCKER", docker=DockerImage(name=image)))
    return Container(
        id=id_,
        containerizer=Containerizer.MESOS,
        framework_id="f",
        framework_user="root",
        agent_id="a",
        executor_id=id_,
        task_id=id_,
        command=CommandInfo(value="exec sleep 1000"),
        info=ContainerInfo(type="MESOS", mesos=info),
        resources=resource_wire.to_wire(resource_wire.parse("cpus:0.1;mem:32"), role="*"),
    )
