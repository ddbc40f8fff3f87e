"""Whole deployments against a master in memory."""

import pytest
from tests.unit.marathon.cluster import Cluster, update

from orchestrator.marathon.core.apps.app_parts import (
    KillSelection,
)
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import (
    CancelDeployment,
    ChangeApps,
    CreateApp,
    DeleteApp,
    Deployed,
    Killed,
    KillInstances,
    RestartApp,
)
from orchestrator.marathon.core.refusals import (
    AppLocked,
    BadRequest,
    Conflict,
    InvalidObject,
    TooManyDeployments,
    Unknown,
)
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.types import TaskState


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def running(cluster: Cluster, **fields: object) -> None:
    cluster.create(**fields)
    cluster.run()


def test_an_app_gets_all_its_instances(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="sleep 1", instances=5)
    assert len(cluster.running("/a")) == 5
    assert not cluster.marathon.state.deployments


def test_instances_are_spread_over_the_agents(cluster: Cluster) -> None:
    cluster.create(id="/a", cmd="sleep 1", instances=6)
    cluster.hear(cluster.master.offer())
    cluster.run()
    hosts = [i.place.host for i in cluster.running("/a") if i.place]
    assert sorted(map(hosts.count, set(hosts))) == [2, 2, 2]


def test_a_deployment_can_be_seen_until_every_instance_runs(cluster: Cluster) -> None:
    deployment = cluster.create(id="/a", cmd="sleep 1")
    assert deployment.id in cluster.marathon.state.deployments
    assert cluster.waiting_for() == [
        "/a has 0 of 1 instances ready and waits for 1 instance to be placed on an offer: "
        "no offer has come yet"
    ]


def test_a_deployment_tells_its_story_in_events(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="sleep 1")
    story = [t for t in cluster.event_types() if t.startswith(("deployment", "group", "api"))]
    assert story == [
        "group_change_success",
        "api_post_event",
        "deployment_info",
        "deployment_step_success",
        "deployment_info",
        "deployment_step_success",
        "deployment_success",
    ]


def test_a_new_configuration_replaces_all_instances(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="old", instances=3)
    old = {i.id for i in cluster.instances("/a")}
    cluster.change(id="/a", cmd="new")
    cluster.run()
    assert len(cluster.running("/a")) == 3
    assert old.isdisjoint(i.id for i in cluster.instances("/a"))
    assert len(cluster.master.tasks) == 3


