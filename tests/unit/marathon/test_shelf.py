"""Placing many apps on many offers: nothing that fits is passed over, and nobody looks twice."""

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import Siblings
from orchestrator.marathon.core.placement.launch_stats import LaunchStats
from orchestrator.marathon.core.placement.matching import Match, OpenOffer, Reason
from orchestrator.marathon.core.placement.placing import Placement, Placer, siblings_of
from orchestrator.marathon.core.placement.shelf import Shelf
from orchestrator.marathon.core.settings import Settings
from orchestrator.marathon.core.state import State
from orchestrator.mesos.resource_wire import parse, parse_attributes, to_wire
from orchestrator.mesos.types import AgentID, FrameworkID, Offer, OfferID

CONSTRAINTS = st.sampled_from(
    [
        [],
        [["hostname", "UNIQUE"]],
        [["rack", "GROUP_BY"]],
        [["rack", "GROUP_BY", "2"]],
        [["rack", "MAX_PER", "2"], ["hostname", "MAX_PER", "1"]],
        [["rack", "CLUSTER"]],
        [["rack", "UNLIKE", "r1"], ["hostname", "GROUP_BY"]],
    ]
)
APPS = st.lists(
    st.tuples(st.sampled_from([0.5, 1.0, 2.0, 9.0]), st.integers(1, 6), CONSTRAINTS), max_size=6
)
OFFERS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["r1", "r2", "r3"])), max_size=6)


def offer(number: int, cpus: float, rack: str = "r1") -> OpenOffer:
    message = Offer(
        id=OfferID(value=f"o{number}"),
        framework_id=FrameworkID(value="f"),
        agent_id=AgentID(value=f"a{number}"),
        hostname=f"h{number}",
        resources=to_wire(parse(f"cpus:{cpus};mem:4096;ports:[31000-31009]")),
        attributes=parse_attributes(f"rack:{rack}"),
    )
    return OpenOffer(message)


class Room:
    """A Marathon with apps that wait, and offers."""

    def __init__(self, offers: list[OpenOffer], most: int = 100) -> None:
        self.state = State(Settings(), lambda: "id")
        self.offer(offers, most)
        self.stats: dict[str, LaunchStats] = {}
        self._numbers = itertools.count()
        self._placer = Placer(self.state, lambda app: self.stats.setdefault(app, LaunchStats(0.0)))

    def offer(self, offers: list[OpenOffer], most: int = 100) -> None:
        """What is offered from now on."""
        self.offers = offers
        self.shelf = Shelf(offers, most, 5.0)

    def wait(self, id_: str, cpus: float, instances: int, constraints: list[list[str]]) -> App:
        app = App(
            id=id_, cmd="x", cpus=cpus, mem=16, instances=instances, constraints=constraints,
            version="2026-01-01T00:00:00.000Z",
        )  # fmt: skip
        self.state.put_spec(app)
        for _ in range(instances):
            self.state.put(Instance.scheduled(app, f"u{next(self._numbers)}", 0.0))
        return app

    def place(self, app: App) -> list[Placement]:
        """Place what waits of the app; what is placed is taken for launched."""
        if app.id not in self.state.waiting:
            return []
        placements = self._placer.place(app.id, self.shelf, None)
        for placement in placements:
            launched = placement.instance.provisioned(placement.offer.place, [], 5.0)
            self.state.put(launched)
        return placements


