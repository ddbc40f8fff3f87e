"""The Engine and the agent die at bad moments; every task runs once or is reported once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import container_of, docker_task, inspected
from tests.integration.agent.fake_master import FakeMaster
from tests.integration.agent.processes import is_alive
from tests.support import eventually, images
from tests.support.docker_engine import DockerEngine
from tests.support.registry import registry

from orchestrator.agent.adapters.docker.engine import Engine
from orchestrator.mesos.types import TaskState as State

OBEDIENT = "trap 'exit 0' TERM; sleep 1000 & wait"
COUNTING = (
    "i=0; while [ $i -lt {} ]; do echo line $i; echo err $i >&2; i=$((i+1)); sleep 0.01; done"
)


@pytest.fixture
def mortal(clean_engine: DockerEngine) -> Iterator[DockerEngine]:
    """The Engine, in life again when the test is over."""
    yield clean_engine
    if not clean_engine.answers():
        clean_engine.start()


@pytest.fixture
def live_restore(mortal: DockerEngine) -> Iterator[DockerEngine]:
    """The Engine, whose containers outlive it."""
    mortal.configure({"live-restore": True})
    yield mortal
    mortal.configure({})


async def in_thread(work: object) -> None:
    assert callable(work)
    await asyncio.to_thread(work)


async def running_now(engine: DockerEngine) -> list[str]:
    found = await asyncio.to_thread(engine.containers)
    return [one["Labels"]["MESOS_TASK_ID"] for one in found if one["State"] == "running"]


@asynccontextmanager
async def agent_process(
    master: FakeMaster, data_dir: Path, engine: DockerEngine
) -> AsyncIterator[asyncio.subprocess.Process]:
    """An agent that can be killed."""
    flags = {
        "master": master.url,
        "port": "0",
        "data-dir": str(data_dir),
        "docker-socket": str(engine.socket),
        "resources": "cpus:4;mem:1024;disk:100;ports:[31000-31009]",
    }
    command = [sys.executable, "-m", "orchestrator.cli.main", "agent"]
    for name, value in flags.items():
        command += [f"--{name}", value]
    environment = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_containers_are_adopted_after_the_agent_was_killed_and_orphans_removed(
    master: FakeMaster, clean_engine: DockerEngine, data_dir: Path
) -> None:
    async with agent_process(master, data_dir, clean_engine) as agent:
        await eventually(lambda: master.registrations)
        await master.run(
            docker_task("long", COUNTING.format(300)), docker_task("short", "sleep 0.5; exit 4")
        )
        names = [await container_of(master, name) for name in ("long", "short")]
        agent.send_signal(signal.SIGKILL)
        await agent.wait()
    pid = (await inspected(clean_engine, names[0]))["State"]["Pid"]
    await make_orphan(clean_engine, like=names[0])
    async with agent_process(master, data_dir, clean_engine):
        failed = await master.status("short", State.FAILED)
        assert failed.message == "Container exited with status 4"
        assert is_alive(pid)
        await master.status("long", State.FINISHED)
        assert master.states("long") == [State.STARTING, State.RUNNING, State.FINISHED]
        for stream, word in (("stdout", "line"), ("stderr", "err")):
            lines = (sandbox_of(data_dir, "long") / stream).read_text().splitlines()
            assert lines == [f"{word} {i}" for i in range(300)]
        await eventually(lambda: not clean_engine.containers())
        await eventually(lambda: not list((data_dir / "docker/output").iterdir()))


async def make_orphan(engine: DockerEngine, like: str) -> None:
    """A running container of this agent that no task knows."""
    labels = (await inspected(engine, like))["Config"]["Labels"]
    client = Engine(engine.socket)
    await client.negotiate()
    body = {"Image": "orchestrator-test:1", "Cmd": ["sleep", "1000"]}
    labels = labels | {"MESOS_CONTAINER_ID": "nobody", "MESOS_TASK_ID": "nobody"}
    await client.create("mesos-nobody", body | {"Labels": labels})
    await client.start("mesos-nobody")
    await client.close()


async def test_a_launch_waits_for_an_engine_that_dies_and_comes_back(
    master: FakeMaster, serve: Serve, mortal: DockerEngine
) -> None:
    with registry() as one:
        one.push("app", images.tiny())
        one.faults.delay_s = 0.3
        async with serve(docker_socket=str(mortal.socket)):
            await eventually(lambda: master.registrations)
            await master.run(
                docker_task("a", OBEDIENT, image=one.name_of("app")), docker_task("b", OBEDIENT)
            )
            await eventually(lambda: one.requests)
            await in_thread(mortal.kill)
            one.faults.delay_s = 0.0
            await in_thread(mortal.start)
            for name in "ab":
                await master.status(name, State.RUNNING)
            assert sorted(await running_now(mortal)) == ["a", "b"]


async def test_a_launch_does_not_wait_for_ever(
    master: FakeMaster, serve: Serve, mortal: DockerEngine
) -> None:
    async with serve(docker_socket=str(mortal.socket), docker_pull_timeout_s=1.0):
        await eventually(lambda: master.registrations)
        await master.run(docker_task("first", OBEDIENT))
        await master.status("first", State.RUNNING)
        with registry() as one:
            one.faults.delay_s = 0.5
            await master.run(docker_task("a", image=one.name_of("app")))
            await eventually(lambda: one.requests)
            await in_thread(mortal.kill)
        failed = await master.status("a", State.FAILED)
        assert "no Docker Engine answers" in (failed.message or "")
        assert master.states("first") == [State.STARTING, State.RUNNING]


async def test_what_ended_with_the_engine_is_noticed_when_it_is_back(
    master: FakeMaster, serve: Serve, mortal: DockerEngine
) -> None:
    async with serve(docker_socket=str(mortal.socket)):
        await eventually(lambda: master.registrations)
        await master.run(docker_task("a", OBEDIENT))
        await master.status("a", State.RUNNING)
        await in_thread(mortal.kill)
        await master.kill("a", grace_s=0)  # while there is no Engine to do it
        await in_thread(mortal.start)
        await master.status("a", State.KILLED)
        await eventually(lambda: not mortal.containers())


async def test_with_live_restore_containers_do_not_notice(
    master: FakeMaster, serve: Serve, live_restore: DockerEngine, data_dir: Path
) -> None:
    async with serve(docker_socket=str(live_restore.socket)):
        await eventually(lambda: master.registrations)
        script = COUNTING.format(200) + "; sleep 1000"
        await master.run(docker_task("a", script))
        name = await container_of(master, "a")
        pid = (await inspected(live_restore, name))["State"]["Pid"]
        await in_thread(live_restore.kill)
        await in_thread(live_restore.start)
        assert is_alive(pid)
        stdout = sandbox_of(data_dir, "a") / "stdout"
        await eventually(lambda: "line 199" in stdout.read_text())
        assert stdout.read_text().splitlines() == [f"line {i}" for i in range(200)]
        assert master.states("a") == [State.STARTING, State.RUNNING]
        await master.kill("a", grace_s=0)
        await master.status("a", State.KILLED)


async def test_a_task_killed_while_its_launch_waits_for_the_engine_never_runs(
    master: FakeMaster, serve: Serve, mortal: DockerEngine
) -> None:
    with registry() as one:
        one.push("app", images.tiny())
        one.faults.delay_s = 0.5
        async with serve(docker_socket=str(mortal.socket)):
            await eventually(lambda: master.registrations)
            await master.run(docker_task("a", image=one.name_of("app")))
            await eventually(lambda: one.requests)
            await in_thread(mortal.kill)
            await master.kill("a", grace_s=0)
            one.faults.delay_s = 0.0
            await in_thread(mortal.start)
            killed = await master.status("a", State.KILLED)
            assert killed.reason == "REASON_TASK_KILLED_DURING_LAUNCH"
            assert master.states("a") == [State.STARTING, State.KILLED]
            assert await running_now(mortal) == []
