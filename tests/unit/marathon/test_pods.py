"""Pods on a cluster: launched, healed, changed and ended as one."""

import pytest
from tests.unit.marathon.cluster import Cluster, container, pod

from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.effects import (
    CancelDeployment,
    ChangePod,
    CreatePod,
    DeletePod,
    KillInstances,
    Planned,
)
from orchestrator.marathon.core.events import StatusUpdated
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.pods.history import MAX_ENDED
from orchestrator.marathon.core.refusals import AppLocked, Conflict, InvalidObject, Unknown
from orchestrator.mesos.scheduler import CallType
from orchestrator.mesos.types import TaskState


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.create_pod(id="/p")
    cluster.run()
    return cluster


def only(cluster: Cluster) -> Instance:
    (instance,) = cluster.instances("/p")
    return instance


def members(cluster: Cluster) -> list[str]:
    return only(cluster).live_task_ids


def states(cluster: Cluster) -> set[Condition]:
    return {task.condition for task in only(cluster).tasks.values()}


def test_the_containers_of_a_pod_run_as_one_group_on_one_agent(cluster: Cluster) -> None:
    (accept,) = (
        call.accept for call in cluster.master.calls_of(CallType.ACCEPT) if call.accept is not None
    )
    (operation,) = accept.operations
    assert operation.launch_group is not None
    tasks = operation.launch_group.task_group.tasks
    assert [task.name for task in tasks] == ["one", "two"]
    instance = only(cluster)
    assert [t.task_id.value for t in tasks] == [f"{instance.id}.one.1", f"{instance.id}.two.1"]
    assert instance.condition is Condition.RUNNING
    assert not cluster.marathon.state.deployments


def test_a_pod_runs_when_its_last_container_does() -> None:
    cluster = Cluster()
    cluster.create_pod(id="/p")
    cluster.hear(cluster.master.offer("agent-0"))
    first, second = members(cluster)
    cluster.report(first, TaskState.RUNNING)
    assert only(cluster).condition is Condition.PROVISIONED
    cluster.report(second, TaskState.STARTING)
    assert only(cluster).condition is Condition.STARTING
    cluster.report(second, TaskState.RUNNING)
    assert only(cluster).condition is Condition.RUNNING


def test_every_status_of_a_container_is_told(cluster: Cluster) -> None:
    told = [event for event in cluster.published if isinstance(event, StatusUpdated)]
    assert {event.task_id for event in told} == set(members(cluster))
    assert [event.task_status for event in told].count("TASK_RUNNING") == 2


@pytest.mark.parametrize("end", [TaskState.FAILED, TaskState.KILLED, TaskState.ERROR])
def test_a_container_that_ends_badly_ends_the_instance_which_is_launched_anew(
    cluster: Cluster, end: TaskState
) -> None:
    before = only(cluster)
    first, second = members(cluster)
    cluster.report(first, end)
    assert only(cluster).condition is Condition.KILLING
    killed = [
        call.kill.task_id.value for call in cluster.master.calls_of(CallType.KILL) if call.kill
    ]
    assert killed == [second]
    cluster.run()
    after = only(cluster)
    assert (after.id, after.incarnation) == (before.id, 2)
    assert states(cluster) == {Condition.RUNNING}
    assert cluster.master.executors.keys() == {"instance-p.id-2.2"}


def test_a_container_that_finishes_leaves_the_others_running(cluster: Cluster) -> None:
    first, second = members(cluster)
    cluster.report(first, TaskState.FINISHED)
    assert only(cluster).condition is Condition.RUNNING
    assert members(cluster) == [second]
    cluster.report(second, TaskState.FINISHED)
    assert only(cluster).condition is Condition.SCHEDULED
    cluster.run()
    assert only(cluster).incarnation == 2


def test_the_delay_of_a_failed_pod_counts_once_for_all_its_containers(cluster: Cluster) -> None:
    first, second = members(cluster)
    cluster.report(first, TaskState.FAILED)
    cluster.report(second, TaskState.FAILED)
    assert cluster.delay_of("/p").length_s == 1
    cluster.hear(cluster.master.offer())
    assert only(cluster).condition is Condition.SCHEDULED
    cluster.pass_time(1)
    cluster.run()
    assert only(cluster).condition is Condition.RUNNING


def test_what_failed_first_is_remembered_and_not_what_it_took_along(cluster: Cluster) -> None:
    first, _ = members(cluster)
    cluster.report(first, TaskState.FAILED)
    cluster.run()
    assert cluster.marathon.state.failures["/p"].task_id == first
    (ended,) = cluster.marathon.state.history.of("/p")
    assert ended.condition is Condition.FAILED
    assert ended.tasks["two"].condition is Condition.KILLED


def test_only_so_many_ends_are_remembered(cluster: Cluster) -> None:
    for _ in range(15):
        cluster.report(members(cluster)[0], TaskState.FAILED)
        cluster.run()
    ended = cluster.marathon.state.history.of("/p")
    assert [one.incarnation for one in ended] == list(range(15, 5, -1))


