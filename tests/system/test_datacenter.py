"""From `orchestrator up` to processes that are healed and survive the platform's own death."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.waiting import eventually
from tests.system.datacenter import Datacenter, Json, datacenter, is_alive

APP = {"id": "/sleep", "cmd": "exec sleep 100000", "cpus": 0.1, "mem": 16, "instances": 3}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Datacenter]:
    async with datacenter(tmp_path) as found:
        await found.up()
        yield found


async def test_an_app_runs_heals_scales_and_ends(platform: Datacenter) -> None:
    await platform.call("POST", "/v2/apps", APP)
    await platform.running("sleep", 3)
    pids = set(platform.task_pids())
    assert len(pids) == 3

    os.kill(next(iter(pids)), signal.SIGKILL)
    killed_at = time.monotonic()
    await eventually(lambda: len(set(platform.task_pids()) - pids) == 1, timeout_s=5)
    await platform.running("sleep", 3)
    assert time.monotonic() - killed_at < 5

    await platform.call("PUT", "/v2/apps/sleep", {"instances": 5})
    await platform.running("sleep", 5)
    assert len(platform.task_pids()) == 5
    await platform.call("PUT", "/v2/apps/sleep", {"instances": 1})
    await platform.running("sleep", 1)
    await eventually(lambda: len(platform.task_pids()) == 1)

    await platform.call("DELETE", "/v2/apps/sleep")
    await eventually(lambda: platform.task_pids() == [])


@pytest.mark.parametrize("with_supervisor", [False, True], ids=["platform", "supervisor-too"])
async def test_tasks_survive_the_death_of_the_platform(
    platform: Datacenter, with_supervisor: bool
) -> None:
    await platform.call("POST", "/v2/apps", APP)
    before = await platform.running("sleep", 3)
    pids = set(platform.task_pids())

    if with_supervisor:
        for pid in platform.supervisor_pids():
            os.kill(pid, signal.SIGKILL)
    await platform.end(signal.SIGKILL)
    assert all(is_alive(pid) for pid in pids)

    await platform.up()
    after = await platform.running("sleep", 3)
    assert {t["id"] for t in after} == {t["id"] for t in before}
    assert set(platform.task_pids()) == pids

    victim = next(iter(pids))
    os.kill(victim, signal.SIGKILL)
    await eventually(lambda: len(set(platform.task_pids()) - pids) == 1)
    assert set(platform.task_pids()) >= pids - {victim}

    await platform.call("PUT", "/v2/apps/sleep", {"instances": 5})
    await platform.running("sleep", 5)
    await platform.call("DELETE", "/v2/apps/sleep")
    await eventually(lambda: platform.task_pids() == [])


async def test_an_instance_that_is_not_well_is_replaced(
    platform: Datacenter, tmp_path: Path
) -> None:
    sick = tmp_path / "sick"
    check = {
        "protocol": "COMMAND",
        "command": {"value": f"[ ! -e {sick} ]"},
        "intervalSeconds": 1,
        "gracePeriodSeconds": 0,
        "maxConsecutiveFailures": 1,
        "delaySeconds": 0,
    }
    await platform.call("POST", "/v2/apps", {**APP, "instances": 1, "healthChecks": [check]})
    (first,) = await platform.running("sleep", 1)
    await eventually(lambda: _healthy(platform, 1))
    sick.touch()
    await eventually(lambda: _healthy(platform, 0))
    sick.unlink()
    await eventually(lambda: _healthy(platform, 1))
    (second,) = await platform.running("sleep", 1)
    assert second["id"] != first["id"]


async def _healthy(platform: Datacenter, count: int) -> bool:
    app = (await platform.call("GET", "/v2/apps/sleep"))["app"]
    return bool(app["tasksHealthy"] == count)


async def test_a_task_that_ended_meanwhile_is_replaced(platform: Datacenter) -> None:
    await platform.call("POST", "/v2/apps", APP)
    await platform.running("sleep", 3)
    pids = platform.task_pids()
    await platform.end(signal.SIGKILL)
    os.kill(pids[0], signal.SIGKILL)
    await platform.up()
    await eventually(lambda: len(platform.task_pids()) == 3)
    await platform.running("sleep", 3)
    assert set(pids[1:]) < set(platform.task_pids())


async def test_sigterm_ends_the_tasks_and_a_later_start_brings_the_apps_back(
    platform: Datacenter,
) -> None:
    await platform.call("POST", "/v2/apps", APP)
    await platform.running("sleep", 3)
    assert await platform.end(signal.SIGTERM) == 0
    assert platform.task_pids() == []
    await eventually(lambda: platform.supervisor_pids() == [])
    await platform.up()
    await platform.running("sleep", 3)


async def test_keep_tasks_leaves_them_running(tmp_path: Path) -> None:
    async with datacenter(tmp_path) as platform:
        await platform.up("--keep-tasks")
        await platform.call("POST", "/v2/apps", APP)
        await platform.running("sleep", 3)
        pids = set(platform.task_pids())
        assert await platform.end(signal.SIGINT) == 0
        assert set(platform.task_pids()) == pids
        await platform.up()
        await platform.running("sleep", 3)
        assert set(platform.task_pids()) == pids


async def test_three_agents_share_the_machine(tmp_path: Path) -> None:
    async with datacenter(tmp_path) as platform:
        await platform.up("--agents", "3")

        async def all_agents() -> list[Json] | None:
            async with platform.http.get(f"{platform.master_url}/slaves") as response:
                agents = (await response.json())["slaves"]
            return agents if len(agents) == 3 else None

        agents = await eventually(all_agents)
        cpus = sum(agent["resources"]["cpus"] for agent in agents)
        assert cpus <= (os.cpu_count() or 1)
        await platform.call("POST", "/v2/apps", APP)
        await platform.running("sleep", 3)
