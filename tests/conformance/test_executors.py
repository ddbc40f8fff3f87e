"""Custom executors and task groups on real processes, asked for by a framework without our code."""

from __future__ import annotations

import base64
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import Offer, ProtobufFramework, RawFramework, scalar
from tests.conformance.raw_http import Json

EXECUTOR = Path(__file__).with_name("raw_executor.py")
Frameworks = Callable[..., RawFramework]


@pytest.fixture(params=[RawFramework, ProtobufFramework], ids=["json", "protobuf"])
async def framework(
    cluster: Cluster, request: pytest.FixtureRequest
) -> AsyncIterator[RawFramework]:
    async with request.param(cluster.port, "with-executors", failover_timeout=60.0) as one:
        yield one


def custom(framework: RawFramework, name: str = "mine") -> Json:
    return {
        "type": "CUSTOM",
        "executor_id": {"value": name},
        "framework_id": {"value": framework.id},
        "command": {"value": f"exec {sys.executable} {EXECUTOR}"},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32)],
        "shutdown_grace_period": {"nanoseconds": 2_000_000_000},
    }


def default(framework: RawFramework, name: str = "pod") -> Json:
    return {
        "type": "DEFAULT",
        "executor_id": {"value": name},
        "framework_id": {"value": framework.id},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32), scalar("disk", 16)],
    }


def in_executor(framework: RawFramework, offer: Offer, executor: Json, suffix: str = "") -> Json:
    task = framework.task(offer)
    del task["command"]
    task["task_id"]["value"] += suffix
    return {**task, "executor": executor}


async def launch_group(
    framework: RawFramework, offer: Offer, executor: Json, *commands: str
) -> list[str]:
    tasks = [framework.task(offer, command) for command in commands]
    group = {"executor": executor, "task_group": {"tasks": tasks}}
    operation = {"type": "LAUNCH_GROUP", "launch_group": group}
    fields = {"offer_ids": [offer["id"]], "operations": [operation]}
    await framework.call("ACCEPT", {**fields, "filters": {"refuse_seconds": 0.0}})
    return [task["task_id"]["value"] for task in tasks]


def executors(cluster: Cluster, framework: RawFramework) -> list[Json]:
    (found,) = cluster.get(f"/frameworks?framework_id={framework.id}")["frameworks"]
    known: list[Json] = found["executors"]
    return known


async def test_an_executor_runs_several_tasks_and_outlives_them(
    cluster: Cluster, framework: RawFramework
) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    mine = custom(framework)
    ids = ["", ".once"]
    tasks = [in_executor(framework, offer, mine, suffix) for suffix in ids]
    long, short = await framework.launch(offer, tasks)
    await framework.wait_for_state("TASK_RUNNING", [long])
    await framework.wait_for_state("TASK_FINISHED", [short])
    (shown,) = executors(cluster, framework)
    assert (shown["executor_id"], shown["type"]) == ("mine", "CUSTOM")
    await framework.kill(long)
    await framework.wait_for_state("TASK_KILLED", [long])
    assert framework.statuses(long)[0]["executor_id"]["value"] == "mine"
    assert len(executors(cluster, framework)) == 1


async def test_bytes_travel_to_an_executor_and_back(framework: RawFramework) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    await framework.launch(offer, [in_executor(framework, offer, custom(framework), ".once")])
    await framework.wait_for(lambda: framework.in_state("TASK_FINISHED"))
    data = base64.b64encode(b"\x00ping").decode()
    names = {"agent_id": offer["agent_id"], "executor_id": {"value": "mine"}}
    await framework.call("MESSAGE", {**names, "data": data})
    (message,) = await framework.wait_for(lambda: framework.of_type("MESSAGE"))
    assert base64.b64decode(message["data"]) == b"\x00ping"
    assert message["executor_id"] == {"value": "mine"}


async def test_an_executor_that_dies_fails_its_tasks_and_is_reported(
    cluster: Cluster, framework: RawFramework
) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    mine = custom(framework)
    tasks = [in_executor(framework, offer, mine, suffix) for suffix in ("", ".crash")]
    ids = await framework.launch(offer, tasks)
    await framework.wait_for_state("TASK_FAILED", ids)
    last = framework.statuses(ids[0])[-1]
    assert last["reason"] == "REASON_EXECUTOR_TERMINATED"
    assert last["message"] == "Executor exited with status 7"
    failures = await framework.wait_for(lambda: framework.of_type("FAILURE"))
    assert failures[0]["executor_id"] == {"value": "mine"}
    assert failures[0]["status"] == 7 << 8
    assert executors(cluster, framework) == []