def test_the_next_marathon_knows_how_instances_ended(cluster: Cluster) -> None:
    for _ in range(12):
        cluster.report(members(cluster)[0], TaskState.FAILED)
        cluster.run()
    before = cluster.marathon.state.history.of("/p")
    cluster.restart()
    assert cluster.marathon.state.history.of("/p") == before
    cluster.report(members(cluster)[0], TaskState.FAILED)
    cluster.run()
    cluster.restart()
    ended = cluster.marathon.state.history.of("/p")
    assert [one.incarnation for one in ended] == list(range(13, 3, -1))


def test_no_more_ends_are_stored_than_are_remembered(cluster: Cluster) -> None:
    for _ in range(15):
        cluster.report(members(cluster)[0], TaskState.FAILED)
        cluster.run()
    assert sum(key.startswith("ended/p@") for key in cluster.disk) == MAX_ENDED


def test_the_ends_of_a_deleted_pod_are_forgotten(cluster: Cluster) -> None:
    cluster.report(members(cluster)[0], TaskState.FAILED)
    cluster.run()
    cluster.restart()
    cluster.ask(DeletePod("/p"))
    cluster.run()
    assert not [key for key in cluster.disk if key.startswith(("ended", "delays"))]


def test_deleting_an_instance_kills_its_group_and_another_takes_its_place(
    cluster: Cluster,
) -> None:
    before = only(cluster)
    cluster.ask(KillInstances([before.id]))
    assert only_of(cluster, before.id).goal is Goal.DECOMMISSIONED
    cluster.run()
    assert only(cluster).id != before.id
    assert len(cluster.master.tasks) == 2


def only_of(cluster: Cluster, instance_id: str) -> Instance:
    return cluster.marathon.state.instances[instance_id]


def test_instances_that_are_killed_to_scale_down_are_not_replaced() -> None:
    cluster = Cluster()
    cluster.create_pod(id="/p", scaling={"kind": "fixed", "instances": 3})
    cluster.run()
    victims = [instance.id for instance in cluster.instances("/p")[:2]]
    cluster.ask(KillInstances(victims, scales_down=True))
    cluster.run()
    assert cluster.marathon.state.pods["/p"].instances == 1
    assert len(cluster.instances("/p")) == 1
    assert only(cluster).id not in victims


def test_a_changed_pod_is_rolled_and_keeps_serving(cluster: Cluster) -> None:
    cluster.change_pod(id="/p", scaling={"kind": "fixed", "instances": 3})
    cluster.run()
    cluster.after_event = lambda: check_serving(cluster, 3)
    deployment = cluster.change_pod(
        id="/p", scaling={"kind": "fixed", "instances": 3}, containers=[container("three")]
    )
    cluster.run()
    assert [a.action for s in deployment.steps for a in s.actions] == ["RestartPod"]
    assert {name for i in cluster.instances("/p") for name in i.tasks} == {"three"}
    assert len(cluster.master.tasks) == 3


def check_serving(cluster: Cluster, least: int) -> None:
    assert sum(i.is_serving for i in cluster.instances("/p")) >= least


def test_scaling_a_pod_leaves_its_instances_alone(cluster: Cluster) -> None:
    before = only(cluster)
    deployment = cluster.change_pod(id="/p", scaling={"kind": "fixed", "instances": 2})
    cluster.run()
    assert [(a.action, a.pod) for s in deployment.steps for a in s.actions] == [("ScalePod", "/p")]
    assert before in cluster.instances("/p")
    assert len(cluster.running("/p")) == 2


def test_a_pod_that_is_sent_again_is_no_change(cluster: Cluster) -> None:
    before = cluster.marathon.state.pods["/p"]
    deployment = cluster.change_pod(id="/p")
    assert deployment.steps == []
    assert cluster.marathon.state.pods["/p"] == before


def test_a_deleted_pod_leaves_nothing(cluster: Cluster) -> None:
    deployment = cluster.ask(DeletePod("/p"))
    cluster.run()
    assert deployment.deployment.pods == ["/p"]  # type: ignore[union-attr]
    assert (cluster.master.tasks, cluster.master.executors) == ({}, {})
    kept = {key.split("/")[0] for key in cluster.disk}
    assert kept == {"framework", "format", "revisions"}


def test_rolling_back_a_deployment_restores_the_pod(cluster: Cluster) -> None:
    before = cluster.marathon.state.pods["/p"]
    stuck = cluster.change_pod(id="/p", containers=[container("huge", resources={"cpus": 1000})])
    cluster.ask(CancelDeployment(stuck.id))
    cluster.run()
    now = cluster.marathon.state.pods["/p"]
    assert now.configuration() == before.configuration()
    assert not cluster.marathon.state.deployments


def test_a_second_change_needs_force() -> None:
    cluster = Cluster()
    first = cluster.create_pod(id="/p")
    with pytest.raises(AppLocked) as refusal:
        cluster.change_pod(id="/p", user="me")
    assert refusal.value.deployments == (first.id,)
    cluster.change_pod(id="/p", user="me", force=True)
    cluster.run()
    assert len(cluster.running("/p")) == 1


