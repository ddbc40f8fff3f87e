"""What a Docker container may use: shown to hold by a task that wants more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent.asking import get_json, sandbox_of
from tests.integration.agent.cgroup_trees import held_to
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import container_of, docker_task, inspected
from tests.integration.agent.fake_master import FakeMaster
from tests.support import eventually
from tests.support.docker_engine import DockerEngine

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import Parameter, RLimit, RLimitInfo, Scalar, Volume
from orchestrator.mesos.types import TaskState as State

EAT_MEMORY = "x=aaaaaaaa; while :; do x=$x$x; done"


async def test_a_task_that_eats_memory_fails_with_that_reason(
    master: FakeMaster, docker_agent: RunningAgent
) -> None:
    await master.run(docker_task("a", EAT_MEMORY), docker_task("b", "sleep 1000"))
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert failed.message == "Container exited with status 137 after it exceeded its memory limit"
    assert master.states("b")[-1] in (State.STARTING, State.RUNNING)


async def test_so_does_one_whose_child_ate_it(
    master: FakeMaster, docker_agent: RunningAgent
) -> None:
    await master.run(docker_task("a", f"sh -c '{EAT_MEMORY}'; exit 7"))
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert (failed.message or "").startswith("Container exited with status 7")


async def test_one_that_somebody_kills_is_not_said_to_have_eaten_memory(
    master: FakeMaster, docker_agent: RunningAgent, clean_engine: DockerEngine
) -> None:
    await master.run(docker_task("a"))
    path = f"/containers/{await container_of(master, 'a')}/kill"
    await asyncio.to_thread(clean_engine.request, "POST", path)
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_COMMAND_EXECUTOR_FAILED"
    assert failed.message == "Container terminated with signal Killed"


async def test_a_task_that_forks_without_end_harms_itself_only(
    master: FakeMaster, serve: Serve, clean_engine: DockerEngine, data_dir: Path
) -> None:
    script = "i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; wait"
    async with serve(docker_socket=str(clean_engine.socket), cgroups_pids_limit=20):
        await master.run(docker_task("a", script), docker_task("b", "echo fine"))
        failed = await master.status("a", State.FAILED)
        assert failed.message == "Container exited with status 2"
        assert "Cannot fork" in (sandbox_of(data_dir, "a") / "stderr").read_text()
        await master.status("b", State.FINISHED)


async def test_limits_are_what_the_kernel_holds_the_container_to(
    master: FakeMaster, serve: Serve, clean_engine: DockerEngine
) -> None:
    async with serve(docker_socket=str(clean_engine.socket), cgroups_enable_cfs=True):
        await master.run(docker_task("a", resources="cpus:0.5;mem:64"))
        found = await inspected(clean_engine, await container_of(master, "a"))
        held = held_to(found["State"]["Pid"])
        assert 490 <= held.shares <= 512  # v2 has fewer steps
        assert held.quota_us == 50_000
        assert held.memory == held.memory_and_swap == 64 * 2**20
        assert held.pids == 8192


async def test_a_task_may_have_more_than_it_asked_for_up_to_its_limits(
    master: FakeMaster, docker_agent: RunningAgent, clean_engine: DockerEngine
) -> None:
    limits = {"cpus": Scalar(value=1.5), "mem": Scalar(value=96)}
    await master.run(docker_task("a", resources="cpus:0.5;mem:64", limits=limits))
    found = await inspected(clean_engine, await container_of(master, "a"))
    held = held_to(found["State"]["Pid"])
    assert held.quota_us == 150_000
    assert (held.memory, held.reserved) == (96 * 2**20, 64 * 2**20)


async def test_open_files_are_limited(
    master: FakeMaster, docker_agent: RunningAgent, data_dir: Path
) -> None:
    rlimits = RLimitInfo(rlimits=[RLimit(type="RLMT_NOFILE", soft=64, hard=64)])
    await master.run(docker_task("a", "ulimit -n", rlimit_info=rlimits))
    await master.status("a", State.FINISHED)
    assert (sandbox_of(data_dir, "a") / "stdout").read_text() == "64\n"


@pytest.mark.parametrize(
    "fields",
    [
        {"parameters": [Parameter(key="cap-add", value="SYS_ADMIN")]},
        {"volumes": [Volume(container_path="/host", host_path="/")]},
    ],
)
async def test_rights_over_the_machine_are_the_operators_to_give(
    master: FakeMaster, serve: Serve, clean_engine: DockerEngine, fields: dict[str, Any]
) -> None:
    socket = str(clean_engine.socket)
    async with serve(docker_socket=socket):
        await master.run(docker_task("a", **fields))
        assert "--allow-privileged" in ((await master.status("a", State.FAILED)).message or "")
    async with serve(docker_socket=socket, allow_privileged=True):
        await eventually(lambda: len(master.registrations) == 2)
        await master.run(docker_task("b", "true", **fields))
        await master.status("b", State.FINISHED)


async def test_what_a_container_uses_is_told_under_mesos_names(
    master: FakeMaster, docker_agent: RunningAgent
) -> None:
    await master.run(docker_task("a", "while :; do :; done", resources="cpus:0.2;mem:64"))
    await master.status("a", State.RUNNING)

    async def figures() -> dict[str, float]:
        told: Any = await get_json(docker_agent, "/monitor/statistics")
        assert [one["source"] for one in told] == ["a"]
        found: dict[str, float] = told[0]["statistics"]
        return found

    before = await figures()
    await asyncio.sleep(0.3)  # cpu time has to pass, and nothing tells that it has
    after = await figures()
    assert after["cpus_user_time_secs"] >= before["cpus_user_time_secs"]
    assert after["mem_limit_bytes"] == 64 * 2**20
    assert after["mem_total_bytes"] > 0
    assert {"cpus_nr_throttled", "mem_cache_bytes", "cpus_limit", "threads"} <= set(after)
