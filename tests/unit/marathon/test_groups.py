"""Groups and their versions in the core: what a change of the tree does to apps and listeners."""

import msgspec
import pytest
from tests.unit.marathon.cluster import Cluster, update

from orchestrator.marathon.core.deployment.plan import ActionKind, Deployment
from orchestrator.marathon.core.effects import (
    CancelDeployment,
    ChangeApps,
    DeleteApp,
    Deployed,
    Outcome,
    Planned,
    RestartApp,
)
from orchestrator.marathon.core.events import GroupChanged, GroupChangeFailed
from orchestrator.marathon.core.groups.group_update import (
    ChangeGroup,
    CreateGroup,
    DeleteGroup,
    GroupSettings,
    GroupUpdate,
    SetGroup,
)
from orchestrator.marathon.core.groups.tree import Group
from orchestrator.marathon.core.refusals import AppLocked, InvalidObject, TooManyDeployments
from orchestrator.marathon.core.settings import Settings

SHOP = {"apps": [{"id": "web", "cmd": "x"}], "groups": [{"id": "db", "apps": []}]}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def put(cluster: Cluster, group_id: str, content: object, **kwargs: bool) -> Outcome:
    return cluster.ask(ChangeGroup(group_id, msgspec.convert(content, GroupUpdate), **kwargs))


def deploy(cluster: Cluster, group_id: str, content: object) -> Deployment:
    outcome = put(cluster, group_id, content)
    assert isinstance(outcome, Deployed)
    cluster.run()
    return outcome.deployment


def groups(cluster: Cluster) -> set[str]:
    return set(cluster.marathon.state.groups.by_id)


def refused(cluster: Cluster, group_id: str, content: object) -> dict[str, str]:
    with pytest.raises(InvalidObject) as refusal:
        put(cluster, group_id, content)
    return {violation.path: violation.error for violation in refusal.value.violations}


def test_all_apps_of_a_group_are_one_deployment(cluster: Cluster) -> None:
    apps = [{"id": name, "cmd": "x"} for name in "abc"]
    deployment = deploy(cluster, "/g", {"apps": apps})
    assert deployment.affected == ["/g/a", "/g/b", "/g/c"]
    assert len(cluster.master.tasks) == 3


def test_one_wrong_app_keeps_all_from_being_made(cluster: Cluster) -> None:
    apps = [{"id": "a", "cmd": "x"}, {"id": "b", "cmd": "x", "role": "other"}, {"id": "c"}]
    assert refused(cluster, "/g", {"groups": [{"id": "h", "apps": apps}]}).keys() == {
        "/groups(0)/apps(1)/role",
        "/groups(0)/apps(2)",
    }
    assert (groups(cluster), cluster.marathon.state.apps) == ({"/"}, {})


def test_apps_that_a_description_leaves_out_are_ended(cluster: Cluster) -> None:
    deploy(cluster, "/g", {"apps": [{"id": "a", "cmd": "x"}, {"id": "b", "cmd": "x"}]})
    deployment = deploy(cluster, "/g", {"apps": [{"id": "b", "cmd": "x"}]})
    assert [action.action for step in deployment.steps for action in step.actions] == [
        ActionKind.STOP
    ]
    assert set(cluster.marathon.state.apps) == {"/g/b"}


def test_what_is_not_described_stays_as_it_is(cluster: Cluster) -> None:
    deploy(cluster, "/shop", SHOP)
    tasks = set(cluster.master.tasks)
    deploy(cluster, "/shop", {"dependencies": ["/other"]})
    assert groups(cluster) == {"/", "/shop", "/shop/db"}
    assert set(cluster.master.tasks) == tasks


def test_groups_that_a_description_leaves_out_are_gone(cluster: Cluster) -> None:
    deploy(cluster, "/shop", {"groups": [{"id": "a", **SHOP}, {"id": "b"}]})
    deploy(cluster, "/shop", {"groups": [{"id": "b"}]})
    assert groups(cluster) == {"/", "/shop", "/shop/b"}
    assert not cluster.master.tasks


def test_a_description_is_whole_apps_and_no_changes_of_them(cluster: Cluster) -> None:
    deploy(cluster, "/g", {"apps": [{"id": "a", "cmd": "x", "labels": {"k": "v"}}]})
    deploy(cluster, "/g", {"apps": [{"id": "a", "cmd": "x"}]})
    assert cluster.marathon.state.apps["/g/a"].labels == {}


def test_the_same_description_again_changes_nothing(cluster: Cluster) -> None:
    deploy(cluster, "/shop", SHOP)
    before = cluster.marathon.state.apps["/shop/web"]
    deployment = deploy(cluster, "/shop", SHOP)
    assert deployment.steps == []
    assert cluster.marathon.state.apps["/shop/web"] == before


