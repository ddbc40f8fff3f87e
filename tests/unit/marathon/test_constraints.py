"""Each operator of placement constraints."""

import pytest

from orchestrator.marathon.core.placement import constraints

Racks = list[str]


def met(operator: str, value: str, rack: str | None, siblings: Racks = []) -> bool:  # noqa: B006
    constraint = ["rack", operator, value] if value else ["rack", operator]
    fields = {"rack": rack} if rack is not None else {}
    others = constraints.Siblings({"rack": name} for name in siblings)
    return constraints.is_met(constraint, fields, others)


@pytest.mark.parametrize(
    ("operator", "value", "rack", "siblings", "expected"),
    [
        ("UNIQUE", "", "a", ["b"], True),
        ("UNIQUE", "", "a", ["a"], False),
        ("CLUSTER", "", "a", [], True),
        ("CLUSTER", "", "a", ["a", "a"], True),
        ("CLUSTER", "", "b", ["a"], False),
        ("CLUSTER", "a", "b", [], False),
        ("GROUP_BY", "", "a", [], True),
        ("GROUP_BY", "", "a", ["a", "b"], True),
        ("GROUP_BY", "", "a", ["a", "a", "b"], False),
        ("GROUP_BY", "3", "a", ["a", "b"], False),
        ("GROUP_BY", "3", "c", ["a", "b"], True),
        ("MAX_PER", "2", "a", ["a"], True),
        ("MAX_PER", "2", "a", ["a", "a"], False),
        ("LIKE", "a|b", "b", [], True),
        ("LIKE", "a", "ab", [], False),
        ("UNLIKE", "a", "b", [], True),
        ("UNLIKE", "a", "a", [], False),
        ("UNLIKE", "a", None, [], True),
        ("LIKE", "a", None, [], False),
        ("UNIQUE", "", None, [], False),
        ("IS", "a", "a", [], True),
        ("IS", "1.0004", "1", [], True),
        ("IS", "a", "b", [], False),
        ("unique", "", "a", [], True),
    ],
)
def test_an_agent_suits_or_does_not(
    operator: str, value: str, rack: str | None, siblings: Racks, expected: bool
) -> None:
    assert met(operator, value, rack, siblings) is expected


@pytest.mark.parametrize(
    "constraint",
    [
        ["rack"],
        ["", "UNIQUE"],
        ["rack", "NEAR"],
        ["rack", "UNIQUE", "x"],
        ["rack", "GROUP_BY", "x"],
        ["rack", "MAX_PER"],
        ["rack", "LIKE"],
        ["rack", "LIKE", "("],
        ["rack", "IS", "[1-2]"],
        ["a", "LIKE", "b", "c"],
    ],
)
def test_a_constraint_that_means_nothing_has_a_problem(constraint: list[str]) -> None:
    assert constraints.problem(constraint) is not None


@pytest.mark.parametrize(
    "constraint",
    [["rack", "UNIQUE"], ["rack", "unique", ""], ["rack", "GROUP_BY", "3"], ["r", "CLUSTER", "x"]],
)
def test_a_good_constraint_has_none(constraint: list[str]) -> None:
    assert constraints.problem(constraint) is None
