"""The two ends of connections within the machine, and who opened each; pure.

Who listens on its port has accepted. Of UDP that is who has a socket there that is not connected,
whether beside the connected one or at the other end. Where this does not tell, the higher port is
taken for the opener's. Of UDP the other end is often not seen: a port from which the kernel chooses
is then an opener's, too, or a client of a high port would be taken for its server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.listeners import Listeners
from orchestrator.monitoring.probe.connections.translations import Translations
from orchestrator.monitoring.report import Protocol

CHOSEN: Final = 32768
"""From here on are ports that the kernel chooses (net.ipv4.ip_local_port_range begins there)."""
Side = tuple[Protocol, str, str, int, str, int]
"""Protocol, scope, own address and port, the other's address and port."""


class Surroundings(NamedTuple):
    """What pairs are found by."""

    listeners: Listeners
    translations: Translations
    scope: Callable[[str, int], str]
    """Of an address in a namespace (``report.ids``)."""
    has: Callable[[int, str], bool]
    """Whether a namespace has an address."""


class Pairs:
    """Finds them; remembers sockets whose other end may still come."""

    def __init__(self) -> None:
        self._alone: dict[Side, Known] = {}

    def find(self, sockets: Iterable[Known], around: Surroundings) -> None:
        """Pair what is new."""
        lonely = [known for known in sockets if known.peer is None]
        new = [known for known in lonely if known.group is None]
        for known in new:
            self._alone[_side(known.ends, known, around)] = known
        for known in new:
            if known.peer is None:
                known.is_opener = _listener(known, around) is None
                far = around.translations.far_end(known.protocol, known.ends)
                self._join(known, self._alone.get(_side(far, known, around)), around)
        for known in new:
            if known.peer is not None and known.is_opener == known.peer.is_opener:
                known.is_opener = known.ends.port > known.ends.remote_port
                known.peer.is_opener = not known.is_opener
        for known in lonely:
            if known.protocol == "udp" and known.peer is None:
                _look_across(known, around)

    def forget(self, known: Known, around: Surroundings) -> None:
        """It is closed, and was told."""
        self._alone.pop(_side(known.ends, known, around), None)
        peer = known.peer
        if peer is not None and known.protocol == "udp":  # goes on without it, unlike TCP
            peer.peer = peer.group = None
        known.peer = None  # two ends that hold each other would wait for the collector

    def _join(self, known: Known, peer: Known | None, around: Surroundings) -> None:
        if peer is None or peer is known:
            return
        known.peer, peer.peer = peer, known
        peer.group = None
        peer.is_opener = _listener(peer, around) is None
        for one in (known, peer):
            self._alone.pop(_side(one.ends, one, around), None)


def opened(ends: Ends, *, listens: bool, far_listens: bool) -> bool:
    """Whether a connected socket of UDP is the opener's, by who has an unconnected one."""
    if listens != far_listens:
        return far_listens
    is_higher = (ends.port, ends.ip) > (ends.remote_port, ends.remote_ip)
    return is_higher or (not listens and ends.port >= CHOSEN)


def _look_across(known: Known, around: Surroundings) -> None:
    """Who has the port at the other end may change, unlike who is connected to it."""
    far = around.translations.far_end(known.protocol, known.ends)
    found = around.listeners.behind(far.ip, far.port, known.namespace, around.has)
    if _told(found) != _told(known.far):
        known.group = None
    known.far = found
    if known.group is None:
        listens = _listener(known, around) is not None
        known.is_opener = opened(known.ends, listens=listens, far_listens=found is not None)


def _told(far: Known | None) -> tuple[int, int] | None:
    return None if far is None else (far.namespace, far.owner)


def _listener(known: Known, around: Surroundings) -> Known | None:
    ends = known.ends
    return around.listeners.at(known.namespace, known.protocol, ends.ip, ends.port)


def _side(ends: Ends, known: Known, around: Surroundings) -> Side:
    """The ends of a connection, as of somebody in the namespace of ``known``."""
    return (known.protocol, around.scope(ends.ip, known.namespace), *ends)