def test_service_ports_of_apps_that_go_are_free_for_those_that_come() -> None:
    cluster = Cluster(Settings(user="nobody", local_port_min=10000, local_port_max=10001))
    deploy(cluster, "/g", {"apps": [{"id": "a", "cmd": "x"}, {"id": "b", "cmd": "x"}]})
    deploy(cluster, "/g", {"apps": [{"id": "c", "cmd": "x"}, {"id": "d", "cmd": "x"}]})
    assert {p for a in cluster.marathon.state.apps.values() for p in a.service_ports} == {
        10000,
        10001,
    }


def test_apps_come_up_in_the_order_of_their_groups_dependencies(cluster: Cluster) -> None:
    content = {
        "groups": [
            {"id": "web", "dependencies": ["../db"], "apps": [{"id": "a", "cmd": "x"}]},
            {"id": "db", "apps": [{"id": "b", "cmd": "x"}]},
        ]
    }
    deployment = deploy(cluster, "/shop", content)
    order = [[action.app for action in step.actions] for step in deployment.steps]
    assert order == [["/shop/db/b", "/shop/web/a"], ["/shop/db/b"], ["/shop/web/a"]]


def test_an_app_created_later_waits_for_what_its_group_depends_on(cluster: Cluster) -> None:
    put(cluster, "/web", {"dependencies": ["/db"]})
    updates = [update(id="/web/a", cmd="x"), update(id="/db/b", cmd="x")]
    outcome = cluster.ask(ChangeApps(updates))
    assert isinstance(outcome, Deployed)
    order = [[action.app for action in step.actions] for step in outcome.deployment.steps]
    assert order[1:] == [["/db/b"], ["/web/a"]]


def test_groups_that_depend_on_each_other_are_refused(cluster: Cluster) -> None:
    apps = [{"id": "x", "cmd": "x"}]
    content = {
        "groups": [
            {"id": "a", "dependencies": ["/b"], "apps": apps},
            {"id": "b", "dependencies": ["/a"], "apps": apps},
        ]
    }
    assert refused(cluster, "/", content) == {"/": "Dependency graph has cyclic dependencies."}


def test_a_group_stays_when_its_last_app_is_gone(cluster: Cluster) -> None:
    cluster.create(id="/g/h/a", cmd="x", instances=0)
    cluster.ask(DeleteApp("/g/h/a"))
    assert groups(cluster) == {"/", "/g", "/g/h"}


def test_an_app_takes_the_place_of_an_empty_group(cluster: Cluster) -> None:
    put(cluster, "/g", {"groups": [{"id": "h"}]})
    cluster.create(id="/g", cmd="x", instances=0)
    assert groups(cluster) == {"/"}


@pytest.mark.parametrize("taken", ["/g/h", "/g/h/a/b"])
def test_an_app_cannot_have_the_id_of_a_group_nor_lie_below_an_app(
    cluster: Cluster, taken: str
) -> None:
    cluster.create(id="/g/h/a", cmd="x", instances=0)
    with pytest.raises(InvalidObject) as refusal:
        cluster.create(id=taken, cmd="x")
    assert refusal.value.violations[0].error == (
        "Groups and Applications may not have the same identifier."
    )


@pytest.mark.parametrize(("factor", "expected"), [(2, 6), (0.5, 2), (0, 0), (1.1, 4)])
def test_scaling_multiplies_the_instances_of_every_app_below(
    cluster: Cluster, factor: float, expected: int
) -> None:
    app = {"id": "a", "cmd": "x", "instances": 3, "cpus": 0.1}
    deploy(cluster, "/g", {"apps": [app], "groups": [{"id": "h", "apps": [app]}]})
    deploy(cluster, "/g", {"scaleBy": factor})
    assert len(cluster.running("/g/a")) == len(cluster.running("/g/h/a")) == expected


def test_scaling_beyond_all_bounds_is_refused(cluster: Cluster) -> None:
    cluster.create(id="/g/a", cmd="x", instances=1)
    error = "/g/a: must not be more than 100000"
    assert refused(cluster, "/g", {"scaleBy": 1e6}) == {"/scaleBy": error}


