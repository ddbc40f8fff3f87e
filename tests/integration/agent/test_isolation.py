"""Tasks of a whole agent that want more than they were given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent.asking import get_json, sandbox_of
from tests.integration.agent.cgroup_trees import (
    cgroups_of,
    directories_of,
    has_place_of,
    remove_all_of,
)
from tests.integration.agent.conftest import Serve
from tests.integration.agent.fake_master import FakeMaster, task
from tests.integration.agent.processes import is_alive, with_in_environment
from tests.support import eventually

from orchestrator.agent.adapters.isolation import hierarchies
from orchestrator.agent.adapters.isolation.quota import Quota
from orchestrator.agent.server import RunningAgent
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import Scalar, TaskStatus
from orchestrator.mesos.types import TaskState as State
from orchestrator.runtime.config import ConfigError

MB = 1 << 20
EAT = f"exec {sys.executable} -c 'x = bytearray(200 << 20)'"
FORKS = "while :; do setsid sleep 1000 & done"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not hierarchies.detect(),
    reason="making cgroups needs root and a kernel with cgroups",
)


def limited(status: TaskStatus) -> tuple[str | None, float]:
    """The reason, and of the first resource that was too much, how much."""
    assert status.limitation is not None
    resources = resource_wire.from_wire(status.limitation.resources)
    name = "disk" if "DISK" in (status.reason or "") else "mem"
    return status.reason, resources.scalar(name)


async def statistics(agent: RunningAgent, name: str) -> dict[str, Any]:
    shown: Any = await get_json(agent, "/monitor/statistics")
    (found,) = [one["statistics"] for one in shown if one["source"] == name]
    return dict(found)


async def test_a_task_that_eats_memory_fails_and_says_so(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", EAT, resources="cpus:0.1;mem:64"))
    failed = await master.status("a", State.FAILED)
    reason, megabytes = limited(failed)
    assert reason == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert 60 <= megabytes <= 64
    assert failed.message == "Memory limit exceeded: Requested: 64MB Maximum Used: 64MB"


async def test_other_tasks_are_untouched(master: FakeMaster, agent: RunningAgent) -> None:
    await master.run(task("quiet"), task("a", EAT, resources="cpus:0.1;mem:64"))
    await master.status("a", State.FAILED)
    assert master.states("quiet")[-1] is State.RUNNING


async def test_so_does_one_whose_first_process_lives_on(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", f"({EAT}); sleep 1000", resources="cpus:0.1;mem:64"))
    reason, _ = limited(await master.status("a", State.FAILED))
    assert reason == "REASON_CONTAINER_LIMITATION_MEMORY"
    assert with_in_environment(str(sandbox_of(data_dir, "a").resolve())) == []


async def test_a_limit_above_the_request_is_the_one_that_holds(
    master: FakeMaster, agent: RunningAgent
) -> None:
    grow = f"exec {sys.executable} -c 'x = bytearray(80 << 20)'"
    limits = {"mem": Scalar(value=256)}
    await master.run(task("a", grow, resources="cpus:0.1;mem:32", limits=limits))
    await master.status("a", State.FINISHED)


async def test_want_of_memory_while_no_agent_is_there_is_told_by_the_next(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve():
        script = f"echo up; while [ ! -e go ]; do sleep 0.05; done; {EAT}"
        await master.run(task("a", script, resources="cpus:0.1;mem:64"))
        running = await master.status("a", State.RUNNING)
        sandbox = sandbox_of(data_dir, "a")
        await eventually(lambda: "up" in (sandbox / "stdout").read_text())
    (sandbox / "go").touch()
    assert running.container_status is not None
    pid = running.container_status.executor_pid or 0
    await eventually(lambda: not is_alive(pid))
    async with serve():
        reason, _ = limited(await master.status("a", State.FAILED))
        assert reason == "REASON_CONTAINER_LIMITATION_MEMORY"
        await eventually(lambda: directories_of(data_dir) == [])


async def test_a_fork_bomb_is_held_and_ends_when_it_is_killed(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve(cgroups_pids_limit=40) as agent:
        await master.run(task("a", FORKS))
        await master.status("a", State.RUNNING)
        await eventually(lambda: "fork" in (sandbox_of(data_dir, "a") / "stderr").read_text())
        assert (await statistics(agent, "a"))["threads"] <= 40
        await master.kill("a", grace_s=0)
        await master.status("a", State.KILLED)
        assert with_in_environment(str(sandbox_of(data_dir, "a").resolve())) == []
        await eventually(lambda: directories_of(data_dir) == [])


async def test_a_task_over_its_disk_quota_is_ended(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    settings = {"enforce_container_disk_quota": True, "container_disk_watch_interval_s": 0.2}
    async with serve(**settings):
        write = "head -c 20000000 /dev/zero > big; sleep 1000"
        await master.run(
            task("a", write, resources="cpus:0.1;mem:64;disk:10"),
            task("b", write, resources="cpus:0.1;mem:64;disk:40"),
        )
        failed = await master.status("a", State.FAILED)
        assert limited(failed) == ("REASON_CONTAINER_LIMITATION_DISK", 10)
        assert "exceeds quota (10MB)" in (failed.message or "")
        assert master.states("b")[-1] is State.RUNNING


async def test_statistics_are_those_of_the_cgroups(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve(cgroups_enable_cfs=True, container_disk_watch_interval_s=0.2) as agent:
        work = "head -c 3000000 /dev/zero > file; while :; do :; done"
        await master.run(task("a", work, resources="cpus:0.2;mem:64;disk:10"))
        await master.status("a", State.RUNNING)

        async def measured() -> dict[str, Any] | None:
            shown = await statistics(agent, "a")
            is_throttled = shown.get("cpus_nr_throttled", 0) > 0
            is_weighed = shown.get("disk_used_bytes", 0) > 3_000_000
            return shown if is_throttled and is_weighed else None

        shown = await eventually(measured)
        assert shown["cpus_limit"] == 0.2
        assert shown["cpus_user_time_secs"] > 0
        assert shown["cpus_nr_periods"] >= shown["cpus_nr_throttled"]
        assert shown["cpus_throttled_time_secs"] > 0
        assert shown["mem_limit_bytes"] == 64 * MB
        assert 0 < shown["mem_rss_bytes"] <= shown["mem_total_bytes"] <= 64 * MB
        assert shown["mem_cache_bytes"] > 2_000_000
        assert (shown["processes"], shown["threads"]) == (1, 1)
        assert shown["disk_limit_bytes"] == 10 * MB


async def test_an_ended_task_leaves_no_cgroup(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(*(task(f"t{number}", "true") for number in range(10)))
    for number in range(10):
        await master.status(f"t{number}", State.FINISHED)
    await eventually(lambda: directories_of(data_dir) == [])


def stray_in(data_dir: Path) -> subprocess.Popen[bytes]:
    """A process in a cgroup of the agent's that the supervisor never heard of."""
    place = cgroups_of(data_dir).create("lost", Quota())
    stray = subprocess.Popen(["sleep", "1000"])
    Path(place.roster or "", "cgroup.procs").write_text(str(stray.pid))
    return stray


