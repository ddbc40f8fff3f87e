"""The sockets of one network namespace, from one report to the next.

A dump tells of those that are open. What the kernel says when it destroys one is drained in
between: so sockets are known that lived for less than an interval, and of others what they carried
to the end.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from operator import attrgetter
from typing import Final

from orchestrator.monitoring.probe.connections import diag
from orchestrator.monitoring.probe.connections.diag import Seen
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.kernel.netlink import SOCK_DIAG, drain, open_netlink
from orchestrator.monitoring.report import Protocol

Name = int | tuple[int, bytes]
"""Of a socket, its cookie. One of UDP may be connected anew, so its ends are a part of it."""
_ASKED: Final = tuple(product(diag.DESTROY_GROUPS, (socket.AF_INET, socket.AF_INET6)))
_NAMES: Final[dict[Protocol, Callable[[Seen], Name]]] = {
    "tcp": attrgetter("cookie"),
    "udp": attrgetter("cookie", "ends"),
}
_EVENT_BUFFER_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024  # the kernel fills no more than half of it at a time
MAX_SOCKETS = 50_000
"""Of one namespace, open and closed since the last report."""


class Namespace:
    """The sockets of one network namespace."""

    def __init__(self, inode: int) -> None:
        """Open what is needed; within the namespace. Raises OSError."""
        self.inode = inode
        self.known: dict[Name, Known] = {}
        self.listeners: dict[int, Known] = {}
        self.lost = 0
        """Sockets of which nothing more is known, since there are too many or too quick."""
        self.lacks: set[Protocol] = set()
        """Protocols that this kernel does not tell of."""
        self._generation = 0
        self._gone: set[Name] = set()  # closed by the last report, which the kernel may say yet
        self._asking = open_netlink(SOCK_DIAG)
        self._events: dict[Protocol, socket.socket] = {}  # apart, so that a resolver's many
        for protocol, groups in diag.DESTROY_GROUPS.items():  # sockets leave room for others
            with contextlib.suppress(OSError):  # without the right to it, dumps have to do
                self._events[protocol] = open_netlink(
                    SOCK_DIAG, groups=groups, buffer_bytes=_EVENT_BUFFER_BYTES
                )

    def close(self) -> None:
        """Close what is open."""
        self._asking.close()
        for events in self._events.values():
            events.close()

    def refresh(self) -> None:
        """Ask for all sockets. Raises OSError."""
        self._generation += 1
        self.listeners = {}
        for protocol, family in _ASKED:
            if protocol not in self.lacks:
                for data in self._dump(protocol, family):
                    self._see(diag.sockets(data), protocol)
        self.drain()
        for known in self.known.values():
            if known.generation != self._generation:
                known.is_closed = True

    def drain(self) -> None:
        """Take what the kernel says of destroyed sockets."""
        for protocol, events in self._events.items():
            try:
                for data in drain(events):
                    for seen in diag.sockets(data):
                        self._end(seen, protocol)
            except OSError:  # ENOBUFS: more of them than the buffer holds
                self.lost += 1

    def forget_closed(self) -> list[Known]:
        """Strike those that are closed, after they were told."""
        closed = [(name, known) for name, known in self.known.items() if known.is_closed]
        for name, _ in closed:
            del self.known[name]
        self._gone = {name for name, _ in closed}
        return [known for _, known in closed]

    def _dump(self, protocol: Protocol, family: int) -> Iterator[bytes]:
        self._asking.send(diag.question(family, protocol))
        while True:
            data = self._asking.recv(_READ_BYTES)
            yield data
            if diag.is_over(data):
                if family == socket.AF_INET and diag.refusal(data) == errno.ENOENT:
                    self.lacks.add(protocol)
                return

    def _see(self, found: Iterable[Seen], protocol: Protocol) -> None:
        generation, name_of = self._generation, _NAMES[protocol]
        for seen in found:
            if seen.state in diag.LISTENING:
                self._see_listener(seen, protocol)
                continue
            known = self.known.get(name_of(seen))
            if known is not None:
                known.update(seen)
                known.generation = generation
            elif diag.has_other_end(seen):
                self._meet(seen, protocol)

    def _see_listener(self, seen: Seen, protocol: Protocol) -> None:
        if len(self.listeners) < MAX_SOCKETS:
            self.listeners[seen.cookie] = Known(seen, self.inode, protocol)
        else:
            self.lost += 1

    def _meet(self, seen: Seen, protocol: Protocol) -> Known | None:
        """One that is new, if there is room for it."""
        if len(self.known) >= MAX_SOCKETS or not seen.cookie:
            self.lost += 1
            return None
        known = self.known[_NAMES[protocol](seen)] = Known(seen, self.inode, protocol)
        known.generation = self._generation
        return known

    def _end(self, seen: Seen, protocol: Protocol) -> None:
        if not diag.has_other_end(seen):
            return  # it listened, or was never connected
        name = _NAMES[protocol](seen)
        known = self.known.get(name)
        if known is None:
            if name in self._gone:
                return  # it was told
            known = self._meet(seen, protocol)
            if known is None:
                return
        else:
            if known.received == seen.received - 1 and not known.is_closed:
                seen = seen._replace(received=seen.received - 1)  # the FIN
            known.update(seen)
            known.generation = self._generation
        known.is_closed = True
