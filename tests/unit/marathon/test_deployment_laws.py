"""Laws of deployments, in any order of events: bounds kept, an end reached, nothing doubled."""

import math
from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.condition import Condition
from orchestrator.mesos.types import TaskState

chance = st.randoms(use_true_random=False)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def step(cluster: Cluster, random: Random) -> bool:
    """One of the things that could happen; False when there is none."""
    choices = cluster.master.choices()
    if choices:
        cluster.hear(cluster.master.do(random.choice(choices)))
    elif cluster.is_waiting:
        cluster.pass_time(1)
    return bool(choices) or cluster.is_waiting


def run_in_any_order(cluster: Cluster, random: Random) -> None:
    for _ in range(2000):
        if not step(cluster, random):
            return
    raise AssertionError(f"no end: {cluster.waiting_for()}")


def check_nothing_is_doubled(cluster: Cluster) -> None:
    assert all(count == 1 for count in cluster.master.launches.values())
    instances = Counter(ids.instance_of(task_id) for task_id in cluster.master.tasks)
    assert not instances or max(instances.values()) == 1


@settings(max_examples=60, deadline=None)
@given(chance, st.integers(1, 6), shares, shares)
def test_a_rolling_update_keeps_its_bounds_and_ends(
    random: Random, count: int, minimum: float, over: float
) -> None:
    cluster = Cluster()
    strategy = {"minimumHealthCapacity": minimum, "maximumOverCapacity": over}
    cluster.create(id="/a", cmd="old", instances=count, cpus=0.1, upgradeStrategy=strategy)
    cluster.run()
    least = math.ceil(count * minimum)
    most = max(1, math.trunc(count * (1 + over)))
    most += least == most

    def check() -> None:
        serving = [i for i in cluster.running("/a") if i.goal.value == "Running"]
        assert len(serving) >= least
        assert len(cluster.master.tasks) <= most
        check_nothing_is_doubled(cluster)

    cluster.after_event = check
    cluster.change(id="/a", cmd="new")
    run_in_any_order(cluster, random)
    commands = [t.info.command.value for t in cluster.master.tasks.values() if t.info.command]
    assert commands == ["new"] * count


@settings(max_examples=40, deadline=None)
@given(chance, st.integers(1, 5), st.integers(0, 5))
def test_any_scaling_ends_with_the_wanted_number(random: Random, before: int, after: int) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", instances=before, cpus=0.1)
    for _ in range(random.randrange(10)):
        step(cluster, random)
    cluster.change(force=True, id="/a", instances=after)
    run_in_any_order(cluster, random)
    assert len(cluster.running("/a")) == len(cluster.master.tasks) == after


@settings(max_examples=60, deadline=None)
@given(chance)
def test_deployments_end_although_tasks_fail_on_the_way(random: Random) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="old", instances=3, cpus=0.1)
    for _ in range(30):
        if random.random() < 0.2 and cluster.master.tasks:
            ends = [TaskState.FAILED, TaskState.KILLED, TaskState.FINISHED, TaskState.LOST]
            cluster.report(random.choice(list(cluster.master.tasks)), random.choice(ends))
        step(cluster, random)
    cluster.change(force=True, id="/a", cmd="new", instances=4)
    run_in_any_order(cluster, random)
    assert len(cluster.running("/a")) == 4
    check_nothing_is_doubled(cluster)


@settings(max_examples=80, deadline=None)
@given(chance)
def test_a_restart_at_any_point_launches_nothing_twice_and_kills_nothing_wanted(
    random: Random,
) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="old", instances=3, cpus=0.1)
    cluster.create(id="/b", cmd="x", instances=2, cpus=0.1)
    cluster.after_event = lambda: check_nothing_is_doubled(cluster)
    for _ in range(random.randrange(15)):
        step(cluster, random)
    wanted = {i.task_id for i in cluster.instances("/b") if i.condition.is_launched}
    cluster.change(force=True, id="/a", cmd="new")
    for _ in range(40):
        if random.random() < 0.2:
            cluster.restart()
        step(cluster, random)
    run_in_any_order(cluster, random)
    assert wanted <= cluster.master.tasks.keys()
    assert len(cluster.running("/a")) == 3
    assert len(cluster.running("/b")) == 2
    assert {i.condition for i in cluster.marathon.state.instances.values()} == {Condition.RUNNING}


@settings(max_examples=40, deadline=None)
@given(chance)
def test_what_is_on_disk_is_what_is_in_memory(random: Random) -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", instances=3)
    for _ in range(random.randrange(20)):
        step(cluster, random)
    before = cluster.marathon.state
    cluster.restart()
    after = cluster.marathon.state
    assert (after.apps, after.versions) == (before.apps, before.versions)
    assert after.framework_id == before.framework_id
    assert after.instances.keys() == before.instances.keys()
    assert after.service_ports == before.service_ports


@settings(max_examples=60, deadline=None)
@given(chance)
def test_pods_reach_what_is_wanted_although_containers_fail_and_marathon_restarts(
    random: Random,
) -> None:
    cluster = Cluster()
    cluster.create_pod(id="/p", scaling={"kind": "fixed", "instances": 2})
    for _ in range(40):
        if random.random() < 0.15 and cluster.master.tasks:
            ends = [TaskState.FAILED, TaskState.KILLED, TaskState.FINISHED, TaskState.LOST]
            cluster.report(random.choice(list(cluster.master.tasks)), random.choice(ends))
        if random.random() < 0.1:
            cluster.restart()
        step(cluster, random)
    cluster.change_pod(
        force=True, id="/p", user="me", scaling={"kind": "fixed", "instances": random.randrange(4)}
    )
    run_in_any_order(cluster, random)
    wanted = cluster.marathon.state.pods["/p"].instances
    assert len(cluster.running("/p")) == wanted == len(cluster.master.executors)
    assert set(cluster.master.launches.values()) <= {1}
    live = {task_id for i in cluster.instances("/p") for task_id in i.live_task_ids}
    assert live == cluster.master.tasks.keys()


def test_an_acceptance_that_was_lost_is_made_up_for() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    receive = cluster.master.receive
    cluster.master.receive = lambda call: None  # type: ignore[method-assign]
    cluster.hear(cluster.master.offer())
    cluster.master.receive = receive  # type: ignore[method-assign]
    assert not cluster.master.tasks
    cluster.restart()
    cluster.run()
    assert len(cluster.running("/a")) == 1
