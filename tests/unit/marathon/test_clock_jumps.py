"""Clocks differ between machines and are set: nothing is killed for it, versions only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.effects import DeleteApp
from orchestrator.mesos.scheduler import CallType
from orchestrator.mesos.types import TaskState

HOUR_S = 3600.0
jumps = st.lists(st.sampled_from([-48, -5, -1, 0, 1, 5, 48]), min_size=1, max_size=6)


def running_cluster() -> Cluster:
    cluster = Cluster()
    cluster.create(
        id="/a",
        cmd="x",
        instances=3,
        unreachableStrategy={"inactiveAfterSeconds": 900, "expungeAfterSeconds": 1800},
    )
    cluster.run()
    return cluster


def restart_with_clock(cluster: Cluster, hours: float) -> None:
    """Another process takes over, whose clock is so far away."""
    cluster.now += hours * HOUR_S
    cluster.restart()
    cluster.run()


@given(jumps)
def test_nothing_is_killed_or_launched_whatever_clock_the_next_leader_has(hours: list[int]) -> None:
    cluster = running_cluster()
    before = set(cluster.master.tasks)
    for each in hours:
        restart_with_clock(cluster, each)
        cluster.pass_time(HOUR_S)
    assert set(cluster.master.tasks) == before
    assert not cluster.master.calls_of(CallType.KILL)


@given(jumps)
def test_versions_are_unique_and_grow_whatever_the_clock_says(hours: list[int]) -> None:
    cluster = running_cluster()
    seen = [cluster.marathon.state.apps["/a"].version]
    for each in hours:
        restart_with_clock(cluster, each)
        for name in ("one", "two"):
            seen.append(cluster.change(id="/a", env={"N": f"{name}{each}{len(seen)}"}).version)
            cluster.run()
    assert seen == sorted(set(seen))
    assert len(cluster.running("/a")) == 3


def test_versions_grow_beyond_those_of_deployments_of_apps_that_are_gone() -> None:
    cluster = running_cluster()
    deleting = cluster.ask(DeleteApp("/a"))
    assert deleting
    version = next(iter(cluster.marathon.state.deployments.values())).version
    cluster.now -= 5 * HOUR_S
    cluster.restart()
    assert cluster.create(id="/b", cmd="x").version > version


@pytest.mark.parametrize("hours", [-24, 24])
def test_how_long_an_agent_is_away_is_counted_by_one_clock(hours: int) -> None:
    cluster = running_cluster()
    task = cluster.instances("/a")[0].task_id
    cluster.report(task, TaskState.UNREACHABLE)
    cluster.pass_time(60)

    restart_with_clock(cluster, hours)
    cluster.pass_time(600)
    assert len(cluster.master.tasks) == 3

    cluster.pass_time(400)
    cluster.run()
    assert len(cluster.master.tasks) == 4


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_launch_may_take_its_time_after_any_jump(hours: int) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    cluster.hear(cluster.master.offer())
    cluster.now += hours * HOUR_S
    cluster.restart()
    cluster.pass_time(200)
    assert not cluster.master.calls_of(CallType.KILL)
    cluster.run()
    assert set(cluster.master.launches.values()) == {1}
