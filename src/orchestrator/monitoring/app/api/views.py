"""Views, their nodes and places, and search over all of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException

from orchestrator.monitoring.app.api.table import Call
from orchestrator.monitoring.app.watching import TooManyError
from orchestrator.monitoring.render import query as queries
from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.contribution import Pair
from orchestrator.monitoring.render.details import Details, details
from orchestrator.monitoring.render.flow import Flow
from orchestrator.monitoring.render.live import LiveView
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.query import Query, QueryError
from orchestrator.monitoring.render.selection import Selection
from orchestrator.monitoring.render.views import VIEWS, View
from orchestrator.monitoring.report import keys
from orchestrator.monitoring.report.model import Node

MAX_LIMIT = 20_000


class ViewSummary(msgspec.Struct, frozen=True):
    """One of the views."""

    name: str
    title: str
    topology: str
    nodes: int
    """Nodes of its topology that are reported."""


class ViewList(msgspec.Struct, frozen=True):
    """All of them."""

    views: list[ViewSummary]
    history_since: float | None
    """The oldest ``timestamp`` that can be asked for."""


class EdgeView(msgspec.Struct, frozen=True):
    """Connections between two nodes of a view."""

    source: str
    target: str
    connections: int
    bytes_per_s: float
    retransmits_per_s: float
    rtt_ms: float | None


class ViewPage(msgspec.Struct, frozen=True):
    """A view, or a part of it."""

    view: str
    at: float
    total: int
    """Nodes that pass the filter."""
    nodes: list[Card]
    edges: list[EdgeView]
    """Between the nodes of this page."""


class LayoutPage(msgspec.Struct, frozen=True):
    """Where a view's nodes are drawn."""

    view: str
    places: dict[str, tuple[float, float]]
    groups: dict[str, tuple[float, float, float]]
    """Centre and radius of each group of nodes."""
    group_of: dict[str, str]


class Found(msgspec.Struct, frozen=True):
    """One result of a search."""

    view: str
    topology: str
    id: str
    label: str
    minor: str


class SearchResult(msgspec.Struct, frozen=True):
    """What was found, and of how many."""

    total: int
    results: list[Found]


async def list_views(call: Call) -> ViewList:
    """What can be looked at."""
    picture = call.monitor.picture
    views = [
        ViewSummary(view.name, view.title, view.topology, len(picture.words(view.topology)))
        for view in VIEWS.values()
    ]
    return ViewList(views, call.monitor.archive.oldest_at())


async def read_view(call: Call) -> ViewPage:
    """A view through a filter, now or at a past moment."""
    view, query = view_named(call.path("view")), parsed(call.text("query"))
    limit, offset = call.count("limit", MAX_LIMIT, MAX_LIMIT), call.count("offset", 0, 2**31)
    live, picture, at = await _at(call, view)
    shown = Selection(query).of(live, picture)
    ids = _ordered(shown.cards, call.text("sort"))[offset : offset + limit]
    page = set(ids)
    edges = [
        _edge(pair, flow)
        for pair, flow in shown.edges.items()
        if pair[0] in page and pair[1] in page
    ]
    return ViewPage(view.name, at, len(shown.cards), [shown.cards[id] for id in ids], edges)


async def read_node(call: Call) -> Details:
    """All that is known of one node."""
    view = view_named(call.path("view"))
    live, picture, _ = await _at(call, view)
    found = details(live, picture, call.path("id"))
    if found is None:
        raise HTTPException(404, f"there is no {call.path('id')[:200]!r} among the {view.name}")
    return found


async def read_layout(call: Call) -> LayoutPage:
    """Where its nodes are drawn: the same places that a WebSocket tells."""
    view, query = view_named(call.text("view")), parsed(call.text("query"))
    monitor = call.monitor
    try:
        channel = monitor.watching.channel(view, query, monitor.clock.now())
    except TooManyError as error:
        raise HTTPException(503, str(error)) from None
    layout = await channel.whole_layout()
    places = {id: (place.x, place.y) for id, place in layout.places.items()}
    return LayoutPage(view.name, places, layout.discs(), layout.groups)


async def search(call: Call) -> SearchResult:
    """Nodes of every kind that pass a filter."""
    query = parsed(call.text("q"))
    limit = call.count("limit", 50, 1000)
    found = [
        (view, node)
        for view in VIEWS.values()
        if not view.key
        for node in call.monitor.picture.nodes(view.topology).values()
        if query and queries.matches(query, _card(node), node)
    ]
    results = [
        Found(view.name, view.topology, node.id, node.label or node.id, _host(node))
        for view, node in found[:limit]
    ]
    return SearchResult(len(found), results)


def view_named(name: str) -> View:
    """A view. Raises HTTPException."""
    view = VIEWS.get(name)
    if view is None:
        raise HTTPException(404, f"there is no view {name[:100]!r}; there are {', '.join(VIEWS)}")
    return view


def parsed(text: str) -> Query:
    """A filter. Raises HTTPException."""
    try:
        return queries.parse(text)
    except QueryError as error:
        raise HTTPException(400, str(error)) from None


async def _at(call: Call, view: View) -> tuple[LiveView, Picture, float]:
    """The view now, or at the moment that is asked for."""
    monitor = call.monitor
    now = monitor.clock.now()
    moment = call.number("timestamp", 0.0)
    if not moment:
        return monitor.watching.live(view, now), monitor.picture, now
    if not 0 < moment <= now:
        raise HTTPException(400, "timestamp must be a past moment in unix seconds")
    picture = await monitor.past(moment)
    live = LiveView(view)
    live.refresh(picture)
    return live, picture, moment


def _ordered(cards: Mapping[str, Card], sort: str) -> list[str]:
    """By a metric, the highest first, or else by label."""
    if sort:
        return sorted(cards, key=lambda id: (-(queries.metric(cards[id].metrics, sort) or 0), id))
    return sorted(cards, key=lambda id: (cards[id].label, id))


def _edge(pair: Pair, flow: Flow) -> EdgeView:
    return EdgeView(
        *pair,
        flow.connections,
        flow.bytes_per_s,
        flow.retransmits_per_s,
        flow.rtt_ms if flow.rtt_ms >= 0 else None,
    )


def _card(node: Node) -> Card:
    return Card(
        node.id,
        node.label or node.id,
        _host(node),
        state=node.latest.get(keys.STATE, ""),
        health=node.latest.get(keys.HEALTH, ""),
        metrics=node.metrics,
    )


def _host(node: Node) -> str:
    hosts = node.parents.get("host", ())
    return hosts[0] if hosts else node.latest.get(keys.NAMESPACE, "")
