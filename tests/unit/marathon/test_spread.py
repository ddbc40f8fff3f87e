"""Scaling down keeps groups even."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.deployment import spread
from orchestrator.marathon.core.instance import Instance, Place

RACKS = st.lists(st.sampled_from(["r1", "r2", "r3"]), min_size=1, max_size=20)


def instance(number: int, rack: str | None) -> Instance:
    place = None if rack is None else Place(host="h", agent_id="s", attributes={"rack": rack})
    return Instance(
        id=f"i{number}",
        app_id="/a",
        version="v",
        config_version="v",
        scheduled_at=0.0,
        condition=Condition.SCHEDULED if rack is None else Condition.RUNNING,
        place=place,
    )


def app(*constraints: list[str]) -> App:
    return App(id="/a", constraints=list(constraints))


def test_without_groups_the_order_decides() -> None:
    instances = [instance(n, "r1") for n in range(4)]
    assert spread.choose(app(["rack", "UNIQUE"]), instances, 2) == instances[:2]


def test_the_largest_group_gives_first() -> None:
    instances = [instance(n, rack) for n, rack in enumerate(["r1", "r2", "r2", "r2"])]
    chosen = spread.choose(app(["rack", "GROUP_BY"]), instances, 2)
    assert [i.id for i in chosen] == ["i1", "i2"]


def test_what_is_placed_nowhere_goes_as_the_order_says() -> None:
    instances = [instance(0, None), instance(1, "r1"), instance(2, "r2")]
    chosen = spread.choose(app(["rack", "GROUP_BY"]), instances, 1)
    assert [i.id for i in chosen] == ["i0"]


@given(RACKS, st.data())
def test_groups_never_end_less_even_than_they_were_or_than_one_apart(
    racks: list[str], data: st.DataObject
) -> None:
    instances = [instance(n, rack) for n, rack in enumerate(racks)]
    count = data.draw(st.integers(0, len(racks) - 1))
    chosen = spread.choose(app(["rack", "GROUP_BY", "3"]), instances, count)
    assert len({i.id for i in chosen}) == count
    before = [racks.count(rack) for rack in set(racks)]
    gone = [i.place.attributes["rack"] for i in chosen if i.place]
    after = [racks.count(rack) - gone.count(rack) for rack in set(racks)]
    assert max(after) - min(after) <= max(1, max(before) - min(before))
