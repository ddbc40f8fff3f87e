"""Agent, supervisor and master come and go; the tasks go on, and nothing of them is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.integration.agent.asking import get
from tests.integration.agent.fake_master import AGENT, FakeMaster, fake_master, task
from tests.integration.agent.processes import is_alive, kill, supervisor_of, supervisors_of
from tests.support import eventually, free_port

from orchestrator.agent.server import AgentRefusedError, NoSupervisorError, RunningAgent
from orchestrator.mesos import link
from orchestrator.mesos.types import TaskState as State

Serve = Callable[..., AbstractAsyncContextManager[RunningAgent]]


async def test_tasks_go_on_when_the_agent_stops_and_are_found_again(
    master: FakeMaster, serve: Serve
) -> None:
    async with serve() as agent:
        await master.run(task("a"), task("b", "sleep 0.3; exit 4"))
        pid = await _pid_of(master, "a")
        other = await _pid_of(master, "b")
    assert is_alive(pid)
    await eventually(lambda: not is_alive(other))  # b ends while there is no agent
    async with serve() as agent:
        failed = await master.status("b", State.FAILED)
        assert failed.message == "Command exited with status 4"
        assert agent.agent_id == AGENT.value
        again = master.registrations[-1]
        assert again.agent.id == AGENT
        assert {t.name: t.state for t in again.tasks}["a"] is State.RUNNING
        await master.kill("a")
        await master.status("a", State.KILLED)
    assert master.states("a") == [State.STARTING, State.RUNNING, State.KILLED]


async def test_shutting_down_with_the_tasks_leaves_nothing_behind(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve() as agent:
        await master.run(task("a"))
        pid = await _pid_of(master, "a")
        await agent.shutdown(kill_tasks=True)
    assert not is_alive(pid)
    await eventually(lambda: master.has_left)
    await eventually(lambda: not supervisors_of(data_dir / "supervisor"))
    async with serve():
        await eventually(lambda: len(master.registrations) == 2)
        assert master.registrations[-1].agent.id is None


async def test_a_supervisor_that_is_killed_is_replaced_and_no_task_lost(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a"))
    pid = await _pid_of(master, "a")
    kill(supervisor_of(data_dir / "supervisor"))
    await master.run(task("b", "exit 5"))
    assert (await master.status("b", State.FAILED)).message == "Command exited with status 5"
    assert is_alive(pid)
    kill(pid)
    failed = await master.status("a", State.FAILED)
    assert failed.message == (
        "Command ended, exit status unknown because it ended while no supervisor was its parent"
    )


async def test_updates_are_told_again_to_a_master_that_comes_back(
    master: FakeMaster, agent: RunningAgent
) -> None:
    master.acknowledges = False
    await master.run(task("a", "true"))
    first = await master.status("a", State.STARTING)
    master.statuses.clear()
    await master.hang_up()
    again = await master.status("a", State.STARTING)
    assert again.uuid == first.uuid
    master.acknowledges = True
    await master.hang_up()
    await master.status("a", State.FINISHED)


async def test_a_master_may_come_later_than_the_agent(serve: Serve) -> None:
    port = free_port()
    async with serve(master=f"127.0.0.1:{port}") as agent:
        assert (await get(agent, "/health"))[0] == 200
        async with fake_master(port) as late:
            await eventually(lambda: late.registrations)
            await eventually(lambda: agent.agent_id)


async def test_an_agent_that_is_refused_says_why(master: FakeMaster, serve: Serve) -> None:
    master.refusal = link.Refused(reason="not one of ours")
    async with serve() as agent:
        with pytest.raises(AgentRefusedError, match="not one of ours"):
            await asyncio.wait_for(agent.failed, 60)


async def _pid_of(master: FakeMaster, name: str) -> int:
    status = await master.status(name, State.RUNNING)
    assert status.container_status is not None
    assert status.container_status.executor_pid is not None
    return status.container_status.executor_pid


async def test_an_agent_whose_supervisor_cannot_start_says_why(
    serve: Serve, data_dir: Path
) -> None:
    (data_dir / "supervisor/journal").mkdir(parents=True)  # where a file should be
    async with serve() as agent:
        with pytest.raises(NoSupervisorError, match=r"supervisor .*journal"):
            await asyncio.wait_for(agent.failed, 60)


class AgentProcess:
    """An agent in a process of its own, which can be killed."""

    def __init__(self, master: FakeMaster, data_dir: Path) -> None:
        command = [sys.executable, "-m", "orchestrator.cli.main", "agent"]
        flags = ["--master", master.url, "--port", "0", "--data-dir", str(data_dir)]
        flags += ["--resources", "cpus:4;mem:1024;ports:[31000-31009]", "--docker-socket", ""]
        self._command = command + flags

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


async def test_after_kill_9_of_the_agent_the_same_tasks_go_on(
    master: FakeMaster, data_dir: Path
) -> None:
    agent = AgentProcess(master, data_dir)
    agent.start()
    await master.run(task("a"))
    pid = await _pid_of(master, "a")
    agent.kill()
    agent.start()
    try:
        await eventually(lambda: len(master.registrations) == 2)
        assert master.registrations[1].agent.id == AGENT
        (known,) = master.registrations[1].tasks
        assert known.state is State.RUNNING
        assert known.statuses[0].container_status is not None
        assert known.statuses[0].container_status.executor_pid == pid
        await master.kill("a")
        await master.status("a", State.KILLED)
        assert not is_alive(pid)
    finally:
        agent.kill()


async def test_after_kill_9_of_agent_and_supervisor_the_same_tasks_go_on(
    master: FakeMaster, data_dir: Path
) -> None:
    agent = AgentProcess(master, data_dir)
    agent.start()
    await master.run(task("a"))
    pid = await _pid_of(master, "a")
    agent.kill()
    kill(supervisor_of(data_dir / "supervisor"))
    agent.start()
    try:
        await eventually(lambda: len(master.registrations) == 2)
        assert is_alive(pid)
        await master.kill("a")
        await master.status("a", State.KILLED)
        assert not is_alive(pid)
        assert master.states("a") == [State.STARTING, State.RUNNING, State.KILLED]
    finally:
        agent.kill()
