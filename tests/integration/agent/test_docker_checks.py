"""Tasks in Docker containers are checked inside these."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from tests.integration.agent.answering import answering
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import docker_task
from tests.integration.agent.fake_master import FakeMaster
from tests.integration.agent.test_checks import (
    command,
    health_check,
    healths,
    is_found,
    killed,
    pid_of,
)
from tests.support import eventually, free_port
from tests.support.docker_engine import DockerEngine

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import (
    CheckInfo,
    CheckStatusInfo,
    CommandCheck,
    CommandCheckStatus,
    CommandInfo,
    Environment,
    EnvironmentVariable,
    HTTPCheck,
    TCPCheck,
)
from orchestrator.mesos.types import TaskState as State


@pytest.fixture
async def agent(serve: Serve, engine: DockerEngine) -> AsyncIterator[RunningAgent]:
    async with serve(docker_socket=str(engine.socket)) as agent:
        await eventually(lambda: agent.agent_id)
        yield agent
        for container in await asyncio.to_thread(engine.containers):
            path = f"/containers/{container['Id']}?force=1"
            await asyncio.to_thread(engine.request, "DELETE", path)


@contextmanager
def serving_inside(pid: int, port: int) -> Iterator[None]:
    """A server in the network of a process."""
    inside = ["nsenter", "--target", str(pid), "--net"]
    serve = [sys.executable, "-m", "tests.integration.agent.answering", str(port)]
    process = subprocess.Popen([*inside, *serve])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def test_a_container_is_checked_over_http_in_its_own_network(
    master: FakeMaster, agent: RunningAgent
) -> None:
    port = free_port()
    check = health_check(type="HTTP", http=HTTPCheck(port=port, path="/"), grace_period_seconds=60)
    await master.run(docker_task("a", health_check=check, network="NONE"))
    with serving_inside(await pid_of(master), port):
        await eventually(lambda: healths(master) == [True])
    last = await killed(master)
    assert last.message is not None
    assert last.message.startswith("Container")
    assert healths(master) == [True, False, False, False]


async def test_a_command_runs_inside_the_container_and_is_ended_when_it_hangs(
    master: FakeMaster, agent: RunningAgent
) -> None:
    check = CheckInfo(
        type="COMMAND",
        command=CommandCheck(
            command=CommandInfo(value='[ -e /inside ] && [ "$A" = task ] || exit 9')
        ),
        delay_seconds=0,
        interval_seconds=0.1,
    )
    hangs = command("echo $$ > /tmp/hanging; sleep 1000", timeout_seconds=1)
    own = Environment(variables=[EnvironmentVariable(name="A", value="task")])
    script = "touch /inside; sleep 1000"
    info = CommandInfo(value=script, environment=own)
    await master.run(docker_task("a", command=info, check=check, health_check=hangs))
    await is_found(master, CheckStatusInfo(type="COMMAND", command=CommandCheckStatus(exit_code=0)))
    await killed(master)
    last = next(s for s in master.statuses if s.healthy is False)
    assert last.message == "Command timed out after 1secs"


async def test_a_command_that_is_not_in_the_container_fails(
    master: FakeMaster, agent: RunningAgent
) -> None:
    missing = CommandInfo(shell=False, value="/no/such/program")
    check = health_check(type="COMMAND", command=missing, consecutive_failures=1)
    await master.run(docker_task("a", health_check=check))
    await killed(master)


async def test_what_listens_outside_of_a_container_is_not_the_task(
    master: FakeMaster, agent: RunningAgent
) -> None:
    async with answering() as server:
        check = health_check(type="TCP", tcp=TCPCheck(port=server.port), consecutive_failures=1)
        await master.run(docker_task("a", health_check=check, network="NONE"))
        await master.run(docker_task("b", health_check=check, network="HOST"))
        await eventually(lambda: healths(master, "b") == [True])
        await killed(master, "a")
    await master.status("b", State.RUNNING)
