"""Frameworks that come back, go away and end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import RawFramework
from tests.conformance.raw_http import Json
from tests.support import eventually


def frameworks(cluster: Cluster, kind: str) -> dict[str, Json]:
    return {f["id"]: f for f in cluster.get("/frameworks")[kind]}


def processes_of(argument: str) -> list[str]:
    """The processes that have the argument on their command line."""
    wanted = argument.encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(process.name)
    return found


def successor_of(framework: RawFramework) -> RawFramework:
    heir = RawFramework(framework.port)
    heir.info = dict(framework.info)
    return heir


async def test_a_second_subscription_takes_the_framework_over(cluster: Cluster) -> None:
    old = RawFramework(cluster.port, "heir", failover_timeout=60.0)
    await old.subscribe()
    task = await old.launch_one()
    await old.wait_for_state("TASK_RUNNING", [task])
    async with successor_of(old) as new:
        await old.wait_for_end()
        assert old.of_type("ERROR")[-1]["message"] == "Framework failed over"
        assert new.id == old.id
        assert (await old.try_call("REVIVE")).status == 400
        await new.reconcile((task, None))
        await new.wait_for_state("TASK_RUNNING", [task])
        await new.kill(task)
        await new.wait_for_state("TASK_KILLED", [task])
    await old.disconnect()


async def test_what_was_not_acknowledged_reaches_the_successor(cluster: Cluster) -> None:
    old = RawFramework(cluster.port, "careless", acknowledges=False, failover_timeout=60.0)
    await old.subscribe()
    task = await old.launch_one("true")
    await old.wait_for(lambda: old.statuses(task))
    await old.disconnect()
    async with successor_of(old) as new:
        await new.wait_for_state("TASK_FINISHED", [task])


async def test_offers_do_not_outlive_their_subscription(cluster: Cluster) -> None:
    old = RawFramework(cluster.port, "hoarder", failover_timeout=60.0)
    await old.subscribe()
    (offer, *_) = await old.wait_for_offers(3)
    await old.disconnect()
    async with successor_of(old) as new:
        (task,) = await new.launch(offer, [new.task(offer)])
        await new.wait_for_state("TASK_LOST", [task])
        fresh = await new.wait_for_offers(3)
        assert offer["id"] not in [o["id"] for o in fresh]


async def test_a_framework_that_stays_away_too_long_is_completed(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port, "gone", failover_timeout=0.5)
    await framework.subscribe()
    task = await framework.launch_one("exec sleep 98764")
    await framework.wait_for_state("TASK_RUNNING", [task])
    await framework.disconnect()
    await eventually(lambda: framework.id in frameworks(cluster, "completed_frameworks"))
    completed = frameworks(cluster, "completed_frameworks")[framework.id]
    assert [t["state"] for t in completed["completed_tasks"]] == ["TASK_KILLED"]
    await eventually(lambda: not processes_of("98764"))
    first = await framework.subscribe()
    assert (first["type"], first["error"]["message"]) == ("ERROR", "Framework has been removed")
    await framework.disconnect()


async def test_a_framework_that_is_back_in_time_keeps_its_tasks(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port, "back", failover_timeout=60.0)
    await framework.subscribe()
    task = await framework.launch_one()
    await framework.wait_for_state("TASK_RUNNING", [task])
    await framework.disconnect()
    await eventually(lambda: not frameworks(cluster, "frameworks")[framework.id]["connected"])
    async with successor_of(framework) as back:
        await back.reconcile()
        await back.wait_for_state("TASK_RUNNING", [task])


async def test_a_framework_without_failover_timeout_ends_with_its_stream(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port, "brief")
    await framework.subscribe()
    await framework.disconnect()
    await eventually(lambda: framework.id in frameworks(cluster, "completed_frameworks"))


async def test_teardown_kills_the_tasks_and_ends_the_stream(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port, "done", failover_timeout=60.0)
    await framework.subscribe()
    task = await framework.launch_one("exec sleep 98765")
    await framework.wait_for_state("TASK_RUNNING", [task])
    await eventually(lambda: processes_of("98765"))
    await framework.call("TEARDOWN")
    await framework.wait_for_end()
    assert framework.id in frameworks(cluster, "completed_frameworks")
    await eventually(lambda: not any(used_cpus(cluster)))
    await eventually(lambda: not processes_of("98765"))
    await framework.disconnect()


def used_cpus(cluster: Cluster) -> list[float]:
    return [agent["used_resources"]["cpus"] for agent in cluster.get("/slaves")["slaves"]]


async def test_a_framework_with_an_id_of_its_own_is_accepted(cluster: Cluster) -> None:
    name = "from-before-the-master"
    async with RawFramework(cluster.port, "stranger", id={"value": name}) as framework:
        assert framework.id == name
        await framework.wait_for_offers(3)


async def test_a_framework_may_come_back_with_another_name(cluster: Cluster) -> None:
    old = RawFramework(cluster.port, "caterpillar", failover_timeout=60.0)
    await old.subscribe()
    await old.disconnect()
    new = successor_of(old)
    new.info |= {"name": "butterfly", "webui_url": "http://garden"}
    async with new:
        shown = frameworks(cluster, "frameworks")[new.id]
        assert (shown["name"], shown["webui_url"]) == ("butterfly", "http://garden")