def test_scaling_leaves_the_instances_that_stay_alone(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x", instances=2)
    before = {i.id for i in cluster.instances("/a")}
    cluster.change(id="/a", instances=4)
    cluster.run()
    assert before < {i.id for i in cluster.running("/a")}
    assert len(cluster.running("/a")) == 4


@pytest.mark.parametrize(("selection", "kept"), [("YOUNGEST_FIRST", 0), ("OLDEST_FIRST", 1)])
def test_scaling_down_ends_instances_by_age(
    cluster: Cluster, selection: KillSelection, kept: int
) -> None:
    running(cluster, id="/a", cmd="x", instances=1, killSelection=selection)
    first = cluster.instances("/a")[0]
    cluster.pass_time(60)
    cluster.change(id="/a", instances=2)
    cluster.run()
    by_age = sorted(cluster.instances("/a"), key=lambda i: i is not first and i.id != first.id)
    cluster.change(id="/a", instances=1)
    cluster.run()
    assert [i.id for i in cluster.instances("/a")] == [by_age[kept].id]


def test_an_update_that_says_nothing_new_changes_nothing(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x")
    tasks = set(cluster.master.tasks)
    cluster.change(id="/a", cmd="x", instances=1)
    cluster.run()
    assert set(cluster.master.tasks) == tasks
    assert not cluster.marathon.state.deployments


def test_a_restart_replaces_all_instances_of_the_same_configuration(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x", instances=2)
    old = set(cluster.master.tasks)
    cluster.ask(RestartApp("/a"))
    cluster.run()
    assert old.isdisjoint(cluster.master.tasks)
    assert len(cluster.master.tasks) == 2


def test_a_deleted_app_leaves_nothing_behind_but_the_history(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x", instances=2)
    cluster.ask(DeleteApp("/a"))
    cluster.run()
    assert not cluster.master.tasks
    kept = {key.split("/")[0] for key in cluster.disk}
    assert kept == {"framework", "format", "revisions"}
    assert "app_terminated_event" in cluster.event_types()


def test_what_others_depend_on_comes_up_first(cluster: Cluster) -> None:
    updates = [
        update(id="/web", cmd="web", dependencies=["/db"]),
        update(id="/db/main", cmd="db"),
    ]
    cluster.ask(ChangeApps(updates))
    while not cluster.running("/db/main"):
        assert not cluster.instances("/web")
        cluster.hear(cluster.master.do(cluster.master.choices()[0]))
    cluster.run()
    assert cluster.running("/web")


def test_dependencies_must_not_go_in_a_circle(cluster: Cluster) -> None:
    updates = [
        update(id="/a", cmd="x", dependencies=["/b"]),
        update(id="/b", cmd="x", dependencies=["/a"]),
    ]
    with pytest.raises(InvalidObject) as refusal:
        cluster.ask(ChangeApps(updates))
    assert refusal.value.violations[0].error == "Dependency graph has cyclic dependencies."
    assert not cluster.marathon.state.apps


def test_an_app_under_deployment_is_locked(cluster: Cluster) -> None:
    deployment = cluster.create(id="/a", cmd="x")
    with pytest.raises(AppLocked) as refusal:
        cluster.change(id="/a", instances=2)
    assert refusal.value.deployments == (deployment.id,)


def test_force_replaces_the_deployment_under_way(cluster: Cluster) -> None:
    first = cluster.create(id="/a", cmd="x")
    cluster.change(force=True, id="/a", cmd="y", instances=2)
    cluster.run()
    assert first.id not in cluster.marathon.state.deployments
    assert "deployment_failed" in cluster.event_types()
    assert [t.info.command.value for t in cluster.master.tasks.values() if t.info.command] == [
        "y",
        "y",
    ]


def test_deployments_of_other_apps_go_on_beside(cluster: Cluster) -> None:
    cluster.create(id="/a", cmd="x")
    cluster.create(id="/b", cmd="x")
    cluster.run()
    assert cluster.running("/a")
    assert cluster.running("/b")


def test_the_number_of_deployments_is_bounded() -> None:
    cluster = Cluster(Settings(max_running_deployments=1))
    cluster.create(id="/a", cmd="x")
    with pytest.raises(TooManyDeployments):
        cluster.create(id="/b", cmd="x")


def test_the_number_of_apps_is_bounded() -> None:
    cluster = Cluster(Settings(max_apps=1))
    cluster.create(id="/a", cmd="x")
    with pytest.raises(InvalidObject):
        cluster.create(id="/b", cmd="x")


def test_cancelling_a_deployment_goes_back_to_what_was(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="old", instances=2)
    old = set(cluster.master.tasks)
    deployment = cluster.change(id="/a", cmd="new")
    cluster.hear(cluster.master.offer())
    cluster.ask(CancelDeployment(deployment.id))
    cluster.run()
    assert cluster.marathon.state.apps["/a"].cmd == "old"
    assert set(cluster.master.tasks) == old


def test_cancelling_the_creation_of_an_app_removes_it(cluster: Cluster) -> None:
    deployment = cluster.create(id="/a", cmd="x")
    cluster.ask(CancelDeployment(deployment.id))
    cluster.run()
    assert not cluster.marathon.state.apps
    assert not cluster.master.tasks


def test_cancelling_by_force_leaves_everything_as_it_is(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="old", instances=2)
    deployment = cluster.change(id="/a", cmd="new")
    cluster.ask(CancelDeployment(deployment.id, force=True))
    cluster.run()
    assert not cluster.marathon.state.deployments
    assert len(cluster.running("/a")) == 2


def test_the_next_change_after_a_forced_cancel_makes_all_instances_equal(
    cluster: Cluster,
) -> None:
    running(cluster, id="/a", cmd="old", instances=2)
    deployment = cluster.change(id="/a", cmd="new")
    cluster.ask(CancelDeployment(deployment.id, force=True))
    cluster.change(id="/a", instances=3)
    cluster.run()
    commands = {t.info.command.value for t in cluster.master.tasks.values() if t.info.command}
    assert commands == {"new"}


def test_an_unknown_deployment_cannot_be_cancelled(cluster: Cluster) -> None:
    with pytest.raises(Unknown):
        cluster.ask(CancelDeployment("nonsense"))


def test_an_app_can_go_back_to_one_of_its_versions(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="first")
    version = cluster.marathon.state.apps["/a"].version
    cluster.pass_time(5)
    cluster.change(id="/a", cmd="second")
    cluster.run()
    cluster.change(id="/a", version=version)
    cluster.run()
    assert cluster.marathon.state.apps["/a"].cmd == "first"
    assert cluster.marathon.state.apps["/a"].version > version


def test_a_version_stands_alone_in_an_update(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x")
    with pytest.raises(InvalidObject):
        cluster.change(id="/a", version=cluster.marathon.state.apps["/a"].version, cmd="y")


@pytest.mark.parametrize("version", ["2001-01-01T00:00:00.000Z"])
def test_a_version_that_never_was_is_unknown(cluster: Cluster, version: str) -> None:
    running(cluster, id="/a", cmd="x")
    with pytest.raises(Unknown):
        cluster.change(id="/a", version=version)


def test_versions_are_kept_up_to_a_bound() -> None:
    cluster = Cluster(Settings(max_versions=3))
    running(cluster, id="/a", cmd="x", instances=0)
    for number in range(10):
        cluster.change(id="/a", cmd=f"x{number}")
        cluster.run()
    assert len(cluster.marathon.state.versions["/a"]) == 3
    assert sum(key.startswith("versions") for key in cluster.disk) == 3


def test_the_same_app_cannot_be_created_twice(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x")
    with pytest.raises(Conflict):
        cluster.ask(CreateApp(update(id="a", cmd="x")))


def test_only_what_exists_can_be_changed_deleted_or_restarted(cluster: Cluster) -> None:
    for command in (
        DeleteApp("/a"),
        RestartApp("/a"),
        ChangeApps([update(id="/a", cmd="x")], may_create=False),
    ):
        with pytest.raises(Unknown):
            cluster.ask(command)


def test_of_several_changes_all_are_made_or_none(cluster: Cluster) -> None:
    with pytest.raises(InvalidObject):
        cluster.ask(ChangeApps([update(id="/a", cmd="x"), update(id="/b")]))
    assert not cluster.marathon.state.apps


def test_a_killed_task_is_replaced(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x", instances=2)
    victim = cluster.instances("/a")[0]
    outcome = cluster.ask(KillInstances([victim.id]))
    assert isinstance(outcome, Killed)
    cluster.run()
    assert victim.task_id not in cluster.master.tasks
    assert len(cluster.running("/a")) == 2


def test_killing_and_scaling_leaves_one_instance_fewer(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x", instances=3)
    victim = cluster.instances("/a")[1]
    assert isinstance(cluster.ask(KillInstances([victim.id], scales_down=True)), Deployed)
    cluster.run()
    assert victim.id not in {i.id for i in cluster.instances("/a")}
    assert cluster.marathon.state.apps["/a"].instances == len(cluster.running("/a")) == 2


def test_wiping_forgets_an_instance_at_once(cluster: Cluster) -> None:
    running(cluster, id="/a", cmd="x")
    victim = cluster.instances("/a")[0]
    cluster.ask(KillInstances([victim.id], wipes=True))
    assert victim.id not in cluster.marathon.state.instances


def test_scaling_and_wiping_exclude_each_other(cluster: Cluster) -> None:
    with pytest.raises(BadRequest):
        cluster.ask(KillInstances([], scales_down=True, wipes=True))


def test_an_app_of_no_instances_is_deployed_at_once(cluster: Cluster) -> None:
    cluster.create(id="/a", cmd="x", instances=0)
    assert not cluster.marathon.state.deployments


def test_an_instance_that_dies_in_a_rolling_update_is_replaced_by_a_new_one(
    cluster: Cluster,
) -> None:
    running(cluster, id="/a", cmd="old", instances=2)
    cluster.change(id="/a", cmd="new")
    cluster.report(cluster.instances("/a")[0].task_id, TaskState.FAILED)
    cluster.run()
    assert {i.condition for i in cluster.instances("/a")} == {Condition.RUNNING}
    assert len(cluster.instances("/a")) == 2
