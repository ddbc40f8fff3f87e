"""Agents that vanish and return."""

from __future__ import annotations

from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import RawFramework
from tests.support import eventually


async def test_tasks_of_a_killed_agent_are_lost_and_its_loss_is_told(
    fragile_cluster: Cluster,
) -> None:
    cluster = fragile_cluster
    aware = [{"type": "PARTITION_AWARE"}]
    async with (
        RawFramework(cluster.port, "plain") as plain,
        RawFramework(cluster.port, "aware", capabilities=aware) as partition_aware,
    ):
        frameworks = {"TASK_LOST": plain, "TASK_UNREACHABLE": partition_aware}
        tasks = {}
        for state, framework in frameworks.items():
            tasks[state] = await framework.launch_one()
            await framework.wait_for_state("TASK_RUNNING", [tasks[state]])
            await framework.decline(framework.offers(), refuse_seconds=0)
        for agent in cluster.agents:
            agent.kill()
        for state, framework in frameworks.items():
            await framework.wait_for_state(state, [tasks[state]])
            await framework.wait_for(lambda f=framework: len(f.of_type("FAILURE")) == 2)  # type: ignore[misc]
            lost = {failure["agent_id"]["value"] for failure in framework.of_type("FAILURE")}
            assert framework.statuses(tasks[state])[-1]["agent_id"]["value"] in lost
        assert cluster.get("/slaves")["slaves"] == []


async def test_a_task_survives_the_agent_and_is_known_again_when_it_returns(
    fragile_cluster: Cluster,
) -> None:
    cluster = fragile_cluster
    aware = [{"type": "PARTITION_AWARE"}]
    async with RawFramework(cluster.port, "patient", capabilities=aware) as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        for agent in cluster.agents:
            agent.kill()
        await framework.wait_for_state("TASK_UNREACHABLE", [task])
        framework.events.clear()
        for agent in cluster.agents:
            agent.start()
        await framework.wait_for_state("TASK_RUNNING", [task])


async def test_an_agent_back_in_time_is_not_lost(cluster: Cluster) -> None:
    agent = cluster.agents[0]
    async with RawFramework(cluster.port, "steady") as framework:
        offers = await framework.wait_for_offers(3)
        here = next(offer for offer in offers if offer["hostname"] == "agent0")
        (task,) = await framework.launch(here, [framework.task(here)])
        await framework.wait_for_state("TASK_RUNNING", [task])
        agent.kill()
        await eventually(lambda: sum(a["active"] for a in cluster.get("/slaves")["slaves"]) == 2)
        agent.start()
        await eventually(lambda: sum(a["active"] for a in cluster.get("/slaves")["slaves"]) == 3)
        await framework.reconcile()
        await framework.wait_for(lambda: framework.states(task)[-1:] == ["TASK_RUNNING"])
        assert framework.of_type("FAILURE") == []
        await framework.kill(task)
        await framework.wait_for_state("TASK_KILLED", [task])


async def test_a_task_given_up_as_lost_is_killed_when_its_agent_returns(
    fragile_cluster: Cluster,
) -> None:
    cluster = fragile_cluster
    async with RawFramework(cluster.port, "impatient") as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        for agent in cluster.agents:
            agent.kill()
        await framework.wait_for_state("TASK_LOST", [task])
        for agent in cluster.agents:
            agent.start()
        await framework.wait_for_state("TASK_KILLED", [task])
