"""Frameworks: subscribing, failing over, staying away, leaving."""

from __future__ import annotations

import pytest

from orchestrator.master.config import MasterConfig
from orchestrator.mesos import link
from orchestrator.mesos.scheduler import CallType, EventType
from orchestrator.mesos.types import FrameworkID, TaskState

from .world import World


def test_the_first_event_tells_id_heartbeat_and_master() -> None:
    framework = World().framework()
    subscribed = framework.events[0].subscribed
    assert subscribed and subscribed.master_info
    assert (subscribed.framework_id.value, subscribed.heartbeat_interval_seconds) == ("m-0000", 15)


def test_heartbeats_come_at_their_interval() -> None:
    world = World()
    framework = world.framework()
    world.advance(45)
    assert len(framework.of_type(EventType.HEARTBEAT)) == 3


def test_a_second_subscription_takes_over_and_the_first_is_told() -> None:
    world = World()
    agent, first = world.agent(), world.framework()
    first.launch("t1")
    second = first.again()
    assert first.errors == ["Framework failed over"]
    assert first.stream in world.closed
    assert second.id == first.id
    agent.report(second.id, "t1", TaskState.RUNNING)
    assert second.statuses and not first.statuses
    assert agent.messages(link.UpdateFramework)


def test_the_end_of_the_old_stream_does_not_disconnect_the_new_one() -> None:
    world = World()
    first = world.framework()
    second = first.again()
    first.disconnect()
    assert world.master.cluster.frameworks[second.id].is_connected


def test_offers_do_not_survive_a_failover() -> None:
    world = World()
    world.agent()
    first = world.framework()
    old = first.open_offers[0]
    second = first.again()
    assert old.id.value not in world.master.cluster.offers
    assert len(second.open_offers) == 1


def test_a_framework_away_keeps_its_tasks_until_its_timeout() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(failover_timeout=30.0)
    framework.launch("t1")
    framework.disconnect()
    world.advance(29)
    assert agent.messages(link.ShutdownFramework) == []
    world.advance(1)
    assert agent.messages(link.ShutdownFramework)[0].framework_id.value == framework.id
    assert framework.id in world.master.cluster.completed


def test_a_framework_back_in_time_stays() -> None:
    world = World()
    framework = world.framework(failover_timeout=30.0)
    framework.disconnect()
    world.advance(29)
    framework.again()
    world.advance(100)
    assert framework.id in world.master.cluster.frameworks


def test_a_framework_that_is_over_cannot_come_back() -> None:
    world = World()
    framework = world.framework(failover_timeout=0.0)
    framework.disconnect()
    world.advance(0)
    again = framework.again()
    assert again.errors == ["Framework has been removed"]
    assert again.stream in world.closed


def test_a_framework_of_an_earlier_master_may_continue_under_its_id() -> None:
    framework = World().framework(id=FrameworkID(value="old-0007"))
    assert framework.id == "old-0007"


def test_teardown_kills_the_tasks_and_ends_the_stream() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    framework.call(CallType.TEARDOWN)
    assert agent.messages(link.ShutdownFramework)
    assert framework.stream in world.closed
    assert world.master.cluster.agents[agent.id].usage.used.scalar("cpus") == 0
    assert [t.state for t in world.master.cluster.completed["m-0000"].completed] == [
        TaskState.KILLED
    ]


def test_what_a_removed_framework_had_goes_to_the_others() -> None:
    world = World()
    world.agent()
    first, second = world.framework(name="a"), world.framework(name="b")
    assert second.open_offers == []
    first.call(CallType.TEARDOWN)
    assert len(second.open_offers) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "a b"},
        {"role": "-a"},
        {"role": "a//b"},
        {"role": "a/../b"},
        {"roles": ["a"]},
        {"role": "a", "capabilities": ["MULTI_ROLE"]},
        {"roles": ["a", "a"], "capabilities": ["MULTI_ROLE"]},
        {"failover_timeout": -1.0},
        {"failover_timeout": float("inf")},
        {"id": FrameworkID(value="a/b")},
    ],
)
def test_a_framework_that_cannot_be_is_refused_with_a_reason(fields: dict[str, object]) -> None:
    world = World()
    framework = world.framework(**fields)
    assert len(framework.errors) == 1
    assert framework.stream in world.closed
    assert not world.master.cluster.frameworks


def test_the_principal_cannot_change() -> None:
    first = World().framework(principal="me")
    assert "principal" in first.again(principal="you").errors[0]


def test_the_number_of_frameworks_is_bounded() -> None:
    world = World(MasterConfig(max_frameworks=1))
    world.framework()
    assert "already" in world.framework().errors[0]


def test_the_history_of_frameworks_is_bounded() -> None:
    world = World(MasterConfig(max_completed_frameworks=2))
    for _ in range(3):
        world.framework().call(CallType.TEARDOWN)
    assert list(world.master.cluster.completed) == ["m-0001", "m-0002"]


def test_an_empty_id_is_none() -> None:
    world = World()
    framework = world.framework(id=FrameworkID(value=""))
    assert framework.errors == []
    assert framework.id == "m-0000"


def test_user_and_checkpointing_stay_over_a_failover() -> None:
    world = World()
    framework = world.framework(user="nobody", checkpoint=True)
    again = framework.again(user="root", checkpoint=False, name="other")
    info = world.master.cluster.frameworks[again.id].info
    assert (info.user, info.checkpoint, info.name) == ("nobody", True, "other")
