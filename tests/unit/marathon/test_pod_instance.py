"""What the tasks of a pod's containers make of its instance."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.marathon.cluster import Cluster, container, pod

from orchestrator.marathon.core.condition import TRANSITIONS, Condition
from orchestrator.marathon.core.instance import ContainerTask, Instance
from orchestrator.marathon.core.instance import Place as Placed
from orchestrator.marathon.core.pods import instance as pod_instance
from orchestrator.mesos.types import TaskID, TaskState, TaskStatus

POD = pod(id="/p", containers=[container("a"), container("b"), container("c")])
LAUNCHED = pod_instance.provisioned(
    Instance.scheduled(POD, "uuid", 0.0), POD, Placed(host="h", agent_id="x"), [], 0.0
)
OF_INSTANCES_ONLY = (Condition.SCHEDULED, Condition.UNREACHABLE_INACTIVE)
conditions = st.sampled_from([c for c in Condition if c not in OF_INSTANCES_ONLY])
statuses = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(TaskState),
    st.sampled_from([None, True, False]),
)


def task(condition: Condition, healthy: bool | None = None, checked: bool = True) -> ContainerTask:
    return ContainerTask(condition=condition, healthy=healthy, is_checked=checked)


def status(name: str, state: TaskState, healthy: bool | None = None) -> TaskStatus:
    task_id = TaskID(value=f"p.instance-uuid.{name}.1")
    return TaskStatus(task_id=task_id, state=state, healthy=healthy)


def after(*updates: tuple[str, TaskState, bool | None]) -> Instance:
    instance = LAUNCHED
    for moment, update in enumerate(updates):
        instance = pod_instance.updated(instance, status(*update), float(moment))
    return instance


@given(st.lists(statuses, max_size=12))
def test_an_instance_has_ended_exactly_when_all_its_tasks_have(
    updates: list[tuple[str, TaskState, bool | None]],
) -> None:
    instance = after(*updates)
    ended = all(task.condition.is_terminal for task in instance.tasks.values())
    assert instance.condition.is_terminal is ended
    assert (instance.live_task_ids == []) is ended


@given(st.lists(statuses, max_size=12))
def test_a_task_moves_as_that_of_an_app_would(
    updates: list[tuple[str, TaskState, bool | None]],
) -> None:
    seen = dict.fromkeys(LAUNCHED.tasks, Condition.PROVISIONED)
    for name, state, _ in updates:
        seen[name] = TRANSITIONS.get(seen[name], {}).get(state, seen[name])
    assert {name: task.condition for name, task in after(*updates).tasks.items()} == seen


@given(st.lists(statuses, max_size=12))
def test_the_order_of_containers_makes_no_difference(
    updates: list[tuple[str, TaskState, bool | None]],
) -> None:
    turned = {"a": "c", "b": "a", "c": "b"}
    one, other = after(*updates), after(*((turned[n], s, h) for n, s, h in updates))
    assert (one.condition, one.healthy) == (other.condition, other.healthy)


@given(st.lists(statuses, max_size=12))
def test_what_was_heard_before_changes_nothing(
    updates: list[tuple[str, TaskState, bool | None]],
) -> None:
    instance = after(*updates)
    if updates:
        assert pod_instance.updated(instance, status(*updates[-1]), 99.0) is instance


@given(st.lists(conditions, min_size=1, max_size=6))
def test_a_running_instance_has_nothing_but_running_and_finished_tasks(
    found: list[Condition],
) -> None:
    whole = pod_instance.condition_of([task(one) for one in found], Condition.RUNNING)
    is_fine = set(found) <= {Condition.RUNNING, Condition.FINISHED} and Condition.RUNNING in found
    assert (whole is Condition.RUNNING) is is_fine


def test_an_instance_given_up_for_unreachable_stays_so_until_it_is_seen_again() -> None:
    lost = [task(Condition.UNREACHABLE), task(Condition.RUNNING)]
    given_up = Condition.UNREACHABLE_INACTIVE
    assert pod_instance.condition_of(lost, given_up) is given_up
    back = [task(Condition.RUNNING), task(Condition.RUNNING)]
    assert pod_instance.condition_of(back, given_up) is Condition.RUNNING


def test_an_instance_is_healthy_when_all_that_are_checked_are() -> None:
    running = Condition.RUNNING
    health = pod_instance.health_of
    assert health([task(running, True), task(running, None, checked=False)]) is True
    assert health([task(running, True), task(running, None)]) is None
    assert health([task(running, True), task(running, False)]) is False
    assert health([task(running, True), task(Condition.STARTING)]) is None
    assert health([task(running, True), task(Condition.FINISHED)]) is True
    assert health([task(running, None, checked=False)]) is None


def test_a_rolling_update_waits_for_the_health_of_every_container() -> None:
    cluster = Cluster()
    checked = {"healthCheck": {"exec": {"command": {"shell": "true"}}}}
    containers = [container("one", **checked), container("two", **checked)]
    cluster.create_pod(id="/p", containers=containers)
    for _ in range(5):
        for kind, subject in cluster.master.choices():
            cluster.hear(cluster.master.do((kind, subject)))
    (instance,) = cluster.instances("/p")
    assert instance.condition is Condition.RUNNING
    for task_id in instance.live_task_ids:
        assert cluster.marathon.state.deployments
        cluster.hear(cluster.master.health(task_id, healthy=True))
    assert not cluster.marathon.state.deployments
    assert cluster.event_types().count("instance_health_changed_event") == 1


def test_instances_of_apps_are_saved_as_before_there_were_pods() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    cluster.run()
    key = next(key for key in cluster.disk if key.startswith("instances/"))
    assert b"tasks" not in cluster.disk[key]


def test_a_deployment_that_an_earlier_version_saved_goes_on() -> None:
    cluster = Cluster()
    deployment = cluster.create(id="/a", cmd="x")
    key = f"deployments/{deployment.id}"
    cluster.disk[key] = (
        b'{"id":"%s","version":"%s","steps":[{"actions":[{"action":"StartApplication","app":"/a"}]}'
        b',{"actions":[{"action":"ScaleApplication","app":"/a"}]}],"affected":["/a"]}'
        % (deployment.id.encode(), deployment.version.encode())
    )
    cluster.restart()
    assert deployment.id in cluster.marathon.state.deployments
    cluster.run()
    assert len(cluster.running("/a")) == 1
