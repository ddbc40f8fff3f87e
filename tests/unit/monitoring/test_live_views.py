"""The laws of views: followed step by step they are what they are when made anew."""

import itertools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.monitoring.reports import histories, report, reports

from orchestrator.monitoring.app.counts import Counts
from orchestrator.monitoring.app.watching import (
    MANY_NODES,
    MAX_CHANNELS,
    TooManyError,
    Watching,
)
from orchestrator.monitoring.render import query as queries
from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.details import details
from orchestrator.monitoring.render.flow import Flow
from orchestrator.monitoring.render.frames import from_half, to_half
from orchestrator.monitoring.render.live import LiveView
from orchestrator.monitoring.render.mirror import Mirror, OutOfStepError
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.selection import Selection, Shown
from orchestrator.monitoring.render.views import VIEWS
from orchestrator.monitoring.report import TOPOLOGIES, Connection, Node, Protocol, Report

SHOWN = ("processes", "processes-by-name", "containers", "containers-by-image", "hosts",
         "mesos-tasks", "marathon-apps")  # fmt: skip
QUERIES = ("", "web", "cpu > 4%", "state:running -host:b", "label:nginx", "nothing-has-this")


def _apply(picture: Picture, batch: list[Report | str]) -> None:
    for said in batch:
        if isinstance(said, str):
            picture.remove(said)
        elif _is_news(picture, said):
            picture.put(said)


def _is_news(picture: Picture, said: Report) -> bool:
    before = picture.kept.get(said.agent_id)
    return before is None or before.report.taken_at < said.taken_at


def _anew(picture: Picture, name: str) -> LiveView:
    """The same reports in a new picture: rates apart, which need the report before."""
    fresh, live = Picture(), LiveView(VIEWS[name])
    for kept in picture.kept.values():
        fresh.put(kept.whole())
    live.refresh(fresh)
    return live


def _unrated(flow: Flow) -> tuple[int, float]:
    return flow.connections, round(flow.rtt_ms, 6)


def _merged(said: list[Report]) -> dict[str, dict[str, Node]]:
    picture = Picture()
    for one in said:
        picture.put(one)
    return {topology: dict(picture.nodes(topology)) for topology in TOPOLOGIES}


def test_of_two_that_contradict_each_other_the_later_is_folded_along() -> None:
    """Also if a third has said the same as the later one before."""
    told = [Node(id="t", parents={"marathon_app": [app]}) for app in ("/x", "/y", "/x")]
    said = [report(host, n, nodes={"mesos_task": [told[n]]}) for n, host in enumerate("abc")]
    for order in itertools.permutations(said):
        [task] = _merged(list(order))["mesos_task"].values()
        assert task.parents["marathon_app"] == ["/x", "/y"]


@given(st.tuples(reports("a", 1), reports("b", 2), reports("c", 3)), st.randoms())
def test_the_order_in_which_reports_come_does_not_matter(
    said: tuple[Report, ...], random: Random
) -> None:
    assert _merged(random.sample(said, len(said))) == _merged(list(said))


@settings(max_examples=30)
@pytest.mark.parametrize("name", SHOWN)
@given(history=histories())
def test_a_view_that_follows_equals_one_made_anew(
    name: str, history: list[list[Report | str]]
) -> None:
    picture, live = Picture(), LiveView(VIEWS[name])
    for batch in history:
        _apply(picture, batch)
        live.refresh(picture)
        fresh = _anew(picture, name)
        assert _words(live.cards) == _words(fresh.cards)
        assert {pair: _unrated(flow) for pair, flow in live.edges.items()} == {
            pair: _unrated(flow) for pair, flow in fresh.edges.items()
        }


def _words(cards: object) -> object:
    return {
        id: (card.label, card.minor, card.group, card.state, card.members, card.is_pseudo,
             {name: pytest.approx(value) for name, value in card.metrics.items()})
        for id, card in cards.items()  # type: ignore[attr-defined]
    }  # fmt: skip