async def test_an_agent_that_ends_with_no_task_left_leaves_no_cgroup_at_all(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve():
        await master.run(task("a", "true"))
        await master.status("a", State.FINISHED)
        assert has_place_of(data_dir)
        await eventually(lambda: directories_of(data_dir) == [])
    assert not has_place_of(data_dir)


async def test_an_agent_ends_what_nobody_knows_of(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    stray = stray_in(data_dir)
    async with serve() as agent:
        await eventually(lambda: agent.agent_id)
        assert stray.wait(5) == -9
        assert directories_of(data_dir) == []


async def test_agents_of_one_machine_leave_each_others_tasks_alone(
    master: FakeMaster, agent: RunningAgent, serve: Serve, tmp_path: Path
) -> None:
    await master.run(task("a"))
    running = await master.status("a", State.RUNNING)
    assert running.container_status is not None
    async with serve(data_dir=str(tmp_path / "other")) as other:
        await eventually(lambda: other.agent_id)
    remove_all_of(tmp_path / "other")
    assert is_alive(running.container_status.executor_pid or 0)


async def test_without_isolation_there_are_no_cgroups_and_proc_tells(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve(isolation="posix/cpu,posix/mem") as agent:
        await master.run(task("a"))
        await master.status("a", State.RUNNING)
        assert directories_of(data_dir) == []
        shown = await statistics(agent, "a")
        assert shown["mem_rss_bytes"] > 0
        assert "mem_total_bytes" not in shown


async def test_the_flags_say_what_is_in_force(agent: RunningAgent, data_dir: Path) -> None:
    shown: Any = await get_json(agent, "/flags")
    assert shown["flags"]["isolation"] == cgroups_of(data_dir).flags()["isolation"]
    assert shown["flags"]["cgroups"] in ("v1", "v2", "hybrid")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"isolation": "cgroups/gpu"}, "'cgroups/gpu' is not an isolation"),
        ({"cgroups_root": "../x"}, "is not the name of a cgroup"),
        ({"cgroups_root": "/"}, "is not the name of a cgroup"),
    ],
)
async def test_a_setting_that_cannot_be_stops_the_agent_with_a_sentence(
    serve: Serve, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        async with serve(**settings):
            pass
