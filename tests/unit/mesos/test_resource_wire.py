"""Resources as messages, in both reservation formats, and as text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire import from_wire, parse, parse_attributes, to_wire
from orchestrator.mesos.resources import (
    Amount,
    Kind,
    Reservation,
    ResourceError,
    Resources,
    merge_ranges,
)
from orchestrator.mesos.types import (
    Attribute,
    DiskInfo,
    DiskPersistence,
    ItemSet,
    Range,
    Ranges,
    ReservationType,
    Resource,
    Scalar,
    Text,
    ValueType,
)

static = st.builds(
    Reservation, role=st.sampled_from(["ads", "ops"]), type=st.just(ReservationType.STATIC)
)
detailed = st.builds(
    Reservation,
    role=st.sampled_from(["ads", "ads/web", "ops"]),
    type=st.just(ReservationType.DYNAMIC),
    principal=st.sampled_from([None, "", "operator"]),
    labels=st.lists(
        st.tuples(st.text(max_size=3), st.none() | st.text(max_size=3)), max_size=2
    ).map(tuple),
)
one_or_none = st.one_of(st.just(()), (static | detailed).map(lambda r: (r,)))
stacks = st.lists(static | detailed, max_size=3).map(tuple)
disks = st.sampled_from(
    [None, codec.encode(DiskInfo(persistence=DiskPersistence(id="volume", principal="p")))]
)
names = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)
items = st.from_regex(r"[A-Za-z0-9_.-]{1,6}", fullmatch=True)
AMOUNTS: dict[ValueType, st.SearchStrategy[Amount]] = {
    ValueType.SCALAR: st.integers(1, 10**12),
    ValueType.RANGES: st.lists(
        st.tuples(st.integers(0, 70_000), st.integers(0, 500)), min_size=1, max_size=5
    ).map(lambda starts: merge_ranges((begin, begin + length) for begin, length in starts)),
    ValueType.SET: st.frozensets(items, min_size=1, max_size=4),
}


@st.composite
def bags(draw: st.DrawFn, reservations: st.SearchStrategy[tuple[Reservation, ...]]) -> Resources:
    amounts: dict[Kind, Amount] = {}
    for type_ in draw(st.lists(st.sampled_from(list(AMOUNTS)), max_size=4)):
        kind = Kind(
            name=draw(names),
            type=type_,
            reservations=draw(reservations),
            provider_id=draw(st.sampled_from([None, "", "provider"])),
            disk=draw(disks),
            revocable=draw(st.booleans()),
            shared=draw(st.booleans()),
        )
        amounts[kind] = draw(AMOUNTS[type_])
    return Resources(amounts)


@st.composite
def plain_bags(draw: st.DrawFn) -> Resources:
    types = draw(st.dictionaries(names, st.sampled_from(list(AMOUNTS)), max_size=4))
    reservations = st.one_of(st.just(()), static.map(lambda r: (r,)))
    return Resources(
        {
            Kind(name=name, type=type_, reservations=draw(reservations)): draw(AMOUNTS[type_])
            for name, type_ in types.items()
        }
    )


def over_the_wire(messages: list[Resource]) -> list[Resource]:
    return codec.decode(list[Resource], codec.encode(messages))


@given(bags(stacks))
def test_the_refined_format_keeps_everything(bag: Resources) -> None:
    assert from_wire(over_the_wire(to_wire(bag, refined=True))) == bag


@given(bags(one_or_none))
def test_the_older_format_keeps_a_single_reservation(bag: Resources) -> None:
    assert from_wire(over_the_wire(to_wire(bag))) == bag


@given(bags(one_or_none))
def test_an_allocation_is_written_on_every_resource_and_is_no_part_of_its_kind(
    bag: Resources,
) -> None:
    messages = to_wire(bag, role="ads")
    assert all(m.allocation_info and m.allocation_info.role == "ads" for m in messages)
    assert from_wire(messages) == bag


@given(plain_bags(), plain_bags())
def test_messages_of_one_kind_add_up(a: Resources, b: Resources) -> None:
    assert from_wire(to_wire(a) + to_wire(b)) == a + b


@given(plain_bags())
@example(Resources.of(mem=1_234_567.891))
def test_text_is_read_back_as_it_was_printed(bag: Resources) -> None:
    assert parse(str(bag)) == bag


@given(plain_bags())
def test_json_text_is_read_as_messages(bag: Resources) -> None:
    assert parse(codec.encode(to_wire(bag)).decode()) == bag


@given(st.text())
@example("ports:[²-3]")
@example("cpus:²")
@example("ports:[1-" + "9" * 5000 + "]")
@example("cpus:" + "9" * 5000)
@example("[" * 5000)
@example('[{"name":"\ud800"}]')
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(parse(text), Resources)
    except ResourceError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cpus", "is not name:value"),
        ("cpus:many", "is text"),
        ("cpus:nan", "is text"),
        ("cpus:1_000", "is text"),
        ("cpus:-1", "cannot have the value"),
        ("cpus:1e400", "too large"),
        ("ports:[1-2", "is text"),
        ("ports:[]", "is not begin-end"),
        ("ports:[a-b]", "is not begin-end"),
        ("ports:[5-3]", "impossible range 5-3"),
        ("cpus:1;cpus:[1-2]", "different types"),
        ('[{"name":"cpus","type":"SCALAR"}]', "has no scalar value"),
        ('[{"name":"x","type":"TEXT"}]', "has no text value"),
        ('[{"name":"","type":"SCALAR","scalar":{"value":1}}]', "no name"),
        ('[{"type":"SCALAR"}]', "not as Mesos' JSON has them"),
        ("[{", "not as Mesos' JSON has them"),
        (
            '[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"a",'
            '"reservations":[{"role":"a"}]}]',
            "together with",
        ),
        (
            '[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservation":{}}]',
            "reserved without a role",
        ),
        (
            '[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{}]}]',
            "needs a role",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ResourceError, match=reason):
        parse(text)


def test_too_many_ranges_are_refused() -> None:
    ranges = Ranges(range=[Range(begin=n, end=n) for n in range(10_001)])
    with pytest.raises(ResourceError, match="more than 10000 ranges"):
        from_wire([Resource(name="ports", type=ValueType.RANGES, ranges=ranges)])


def test_a_long_list_of_resources_is_read_in_one_pass() -> None:
    messages = [
        Resource(name=f"r{n}", type=ValueType.SCALAR, scalar=Scalar(value=1)) for n in range(20_000)
    ]
    assert len(from_wire(messages).amounts) == 20_000


def test_roles_in_text_are_static_reservations() -> None:
    reserved = Kind(
        name="cpus",
        type=ValueType.SCALAR,
        reservations=(Reservation(role="ads", type=ReservationType.STATIC),),
    )
    assert parse("cpus( ads ):1.5; cpus(*):2") == Resources({reserved: 1500}) + Resources.of(cpus=2)


def test_attributes_are_numbers_ranges_sets_or_text() -> None:
    assert parse_attributes("level:10;ports:[1-2];zones:{a,b};rack:r-1:2;odd:nan") == [
        Attribute(name="level", type=ValueType.SCALAR, scalar=Scalar(value=10.0)),
        Attribute(
            name="ports", type=ValueType.RANGES, ranges=Ranges(range=[Range(begin=1, end=2)])
        ),
        Attribute(name="zones", type=ValueType.SET, set=ItemSet(item=["a", "b"])),
        Attribute(name="rack", type=ValueType.TEXT, text=Text(value="r-1:2")),
        Attribute(name="odd", type=ValueType.TEXT, text=Text(value="nan")),
    ]


@pytest.mark.parametrize("text", ["rack", ":a", "rack:", "level:1e999"])
def test_attributes_that_are_no_attributes_are_refused(text: str) -> None:
    with pytest.raises(ResourceError):
        parse_attributes(text)