@settings(max_examples=30)
@given(history=histories())
def test_a_picture_that_follows_equals_one_made_anew(history: list[list[Report | str]]) -> None:
    picture = Picture()
    for batch in history:
        _apply(picture, batch)
    fresh, reports = Picture(), [kept.whole() for kept in picture.kept.values()]
    for said in reports:
        fresh.put(said)
    reports.sort(key=lambda said: (said.taken_at, said.agent_id))
    for topology in TOPOLOGIES:
        assert picture.nodes(topology) == fresh.nodes(topology)
        metrics: dict[str, dict[str, float]] = {}
        for said in reports:
            for node in said.nodes.get(topology, ()):
                metrics.setdefault(node.id, {}).update(node.metrics)
        assert {id: node.metrics for id, node in picture.nodes(topology).items()} == metrics


@settings(max_examples=30)
@pytest.mark.parametrize("name", SHOWN)
@given(history=histories())
def test_every_edge_is_between_nodes_of_its_view(
    name: str, history: list[list[Report | str]]
) -> None:
    picture, live = Picture(), LiveView(VIEWS[name])
    for batch in history:
        _apply(picture, batch)
        live.refresh(picture)
        assert {end for pair in live.edges for end in pair} <= live.cards.keys()


def _half(value: float) -> float:
    import numpy as np

    return float(from_half(to_half(np.array([value], np.float32)))[0])


def _expected(shown: Shown) -> tuple[object, object]:
    nodes = {
        id: {name: _half(value) for name, value in card.metrics.items()}
        for id, card in shown.cards.items()
    }
    edges = {
        pair: {
            "connections": _half(flow.connections),
            "bytes_per_s": _half(flow.bytes_per_s),
            "retransmits_per_s": _half(flow.retransmits_per_s),
            **({"rtt_ms": _half(flow.rtt_ms)} if flow.rtt_ms >= 0 else {}),
        }
        for pair, flow in shown.edges.items()
    }
    return nodes, edges


@settings(max_examples=40)
@pytest.mark.parametrize("name", ("containers", "processes-by-name", "marathon-apps"))
@given(history=histories(), text=st.sampled_from(QUERIES))
async def test_a_client_that_applies_frames_equals_a_fresh_reading(
    name: str, history: list[list[Report | str]], text: str
) -> None:
    picture = Picture()
    watching = Watching(picture, Counts(), 10)
    query = queries.parse(text)
    channel, watcher = watching.watch(VIEWS[name], query, 0.0)
    mirror = Mirror()
    mirror.apply(await watcher.next())
    for tick, batch in enumerate(history):
        _apply(picture, batch)
        watching.live(VIEWS[name], float(tick))  # somebody reads between two ticks
        watching.tick(float(tick))
        while watcher.has_next:
            mirror.apply(await watcher.next())
        shown = Selection(query).of(watching.live(VIEWS[name], float(tick)), picture)
        nodes, edges = _expected(shown)
        assert {id: node.metrics for id, node in mirror.nodes().items()} == nodes
        assert mirror.edges() == edges
        assert {id: node.row[2] for id, node in mirror.nodes().items()} == {
            id: card.label for id, card in shown.cards.items()
        }
        places = {id: node.place for id, node in mirror.nodes().items()}
        assert places.keys() == channel.layout.places.keys()
        for id, place in channel.layout.places.items():
            assert places[id] == pytest.approx(tuple(place), rel=1e-5, abs=1e-3)


async def test_a_watcher_that_reads_too_slowly_gets_a_reset_instead_of_a_queue() -> None:
    picture, counts = Picture(), Counts()
    watching = Watching(picture, counts, 10)
    _, watcher = watching.watch(VIEWS["hosts"], (), 0.0)
    mirror = Mirror()
    mirror.apply(await watcher.next())
    for number in range(1, 100):
        picture.put(
            report("a", number, nodes={"host": [Node(id="a", metrics={"cpu_percent": number})]})
        )
        watching.tick(float(number))
    while watcher.has_next:
        mirror.apply(await watcher.next())
    assert mirror.nodes()["a"].metrics == {"cpu_percent": 99}
    assert counts.slow_watchers == 1
    assert counts.frames_sent < 20


