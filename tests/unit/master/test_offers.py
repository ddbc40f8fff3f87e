"""Offers: who gets them, what becomes of them, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.master.config import MasterConfig
from orchestrator.mesos import link
from orchestrator.mesos.resource_wire import from_wire, parse
from orchestrator.mesos.scheduler import CallType, EventType, Roles
from orchestrator.mesos.types import (
    CheckInfo,
    CommandInfo,
    Environment,
    EnvironmentVariable,
    HealthCheck,
    HTTPCheck,
    Scalar,
    TaskState,
)

from .world import World, task


def test_a_new_framework_is_offered_all_that_is_free_in_one_event() -> None:
    world = World()
    agents = [world.agent(), world.agent()]
    framework = world.framework()
    assert len(framework.of_type(EventType.OFFERS)) == 1
    assert {o.agent_id.value for o in framework.offers} == {a.id for a in agents}
    assert from_wire(framework.offers[0].resources) == parse(
        "cpus:4;mem:4096;disk:1000;ports:[31000-31099]"
    )


def test_a_new_agent_is_offered_at_once() -> None:
    world = World()
    framework = world.framework()
    agent = world.agent(attributes=[])
    offer = framework.offers[0]
    assert (offer.agent_id.value, offer.hostname) == (agent.id, "host")
    assert offer.allocation_info and offer.allocation_info.role == "*"
    assert all(r.allocation_info and r.allocation_info.role == "*" for r in offer.resources)


def test_launching_uses_the_offer_and_the_rest_is_offered_again_when_the_filter_ends() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1", "t2")
    assert agent.launched == ["t1", "t2"]
    assert framework.open_offers == []
    world.advance(5)
    assert from_wire(framework.open_offers[0].resources) == parse(
        "cpus:2;mem:3896;disk:1000;ports:[31000-31099]"
    )


def test_the_rest_comes_back_at_once_to_who_launched_and_refuses_for_no_time() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.accept(framework.open_offers, [task("t1", agent.id)], refuse_s=0)
    assert from_wire(framework.open_offers[0].resources).scalar("cpus") == 3


def test_declining_for_no_time_still_waits_an_allocation_interval() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.decline(framework.open_offers[0], refuse_s=0)
    assert framework.open_offers == []
    world.advance(1)
    assert len(framework.open_offers) == 1


@pytest.mark.parametrize(
    ("refuse_s", "held_s"), [(3.0, 3.0), (-1.0, 5.0), (float("nan"), 5.0), (1e12, 365 * 86400.0)]
)
def test_a_declined_offer_stays_away_for_the_time_asked(refuse_s: float, held_s: float) -> None:
    world = World(MasterConfig(agent_ping_timeout_s=1e9, heartbeat_interval_s=1e9))
    world.agent()
    framework = world.framework()
    framework.decline(framework.open_offers[0], refuse_s=refuse_s)
    world.advance(held_s - 1)
    assert framework.open_offers == []
    world.advance(1)
    assert len(framework.open_offers) == 1


def test_what_one_framework_declines_another_gets() -> None:
    world = World()
    world.agent()
    first, second = world.framework(name="a"), world.framework(name="b")
    first.decline(first.open_offers[0])
    assert len(second.open_offers) == 1


def test_more_than_was_refused_is_offered_despite_the_filter() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.accept(framework.open_offers, [task("t1", agent.id)], refuse_s=1000)
    agent.report(framework.id, "t1", TaskState.FINISHED)
    assert from_wire(framework.open_offers[0].resources).scalar("cpus") == 4


def test_revive_forgets_the_filters() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.decline(framework.open_offers[0], refuse_s=1000)
    framework.call(CallType.REVIVE)
    assert len(framework.open_offers) == 1


def test_a_suppressed_framework_is_offered_nothing_until_it_revives() -> None:
    world = World()
    framework = world.framework()
    framework.call(CallType.SUPPRESS)
    world.agent()
    assert framework.offers == []
    framework.call(CallType.REVIVE, revive=Roles(roles=["*"]))
    assert len(framework.open_offers) == 1


def test_a_framework_may_subscribe_with_its_roles_suppressed() -> None:
    world = World()
    world.agent()
    framework = world.framework(
        roles=["web", "batch"], capabilities=["MULTI_ROLE"], suppressed=["web"]
    )
    assert [o.allocation_info.role for o in framework.offers if o.allocation_info] == ["batch"]


def test_offers_of_one_agent_can_be_accepted_together() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1", resources="cpus:3;mem:1000")
    world.advance(5)
    agent.report(framework.id, "t1", TaskState.FINISHED)
    assert len(framework.open_offers) == 2
    framework.accept(framework.open_offers, [task("t2", agent.id, "cpus:4;mem:4096")])
    assert agent.launched == ["t1", "t2"]


def test_an_offer_unanswered_for_too_long_is_rescinded_and_made_again() -> None:
    world = World(MasterConfig(offer_timeout_s=10))
    world.agent()
    framework = world.framework()
    first = framework.open_offers[0]
    world.advance(10)
    rescinded = framework.of_type(EventType.RESCIND)[0].rescind
    assert rescinded and rescinded.offer_id == first.id
    assert not framework.open_offers
    world.advance(5)
    assert framework.open_offers and framework.open_offers[0].id != first.id


def test_what_one_framework_left_unanswered_the_next_is_offered() -> None:
    world = World(MasterConfig(offer_timeout_s=10))
    world.agent()
    hoarder = world.framework()
    other = world.framework(role="other")
    assert hoarder.open_offers and not other.open_offers
    world.advance(10)
    assert other.open_offers and not hoarder.open_offers


def test_less_than_a_hundredth_cpu_and_32_mb_is_not_offered() -> None:
    world = World()
    world.agent("cpus:0.005;mem:31")
    assert world.framework().offers == []


def test_reserved_resources_go_to_their_role_and_its_children_only() -> None:
    world = World()
    world.agent("cpus(web):2;mem(web):1000;disk:10")
    other, child = world.framework(role="batch"), world.framework(role="web/shop")
    assert other.offers == []
    assert child.offers[0].resources[0].role == "web"


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ("cpus:5", "Task uses more resources"),
        ("cpus:1;ports:[80-80]", "Task uses more resources"),
        ("", "Task uses no resources"),
    ],
)
def test_a_task_that_does_not_fit_the_offer_is_an_error(resources: str, reason: str) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1", resources=resources)
    status = framework.statuses[0]
    assert (status.state, status.reason) == (TaskState.ERROR, "REASON_TASK_INVALID")
    assert status.uuid is None
    assert reason in (status.message or "")
    assert agent.launched == []


def test_tasks_after_a_refused_one_still_start() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    offer = framework.open_offers[0]
    wanted = [task("big", agent.id, "cpus:99"), task("small", agent.id)]
    framework.accept([offer], wanted)
    assert agent.launched == ["small"]


@pytest.mark.parametrize("task_id", ["", "a/b", "a\\b", "a\nb", ".", "..", "x" * 256])
def test_a_task_id_that_is_no_directory_name_is_an_error(task_id: str) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch(task_id)
    assert framework.statuses[0].state is TaskState.ERROR
    assert agent.launched == []


def test_a_task_id_in_use_is_an_error() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1", "t1")
    assert agent.launched == ["t1"]
    assert "duplicate" in (framework.statuses[0].message or "")


@pytest.mark.parametrize(
    "fields",
    [
        {"command": None},
        {"command": CommandInfo(value="echo \0")},
        {
            "command": CommandInfo(
                value="x", environment=Environment(variables=[EnvironmentVariable(name="A")])
            )
        },
        {
            "command": CommandInfo(
                value="x",
                environment=Environment(variables=[EnvironmentVariable(name="A=B", value="")]),
            )
        },
    ],
)
def test_a_command_that_cannot_be_run_is_an_error(fields: dict[str, Any]) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.accept(framework.open_offers, [task("t1", agent.id, **fields)])
    assert framework.statuses[0].state is TaskState.ERROR


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"check": CheckInfo(type="TCP")},
            "Task uses invalid check: Expecting 'tcp' to be set for TCP check",
        ),
        (
            {"health_check": HealthCheck(type="HTTP", http=HTTPCheck(port=80, path="x"))},
            "Task uses invalid health check: The path 'x' of HTTP health check must start with '/'",
        ),
    ],
)
def test_a_check_that_cannot_be_made_is_an_error(fields: dict[str, Any], sentence: str) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.accept(framework.open_offers, [task("t1", agent.id, **fields)])
    status = framework.statuses[0]
    assert (status.state, status.message) == (TaskState.ERROR, sentence)
    assert agent.launched == []


def test_a_task_for_another_agent_than_the_offers_is_an_error() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.accept(framework.open_offers, [task("t1", "elsewhere")])
    assert framework.statuses[0].state is TaskState.ERROR


@pytest.mark.parametrize(
    ("capabilities", "state"), [([], TaskState.LOST), (["PARTITION_AWARE"], TaskState.DROPPED)]
)
def test_tasks_on_an_offer_used_before_are_lost(capabilities: list[str], state: TaskState) -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=capabilities)
    offer = framework.open_offers[0]
    framework.decline(offer)
    framework.accept([offer], [task("t1", agent.id)])
    assert (framework.statuses[0].state, framework.statuses[0].reason) == (
        state,
        "REASON_INVALID_OFFERS",
    )


def test_offers_of_two_agents_cannot_be_combined_and_are_given_back() -> None:
    world = World()
    agent, _ = world.agent(), world.agent()
    framework = world.framework()
    framework.accept(framework.open_offers, [task("t1", agent.id)])
    assert framework.statuses[0].state is TaskState.LOST
    assert len(framework.open_offers) == 2


def test_nobody_can_use_the_offers_of_others() -> None:
    world = World()
    agent = world.agent()
    owner, thief = world.framework(name="owner"), world.framework(name="thief")
    offer = owner.open_offers[0]
    thief.accept([offer], [task("t1", agent.id)])
    thief.decline(offer)
    assert agent.launched == []
    assert owner.open_offers == [offer]


def test_a_launched_task_carries_the_role_it_was_offered_in() -> None:
    world = World()
    agent = world.agent()
    framework = world.framework(roles=["web"], capabilities=["MULTI_ROLE"])
    framework.launch("t1")
    resources = agent.messages(link.RunTasks)[0].tasks[0].resources
    assert {r.allocation_info.role for r in resources if r.allocation_info} == {"web"}


def test_an_accept_that_comes_twice_drops_none_of_the_tasks_that_it_launched() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    offer = framework.open_offers[0]
    for _ in range(2):
        framework.accept([offer], [task("t1", agent.id)])
    assert agent.launched == ["t1"]
    assert framework.statuses == []


def test_an_offer_that_times_out_with_its_agent_goes_once() -> None:
    world = World(MasterConfig(offer_timeout_s=80.0))
    world.agent()
    framework = world.framework()
    world.now += 3600  # the machine slept: everything is due in one wake-up
    world.settle()
    assert len(framework.of_type(EventType.RESCIND)) == 1
    assert not world.master.cluster.agents


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"cpus": 0.5}, "cpus limit must be greater"),
        ({"mem": 50.0}, "mem limit must be greater"),
        ({"mem": float("nan")}, "mem limit must be greater"),
        ({"disk": 50.0}, "Only cpus and mem"),
    ],
)
def test_limits_below_what_is_asked_for_are_an_error(limits: dict[str, float], reason: str) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    given = {name: Scalar(value=value) for name, value in limits.items()}
    framework.accept(framework.open_offers, [task("t1", agent.id, limits=given)])
    (status,) = framework.statuses
    assert status.state is TaskState.ERROR and reason in (status.message or "")


def test_limits_above_it_are_none() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    limits = {"cpus": Scalar(value=1.0), "mem": Scalar(value=float("inf"))}
    framework.accept(framework.open_offers, [task("t1", agent.id, limits=limits)])
    assert agent.launched == ["t1"]
