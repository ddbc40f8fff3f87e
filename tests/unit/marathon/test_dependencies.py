"""Who waits for whom, by apps and by the groups that they are in."""

import pytest

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.deployment.dependencies import CircleError, ranks
from orchestrator.marathon.core.groups.tree import Group, Tree, ancestors


def tree(apps: dict[str, list[str]], groups: dict[str, list[str]] | None = None) -> Tree:
    """Apps and groups with what they depend on; the groups of the apps come by themselves."""
    implied: dict[str, list[str]] = {
        group_id: [] for app_id in apps for group_id in ancestors(app_id)
    }
    all_groups = implied | (groups or {})
    return Tree(
        specs={path: App(id=path, dependencies=wanted) for path, wanted in apps.items()},
        groups={path: Group(id=path, dependencies=wanted) for path, wanted in all_groups.items()},
    )


def ranked(of: Tree) -> dict[str, int]:
    return dict(ranks(of, of.apps, of.groups))


def test_apps_that_wait_for_nothing_are_of_one_rank() -> None:
    assert ranked(tree({"/a": [], "/b": []})) == {"/a": 1, "/b": 1}


def test_an_app_comes_after_those_it_depends_on() -> None:
    assert ranked(tree({"/a": ["/b"], "/b": ["/c"], "/c": []})) == {"/a": 3, "/b": 2, "/c": 1}


def test_an_app_comes_after_every_app_of_a_group_it_depends_on() -> None:
    found = ranked(tree({"/a": ["/g"], "/g/b": [], "/g/h/c": ["/g/b"]}))
    assert found == {"/g/b": 1, "/g/h/c": 2, "/a": 3}


def test_what_a_group_depends_on_is_waited_for_by_every_app_below() -> None:
    found = ranked(tree({"/g/a": [], "/g/h/b": [], "/db": []}, {"/g": ["/db"]}))
    assert found == {"/db": 1, "/g/a": 2, "/g/h/b": 2}


def test_groups_can_depend_on_groups() -> None:
    of = tree({"/a/x": [], "/b/x": [], "/c/x": []}, {"/a": ["/b"], "/b": ["/c"]})
    assert ranked(of) == {"/c/x": 1, "/b/x": 2, "/a/x": 3}


def test_what_does_not_exist_is_not_waited_for() -> None:
    assert ranked(tree({"/a": ["/none"]})) == {"/a": 1}


def test_only_the_apps_asked_about_are_ranked() -> None:
    assert ranks(tree({"/a": ["/b"], "/b": ["/c"], "/c": []}), ["/a"]) == {"/a": 3}


@pytest.mark.parametrize(
    ("apps", "groups"),
    [
        ({"/a": ["/a"]}, {}),
        ({"/a": ["/b"], "/b": ["/a"]}, {}),
        ({"/g/a": ["/g"]}, {}),
        ({"/g/a": [], "/h/b": []}, {"/g": ["/h"], "/h": ["/g"]}),
        ({"/g/h/a": []}, {"/g": ["/g/h"]}),
        ({"/g/a": [], "/b": ["/g"]}, {"/g": ["/b"]}),
    ],
)
def test_a_circle_is_found(apps: dict[str, list[str]], groups: dict[str, list[str]]) -> None:
    with pytest.raises(CircleError):
        ranked(tree(apps, groups))


def test_groups_without_apps_make_no_circle() -> None:
    assert ranked(tree({"/c": []}, {"/a": ["/b"], "/b": ["/a"]})) == {"/c": 1}


def test_a_chain_may_be_longer_than_the_stack_of_calls() -> None:
    count = 5000
    chain = {f"/a{n}": [f"/a{n + 1}"] for n in range(count)} | {f"/a{count}": []}
    assert ranked(tree(chain))["/a0"] == count + 1
