"""A master that is killed and started again on its data directory."""

from __future__ import annotations

from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import RawFramework
from tests.support import eventually


async def restart(cluster: Cluster) -> None:
    cluster.master.kill()
    cluster.master.start()
    cluster.master.wait_until_healthy()


async def test_tasks_and_their_framework_outlive_the_master(fragile_cluster: Cluster) -> None:
    cluster = fragile_cluster
    framework = RawFramework(cluster.port, "survivor", failover_timeout=600.0)
    await framework.subscribe()
    framework_id = framework.id
    tasks = {await framework.launch_one() for _ in range(2)}
    await framework.wait_for_state("TASK_RUNNING", tasks)
    await restart(cluster)
    await framework.wait_for_end()
    await framework.disconnect()
    async with framework:
        assert framework.id == framework_id
        await eventually(lambda: len(cluster.get("/slaves")["slaves"]) == 2)
        await framework.reconcile(*((task, None) for task in tasks))
        await framework.wait_for_state("TASK_RUNNING", tasks)
        for task in tasks:
            await framework.kill(task)
        await framework.wait_for_state("TASK_KILLED", tasks)


async def test_agents_keep_their_ids_and_are_offered_again(fragile_cluster: Cluster) -> None:
    cluster = fragile_cluster
    before = {agent["id"] for agent in cluster.get("/slaves")["slaves"]}
    await restart(cluster)
    async with RawFramework(cluster.port, "newcomer") as framework:
        offers = await framework.wait_for_offers(2)
        assert {offer["agent_id"]["value"] for offer in offers} == before


async def test_an_agent_in_the_registry_is_waited_for_before_tasks_count_as_unknown(
    fragile_cluster: Cluster,
) -> None:
    cluster = fragile_cluster
    agent_id = cluster.get("/slaves")["slaves"][0]["id"]
    for agent in cluster.agents:
        agent.kill()
    await restart(cluster)
    async with RawFramework(cluster.port, "asker") as framework:
        await framework.reconcile(("task", agent_id), ("other", "nobody"))
        await framework.wait_for_state("TASK_LOST", ["other"])
        await framework.wait_for_heartbeats(2)
        assert framework.states("task") == []


async def test_an_update_on_its_way_when_the_master_died_still_arrives(
    fragile_cluster: Cluster,
) -> None:
    cluster = fragile_cluster
    framework = RawFramework(cluster.port, "late", acknowledges=False, failover_timeout=600.0)
    await framework.subscribe()
    task = await framework.launch_one("true")
    await framework.wait_for(lambda: framework.statuses(task))
    await restart(cluster)
    await framework.wait_for_end()
    await framework.disconnect()
    framework.acknowledges = True
    async with framework:
        await framework.wait_for_state("TASK_FINISHED", [task])
        assert framework.states(task).count("TASK_FINISHED") == 1
