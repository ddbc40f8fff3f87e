"""The watches of a client: who listens to what, and what a new connection has to set again.

A server forgets the watches of a connection with it. One-shot watches lose nothing: set again with
the newest zxid that was seen, they fire for what changed since. Those that stay are set again too,
but what happened in between is lost to them, so their listeners are told of a `Gap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from orchestrator.zookeeper.jute.requests import Exists, GetChildren, GetChildren2, GetData, Request
from orchestrator.zookeeper.jute.watches import AddMode, AddWatch, EventType, Kind, WatchEvent


class Gap(NamedTuple):
    """Events may have been lost; the watch is set again, and what is read from now on is at least
    as new. ``resumed``: the session is the one from before."""

    resumed: bool


Listener = Callable[[WatchEvent | Gap], None]

_ONE_SHOT: dict[EventType, tuple[Kind, ...]] = {
    EventType.CREATED: (Kind.DATA, Kind.EXISTS),
    EventType.DATA_CHANGED: (Kind.DATA, Kind.EXISTS),
    EventType.CHILDREN_CHANGED: (Kind.CHILDREN,),
    EventType.DELETED: (Kind.DATA, Kind.EXISTS, Kind.CHILDREN),
}
_LASTING = (Kind.PERSISTENT, Kind.RECURSIVE)


def kind_of(request: Request[object], found: bool) -> Kind | None:
    """The watch that the server set with a request; ``found``: the node was there."""
    match request:
        case AddWatch(mode=mode):
            return Kind.RECURSIVE if mode is AddMode.PERSISTENT_RECURSIVE else Kind.PERSISTENT
        case Exists(watch=True):
            return Kind.DATA if found else Kind.EXISTS
        case GetData(watch=True):
            return Kind.DATA if found else None
        case GetChildren(watch=True) | GetChildren2(watch=True):
            return Kind.CHILDREN if found else None
        case _:
            return None


class WatchBook:
    """Listeners by kind and path. It grows with the watches that its client sets."""

    def __init__(self) -> None:
        self._listeners: dict[Kind, dict[str, list[Listener]]] = {kind: {} for kind in Kind}

    def add(self, kind: Kind, path: str, listener: Listener) -> None:
        """A watch was set."""
        listeners = self._listeners[kind].setdefault(path, [])
        if listener not in listeners:
            listeners.append(listener)

    def remove(self, path: str) -> None:
        """All watches of a path were ended."""
        for by_path in self._listeners.values():
            by_path.pop(path, None)

    def heard(self, event: WatchEvent) -> list[Listener]:
        """Who has to be told; one-shot watches end with it."""
        found: list[Listener] = []
        for kind in _ONE_SHOT.get(event.type, ()):
            found.extend(self._listeners[kind].pop(event.path, ()))
        found.extend(self._listeners[Kind.PERSISTENT].get(event.path, ()))
        if event.type is not EventType.CHILDREN_CHANGED and self._listeners[Kind.RECURSIVE]:
            for path in _and_above(event.path):
                found.extend(self._listeners[Kind.RECURSIVE].get(path, ()))
        return found

    def lasting(self) -> list[Listener]:
        """Who has to be told of a gap."""
        return [
            listener
            for kind in _LASTING
            for listeners in self._listeners[kind].values()
            for listener in listeners
        ]

    def all(self) -> list[tuple[Kind, str]]:
        """What has to be set again."""
        return [(kind, path) for kind in Kind for path in self._listeners[kind]]


def _and_above(path: str) -> Iterator[str]:
    while path != "/" and path:
        yield path
        path = path.rpartition("/")[0]
    yield "/"
