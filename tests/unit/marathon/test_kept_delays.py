"""The launch delay of an app that fails outlives the Marathon that made it wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import DeleteApp, ResetDelay
from orchestrator.mesos.types import TaskState

KEY = "delays/a"


def only_task(cluster: Cluster) -> str:
    return cluster.instances("/a")[0].task_id


def fail(cluster: Cluster, times: int = 1) -> None:
    """Let the app's only instance fail, each time as soon as it runs."""
    for _ in range(times):
        cluster.run()
        cluster.report(only_task(cluster), TaskState.FAILED)


def is_waiting(cluster: Cluster) -> bool:
    return cluster.instances("/a")[0].condition is Condition.SCHEDULED


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", backoffSeconds=10, backoffFactor=2)
    cluster.run()
    return cluster


def test_the_next_marathon_waits_for_what_is_left_of_the_delay(cluster: Cluster) -> None:
    fail(cluster)
    cluster.pass_time(4)
    cluster.restart()
    cluster.hear(cluster.master.offer())
    cluster.pass_time(5)
    cluster.hear(cluster.master.offer())
    assert is_waiting(cluster)

    cluster.pass_time(1)
    cluster.hear(cluster.master.offer())
    assert not is_waiting(cluster)


def test_the_delay_grows_on_under_the_next_marathon(cluster: Cluster) -> None:
    lengths = []
    for _ in range(4):
        fail(cluster)
        lengths.append(cluster.delay_of("/a").length_s)
        cluster.restart()
    assert lengths == [10, 20, 40, 80]


def test_an_app_that_crashes_is_not_launched_faster_when_marathon_does_too() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", backoffSeconds=60, backoffFactor=1)
    for _ in range(10):
        cluster.restart()
        if cluster.master.tasks:
            cluster.report(only_task(cluster), TaskState.FAILED)
        cluster.hear(cluster.master.offer())
        cluster.pass_time(6)
    assert sum(cluster.master.launches.values()) <= 2


def test_a_delay_is_saved_once_for_instances_that_fail_together() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", instances=3)
    cluster.run()
    saved = []
    for task_id in list(cluster.master.tasks):
        cluster.report(task_id, TaskState.FAILED)
        saved.append(cluster.disk.get(KEY))
    assert saved[0] is not None
    assert len(set(saved)) == 1


def test_nothing_is_written_while_a_delay_passes(cluster: Cluster) -> None:
    fail(cluster)
    before = dict(cluster.disk)
    cluster.pass_time(9)
    cluster.hear(cluster.master.offer())
    assert cluster.disk == before


def test_a_reset_delay_stays_reset(cluster: Cluster) -> None:
    fail(cluster)
    cluster.ask(ResetDelay("/a"))
    cluster.restart()
    cluster.hear(cluster.master.offer())
    assert not is_waiting(cluster)
    assert KEY not in cluster.disk


def test_the_delay_goes_with_the_app(cluster: Cluster) -> None:
    fail(cluster)
    cluster.restart()
    cluster.ask(DeleteApp("/a"))
    cluster.run()
    assert KEY not in cluster.disk


def test_a_delay_of_another_configuration_is_dropped(cluster: Cluster) -> None:
    fail(cluster)
    cluster.change(id="/a", cmd="y")
    cluster.restart()
    cluster.hear(cluster.master.offer())
    assert not is_waiting(cluster)
    assert KEY not in cluster.disk


def test_a_delay_that_has_long_been_over_is_dropped(cluster: Cluster) -> None:
    fail(cluster)
    cluster.run()
    cluster.pass_time(3600)
    cluster.restart()
    assert KEY not in cluster.disk


def test_a_delay_of_an_app_that_is_no_more_is_dropped(cluster: Cluster) -> None:
    """A program that knows no delays may have removed the app."""
    fail(cluster)
    cluster.disk["delays/gone"] = cluster.disk[KEY].replace(b'"/a"', b'"/gone"')
    cluster.restart()
    assert "delays/gone" not in cluster.disk
    assert KEY in cluster.disk


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_no_clock_makes_a_delay_longer(jump_s: float) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", backoffSeconds=10)
    cluster.run()
    fail(cluster)
    cluster.now += jump_s
    cluster.restart()
    cluster.pass_time(10.001)
    cluster.hear(cluster.master.offer())
    assert not is_waiting(cluster)
