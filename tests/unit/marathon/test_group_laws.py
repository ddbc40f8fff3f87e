"""Laws of the tree of groups: whatever clients do, it stays whole, and its versions come back."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.marathon.cluster import Cluster, update

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app import App, VersionInfo
from orchestrator.marathon.core.effects import ChangeApps, Command, CreateApp, DeleteApp
from orchestrator.marathon.core.groups.group_update import (
    ChangeGroup,
    CreateGroup,
    DeleteGroup,
    GroupSettings,
    GroupUpdate,
    SetGroup,
)
from orchestrator.marathon.core.groups.tree import Group, Tree, ancestors
from orchestrator.marathon.core.refusals import Refusal

names = st.sampled_from("abc")
paths = st.lists(names, min_size=1, max_size=3).map(lambda segments: "/" + "/".join(segments))
dependencies = st.lists(paths, max_size=2)


def apps(app_ids: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {"id": app_ids, "cmd": st.sampled_from(["x", "y"]), "instances": st.just(0)},
        optional={"dependencies": dependencies},
    )


def groups(group_ids: st.SearchStrategy[str], depth: int) -> st.SearchStrategy[dict[str, object]]:
    optional: dict[str, st.SearchStrategy[object]] = {
        "dependencies": dependencies,
        "apps": st.lists(apps(names), max_size=2, unique_by=lambda app: str(app["id"])),
        "enforceRole": st.booleans(),
    }
    if depth:
        below = groups(names, depth - 1)
        optional["groups"] = st.lists(below, max_size=2, unique_by=lambda group: str(group["id"]))
    return st.fixed_dictionaries({"id": group_ids}, optional=optional)


def described(content: object) -> GroupUpdate:
    return msgspec.convert(content, GroupUpdate)


commands: st.SearchStrategy[Command] = st.one_of(
    apps(paths).map(lambda app: CreateApp(update(**app), force=True)),
    apps(paths).map(lambda app: ChangeApps([update(**app)], force=True)),
    paths.map(DeleteApp),
    groups(paths, 2).map(lambda group: CreateGroup("/", described(group), force=True)),
    groups(paths, 2).map(lambda group: ChangeGroup("/", described(group), force=True)),
    groups(st.just("/"), 2).map(lambda group: ChangeGroup("/", described(group), force=True)),
    st.one_of(paths, st.just("/")).map(lambda group_id: DeleteGroup(group_id, force=True)),
    st.builds(SetGroup, paths, st.builds(GroupSettings, enforce_role=st.booleans())),
)


def tree(cluster: Cluster) -> Tree:
    now = cluster.marathon.state.tree
    return Tree(dict(now.apps), dict(now.groups))


def definitions(apps: Mapping[str, App]) -> dict[str, App]:
    """Apps without what tells when they came to be."""
    nothing = VersionInfo(last_scaling_at="", last_config_change_at="")
    return {a: replace(app, version="", version_info=nothing) for a, app in apps.items()}


def attempt(cluster: Cluster, command: Command) -> bool:
    before = tree(cluster)
    try:
        cluster.ask(command)
    except Refusal:
        assert tree(cluster) == before
        return False
    return True


def check_is_whole(now: Tree) -> None:
    assert ids.ROOT in now.groups
    for path in (*now.apps, *now.groups):
        assert all(group_id in now.groups for group_id in ancestors(path)), path
    assert not now.apps.keys() & now.groups.keys()
    check_has_no_circle(now)


def check_has_no_circle(now: Tree) -> None:
    """By the definition: strike out what waits for nothing that is left, until nothing is left."""
    left = {app_id: waited_for(app, now.apps, now.groups) for app_id, app in now.apps.items()}
    while left:
        free = [app_id for app_id, others in left.items() if not others & left.keys()]
        assert free, f"a circle among {sorted(left)}"
        for app_id in free:
            del left[app_id]


def waited_for(app: App, apps: Mapping[str, App], groups: Mapping[str, Group]) -> set[str]:
    inherited = [path for g in ancestors(app.id) for path in groups[g].dependencies]
    return {
        other
        for path in (*app.dependencies, *inherited)
        for other in apps
        if ids.is_within(other, path)
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(commands, max_size=12))
def test_any_sequence_of_changes_leaves_a_whole_tree(sequence: list[Command]) -> None:
    cluster = Cluster()
    for command in sequence:
        attempt(cluster, command)
        check_is_whole(cluster.marathon.state.tree)


@settings(max_examples=100, deadline=None)
@given(st.lists(commands, max_size=10))
def test_every_version_shows_the_tree_as_it_was(sequence: list[Command]) -> None:
    cluster = Cluster()
    seen = {cluster.marathon.state.tree_version: tree(cluster)}
    for command in sequence:
        attempt(cluster, command)
        seen[cluster.marathon.state.tree_version] = tree(cluster)
    state = cluster.marathon.state
    assert list(state.groups.versions(state.tree, state.tree_version, ids.ROOT)) == sorted(
        seen, reverse=True
    )
    for version, then in seen.items():
        assert state.groups.tree(state.tree, state.tree_version, version) == then


@settings(max_examples=100, deadline=None)
@given(st.lists(commands, min_size=1, max_size=10), st.data())
def test_restoring_a_version_gives_back_exactly_its_apps(
    sequence: list[Command], data: st.DataObject
) -> None:
    cluster = Cluster()
    seen = {cluster.marathon.state.tree_version: tree(cluster)}
    for command in sequence:
        attempt(cluster, command)
        seen[cluster.marathon.state.tree_version] = tree(cluster)
    version = data.draw(st.sampled_from(sorted(seen)))
    cluster.ask(ChangeGroup("/", GroupUpdate(version=version), force=True))
    now = tree(cluster)
    assert definitions(now.apps) == definitions(seen[version].apps)
    assert now.groups == seen[version].groups


@settings(max_examples=60, deadline=None)
@given(st.lists(commands, max_size=10))
def test_the_tree_and_its_versions_outlive_the_process(sequence: list[Command]) -> None:
    cluster = Cluster()
    for command in sequence:
        attempt(cluster, command)
    before = cluster.marathon.state
    cluster.restart()
    after = cluster.marathon.state
    assert (after.tree, after.tree_version) == (before.tree, before.tree_version)
    for version in before.groups.versions(before.tree, before.tree_version, ids.ROOT):
        then = after.groups.tree(after.tree, after.tree_version, version)
        assert then == before.groups.tree(before.tree, before.tree_version, version)
