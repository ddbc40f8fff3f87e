"""Offers, tasks and their updates, as a framework without our code sees them."""

from __future__ import annotations

import asyncio
import time

from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import RawFramework, scalar
from tests.conformance.raw_http import Json

ORDER = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"]


def is_in_order(states: list[str]) -> bool:
    """Whether a task went forward only, to one end at most."""
    ranks = [ORDER.index(state) if state in ORDER else len(ORDER) for state in states]
    return ranks == sorted(set(ranks))


async def launch_hundred(framework: RawFramework, command: str) -> list[str]:
    offers = await framework.wait_for_offers(3)
    sizes = [34, 33, 33]
    return [
        task_id
        for offer, size in zip(offers, sizes, strict=True)
        for task_id in await framework.launch(
            offer, [framework.task(offer, command) for _ in range(size)]
        )
    ]


async def test_a_hundred_tasks_run_on_three_agents_and_are_killed(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "hundred") as framework:
        tasks = await launch_hundred(framework, "sleep 1000")
        await framework.wait_for_state("TASK_RUNNING", tasks)
        agents = {status["agent_id"]["value"] for status in framework.statuses()}
        assert len(agents) == 3
        for task in tasks:
            await framework.kill(task)
        await framework.wait_for_state("TASK_KILLED", tasks)
        assert all(is_in_order(framework.states(task)) for task in tasks)
        assert all("uuid" in status for status in framework.statuses())


async def test_tasks_that_end_by_themselves_say_how(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "ends") as framework:
        good = await framework.launch_one("true")
        bad = await framework.launch_one("exit 3")
        await framework.wait_for_state("TASK_FINISHED", [good])
        await framework.wait_for_state("TASK_FAILED", [bad])
        assert is_in_order(framework.states(good))
        assert "3" in framework.statuses(bad)[-1]["message"]


async def test_a_hundred_short_tasks_each_finish_once(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "short") as framework:
        tasks = await launch_hundred(framework, "true")
        await framework.wait_for_state("TASK_FINISHED", tasks)
        assert all(framework.states(task).count("TASK_FINISHED") == 1 for task in tasks)
        assert all(is_in_order(framework.states(task)) for task in tasks)


async def test_an_update_comes_again_until_it_is_acknowledged(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "forgetful", acknowledges=False) as framework:
        task = await framework.launch_one("true")
        await framework.wait_for(lambda: len(framework.statuses(task)) >= 2)
        first, again = framework.statuses(task)[:2]
        assert first["uuid"] == again["uuid"]
        assert first["state"] == again["state"]
        framework.acknowledges = True
        await framework.acknowledge(again)
        await framework.wait_for_state("TASK_FINISHED", [task])


async def test_the_next_update_waits_for_the_acknowledgement_of_the_last(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "slow", acknowledges=False) as framework:
        task = await framework.launch_one("true")
        await framework.wait_for(lambda: framework.statuses(task))
        await framework.wait_for_heartbeats(2)
        assert len(set(framework.states(task))) == 1


async def test_an_acknowledgement_of_nothing_does_no_harm(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "wrong") as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        status = framework.statuses(task)[-1]
        await framework.acknowledge({**status, "uuid": "AAAAAAAAAAAAAAAAAAAAAA=="})
        await framework.acknowledge({**status, "agent_id": {"value": "nobody"}})
        await framework.acknowledge({**status, "task_id": {"value": "nothing"}})
        await framework.kill(task)
        await framework.wait_for_state("TASK_KILLED", [task])


async def test_explicit_reconciliation_tells_of_known_and_unknown_tasks(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "explicit") as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        agent = framework.statuses(task)[-1]["agent_id"]["value"]
        framework.events.clear()
        asked: list[tuple[str, str | None]] = [
            (task, agent),
            ("strange", agent),
            ("stranger", "nobody"),
            ("strangest", None),
        ]
        await framework.reconcile(*asked)
        await framework.wait_for(lambda: len(framework.statuses()) == 4)
        assert {s["task_id"]["value"]: s["state"] for s in framework.statuses()} == {
            task: "TASK_RUNNING",
            "strange": "TASK_LOST",
            "stranger": "TASK_LOST",
            "strangest": "TASK_LOST",
        }
        assert all(s["reason"] == "REASON_RECONCILIATION" for s in framework.statuses())
        assert all(s["source"] == "SOURCE_MASTER" for s in framework.statuses())
        assert not any("uuid" in s for s in framework.statuses())