@given(APPS, OFFERS)
def test_nothing_that_fits_is_passed_over(
    wanted: list[tuple[float, int, list[list[str]]]], offered: list[tuple[int, str]]
) -> None:
    offers = [offer(n, cpus, rack) for n, (cpus, rack) in enumerate(offered)]
    room = Room(offers[: len(offers) // 2])
    apps = [room.wait(f"/a{n}", *wishes) for n, wishes in enumerate(wanted)]
    for app in apps:
        room.place(app)
    room.offer(offers)
    for app in apps:
        room.place(app)
        for instance in room.state.waiting.get(app.id, {}).values():
            around = Siblings(siblings_of(room.state, app, instance))
            found = [o.match(app, around, "seed") for o in room.offers]
            assert not any(isinstance(match, Match) for match in found)


@given(APPS, OFFERS)
def test_every_offer_counts_once_for_an_app_that_could_not_use_it(
    wanted: list[tuple[float, int, list[list[str]]]], offered: list[tuple[int, str]]
) -> None:
    room = Room([offer(n, cpus, rack) for n, (cpus, rack) in enumerate(offered)])
    for n, wishes in enumerate(wanted):
        app = room.wait(f"/a{n}", *wishes)
        placed = len(room.place(app))
        stats = room.stats[app.id]
        assert stats.processed - stats.unused == placed
        assert stats.unused <= len(offered)
        if app.id in room.state.waiting:
            assert stats.unused == len(stats.last_unused()) == len(offered)
        assert sum(step.declined for step in stats.whole_attempt()) == stats.unused


def test_what_apps_of_equal_needs_were_refused_is_looked_at_once() -> None:
    room = Room([offer(n, 1) for n in range(3)])
    first, second = room.wait("/a", 2, 1, []), room.wait("/b", 2, 1, [])
    assert room.shelf.line(first) is room.shelf.line(second)
    room.place(first)
    room.place(second)
    for app in (first, second):
        stats = room.stats[app.id]
        assert Counter(u.reason for u in stats.last_unused()) == {Reason.INSUFFICIENT_CPUS: 3}


def test_apps_that_differ_in_a_need_look_for_themselves() -> None:
    room = Room([offer(0, 1)])
    apps = [room.wait("/a", 2, 1, []), room.wait("/b", 1, 1, [])]
    assert [len(room.place(app)) for app in apps] == [0, 1]


def test_what_others_found_out_later_is_not_counted_for_those_before() -> None:
    room = Room([offer(0, 1), offer(1, 4)])
    first, second = room.wait("/a", 2, 1, []), room.wait("/b", 2, 5, [])
    room.place(first)
    room.place(second)
    assert [u.offer.id.value for u in room.stats["/a"].last_unused()] == ["o0"]
    assert [u.offer.id.value for u in room.stats["/b"].last_unused()] == ["o0", "o1"]


def test_of_many_offers_that_do_not_fit_a_bounded_number_is_remembered_once_for_all_apps() -> None:
    room = Room([offer(n, 1) for n in range(250)])
    apps = [room.wait(f"/a{n}", 2, 1, []) for n in range(2)]
    for app in apps:
        room.place(app)
        stats = room.stats[app.id]
        assert (stats.processed, stats.unused) == (250, 250)
        assert [u.offer.id.value for u in stats.last_unused()] == [f"o{n}" for n in range(150, 250)]
    line = room.shelf.line(apps[0])
    assert len(line.latest_unfit) == 100
    assert line.latest_unfit is room.shelf.line(apps[1]).latest_unfit


def test_instances_of_apps_alike_go_round_the_offers() -> None:
    room = Room([offer(n, 4) for n in range(3)])
    apps = [room.wait(f"/a{n}", 1, 1, []) for n in range(3)]
    hosts = [p.offer.place.host for app in apps for p in room.place(app)]
    assert hosts == ["h0", "h1", "h2"]


def test_a_full_offer_is_left_alone() -> None:
    room = Room([offer(0, 4), offer(1, 4)], most=1)
    app = room.wait("/a", 1, 3, [])
    assert [p.offer.place.host for p in room.place(app)] == ["h0", "h1"]


def test_a_group_that_is_ahead_waits_for_the_others() -> None:
    room = Room([offer(n, 4, rack) for n, rack in enumerate(["r1", "r1", "r2"])])
    app = room.wait("/a", 1, 6, [["rack", "GROUP_BY", "2"]])
    racks = [p.offer.fields["rack"] for p in room.place(app)]
    assert Counter(racks) == {"r1": 3, "r2": 3}


def test_a_group_that_was_ahead_has_its_turn_when_the_others_are_as_far() -> None:
    room = Room([offer(0, 2, "r1")])
    app = room.wait("/a", 1, 5, [["rack", "GROUP_BY"]])
    room.place(app)
    room.offer([offer(1, 2, "r2"), offer(2, 4, "r1")])
    racks = [p.offer.fields["rack"] for p in room.place(app)]
    assert racks == ["r2", "r2", "r1"]