def test_a_pod_is_created_once(cluster: Cluster) -> None:
    with pytest.raises(Conflict, match=r"A pod with id \[/p\] already exists"):
        cluster.create_pod(id="/p")


def test_no_id_is_both_an_apps_and_a_pods(cluster: Cluster) -> None:
    with pytest.raises(InvalidObject) as refusal:
        cluster.create(id="/p", cmd="x")
    assert refusal.value.violations[0].error == "Applications and Pods may not share the same id"
    cluster.create(id="/a", cmd="x")
    with pytest.raises(InvalidObject):
        cluster.create_pod(id="/a")


def test_an_unknown_pod_cannot_be_deleted(cluster: Cluster) -> None:
    with pytest.raises(Unknown, match="Pod '/q' does not exist"):
        cluster.ask(DeletePod("/q"))


def test_a_dry_run_only_says_what_would_be_done(cluster: Cluster) -> None:
    disk = dict(cluster.disk)
    planned = [
        cluster.ask(CreatePod(pod(id="/q"), dry_run=True)),
        cluster.ask(ChangePod(pod(id="/p", user="me"), dry_run=True)),
        cluster.ask(DeletePod("/p", dry_run=True)),
    ]
    actions = [
        [action.action.value for step in plan.steps for action in step.actions]
        for plan in planned
        if isinstance(plan, Planned)
    ]
    assert actions == [["StartPod", "ScalePod"], ["RestartPod"], ["StopPod"]]
    assert cluster.disk == disk


def test_a_restarted_marathon_finds_its_pods_and_launches_nothing_twice(cluster: Cluster) -> None:
    before = only(cluster)
    cluster.restart()
    cluster.run()
    assert only(cluster) == before
    assert cluster.marathon.state.pod_versions["/p"].keys() == {before.version}
    assert set(cluster.master.launches.values()) == {1}


def test_a_restarted_marathon_asks_about_every_container(cluster: Cluster) -> None:
    cluster.restart()
    calls = [c.reconcile for c in cluster.master.calls_of(CallType.RECONCILE) if c.reconcile]
    asked = [[task.task_id.value for task in call.tasks] for call in calls]
    assert members(cluster) in asked


def test_a_restarted_marathon_ends_what_is_left_of_a_failed_group(cluster: Cluster) -> None:
    first, second = members(cluster)
    cluster.report(first, TaskState.FAILED)
    cluster.master.tasks[second].is_killed = False  # the kill was lost
    cluster.restart()
    cluster.pass_time(1)
    assert cluster.master.tasks[second].is_killed
    cluster.run()
    assert only(cluster).condition is Condition.RUNNING


def test_a_group_whose_agent_is_lost_is_replaced_and_killed_when_it_comes_back(
    cluster: Cluster,
) -> None:
    lost = members(cluster)
    for task_id in lost:
        cluster.report(task_id, TaskState.UNREACHABLE)
    cluster.run()
    assert only(cluster).condition is Condition.RUNNING
    assert members(cluster) != lost
    cluster.report(lost[0], TaskState.RUNNING)
    assert all(cluster.master.tasks[task_id].is_killed for task_id in lost)


def test_a_pod_without_an_unreachable_strategy_waits_for_its_agent() -> None:
    cluster = Cluster()
    cluster.create_pod(id="/p", scheduling={"unreachableStrategy": "disabled"})
    cluster.run()
    first, second = members(cluster)
    cluster.report(first, TaskState.UNREACHABLE)
    assert only(cluster).condition is Condition.UNREACHABLE
    cluster.pass_time(3600)
    cluster.report(first, TaskState.RUNNING)
    assert only(cluster).condition is Condition.RUNNING
    assert members(cluster) == [first, second]


def test_a_group_that_does_not_start_in_time_is_killed() -> None:
    cluster = Cluster()
    cluster.create_pod(id="/p")
    cluster.hear(cluster.master.offer("agent-0"))
    first, second = members(cluster)
    cluster.report(first, TaskState.RUNNING)
    cluster.pass_time(301)
    assert cluster.master.tasks[second].is_killed


def test_constraints_place_pods_like_apps() -> None:
    cluster = Cluster()
    unique = {"fieldName": "hostname", "operator": "UNIQUE"}
    cluster.create_pod(
        id="/p",
        scaling={"kind": "fixed", "instances": 3},
        scheduling={"placement": {"constraints": [unique]}},
    )
    cluster.run()
    assert len({i.place.host for i in cluster.instances("/p") if i.place}) == 3


def test_apps_and_pods_are_launched_on_one_offer() -> None:
    cluster = Cluster(agents=1)
    cluster.create(id="/a", cmd="x", cpus=0.1, instances=2)
    cluster.create_pod(id="/p", scaling={"kind": "fixed", "instances": 2})
    cluster.run()
    assert len(cluster.master.tasks) == 6
    assert len(cluster.running("/a")) == len(cluster.running("/p")) == 2
