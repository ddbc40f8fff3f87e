"""Constraints against an oracle that knows nothing of how they are implemented.

The oracle is written from Marathon's documentation and its checker, by counting groups in the
plainest way; where Marathon 1.11 itself would divide by zero (GROUP_BY without a number), it is
its documented behaviour of before.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.core.placement import constraints
from orchestrator.mesos.resource_wire import parse_attributes

VALUES = st.sampled_from(["a", "b", "c", "ab", "1", "1.5", "2"])
PLACES = st.lists(st.one_of(st.none(), VALUES), max_size=8)


def fields(value: str | None) -> dict[str, str]:
    return {} if value is None else {"rack": value}


def around(placed: list[str | None] | list[str]) -> constraints.Siblings:
    return constraints.Siblings(fields(place) for place in placed)


def allowed(
    operator: str, value: str, offer: str | None, placed: list[str | None], wanted: int
) -> bool:
    if offer is None:
        return operator == "UNLIKE"
    here = placed.count(offer)
    answers = {
        "UNIQUE": here == 0,
        "CLUSTER": offer == value if value else set(placed) <= {offer},
        "MAX_PER": here < 2,
        "LIKE": offer in ("a", "b"),
        "UNLIKE": offer not in ("a", "b"),
        "IS": offer == value,
        "GROUP_BY": joins_group(offer, int(value), placed, wanted)
        if value.isdecimal()
        else here == 0 or all(here <= placed.count(group) for group in placed),
    }
    return answers[operator]


def joins_group(offer: str, number: int, placed: list[str | None], wanted: int) -> bool:
    """Quotas are dealt out one by one: of 7 over 3 groups, one has 3 and two have 2."""
    if offer not in placed:
        return len(set(placed)) < number
    quota = wanted // number
    larger = wanted % number
    for group in set(placed):
        larger -= max(0, placed.count(group) - quota)
    return placed.count(offer) < quota + (larger > 0)


@given(
    st.sampled_from([("UNIQUE", ""), ("CLUSTER", ""), ("CLUSTER", "a"), ("LIKE", "a|b"),
                     ("UNLIKE", "a|b"), ("MAX_PER", "2"), ("GROUP_BY", ""), ("GROUP_BY", "2"),
                     ("GROUP_BY", "3"), ("IS", "a"), ("IS", "1.5")]),
    st.one_of(st.none(), VALUES),
    PLACES,
    st.integers(1, 12),
)  # fmt: skip
def test_an_agent_is_allowed_exactly_when_the_oracle_says_so(
    what: tuple[str, str], offer: str | None, placed: list[str | None], wanted: int
) -> None:
    operator, value = what
    constraint = ["rack", operator, value] if value else ["rack", operator]
    met = constraints.is_met(constraint, fields(offer), around(placed), wanted)
    assert met is allowed(operator, value, offer, placed, wanted)


@given(st.integers(1, 5), st.integers(1, 30), st.randoms())
def test_group_by_with_a_number_ends_evenly_over_that_many_groups(
    number: int, instances: int, random: object
) -> None:
    racks = [f"r{n}" for n in range(number)]
    placed: list[str] = []
    for _ in range(instances):
        open_ = [r for r in racks if constraints.is_met(
            ["rack", "GROUP_BY", str(number)], fields(r), around(placed), instances
        )]  # fmt: skip
        placed.append(random.choice(open_))  # type: ignore[attr-defined]
    counts = [placed.count(rack) for rack in racks]
    assert max(counts) - min(counts) <= 1


@given(st.floats(-1e6, 1e6))
def test_numbers_have_three_decimals_at_most_half_to_even_and_no_zeros_at_the_end(
    value: float,
) -> None:
    text = constraints.scalar_text(value)
    assert Decimal(text) == Decimal(value).quantize(Decimal("0.001"), ROUND_HALF_EVEN)
    assert not re.search(r"\.\d*0$|\.$", text)


def test_attributes_are_written_as_marathon_writes_them() -> None:
    attributes = parse_attributes("a:text;b:1.50;c:[5-6,1-2];d:{y,x}")
    assert [constraints.attribute_text(a) for a in attributes] == [
        "text", "1.5", "[1-2,5-6]", "{x,y}",
    ]  # fmt: skip


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=8), st.one_of(st.none(), VALUES))
def test_a_constraint_without_a_problem_can_always_be_checked(
    field: str, operator: str, value: str, offer: str | None
) -> None:
    for name in (operator, *constraints.OPERATORS):
        constraint = [field, name, value]
        if constraints.problem(constraint) is None:
            constraints.is_met(constraint, {field: offer} if offer else {}, constraints.ALONE, 3)
