"""Which roles an app may have where."""

import pytest

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.groups.group_roles import allowed
from orchestrator.marathon.core.groups.tree import Group

DEV = {"/dev": Group(id="/dev", enforce_role=True)}
FREE = {"/dev": Group(id="/dev")}


@pytest.mark.parametrize(
    ("app_id", "groups", "roles"),
    [
        ("/app", DEV, ["*"]),
        ("/dev/app", DEV, ["dev"]),
        ("/dev/sub/app", DEV, ["dev"]),
        ("/dev/app", FREE, ["*", "dev"]),
        ("/dev/app", {}, ["*", "dev"]),
    ],
)
def test_where_an_app_is_says_which_roles_it_may_have(
    app_id: str, groups: dict[str, Group], roles: list[str]
) -> None:
    assert allowed(app_id, "*", None, groups, enforces=False) == roles


def test_a_group_to_come_enforces_its_role_if_new_groups_do() -> None:
    assert allowed("/dev/app", "*", None, {}, enforces=True) == ["dev"]


def test_a_role_that_an_app_has_may_stay() -> None:
    existing = App(id="/dev/app", role="old")
    assert allowed("/dev/app", "*", existing, DEV, enforces=False) == ["dev", "old"]