async def test_shutdown_ends_an_executor_with_its_tasks(
    cluster: Cluster, framework: RawFramework
) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    (task,) = await framework.launch(offer, [in_executor(framework, offer, custom(framework))])
    await framework.wait_for_state("TASK_RUNNING", [task])
    names = {"agent_id": offer["agent_id"], "executor_id": {"value": "mine"}}
    await framework.call("SHUTDOWN", names)
    await framework.wait_for_state("TASK_KILLED", [task])
    failures = await framework.wait_for(lambda: framework.of_type("FAILURE"))
    assert failures[0]["status"] == 0
    assert executors(cluster, framework) == []


async def test_a_group_runs_together_and_fails_together(
    cluster: Cluster, framework: RawFramework
) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    commands = ("sleep 1000", "while [ ! -e ../../fail ]; do sleep 0.05; done; exit 3")
    lasting, failing = await launch_group(framework, offer, default(framework), *commands)
    await framework.wait_for_state("TASK_RUNNING", [lasting, failing])
    ids = framework.statuses(lasting)[-1]["container_status"]["container_id"]
    run = _sandbox_of(cluster, ids["parent"]["value"])
    assert (run / "containers" / ids["value"] / "stdout").exists()
    (run / "fail").touch()
    await framework.wait_for_state("TASK_FAILED", [failing])
    await framework.wait_for_state("TASK_KILLED", [lasting])
    await framework.wait_for(lambda: framework.of_type("FAILURE"))
    assert executors(cluster, framework) == []


def _sandbox_of(cluster: Cluster, container_id: str) -> Path:
    places = [agent.directory for agent in cluster.agents]
    (found,) = (path for place in places for path in place.rglob(f"runs/{container_id}"))
    return found


async def test_of_a_group_with_one_task_too_many_nothing_starts(framework: RawFramework) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    commands = ["sleep 1000"] * 90  # 9 of 8 CPUs
    ids = await launch_group(framework, offer, default(framework), *commands)
    await framework.wait_for_state("TASK_ERROR", ids)
    assert framework.in_state("TASK_RUNNING") == set()


async def test_executor_and_group_survive_kill_9_of_their_agent(own_cluster: Cluster) -> None:
    cluster = own_cluster
    async with RawFramework(cluster.port, "survivor", failover_timeout=60.0) as framework:
        offers = await framework.wait_for_offers(2)
        (offer,) = [o for o in offers if o["hostname"] == "agent0"]
        (task,) = await framework.launch(offer, [in_executor(framework, offer, custom(framework))])
        await framework.wait_for_state("TASK_RUNNING", [task])
        (offer,) = [o for o in await framework.wait_for_offers(2) if o["hostname"] == "agent0"]
        members = await launch_group(framework, offer, default(framework), "sleep 1000", "sleep 99")
        await framework.wait_for_state("TASK_RUNNING", members)
        before = [_pid(framework, name) for name in (task, *members)]
        cluster.agents[0].kill()
        cluster.agents[0].start()
        cluster.wait_until_registered()
        assert all(_is_alive(pid) for pid in before)
        heard = len(framework.statuses())
        for name in (task, *members):
            await framework.kill(name)
        await framework.wait_for_state("TASK_KILLED", [task, *members])
        later = {status["state"] for status in framework.statuses()[heard:]}
        assert later <= {"TASK_KILLED", "TASK_RUNNING"}


async def test_a_member_that_is_killed_from_outside_takes_the_group_along(
    framework: RawFramework,
) -> None:
    (offer, *_) = await framework.wait_for_offers(1)
    members = await launch_group(framework, offer, default(framework), "sleep 1000", "sleep 99")
    await framework.wait_for_state("TASK_RUNNING", members)
    os.kill(_pid(framework, members[0]), signal.SIGKILL)
    await framework.wait_for_state("TASK_FAILED", members[:1])
    await framework.wait_for_state("TASK_KILLED", members[1:])


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _pid(framework: RawFramework, task_id: str) -> int:
    (running, *_) = [s for s in framework.statuses(task_id) if s["state"] == "TASK_RUNNING"]
    pid: int = running["container_status"]["executor_pid"]
    return pid
