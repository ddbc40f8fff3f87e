"""App ids, instance ids and task ids."""

import pytest

from orchestrator.marathon.core import ids


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("foo", "/foo"),
        ("//foo", "/foo"),
        ("/foo//bar/", "/foo/bar"),
        ("/a/../b/./c", "/b/c"),
        ("..", "/"),
        ("/", "/"),
    ],
)
def test_a_path_has_one_canonical_form(path: str, expected: str) -> None:
    assert ids.canonical(path) == expected


def test_a_relative_path_hangs_on_its_base() -> None:
    assert ids.canonical("../c", "/a/b") == "/a/c"


@pytest.mark.parametrize("app_id", ["/a", "/a/b-c", "/a.b/c1", "/0"])
def test_good_ids_have_no_problem(app_id: str) -> None:
    assert ids.problems(app_id) == []


@pytest.mark.parametrize(
    "app_id", ["/", "/A", "/a_b", "/-a", "/a-", "/a/restart", "/tasks", "/a/versions", "/ä"]
)
def test_bad_ids_are_told_what_is_wrong(app_id: str) -> None:
    assert ids.problems(app_id)


def test_an_id_is_bounded() -> None:
    assert ids.problems("/" + "a" * ids.MAX_APP_ID_LENGTH)


def test_a_task_leads_back_to_its_instance() -> None:
    instance = ids.instance_id("/shop/cart", "0f4c-1")
    assert instance == "shop_cart.instance-0f4c-1"
    assert ids.task_id(instance, 2) == "shop_cart.instance-0f4c-1._app.2"
    assert ids.instance_of(ids.task_id(instance, 2)) == instance


@pytest.mark.parametrize("task", ["", "foo", "a.b.c", "instance-", "x.instance-1"])
def test_a_foreign_task_id_leads_nowhere(task: str) -> None:
    assert ids.instance_of(task) is None


def test_the_host_name_of_an_app_is_its_path_turned_round() -> None:
    assert ids.hostname("/shop/cart") == "cart.shop"


@pytest.mark.parametrize(
    ("app_id", "group", "expected"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/ab", "/a", False), ("/x", "/", True)],
)
def test_an_app_is_within_the_groups_above_it(app_id: str, group: str, expected: bool) -> None:
    assert ids.is_within(app_id, group) is expected