async def test_a_partition_aware_framework_is_told_more_precisely(cluster: Cluster) -> None:
    aware = [{"type": "PARTITION_AWARE"}]
    async with RawFramework(cluster.port, "aware", capabilities=aware) as framework:
        (offer, *_) = await framework.wait_for_offers(1)
        await framework.reconcile(("strange", offer["agent_id"]["value"]), ("stranger", None))
        await framework.wait_for_state("TASK_GONE", ["strange"])
        await framework.wait_for_state("TASK_UNKNOWN", ["stranger"])


async def test_implicit_reconciliation_tells_of_every_task(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "implicit") as framework:
        tasks = {await framework.launch_one() for _ in range(3)}
        await framework.wait_for_state("TASK_RUNNING", tasks)
        framework.events.clear()
        await framework.reconcile()
        await framework.wait_for_state("TASK_RUNNING", tasks)
        assert len(framework.statuses()) == 3


async def test_killing_a_task_nobody_knows_is_answered(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "killer") as framework:
        await framework.kill("nothing")
        await framework.wait_for_state("TASK_LOST", ["nothing"])


async def test_a_stubborn_task_ends_after_its_grace_period(cluster: Cluster) -> None:
    async with RawFramework(
        cluster.port, "stubborn", capabilities=[{"type": "TASK_KILLING_STATE"}]
    ) as framework:
        grace = {"grace_period": {"nanoseconds": 500_000_000}}
        stubborn = "trap '' TERM; while true; do sleep 0.1; done"
        task = await framework.launch_one(stubborn, kill_policy=grace)
        await framework.wait_for_state("TASK_RUNNING", [task])
        await framework.kill(task)
        await framework.wait_for_state("TASK_KILLED", [task])
        assert framework.states(task)[-2:] == ["TASK_KILLING", "TASK_KILLED"]


async def test_an_offer_that_was_used_cannot_be_used_again(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "twice") as framework:
        (offer, *_) = await framework.wait_for_offers(1)
        (first,) = await framework.launch(offer, [framework.task(offer)])
        (second,) = await framework.launch(offer, [framework.task(offer)])
        await framework.wait_for_state("TASK_LOST", [second])
        assert framework.statuses(second)[-1]["reason"] == "REASON_INVALID_OFFERS"
        await framework.wait_for_state("TASK_RUNNING", [first])


async def test_a_task_that_cannot_be_is_an_error_and_the_others_run(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "greedy") as framework:
        (offer, *_) = await framework.wait_for_offers(1)
        tasks: list[Json] = [
            framework.task(offer, resources=[scalar("cpus", 1000)]),
            framework.task(offer, resources=[]),
            framework.task(offer, resources=[scalar("cpus", -1)]),
            framework.task(offer, task_id={"value": "../../etc"}),
            framework.task(offer, agent_id={"value": "nobody"}),
            framework.task(offer),
        ]
        *wrong, right = await framework.launch(offer, tasks)
        await framework.wait_for_state("TASK_ERROR", wrong)
        await framework.wait_for_state("TASK_RUNNING", [right])
        assert all(framework.statuses(task)[-1]["message"] for task in wrong)


async def test_what_a_task_leaves_is_offered_again(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "frugal") as framework:
        offers = await framework.wait_for_offers(3)
        first = offers[0]
        await framework.launch(first, [framework.task(first)])

        def rest() -> list[Json]:
            return [
                offer
                for offer in framework.offers()
                if offer["agent_id"] == first["agent_id"] and offer["id"] != first["id"]
            ]

        await framework.wait_for(rest)
        cpus = {r["name"]: r.get("scalar") for r in rest()[0]["resources"]}["cpus"]
        assert cpus["value"] == 7.9


