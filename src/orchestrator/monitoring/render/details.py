"""Everything that is known of one node, and what it has to do with others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.render.flow import Flow
from orchestrator.monitoring.render.live import LiveView
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.views import view_of
from orchestrator.monitoring.report.model import Node, Protocol, Topology

MAX_RELATED = 200
"""Of each kind; ``related_total`` says how many there are."""
_CHILDREN: dict[str, tuple[Topology, ...]] = {
    "host": ("container", "process", "pod", "mesos_task"),
    "container": ("process",),
    "image": ("container",),
    "pod": ("container", "process"),
    "mesos_task": ("container", "process"),
}
_ABOVE: tuple[Topology, ...] = (
    "pod", "mesos_task", "container", "deployment", "replica_set", "job", "persistent_volume_claim",
)  # fmt: skip


class Reference(msgspec.Struct, frozen=True):
    """Another node."""

    topology: str
    id: str
    label: str
    view: str = ""
    """The view that shows it; empty if none does."""


class Peer(msgspec.Struct, frozen=True):
    """A node of the same view at the other end of an edge."""

    id: str
    label: str
    minor: str
    direction: str
    """"out" if this node opened the connections, else "in"."""
    connections: int
    bytes_per_s: float | None
    """None where nothing is counted, as of UDP alone; the same of the next."""
    retransmits_per_s: float | None
    rtt_ms: float | None
    protocols: list[Protocol]
    """Of the connections, in the order of the alphabet."""


class Control(msgspec.Struct, frozen=True):
    """What may be asked, and of which probe."""

    agent_id: str
    control: str


class Details(msgspec.Struct, frozen=True):
    """One node."""

    view: str
    topology: str
    card: Card
    latest: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    addresses: list[str] = []
    parents: list[Reference] = []
    children: list[Reference] = []
    related_total: int = 0
    """Children there are, of which ``MAX_RELATED`` are listed."""
    peers: list[Peer] = []
    peers_total: int = 0
    controls: list[Control] = []
    agents: list[str] = []
    """Probes that report it."""


def details(live: LiveView, picture: Picture, id: str) -> Details | None:
    """Of one node of a view, refreshed before; None if there is no such node."""
    card = live.cards.get(id)
    if card is None:
        return None
    view = live.view
    node = None if view.key or card.is_pseudo else picture.find(view.topology, id)
    children = sorted(_children(picture, view.topology, view.key, id), key=lambda one: one.label)
    peers = _peers(live, id)
    agents = _agents(picture, view.topology, id) if node is not None else {}
    return Details(
        view.name,
        view.topology,
        card,
        node.latest if node is not None else {},
        node.labels if node is not None else {},
        node.addresses if node is not None else [],
        _parents(picture, node) if node is not None else [],
        children[:MAX_RELATED],
        len(children),
        peers[:MAX_RELATED],
        len(peers),
        [Control(agent, control) for agent, one in agents.items() for control in one.controls],
        list(agents),
    )


def reference(picture: Picture, topology: str, id: str) -> Reference:
    """A node, named as people name it."""
    node = picture.find(topology, id)
    view = view_of(topology)
    label = node.label if node is not None and node.label else id
    return Reference(topology, id, label, view.name if view is not None else "")


def _parents(picture: Picture, node: Node) -> list[Reference]:
    return [
        reference(picture, topology, id) for topology, ids in node.parents.items() for id in ids
    ]


def _children(picture: Picture, topology: str, key: str, id: str) -> Iterable[Reference]:
    if key:  # processes by name
        for node in picture.words(topology).values():
            if (node.label or node.id) == id:
                yield reference(picture, topology, node.id)
        return
    for kind in _CHILDREN.get(topology, _ABOVE):
        for node in picture.words(kind).values():
            if id in node.parents.get(topology, ()):  # type: ignore[call-overload]
                yield reference(picture, kind, node.id)


def _peers(live: LiveView, id: str) -> list[Peer]:
    """The busiest first."""
    found = []
    protocols = live.protocols(id)
    for pair, flow in live.edges.items():
        if id in pair:
            direction, other = ("out", pair[1]) if pair[0] == id else ("in", pair[0])
            spoken = sorted(protocols.get(pair, ()))
            found.append(_peer(live.cards[other], flow, direction, spoken))
    return sorted(found, key=lambda peer: (-(peer.bytes_per_s or 0), peer.label, peer.id))


def _peer(card: Card, flow: Flow, direction: str, protocols: list[Protocol]) -> Peer:
    is_counted = protocols != ["udp"]
    return Peer(
        card.id,
        card.label,
        card.minor,
        direction,
        flow.connections,
        flow.bytes_per_s if is_counted else None,
        flow.retransmits_per_s if is_counted else None,
        flow.rtt_ms if flow.rtt_ms >= 0 else None,
        protocols,
    )


def _agents(picture: Picture, topology: str, id: str) -> dict[str, Node]:
    return {
        agent: node
        for agent, kept in picture.kept.items()
        for node in kept.report.nodes.get(topology, ())  # type: ignore[call-overload]
        if node.id == id
    }
