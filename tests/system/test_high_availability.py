"""Masters and ZooKeeper nodes die; tasks do not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from tests.conformance.raw_http import request
from tests.support import zookeeper
from tests.support.waiting import eventually
from tests.support.zookeeper import HERE
from tests.system.masters import FAIL_OVER_S, FollowingFramework, Masters, masters

AGENTS, TASKS_AN_AGENT, KILLS = 3, 20, 3


@pytest.fixture
def ensemble() -> Iterator[zookeeper.Ensemble]:
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(3) as running:
        running.start()
        yield running


@pytest.fixture
def no_tasks_left(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in _processes_below(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_a_standby_sends_everybody_to_the_leader(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with masters(tmp_path, ensemble, [HERE] * 2) as cluster:
        leader = await cluster.leader()
        (standby,) = (master for master in cluster.all if master is not leader)
        at = f"//127.0.0.1:{leader.port}"

        async def location(path: str, method: str = "GET") -> tuple[int, str]:
            answer = await request(standby.port, method, path)
            return answer.status, answer.headers.get("location", "")

        await eventually(standby.redirects)
        assert await location("/api/v1/scheduler", "POST") == (307, f"{at}/api/v1/scheduler")
        assert await location("/api/v1", "POST") == (307, f"{at}/api/v1")
        assert await location("/master/state?a=b%20c") == (307, f"{at}/master/state?a=b%20c")
        assert await location("/redirect") == (307, at)
        assert await location("/master/redirect") == (307, at)
        assert await location("/api/v1/agents/link") == (307, f"{at}/api/v1/agents/link")
        assert await location("/health") == (200, "")
        assert await standby.figure("elected") == 0
        assert await leader.figure("elected") == 1
        own = await request(leader.port, "GET", "/master/redirect")
        assert (own.status, own.headers["location"]) == (307, at)


async def test_without_a_leader_the_answer_is_503(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with masters(tmp_path, ensemble, [HERE]) as cluster:
        leader = await cluster.leader()
        for node in ensemble.nodes:
            node.kill()

        async def is_deposed() -> bool:
            return (await request(leader.port, "POST", "/api/v1/scheduler")).status == 503

        await eventually(is_deposed, timeout_s=FAIL_OVER_S)
        assert await leader.figure("elected") == 0

        ensemble.start()
        assert await cluster.leader(timeout_s=60) is leader


async def test_a_leader_that_is_stopped_hands_over_at_once(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with masters(tmp_path, ensemble, [HERE] * 2) as cluster:
        leader = await cluster.leader()
        assert await leader.stop() == 0

        await cluster.leader(timeout_s=2)


async def test_a_leader_that_was_frozen_finds_itself_deposed(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with masters(tmp_path, ensemble, [HERE] * 2) as cluster:
        leader = await cluster.leader()
        leader.signal(signal.SIGSTOP)
        (other,) = (master for master in cluster.all if master is not leader)
        await eventually(other.leads, FAIL_OVER_S)

        leader.signal(signal.SIGCONT)

        await eventually(leader.redirects, FAIL_OVER_S)
        assert await other.leads()


@pytest.mark.usefixtures("no_tasks_left")
async def test_no_task_is_lost_or_restarted_when_leaders_and_a_zookeeper_node_die(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with masters(tmp_path, ensemble) as cluster:
        await cluster.add_agents(AGENTS)
        async with FollowingFramework(cluster) as framework:
            task_ids = await framework.launch(AGENTS, TASKS_AN_AGENT, "exec sleep 98765")
            pids = _pids_of_tasks(tmp_path)
            assert len(pids) == len(task_ids) == AGENTS * TASKS_AN_AGENT

            for _ in range(KILLS):
                await _kill_the_leader(cluster)
                await framework.moved()
                await cluster.registered(AGENTS)
                await _all_run(framework, task_ids)
            await _kill_a_zookeeper_node(cluster, ensemble)
            await _all_run(framework, task_ids)

            framework.remember()
            assert framework.states() <= {"TASK_STARTING", "TASK_RUNNING"}
            assert _pids_of_tasks(tmp_path) == pids


@pytest.mark.usefixtures("no_tasks_left")
async def test_marathon_follows_the_leader_and_its_tasks_stay(
    tmp_path: Path, ensemble: zookeeper.Ensemble
) -> None:
    async with (
        masters(tmp_path, ensemble, [HERE] * 2) as cluster,
        aiohttp.ClientSession(await cluster.start_marathon()) as marathon,
    ):
        await cluster.add_agents(1)
        app = {"id": "/web", "cmd": "exec sleep 98765", "cpus": 0.1, "mem": 32, "instances": 2}
        await eventually(lambda: _accepts(marathon, "POST", "/v2/apps", app))
        before = await eventually(lambda: _running(marathon, 2))

        await _kill_the_leader(cluster)
        await cluster.registered(1)
        await eventually(lambda: _accepts(marathon, "PUT", "/v2/apps/web", {"instances": 3}))

        after = await eventually(lambda: _running(marathon, 3))
        assert before < after


async def _accepts(marathon: aiohttp.ClientSession, method: str, path: str, body: object) -> bool:
    try:
        async with marathon.request(method, path, json=body) as answer:
            return answer.status in (200, 201)
    except aiohttp.ClientError:
        return False


async def _running(marathon: aiohttp.ClientSession, count: int) -> set[str]:
    async with marathon.get("/v2/tasks?status=running") as answer:
        tasks = {
            task["id"] for task in (await answer.json())["tasks"] if task["state"] == "TASK_RUNNING"
        }
        return tasks if len(tasks) == count else set()


async def _kill_a_zookeeper_node(cluster: Masters, ensemble: zookeeper.Ensemble) -> None:
    leader = await cluster.leader()
    ensemble.leader().kill()
    await eventually(lambda: any(node.role() == "leader" for node in ensemble.nodes))
    assert await cluster.leader() is leader, "a master loses its lead with a ZooKeeper node"


async def _kill_the_leader(cluster: Masters) -> float:
    leader = await cluster.leader()
    began = time.monotonic()
    await leader.kill()
    await cluster.leader()
    recovery_s = time.monotonic() - began
    await leader.start()
    return recovery_s


async def _all_run(framework: FollowingFramework, task_ids: list[str]) -> None:
    assert await framework.reconcile(task_ids) == {"TASK_RUNNING"}


def _pids_of_tasks(directory: Path) -> set[int]:
    return {pid for pid in _processes_below(directory) if b"98765" in _command_of(pid)}


def _processes_below(directory: Path) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and str(directory).encode() in _identity(pid)]


def _command_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _identity(pid: int) -> bytes:
    with suppress(OSError):
        process = Path(f"/proc/{pid}")
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    return b""
