"""An agent checks its tasks, tells how they are, and ends those that are not well."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.integration.agent.answering import Answering, answering
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.fake_master import FakeMaster, task
from tests.integration.agent.processes import is_alive
from tests.integration.agent.test_probes import OWN_NETWORK, needs_root
from tests.support import eventually, free_port

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import (
    CheckInfo,
    CheckStatusInfo,
    CommandCheck,
    CommandCheckStatus,
    CommandInfo,
    DurationInfo,
    HealthCheck,
    HTTPCheck,
    HTTPCheckStatus,
    TaskStatus,
    TCPCheck,
)
from orchestrator.mesos.types import TaskState as State

Serve = Callable[..., AbstractAsyncContextManager[RunningAgent]]
HEALTH_CHECKED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
CHECKED = "REASON_TASK_CHECK_STATUS_UPDATED"


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    async with answering() as server:
        yield server


def health_check(**fields: object) -> HealthCheck:
    times: dict[str, object] = {
        "delay_seconds": 0,
        "interval_seconds": 0.1,
        "grace_period_seconds": 0,
        "consecutive_failures": 3,
    }
    return HealthCheck(**{**times, **fields})  # type: ignore[arg-type]


def http(port: int, path: str = "/now") -> HealthCheck:
    return health_check(type="HTTP", http=HTTPCheck(port=port, path=path))


def command(script: str, **fields: object) -> HealthCheck:
    return health_check(type="COMMAND", command=CommandInfo(value=script), **fields)


def healths(master: FakeMaster, name: str = "a") -> list[bool | None]:
    mine = [status for status in master.statuses if status.task_id.value == name]
    return [status.healthy for status in mine if status.reason == HEALTH_CHECKED]


async def killed(master: FakeMaster, name: str = "a") -> TaskStatus:
    """The end of a task that its health check brought about."""
    last = await master.status(name, State.KILLED)
    assert last.healthy is False
    return last


async def pid_of(master: FakeMaster, name: str = "a") -> int:
    status = await master.status(name, State.RUNNING)
    assert status.container_status is not None
    assert status.container_status.executor_pid is not None
    return status.container_status.executor_pid


async def test_a_task_that_answers_badly_over_http_is_killed(
    master: FakeMaster, agent: RunningAgent, server: Answering
) -> None:
    await master.run(task("a", health_check=http(server.port)))
    pid = await pid_of(master)
    await eventually(lambda: healths(master) == [True])
    await eventually(lambda: len(server.asked) > 2)
    assert healths(master) == [True]
    server.now = 503
    assert (await killed(master)).message == "Command terminated with signal Terminated"
    assert healths(master) == [True, False, False, False]
    unhealthy = next(s for s in master.statuses if s.healthy is False)
    assert unhealthy.message == "Unexpected HTTP response code: 503"
    assert not is_alive(pid)


async def test_a_task_that_takes_no_connections_any_more_is_killed(
    master: FakeMaster, agent: RunningAgent
) -> None:
    async with answering() as server:
        check = health_check(type="TCP", tcp=TCPCheck(port=server.port))
        await master.run(task("a", health_check=check))
        await eventually(lambda: healths(master) == [True])
    await killed(master)
    assert healths(master) == [True, False, False, False]


async def test_a_task_whose_command_fails_is_killed(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", "touch well; sleep 1000", health_check=command("[ -e well ]")))
    await eventually(lambda: True in healths(master))
    (sandbox_of(data_dir, "a") / "well").unlink()
    await killed(master)
    last = [s for s in master.statuses if s.reason == HEALTH_CHECKED][-1]
    assert last.message == "Command exited with status 1"


async def test_a_command_that_hangs_is_a_failure(master: FakeMaster, agent: RunningAgent) -> None:
    check = command("sleep 1000", timeout_seconds=0.2, consecutive_failures=1)
    await master.run(task("a", health_check=check))
    await killed(master)
    last = [s for s in master.statuses if s.reason == HEALTH_CHECKED][-1]
    assert last.message == "Command timed out after 0.2secs"


async def test_failures_in_the_grace_period_are_forgiven(
    master: FakeMaster, agent: RunningAgent
) -> None:
    script = "sleep 0.5; touch well; sleep 1000"
    check = command("[ -e well ]", consecutive_failures=1, grace_period_seconds=60)
    await master.run(task("a", script, health_check=check))
    await eventually(lambda: healths(master) == [True])


async def test_a_check_tells_each_new_result_and_kills_nobody(
    master: FakeMaster, agent: RunningAgent, server: Answering
) -> None:
    check = CheckInfo(
        type="HTTP",
        http=HTTPCheck(port=server.port, path="/now"),
        delay_seconds=0,
        interval_seconds=0.1,
    )
    await master.run(task("a", check=check))
    running = await master.status("a", State.RUNNING)
    assert running.check_status == CheckStatusInfo(type="HTTP", http=HTTPCheckStatus())
    for status in (200, 503, 418):
        server.now = status
        await is_found(
            master, CheckStatusInfo(type="HTTP", http=HTTPCheckStatus(status_code=status))
        )
    told = [s.check_status for s in master.statuses if s.reason == CHECKED]
    assert len(told) == 3
    assert master.states("a")[-1] is State.RUNNING


@needs_root
async def test_a_task_is_checked_inside_its_own_network(
    master: FakeMaster, agent: RunningAgent
) -> None:
    port, root = free_port(), Path(__file__).parents[3]
    serve = f"{sys.executable} -m tests.integration.agent.answering {port}"
    script = f"cd {root}; PYTHONPATH={os.pathsep.join(sys.path)}; export PYTHONPATH; "
    script += f"exec {sys.executable} {OWN_NETWORK} {serve}"
    check = health_check(type="HTTP", http=HTTPCheck(port=port, path="/"), grace_period_seconds=60)
    await master.run(task("a", script, health_check=check))
    await eventually(lambda: healths(master) == [True])
    elsewhere = health_check(type="TCP", tcp=TCPCheck(port=port))
    await master.run(task("b", health_check=elsewhere))
    await killed(master, "b")


async def test_a_restarted_agent_goes_on_checking(
    master: FakeMaster, serve: Serve, server: Answering
) -> None:
    async with serve():
        await master.run(task("a", health_check=http(server.port)))
        await eventually(lambda: healths(master) == [True])
    server.asked.clear()
    async with serve():
        await eventually(lambda: len(server.asked) > 2)
        assert healths(master) == [True]
        server.now = 500
        await killed(master)


async def test_a_check_that_runs_ends_with_its_task(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", health_check=command("echo $$ > checker; sleep 1000")))
    await master.status("a", State.RUNNING)
    noted = sandbox_of(data_dir, "a") / "checker"
    pid = int(await eventually(lambda: noted.exists() and noted.read_text().strip()))
    await master.kill("a")
    await eventually(lambda: not is_alive(pid))
    last = await master.status("a", State.KILLED)
    assert last.healthy is None


async def test_a_command_check_tells_its_exit_status(
    master: FakeMaster, agent: RunningAgent
) -> None:
    wanted = CommandCheck(command=CommandInfo(value="exit 9"))
    check = CheckInfo(type="COMMAND", command=wanted, delay_seconds=0, interval_seconds=0.1)
    await master.run(task("a", check=check))
    found = CheckStatusInfo(type="COMMAND", command=CommandCheckStatus(exit_code=9))
    await is_found(master, found)


async def is_found(master: FakeMaster, found: CheckStatusInfo) -> None:
    await eventually(lambda: master.statuses and master.statuses[-1].check_status == found)


async def test_a_task_that_takes_too_long_fails_with_the_reason(
    master: FakeMaster, agent: RunningAgent
) -> None:
    limit = DurationInfo(nanoseconds=300_000_000)
    script = "trap '' TERM; sleep 1000 & wait; sleep 1000"
    await master.run(task("a", script, max_completion_time=limit))
    pid = await pid_of(master)
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_MAX_COMPLETION_TIME_REACHED"
    assert not is_alive(pid)


async def test_the_time_runs_on_while_there_is_no_agent(master: FakeMaster, serve: Serve) -> None:
    limit = DurationInfo(nanoseconds=2_000_000_000)
    async with serve():
        await master.run(task("a", max_completion_time=limit), task("b", "sleep 1000"))
        started = await master.status("a", State.RUNNING)
        await master.status("b", State.RUNNING)
    async with serve():
        failed = await master.status("a", State.FAILED)
        assert failed.reason == "REASON_MAX_COMPLETION_TIME_REACHED"
        assert failed.timestamp is not None
        assert started.timestamp is not None
        assert 2 <= failed.timestamp - started.timestamp < 10
        assert master.states("b") == [State.STARTING, State.RUNNING]
