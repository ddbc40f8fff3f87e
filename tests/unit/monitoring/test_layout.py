"""Places: nobody sits on another, and nobody moves without need."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.layout import Layout
from orchestrator.monitoring.render.layout.seats import SPACING

_ids = st.sets(st.integers(0, 60))
_groups = ("", "shop", "blog", "host-a")


def _cards(ids: set[int]) -> dict[str, Card]:
    return {f"n{n}": Card(f"n{n}", f"n{n}", group=_groups[n % 4]) for n in ids}


def _edges(ids: set[int]) -> list[tuple[str, str]]:
    return [(f"n{n}", f"n{m}") for n in ids for m in ids if m == n + 4 or m == 3 * n + 1]


@given(st.lists(_ids, max_size=6))
def test_every_node_has_a_place_of_its_own(steps: list[set[int]]) -> None:
    layout = Layout()
    for ids in steps:
        layout.update(_cards(ids), _edges(ids))
        assert layout.places.keys() == _cards(ids).keys()
        assert len(set(layout.places.values())) == len(ids)


@given(st.lists(_ids, max_size=6))
def test_whoever_is_not_named_as_moved_has_kept_the_place(steps: list[set[int]]) -> None:
    layout = Layout()
    for ids in steps:
        before = dict(layout.places)
        moved = layout.update(_cards(ids), _edges(ids))
        kept = before.keys() & layout.places.keys() - moved
        assert {id: before[id] for id in kept} == {id: layout.places[id] for id in kept}


@given(_ids)
def test_the_same_graph_is_laid_out_in_the_same_way(ids: set[int]) -> None:
    one, other = Layout(), Layout()
    one.update(_cards(ids), _edges(ids))
    other.update(dict(reversed(_cards(ids).items())), _edges(ids))
    assert one.places == other.places


def test_nothing_moves_when_one_node_comes_where_there_is_room() -> None:
    layout, ids = Layout(), set(range(40))
    layout.update(_cards(ids), _edges(ids))
    assert layout.update(_cards(ids | {41}), _edges(ids | {41})) == {"n41"}


def test_only_the_group_that_has_outgrown_its_disc_moves() -> None:
    layout = Layout()
    cards = {f"{g}{n}": Card(f"{g}{n}", "x", group=g) for g in "abc" for n in range(10)}
    layout.update(cards, [])
    more = cards | {f"a{n}": Card(f"a{n}", "x", group="a") for n in range(10, 40)}
    assert {id[0] for id in layout.update(more, [])} == {"a"}


def test_discs_do_not_overlap_and_hold_their_nodes() -> None:
    layout = Layout()
    cards = {f"{g};{n}": Card(f"{g};{n}", "x", group=f"g{g}") for g in range(60) for n in range(g)}
    edges = [(f"{g};0", f"{g * 7 % 60};0") for g in range(1, 60) if g * 7 % 60]
    layout.update(cards, edges)
    discs = list(layout.discs().values())
    for n, (x, y, radius) in enumerate(discs):
        for other_x, other_y, other_radius in discs[:n]:
            distance = ((x - other_x) ** 2 + (y - other_y) ** 2) ** 0.5
            assert distance >= radius + other_radius - 1e-6
    for id, place in layout.places.items():
        x, y, radius = layout.discs()[layout.groups[id]]
        assert ((place.x - x) ** 2 + (place.y - y) ** 2) ** 0.5 <= radius


def test_neighbouring_seats_are_apart() -> None:
    layout = Layout()
    layout.update({f"n{n}": Card(f"n{n}", "x", group="one") for n in range(300)}, [])
    places = sorted(layout.places.values())
    nearest = min(
        ((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5
        for n, a in enumerate(places)
        for b in places[:n]
    )
    assert nearest > SPACING / 2


def test_nodes_without_a_group_go_by_communities_of_the_graph() -> None:
    layout = Layout()
    cards = {f"{c}{n}": Card(f"{c}{n}", "x") for c in "xy" for n in range(6)}
    edges = [(f"{c}{n}", f"{c}{m}") for c in "xy" for n in range(6) for m in range(n)]
    layout.update(cards, [*edges, ("x0", "y0")])
    assert {len({layout.groups[f"{c}{n}"] for n in range(6)}) for c in "xy"} == {1}
    assert layout.groups["x0"] != layout.groups["y0"]