def test_an_app_that_may_run_once_only_is_not_scaled(cluster: Cluster) -> None:
    once = {"MARATHON_SINGLE_INSTANCE_APP": "true"}
    strategy = {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
    cluster.create(id="/g/a", cmd="x", labels=once, upgradeStrategy=strategy)
    assert refused(cluster, "/g", {"scaleBy": 2}).keys() == {"/scaleBy"}


def test_a_dry_run_tells_the_steps_and_changes_nothing(cluster: Cluster) -> None:
    disk = dict(cluster.disk)
    outcome = put(cluster, "/shop", SHOP, is_dry_run=True)
    assert isinstance(outcome, Planned)
    assert [[(a.action, a.app) for a in step.actions] for step in outcome.steps] == [
        [(ActionKind.START, "/shop/web")],
        [(ActionKind.SCALE, "/shop/web")],
    ]
    assert (groups(cluster), cluster.disk) == ({"/"}, disk)


def test_a_restored_group_has_the_apps_and_groups_it_had(cluster: Cluster) -> None:
    then = deploy(cluster, "/shop", SHOP).version
    deploy(cluster, "/shop", {"apps": [{"id": "new", "cmd": "x"}], "groups": []})
    deploy(cluster, "/shop", {"version": then})
    assert set(cluster.marathon.state.apps) == {"/shop/web"}
    assert groups(cluster) == {"/", "/shop", "/shop/db"}
    assert len(cluster.running("/shop/web")) == 1


def test_restoring_a_group_leaves_others_alone(cluster: Cluster) -> None:
    then = deploy(cluster, "/shop", SHOP).version
    cluster.create(id="/other/a", cmd="x", instances=0)
    deploy(cluster, "/shop", {"version": then})
    assert "/other/a" in cluster.marathon.state.apps


def test_a_deleted_app_can_be_restored_by_its_group(cluster: Cluster) -> None:
    then = deploy(cluster, "/shop", SHOP).version
    cluster.ask(DeleteApp("/shop/web"))
    cluster.run()
    deploy(cluster, "/shop", {"version": then})
    assert len(cluster.running("/shop/web")) == 1


def test_only_so_many_versions_of_the_tree_are_kept() -> None:
    cluster = Cluster(Settings(user="nobody", max_versions=3))
    for number in range(6):
        put(cluster, "/g", {"dependencies": [f"/g{number}"]})
    state = cluster.marathon.state
    assert len(list(state.groups.versions(state.tree, state.tree_version, "/g"))) == 4
    assert sum(key.startswith("revisions/") for key in cluster.disk) == 3


def test_a_deleted_group_takes_everything_in_it_along(cluster: Cluster) -> None:
    deploy(cluster, "/shop", SHOP)
    cluster.ask(DeleteGroup("/shop"))
    cluster.run()
    assert (groups(cluster), cluster.marathon.state.apps) == ({"/"}, {})
    assert not cluster.master.tasks


def test_the_root_stays_when_everything_is_deleted(cluster: Cluster) -> None:
    deploy(cluster, "/", {"dependencies": ["/none"], "groups": [{"id": "shop", **SHOP}]})
    cluster.ask(DeleteGroup("/"))
    assert cluster.marathon.state.groups.by_id == {"/": Group(id="/")}


def test_a_group_whose_app_is_being_deployed_is_locked(cluster: Cluster) -> None:
    put(cluster, "/shop", SHOP)
    with pytest.raises(AppLocked):
        cluster.ask(DeleteGroup("/shop"))
    assert "/shop/web" in cluster.marathon.state.apps
    cluster.ask(DeleteGroup("/shop", force=True))
    cluster.run()
    assert not cluster.marathon.state.apps


def test_an_undone_deployment_takes_its_groups_back(cluster: Cluster) -> None:
    outcome = put(cluster, "/shop", SHOP)
    assert isinstance(outcome, Deployed)
    cluster.ask(CancelDeployment(outcome.deployment.id))
    cluster.run()
    assert (groups(cluster), cluster.marathon.state.apps) == ({"/"}, {})


def test_an_undone_deployment_leaves_groups_that_are_in_use_by_now(cluster: Cluster) -> None:
    outcome = put(cluster, "/shop", SHOP)
    assert isinstance(outcome, Deployed)
    cluster.create(id="/shop/later", cmd="x", instances=0)
    cluster.ask(CancelDeployment(outcome.deployment.id))
    assert groups(cluster) == {"/", "/shop"}


def test_the_settings_of_a_group_change_without_a_deployment(cluster: Cluster) -> None:
    deploy(cluster, "/dev", {"apps": [{"id": "a", "cmd": "x"}]})
    tasks = set(cluster.master.tasks)
    cluster.ask(SetGroup("/dev", GroupSettings(enforce_role=True)))
    assert cluster.marathon.state.groups.by_id["/dev"].enforce_role
    assert not cluster.marathon.state.deployments
    assert set(cluster.master.tasks) == tasks


def test_an_app_of_a_group_that_enforces_its_role_has_it(cluster: Cluster) -> None:
    apps = [{"id": "a", "cmd": "x", "instances": 0}]
    put(cluster, "/dev", {"enforceRole": True, "groups": [{"id": "sub", "apps": apps}]})
    assert cluster.marathon.state.apps["/dev/sub/a"].role == "dev"


def test_an_app_in_a_group_to_come_has_the_groups_role_where_new_groups_enforce_it() -> None:
    cluster = Cluster(Settings(user="nobody", enforces_new_group_roles=True))
    cluster.create(id="/dev/sub/a", cmd="x", instances=0)
    assert cluster.marathon.state.apps["/dev/sub/a"].role == "dev"
    assert cluster.marathon.state.groups.by_id["/dev"].enforce_role
    assert not cluster.marathon.state.groups.by_id["/dev/sub"].enforce_role


def changed(cluster: Cluster) -> list[str]:
    return [event.group_id for event in cluster.published if isinstance(event, GroupChanged)]


def test_listeners_are_told_of_the_group_that_a_change_was_made_in(cluster: Cluster) -> None:
    put(cluster, "/g/h", {})
    cluster.ask(CreateGroup("/g/h", GroupUpdate(id="i")))
    cluster.create(id="/g/a", cmd="x", instances=0)
    cluster.change(id="/g/a", cmd="y")
    cluster.ask(RestartApp("/g/a"))
    updates = [update(id="/g/a", cmd="z"), update(id="/g/b", cmd="x", instances=0)]
    cluster.ask(ChangeApps(updates))
    cluster.ask(DeleteGroup("/g/h"))
    assert changed(cluster) == ["/g", "/g", "/g", "/g", "/g", "/", "/g"]


def test_listeners_are_told_why_a_change_was_refused(cluster: Cluster) -> None:
    cluster.create(id="/g/a", cmd="x")
    with pytest.raises(AppLocked) as refusal:
        cluster.change(id="/g/a", cmd="y")
    failed = [event for event in cluster.published if isinstance(event, GroupChangeFailed)]
    assert [(event.group_id, event.reason) for event in failed] == [("/g", str(refusal.value))]


def test_listeners_are_told_when_there_are_too_many_deployments() -> None:
    cluster = Cluster(Settings(user="nobody", max_running_deployments=1))
    cluster.create(id="/a", cmd="x")
    with pytest.raises(TooManyDeployments):
        put(cluster, "/shop", SHOP)
    assert cluster.event_types().count("group_change_failed") == 1
    assert groups(cluster) == {"/"}


def test_an_app_saved_with_the_id_of_a_group_can_still_be_changed(cluster: Cluster) -> None:
    cluster.create(id="/a", cmd="x", instances=0)
    saved = cluster.disk["apps/a"].replace(b'"/a"', b'"/a/b"')
    cluster.disk["apps/a/b"] = saved
    cluster.restart()
    cluster.change(id="/a", cmd="y")
    assert cluster.marathon.state.apps["/a"].cmd == "y"


def test_apps_saved_before_groups_were_kept_get_theirs(cluster: Cluster) -> None:
    deploy(cluster, "/shop", SHOP)
    for key in list(cluster.disk):
        if key.startswith(("groups", "revisions")):
            del cluster.disk[key]
    cluster.restart()
    assert groups(cluster) == {"/", "/shop"}
    assert cluster.marathon.state.tree_version == cluster.marathon.state.apps["/shop/web"].version
    assert "groups/shop" in cluster.disk


def test_pods_are_in_groups_go_with_them_and_come_back_with_them(cluster: Cluster) -> None:
    cluster.create_pod(id="/shop/cart")
    cluster.run()
    state = cluster.marathon.state
    assert groups(cluster) == {"/", "/shop"}
    before = state.tree_version
    deploy(cluster, "/shop", {"apps": [{"id": "web", "cmd": "x"}]})
    assert set(state.pods) == {"/shop/cart"}  # a description of a group's apps says nothing of pods
    cluster.ask(DeleteGroup("/shop"))
    cluster.run()
    assert (groups(cluster), state.pods, state.apps) == ({"/"}, {}, {})
    deploy(cluster, "/", {"version": before})
    assert (groups(cluster), set(state.pods), state.apps) == ({"/", "/shop"}, {"/shop/cart"}, {})
    assert len(cluster.instances("/shop/cart")) == 1


def test_a_pod_cannot_have_the_id_of_a_group_nor_hold_anything(cluster: Cluster) -> None:
    deploy(cluster, "/shop", SHOP)
    with pytest.raises(InvalidObject):
        cluster.create_pod(id="/shop")
    cluster.create_pod(id="/pod")
    with pytest.raises(InvalidObject):
        cluster.create(id="/pod/app", cmd="x")
