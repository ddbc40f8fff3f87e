"""Instances whose agent the master has lost: when they are replaced, forgotten, or kept."""

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.refusals import InvalidObject
from orchestrator.mesos.scheduler import CallType
from orchestrator.mesos.types import TaskState


def lost(strategy: object, **fields: object) -> tuple[Cluster, Instance]:
    """A cluster with an app whose only instance has just been lost, with its agent."""
    cluster = Cluster()
    given = {} if strategy is None else {"unreachableStrategy": strategy}
    cluster.create(id="/a", cmd="x", **given, **fields)
    cluster.run()
    [instance] = cluster.instances("/a")
    assert instance.place is not None
    cluster.report(instance.task_id, TaskState.UNREACHABLE)
    return cluster, instance


def after(inactive: int, expunge: int) -> dict[str, int]:
    return {"inactiveAfterSeconds": inactive, "expungeAfterSeconds": expunge}


def killed(cluster: Cluster) -> set[str]:
    return {c.kill.task_id.value for c in cluster.master.calls_of(CallType.KILL) if c.kill}


def condition(cluster: Cluster, instance: Instance) -> Condition | None:
    found = cluster.marathon.state.instances.get(instance.id)
    return found.condition if found else None


@pytest.mark.parametrize("strategy", [None, after(0, 0)])
def test_by_default_a_lost_instance_is_replaced_and_forgotten_at_once(strategy: object) -> None:
    cluster, instance = lost(strategy)
    cluster.run()
    assert condition(cluster, instance) is None
    assert len(cluster.running("/a")) == 1


def test_a_lost_instance_is_replaced_when_it_becomes_inactive() -> None:
    cluster, instance = lost(after(60, 120))
    cluster.pass_time(59.9)
    assert len(cluster.instances("/a")) == 1
    cluster.pass_time(0.1)
    cluster.run()
    assert condition(cluster, instance) is Condition.UNREACHABLE_INACTIVE
    assert len(cluster.running("/a")) == 1


def test_a_lost_instance_is_forgotten_when_it_expires() -> None:
    cluster, instance = lost(after(60, 120))
    cluster.pass_time(119.9)
    assert condition(cluster, instance) is Condition.UNREACHABLE_INACTIVE
    cluster.pass_time(0.1)
    assert condition(cluster, instance) is None


def test_a_disabled_strategy_waits_for_ever() -> None:
    cluster, instance = lost("disabled")
    cluster.pass_time(10_000_000)
    assert condition(cluster, instance) is Condition.UNREACHABLE
    assert len(cluster.instances("/a")) == 1


def test_an_instance_that_comes_back_in_time_is_kept() -> None:
    cluster, instance = lost(after(60, 120))
    cluster.pass_time(30)
    cluster.report(instance.task_id, TaskState.RUNNING)
    cluster.pass_time(1000)
    assert [i.id for i in cluster.running("/a")] == [instance.id]
    assert not killed(cluster)


@pytest.mark.parametrize(
    ("selection", "stays"), [("YOUNGEST_FIRST", True), ("OLDEST_FIRST", False)]
)
def test_one_that_comes_back_beside_its_replacement_leaves_one_of_both_by_the_kill_selection(
    selection: str, stays: bool
) -> None:
    cluster, instance = lost(after(60, 600), killSelection=selection)
    cluster.pass_time(60)
    cluster.run()
    cluster.report(instance.task_id, TaskState.RUNNING)
    cluster.run()
    for choice in cluster.master.choices():
        cluster.hear(cluster.master.do(choice))
    [left] = cluster.running("/a")
    assert (left.id == instance.id) is stays
    assert len(killed(cluster)) == 1


def test_one_that_comes_back_before_its_replacement_is_launched_makes_that_needless() -> None:
    cluster, instance = lost(after(60, 600))
    cluster.pass_time(60)
    assert len(cluster.instances("/a")) == 2
    cluster.report(instance.task_id, TaskState.RUNNING)
    assert [i.id for i in cluster.instances("/a")] == [instance.id]
    assert not killed(cluster)


def test_one_that_comes_back_after_it_expired_is_killed() -> None:
    cluster, instance = lost(after(0, 0))
    cluster.run()
    cluster.report(instance.task_id, TaskState.RUNNING)
    assert killed(cluster) == {instance.task_id}


def test_one_that_is_gone_for_good_is_launched_again() -> None:
    cluster, instance = lost(after(60, 600))
    cluster.report(instance.task_id, TaskState.GONE)
    cluster.pass_time(2)
    cluster.run()
    [again] = cluster.running("/a")
    assert (again.id, again.incarnation) == (instance.id, 2)


def test_after_a_restart_of_marathon_the_time_until_it_is_replaced_begins_anew() -> None:
    cluster, instance = lost(after(60, 120))
    cluster.pass_time(50)
    cluster.restart()
    cluster.pass_time(59)
    assert condition(cluster, instance) is Condition.UNREACHABLE
    cluster.pass_time(1)
    assert condition(cluster, instance) is Condition.UNREACHABLE_INACTIVE
    cluster.restart()
    cluster.pass_time(120)
    assert condition(cluster, instance) is None


def test_being_told_again_that_it_is_lost_does_not_begin_the_times_anew() -> None:
    cluster, instance = lost(after(60, 120))
    cluster.pass_time(50)
    cluster.report(instance.task_id, TaskState.UNREACHABLE)
    cluster.pass_time(10)
    assert condition(cluster, instance) is Condition.UNREACHABLE_INACTIVE


def test_an_instance_cannot_expire_before_it_is_inactive() -> None:
    with pytest.raises(InvalidObject):
        Cluster().create(id="/a", cmd="x", unreachableStrategy=after(10, 5))


def test_a_deployment_does_not_wait_for_what_is_inactive() -> None:
    cluster, instance = lost(after(0, 600))
    cluster.run()
    cluster.change(id="/a", instances=3)
    cluster.run()
    assert len(cluster.running("/a")) == 3
    assert condition(cluster, instance) is Condition.UNREACHABLE_INACTIVE