async def test_an_offer_says_where_and_for_whom_it_is(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "reader", role="ads") as framework:
        offers = await framework.wait_for_offers(3)
        assert {offer["hostname"] for offer in offers} == {"agent0", "agent1", "agent2"}
        for offer in offers:
            assert offer["framework_id"]["value"] == framework.id
            assert offer["allocation_info"] == {"role": "ads"}
            assert all(r["allocation_info"] == {"role": "ads"} for r in offer["resources"])
            assert offer["url"]["address"]["port"]
            assert [a["name"] for a in offer["attributes"]] == ["rack"]


async def test_declined_resources_come_back_when_the_filter_ends(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "picky") as framework:
        offers = await framework.wait_for_offers(3)
        framework.events.clear()
        declined_at = time.monotonic()
        await framework.decline(offers, refuse_seconds=1.0)
        await framework.wait_for_offers(3)
        assert time.monotonic() - declined_at >= 1.0


async def test_reviving_ends_all_filters(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "reviver") as framework:
        await framework.decline(await framework.wait_for_offers(3), refuse_seconds=3600)
        framework.events.clear()
        await framework.wait_for_heartbeats(2)
        assert framework.offers() == []
        await framework.call("REVIVE")
        await framework.wait_for_offers(3)


async def test_a_suppressed_framework_is_offered_nothing_until_it_revives(
    cluster: Cluster,
) -> None:
    async with RawFramework(cluster.port, "modest") as framework:
        offers = await framework.wait_for_offers(3)
        await framework.call("SUPPRESS")
        await framework.decline(offers, refuse_seconds=0)
        framework.events.clear()
        await framework.wait_for_heartbeats(2)
        assert framework.offers() == []
        await framework.call("REVIVE")
        await framework.wait_for_offers(3)


async def test_heartbeats_come_as_often_as_announced(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "listener") as framework:
        began = time.monotonic()
        await framework.wait_for_heartbeats(3)
        assert 0.9 <= time.monotonic() - began < 5


async def test_two_frameworks_share_three_agents(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "one") as one:
        await one.wait_for_offers(3)
        await one.decline(one.offers(), refuse_seconds=2)
        async with RawFramework(cluster.port, "two") as two:
            offers = await two.wait_for_offers(3)
            (mine,) = await two.launch(offers[0], [two.task(offers[0])])
            await two.wait_for_state("TASK_RUNNING", [mine])
            await two.decline(offers[1:], refuse_seconds=3600)
            theirs = await one.launch_one()
            await one.wait_for_state("TASK_RUNNING", [theirs])
            assert mine not in one.in_state("TASK_RUNNING")


async def test_a_request_for_resources_is_taken_as_the_hint_it_is(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "asker") as framework:
        await framework.call("REQUEST", {"requests": [{"resources": [scalar("cpus", 1)]}]})
        await framework.call("REQUEST", {"requests": []})


async def test_calls_at_the_same_time_are_all_carried_out(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "busy") as framework:
        names = [f"unknown{n}" for n in range(50)]
        await asyncio.gather(*(framework.reconcile((name, None)) for name in names))
        await framework.wait_for_state("TASK_LOST", names)


async def test_messages_and_shutdowns_for_nobody_do_no_harm(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "postman") as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        agent = framework.statuses(task)[-1]["agent_id"]
        for agent_id in (agent, {"value": "nobody"}):
            addressee = {"agent_id": agent_id, "executor_id": {"value": "nobody"}}
            await framework.call("MESSAGE", {**addressee, "data": "aGVsbG8="})
            await framework.call("SHUTDOWN", addressee)
        await framework.kill(task)
        await framework.wait_for_state("TASK_KILLED", [task])


async def test_shutting_the_executor_down_ends_its_task(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "closer") as framework:
        task = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task])
        status = framework.statuses(task)[-1]
        await framework.call(
            "SHUTDOWN", {"agent_id": status["agent_id"], "executor_id": {"value": task}}
        )
        ends = {"TASK_KILLED", "TASK_FAILED", "TASK_LOST"}
        await framework.wait_for(lambda: ends & set(framework.states(task)))