class _Later(Executor):
    """Does what it is given when it is told to."""

    def __init__(self) -> None:
        self.given: list[Callable[[], None]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.given.append(lambda: future.set_result(fn(*args, **kwargs)))
        return future


async def test_a_large_view_is_shown_at_once_and_its_places_when_they_are_found() -> None:
    picture, later = Picture(), _Later()
    watching = Watching(picture, Counts(), 10, later)
    nodes = [Node(id=f"c{n}", parents={"host": ["a"]}) for n in range(MANY_NODES)]
    picture.put(report("a", nodes={"host": [Node(id="a")], "container": nodes}))
    channel, watcher = watching.watch(VIEWS["containers"], (), 0.0)
    mirror = Mirror()
    mirror.apply(await watcher.next())
    assert {node.place for node in mirror.nodes().values()} == {None}
    picture.put(report("b", nodes={"host": [Node(id="b")], "container": [Node(id="new")]}))
    watching.tick(1.0)
    [lay_out] = later.given
    lay_out()
    watching.tick(2.0)
    while watcher.has_next:
        mirror.apply(await watcher.next())
    assert len(mirror.nodes()) == MANY_NODES + 1
    places = {id: node.place for id, node in mirror.nodes().items()}
    assert None not in places.values()
    assert places.keys() == (await channel.whole_layout()).places.keys()


def test_a_missing_frame_is_noticed() -> None:
    picture = Picture()
    watching = Watching(picture, Counts(), 10)
    channel = watching.channel(VIEWS["hosts"], (), 0.0)
    mirror = Mirror()
    mirror.apply(channel.writer.reset())
    picture.put(report("a", 1))
    watching.tick(1.0)
    picture.put(report("b", 1))
    live = watching.live(VIEWS["hosts"], 2.0)
    shown = Shown(live.cards, live.edges)
    frame = channel.writer.tick(shown, {}, (), 2.0)
    assert frame is not None
    with pytest.raises(OutOfStepError):
        mirror.apply(frame)


def test_a_connection_seen_from_both_sides_counts_once() -> None:
    client = report(
        "a",
        nodes={
            "host": [Node(id="a", addresses=[";10.0.0.1"])],
            "process": [Node(id="a;1", label="curl", parents={"host": ["a"]})],
        },
        connections=[
            Connection(source=";10.0.0.1;4000", target=";10.0.0.2;80", source_process="a;1")
        ],
    )
    server = report(
        "b",
        nodes={
            "host": [Node(id="b", addresses=[";10.0.0.2"])],
            "process": [Node(id="b;1", label="nginx", parents={"host": ["b"]})],
        },
        connections=[
            Connection(source=";10.0.0.1;4000", target=";10.0.0.2;80", target_process="b;1")
        ],
    )
    picture, live = Picture(), LiveView(VIEWS["processes"])
    for said in (client, server):
        picture.put(said)
    live.refresh(picture)
    assert {pair: flow.connections for pair, flow in live.edges.items()} == {("a;1", "b;1"): 1}


def _asked(target: str, protocol: Protocol) -> Connection:
    return Connection(";10.0.0.1;", target, protocol, source_process="a;1")


def _client(*connections: Connection) -> Report:
    process = Node(id="a;1", label="dig", parents={"host": ["a"]})
    nodes = {"host": [Node(id="a", addresses=[";10.0.0.1"])], "process": [process]}
    return report("a", nodes=nodes, connections=list(connections))


@pytest.mark.parametrize("ip", ["10.0.0.2", "0.0.0.0"])
@pytest.mark.parametrize("suffix", ["/udp", ""])
def test_a_port_of_tcp_and_one_of_udp_are_two(ip: str, suffix: str) -> None:
    """Without the suffix it is a report of before, which tells the protocol beside the id."""
    at = f";{ip};53" if ip != "0.0.0.0" else f"b:1;{ip};53"
    listeners = [
        Node(at, parents={"process": ["b;1"]}),
        Node(f"{at}/udp", latest={"protocol": "udp"}, parents={"process": ["b;2"]}),
    ]
    processes = [Node(id=f"b;{pid}", parents={"host": ["b"]}) for pid in (1, 2)]
    host = [Node(id="b", addresses=[";10.0.0.2"])]
    server = report("b", nodes={"host": host, "process": processes, "endpoint": listeners})
    asked: list[tuple[Protocol, str, int]] = [("tcp", "", 1), ("udp", suffix, 2)]
    for protocol, end, pid in asked:
        picture, live = Picture(), LiveView(VIEWS["processes"])
        picture.put(server)
        picture.put(_client(_asked(f";10.0.0.2;53{end}", protocol)))
        live.refresh(picture)
        assert list(live.edges) == [("a;1", f"b;{pid}")]


def test_a_listener_of_before_has_its_protocol_beside_its_id() -> None:
    listener = Node(";10.0.0.2;53", latest={"protocol": "udp"}, parents={"process": ["b;1"]})
    nodes = {"host": [Node("b")], "process": [Node("b;1")], "endpoint": [listener]}
    picture, live = Picture(), LiveView(VIEWS["processes"])
    picture.put(report("b", nodes=nodes))
    picture.put(_client(_asked(";10.0.0.2;53/udp", "udp"), _asked(";10.0.0.2;53", "tcp")))
    live.refresh(picture)
    assert list(live.edges) == [("a;1", "b;1"), ("a;1", "unknown;out")]


@pytest.mark.parametrize(
    ("spoken", "bytes_per_s"),
    [(["udp"], None), (["tcp"], 200.0), (["tcp", "udp"], 200.0)],
)
def test_details_say_which_protocols_a_peer_is_spoken_to_in(
    spoken: list[Protocol], bytes_per_s: float | None
) -> None:
    """And no bytes of UDP, which are not counted, rather than 0."""
    picture, live = Picture(), LiveView(VIEWS["processes"])
    for number in (1, 2):
        connections = [
            replace(_asked(";8.8.8.8;53", each), bytes_sent=3000 * number * (each == "tcp"))
            for each in spoken
        ]
        said = replace(_client(*connections, _asked(";10.9.9.9;80", "tcp")), number=number)
        picture.put(replace(said, taken_at=1000.0 + 15 * number))
    live.refresh(picture)
    for id, direction in (("a;1", "out"), ("internet;out", "in")):
        found = details(live, picture, id)
        assert found is not None
        [peer] = [each for each in found.peers if each.id in ("a;1", "internet;out")]
        assert (peer.direction, peer.protocols) == (direction, spoken)
        assert (peer.bytes_per_s, peer.retransmits_per_s is None) == (bytes_per_s, not bytes_per_s)


def test_one_without_a_process_is_of_the_machine_that_opened_it() -> None:
    """Nobody else tells it: a query of DNS has ended before its process is looked for."""
    live, picture = LiveView(VIEWS["processes"]), Picture()
    picture.put(_client(Connection(";10.0.0.1;", ";8.8.8.8;53/udp", "udp", count=0, closed=3)))
    live.refresh(picture)
    assert {pair: flow.connections for pair, flow in live.edges.items()} == {
        ("outside;a", "internet;out"): 3
    }
    hosts = LiveView(VIEWS["hosts"])
    hosts.refresh(picture)
    assert list(hosts.edges) == [("a", "internet;out")]


def test_what_a_machine_accepts_from_its_own_address_without_a_process_is_told_once() -> None:
    picture, live = Picture(), LiveView(VIEWS["processes"])
    accepted = Connection(";10.0.0.1;", "a;172.17.0.2;80", target_process="a;1")
    picture.put(_client(accepted))
    live.refresh(picture)
    assert dict(live.edges) == {}


def test_a_port_of_udp_out_there_is_the_internet() -> None:
    picture, live = Picture(), LiveView(VIEWS["processes"])
    picture.put(_client(_asked(";8.8.8.8;53/udp", "udp")))
    live.refresh(picture)
    assert list(live.edges) == [("a;1", "internet;out")]


@pytest.mark.parametrize(
    ("ip", "kind"), [("8.8.8.8", "internet"), ("192.168.7.7", "unknown"), ("junk", "unknown")]
)
def test_an_end_that_nobody_reports_is_the_internet_or_unknown(ip: str, kind: str) -> None:
    said = report(
        "a",
        nodes={"host": [Node(id="a")], "process": [Node(id="a;1")]},
        connections=[Connection(source=";10.0.0.1;", target=f";{ip};443", source_process="a;1")],
    )
    picture, live = Picture(), LiveView(VIEWS["processes"])
    picture.put(said)
    live.refresh(picture)
    assert list(live.edges) == [("a;1", f"{kind};out")]
    assert live.cards[f"{kind};out"].is_pseudo


def test_bytes_become_a_rate_between_two_reports() -> None:
    picture, live = Picture(), LiveView(VIEWS["processes"])
    for number, sent in ((1, 1000), (2, 31_000)):
        picture.put(
            report(
                "a",
                number,
                nodes={"host": [Node(id="a")], "process": [Node(id="a;1")]},
                connections=[
                    Connection(
                        source=";10.0.0.1;",
                        target=";8.8.8.8;443",
                        source_process="a;1",
                        bytes_sent=sent,
                    )
                ],
            )
        )
    live.refresh(picture)
    assert [flow.bytes_per_s for flow in live.edges.values()] == [2000.0]


def test_a_card_shows_what_its_own_probe_says_and_the_members_of_all() -> None:
    picture, live = Picture(), LiveView(VIEWS["mesos-tasks"])
    container = Node(id="c", metrics={"cpu_percent": 3.0}, parents={"mesos_task": ["f;t"]})
    picture.put(report("a", nodes={"host": [Node(id="a")], "container": [container]}))
    picture.put(report("b", nodes={"host": [Node(id="b")], "mesos_task": [Node(id="f;t")]}))
    live.refresh(picture)
    card = live.cards["f;t"]
    assert isinstance(card, Card)
    assert (card.members, card.metrics) == (1, {"cpu_percent": 3.0})


def test_a_card_is_of_the_probe_that_knows_its_state() -> None:
    picture, live = Picture(), LiveView(VIEWS["replica-sets"])
    picture.put(report("a", nodes={"host": [Node(id="a")], "replica_set": [Node(id="r")]}))
    known = Node(id="r", latest={"state": "running", "health": "healthy"})
    picture.put(report("b", nodes={"host": [Node(id="b")], "replica_set": [known]}))
    live.refresh(picture)
    assert (live.cards["r"].state, live.cards["r"].health) == ("running", "healthy")


def test_filters_that_nobody_watches_make_room_for_others() -> None:
    watching = Watching(Picture(), Counts(), 2 * MAX_CHANNELS)
    view = VIEWS["hosts"]
    watched, _ = watching.watch(view, queries.parse("watched"), 0.0)
    for n in range(2 * MAX_CHANNELS):  # as somebody who types filters into a page
        watching.channel(view, queries.parse(f"typed{n}"), 1.0 + n)
    assert watching.channels == MAX_CHANNELS
    assert watching.channel(view, queries.parse("watched"), 9.0) is watched
    for n in range(MAX_CHANNELS - 1):
        watching.watch(view, queries.parse(f"other{n}"), 10.0)
    with pytest.raises(TooManyError):
        watching.watch(view, queries.parse("more"), 11.0)
