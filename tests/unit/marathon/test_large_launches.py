"""The master takes requests up to a size: launches are made to fit, or fail and say why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.marathon.cluster import Cluster, container

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.events import StatusUpdated
from orchestrator.marathon.core.placement.explanation import Explainer
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos import codec
from orchestrator.mesos.scheduler import CallType

LIMIT = 50_000


def large_env(size: int) -> dict[str, str]:
    return {"LARGE": "x" * size}


def small_calls(agents: int = 1) -> Cluster:
    """A cluster whose master takes calls of 50 kB."""
    return Cluster(Settings(user="nobody", max_accept_bytes=LIMIT), agents)


def accepted_sizes(cluster: Cluster) -> list[int]:
    calls = cluster.master.calls_of(CallType.ACCEPT)
    return [len(codec.encode(c.accept.operations)) for c in calls if c.accept]


def provisioned(cluster: Cluster, app_id: str = "/a") -> int:
    return sum(i.condition is Condition.PROVISIONED for i in cluster.instances(app_id))


def test_what_makes_a_call_too_large_is_launched_with_the_next_offer() -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=5, env=large_env(20_000))
    cluster.hear(cluster.master.offer())
    assert provisioned(cluster) == 2
    cluster.hear(cluster.master.offer())
    cluster.hear(cluster.master.offer())
    assert provisioned(cluster) == 5


def test_the_rest_of_an_offer_is_wanted_back_at_once_when_the_call_is_full() -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=5, env=large_env(20_000))
    cluster.hear(cluster.master.offer())
    accept = cluster.master.calls_of(CallType.ACCEPT)[-1].accept
    assert accept is not None
    assert accept.filters is not None
    assert accept.filters.refuse_seconds == 0


def test_small_apps_wait_for_the_next_offer_too_and_are_not_forgotten() -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=3, env=large_env(24_000))
    cluster.create(id="/b", cmd="x", cpus=0.1)
    cluster.run()
    assert len(cluster.running("/a")) == 3
    assert len(cluster.running("/b")) == 1


def test_each_offer_has_a_call_of_its_own() -> None:
    cluster = small_calls(agents=3)
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=6, env=large_env(20_000))
    cluster.hear(cluster.master.offer())
    assert provisioned(cluster) == 6
    assert len(accepted_sizes(cluster)) == 3


def test_a_launch_that_is_larger_than_any_call_fails_and_says_why() -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", instances=2, env=large_env(60_000))
    cluster.hear(cluster.master.offer())

    failure = cluster.marathon.state.failures["/a"]
    assert failure.state == "TASK_ERROR"
    assert "no more than 0.1 MB" in failure.message
    events = [event for event in cluster.published if isinstance(event, StatusUpdated)]
    assert [(event.task_status, event.task_id) for event in events] == [
        ("TASK_ERROR", failure.task_id)
    ]
    assert not cluster.master.calls_of(CallType.ACCEPT)
    assert not cluster.master.offers


def test_a_launch_that_can_never_be_sent_is_explained() -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", env=large_env(60_000))
    cluster.hear(cluster.master.offer())
    marathon = cluster.marathon
    explainer = Explainer(marathon.state, marathon.launcher, cluster.now)
    assert "make the environment" in explainer.explain(marathon.state.apps["/a"]).summary
    assert "make the environment" in cluster.waiting_for()[0]


@pytest.mark.parametrize("backoff_s", [0, 1])
def test_a_launch_that_can_never_be_sent_is_tried_again_after_a_delay(backoff_s: int) -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", instances=9, backoffSeconds=backoff_s, env=large_env(60_000))
    for _ in range(100):
        cluster.hear(cluster.master.offer())
    events = [event for event in cluster.published if isinstance(event, StatusUpdated)]
    assert len(events) == 1


def test_an_app_that_is_made_smaller_is_launched() -> None:
    cluster = small_calls()
    cluster.create(id="/a", cmd="x", env=large_env(60_000))
    cluster.hear(cluster.master.offer())
    cluster.change(id="/a", env={}, force=True)
    cluster.run()
    assert len(cluster.running("/a")) == 1


def test_a_pod_that_can_never_be_sent_fails_with_all_its_containers() -> None:
    cluster = small_calls()
    containers = [container("one", environment=large_env(60_000)), container("two")]
    cluster.create_pod(id="/p", containers=containers)
    cluster.hear(cluster.master.offer())
    (instance,) = cluster.instances("/p")
    assert (instance.condition, instance.incarnation) == (Condition.SCHEDULED, 2)
    (ended,) = cluster.marathon.state.history.of("/p")
    assert {task.condition for task in ended.tasks.values()} == {Condition.ERROR}
    assert not cluster.master.calls_of(CallType.KILL)
    assert cluster.delay_of("/p").length_s == 1


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=8), st.integers(1, 3))
def test_no_call_is_ever_too_large_and_everything_is_launched(
    sizes: list[int], agents: int
) -> None:
    cluster = small_calls(agents)
    for number, size in enumerate(sizes):
        cluster.create(id=f"/app-{number}", cmd="x", cpus=0.1, mem=32, env=large_env(size))
    cluster.run()
    assert max(accepted_sizes(cluster)) <= LIMIT + 1000
    assert all(len(cluster.running(f"/app-{number}")) == 1 for number in range(len(sizes)))
    assert set(cluster.master.launches.values()) == {1}
