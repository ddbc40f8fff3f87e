"""The laws of resource arithmetic, over resources of every kind."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.mesos.resources import (
    EMPTY,
    MAX_SCALAR,
    Amount,
    Kind,
    Reservation,
    ResourceError,
    Resources,
    combine,
    format_amount,
    merge_ranges,
    subtract_ranges,
    to_milli,
    total,
)
from orchestrator.mesos.types import ReservationType, ValueType

ROLES = st.sampled_from(["ads", "ads/web", "ops"])
NAMES = {
    ValueType.SCALAR: ["cpus", "mem"],
    ValueType.RANGES: ["ports", "vlans"],
    ValueType.SET: ["zones", "licences"],
}
reservations = st.builds(
    Reservation,
    role=ROLES,
    type=st.sampled_from([ReservationType.STATIC, ReservationType.DYNAMIC]),
    principal=st.sampled_from([None, "operator"]),
    labels=st.sampled_from([(), (("team", "blue"),), (("team", None), ("cost", "7"))]),
)
ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), min_size=1, max_size=5).map(
    lambda starts: merge_ranges((begin, begin + length) for begin, length in starts)
)
AMOUNTS: dict[ValueType, st.SearchStrategy[Amount]] = {
    ValueType.SCALAR: st.integers(1, 10_000),
    ValueType.RANGES: ranges,
    ValueType.SET: st.frozensets(st.sampled_from("abcdef"), min_size=1),
}


@st.composite
def bags(draw: st.DrawFn) -> Resources:
    amounts: dict[Kind, Amount] = {}
    for type_ in draw(st.lists(st.sampled_from(list(NAMES)), max_size=4)):
        kind = Kind(
            name=draw(st.sampled_from(NAMES[type_])),
            type=type_,
            reservations=tuple(draw(st.lists(reservations, max_size=2))),
            provider_id=draw(st.sampled_from([None, "provider"])),
            revocable=draw(st.booleans()),
        )
        amounts[kind] = draw(AMOUNTS[type_])
    return Resources(amounts)


# Bags drawn on their own seldom share a kind, so these pairs and triples share most of theirs.
@st.composite
def related_bags(draw: st.DrawFn) -> tuple[Resources, Resources, Resources]:
    kinds = list(draw(bags()).amounts)

    def vary() -> Resources:
        chosen = draw(st.lists(st.sampled_from(kinds), unique=True)) if kinds else []
        return Resources({kind: draw(AMOUNTS[kind.type]) for kind in chosen}) + draw(
            st.sampled_from([EMPTY, Resources.of(cpus=0.1)])
        )

    return vary(), vary(), vary()


def numbers(spans: tuple[tuple[int, int], ...]) -> set[int]:
    return {number for begin, end in spans for number in range(begin, end + 1)}


@given(related_bags())
def test_addition_is_commutative(bags: tuple[Resources, Resources, Resources]) -> None:
    a, b, _ = bags
    assert a + b == b + a


@given(related_bags())
def test_addition_is_associative(bags: tuple[Resources, Resources, Resources]) -> None:
    a, b, c = bags
    assert (a + b) + c == a + (b + c)


@given(bags())
def test_nothing_is_the_neutral_element(a: Resources) -> None:
    assert a + EMPTY == a
    assert a - EMPTY == a
    assert not a - a


@given(related_bags())
def test_what_was_taken_away_can_be_given_back_exactly_if_it_was_there(
    bags: tuple[Resources, Resources, Resources],
) -> None:
    a, b, _ = bags
    assert ((a - b) + b == a) == (b in a)


@given(related_bags())
def test_a_sum_contains_its_parts(bags: tuple[Resources, Resources, Resources]) -> None:
    a, b, c = bags
    assert a in a + b
    assert b in a + b
    assert c in total([a, b, c])


@given(related_bags())
def test_containment_is_transitive_and_antisymmetric(
    bags: tuple[Resources, Resources, Resources],
) -> None:
    a, b, c = bags
    if a in b and b in c:
        assert a in c
    if a in b and b in a:
        assert a == b


@given(related_bags())
def test_one_is_contained_in_another_when_nothing_is_missing(
    bags: tuple[Resources, Resources, Resources],
) -> None:
    a, b, _ = bags
    assert (a in b) == (not a.missing_from(b))


@given(related_bags())
def test_taking_away_never_leaves_more_than_there_was(
    bags: tuple[Resources, Resources, Resources],
) -> None:
    a, b, _ = bags
    assert a - b in a


@given(related_bags())
def test_equal_bags_hash_alike(bags: tuple[Resources, Resources, Resources]) -> None:
    a, b, _ = bags
    assert hash(a + b) == hash(b + a)
    assert a != "cpus:1"


@given(st.lists(st.integers(0, 10_000)))
def test_thousandths_never_drift(thousandths: list[int]) -> None:
    bag = total(Resources.of(cpus=n / 1000) for n in thousandths)
    assert bag.milli("cpus") == sum(thousandths)
    for n in thousandths:
        bag = bag - Resources.of(cpus=n / 1000)
    assert bag == EMPTY


@given(st.integers(0, MAX_SCALAR * 1000))
def test_every_whole_number_of_thousandths_survives_being_a_float(thousandths: int) -> None:
    assert to_milli(thousandths / 1000) == thousandths


@given(st.integers(1, MAX_SCALAR * 1000))
def test_a_formatted_scalar_is_exact(thousandths: int) -> None:
    assert to_milli(float(format_amount(thousandths))) == thousandths


@pytest.mark.parametrize("value", [-0.001, float("nan"), float("inf"), MAX_SCALAR * 2.0])
def test_what_no_machine_can_have_is_refused(value: float) -> None:
    with pytest.raises(ResourceError, match="cannot have the value"):
        Resources.of(cpus=value)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8))))
def test_merged_ranges_are_sorted_disjoint_and_hold_the_same_numbers(
    starts: list[tuple[int, int]],
) -> None:
    spans = [(begin, begin + length) for begin, length in starts]
    merged = merge_ranges(spans)
    assert numbers(merged) == numbers(tuple(spans))
    assert all(left[1] + 1 < right[0] for left, right in pairwise(merged))


@given(ranges, ranges)
def test_subtracted_ranges_hold_the_difference(
    left: tuple[tuple[int, int], ...], right: tuple[tuple[int, int], ...]
) -> None:
    rest = subtract_ranges(left, right)
    assert numbers(rest) == numbers(left) - numbers(right)
    assert merge_ranges(rest) == rest


def test_subtracting_many_ranges_from_many_takes_one_pass() -> None:
    even = tuple((n, n) for n in range(0, 400_000, 2))
    sparse = tuple((n, n) for n in range(0, 400_000, 4))
    assert len(subtract_ranges(even, sparse)) == 100_000


@given(st.lists(ranges, min_size=1))
def test_combining_at_once_equals_adding_one_by_one(
    parts: list[tuple[tuple[int, int], ...]],
) -> None:
    assert combine(parts) == merge_ranges(span for part in parts for span in part)


def test_what_is_zero_or_empty_is_not_there() -> None:
    assert Resources.of(cpus=0) == EMPTY
    assert not Resources.of(cpus=1) - Resources.of(cpus=2)


@given(bags())
def test_unreserved_and_reserved_make_up_the_whole(a: Resources) -> None:
    reserved = a.where(lambda kind: bool(kind.reservations))
    assert a.unreserved() + reserved == a


def test_a_role_is_offered_its_own_and_its_ancestors_reservations() -> None:
    def reserved_for(role: str) -> Resources:
        reservation = Reservation(role=role, type=ReservationType.STATIC)
        kind = Kind(name="cpus", type=ValueType.SCALAR, reservations=(reservation,))
        return Resources({kind: 1000})

    own, parents, another = (reserved_for(role) for role in ("ads/web", "ads", "ad"))
    shared = Resources.of(mem=64)
    assert (own + parents + another + shared).allocatable_to("ads/web") == own + parents + shared


@given(bags())
def test_scalars_add_up_over_all_reservations(a: Resources) -> None:
    assert all(a.milli(name) == milli for name, milli in a.scalars().items())
    assert a.scalar("cpus") == a.milli("cpus") / 1000


@given(bags())
def test_ranges_unite_over_all_reservations(a: Resources) -> None:
    mine = [v for k, v in a.amounts.items() if k.name == "ports" and isinstance(v, tuple)]
    assert numbers(a.ranges("ports")) == {n for spans in mine for n in numbers(spans)}


@given(bags(), bags())
def test_reservations_and_volumes_are_left_out_of_what_is_plain(a: Resources, b: Resources) -> None:
    assert not any(kind.reservations or kind.disk for kind in a.plain().amounts)
    assert a.plain().scalars() == a.scalars()
    assert a.plain().ranges("ports") == a.ranges("ports")
    assert (a + b).plain() == a.plain() + b.plain()


def test_a_bag_prints_as_mesos_prints_it() -> None:
    ports = Kind(name="ports", type=ValueType.RANGES)
    zones = Kind(name="zones", type=ValueType.SET)
    bag = Resources.of(cpus=0.5, mem=64) + Resources(
        {ports: ((31000, 31001), (31005, 31005)), zones: frozenset({"b", "a"})}
    )
    text = "cpus:0.5; mem:64; ports:[31000-31001, 31005-31005]; zones:{a, b}"
    assert str(bag) == text
    assert repr(bag) == f"Resources({text})"
