"""The sockets of one network namespace, from one report to the next.

A dump tells of those that are open. What the kernel says when it destroys one is drained in
between: so sockets are known that lived for less than an interval, and of others what they carried
to the end.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from orchestrator.monitoring.probe.connections import diag
from orchestrator.monitoring.probe.connections.diag import LISTEN, Ends, Seen
from orchestrator.monitoring.probe.connections.grouping import Group
from orchestrator.monitoring.probe.kernel.netlink import SOCK_DIAG, drain, open_netlink

_EVENT_BUFFER_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024  # the kernel fills no more than half of it at a time
MAX_SOCKETS = 50_000
"""Of one namespace, open and closed since the last report."""


class Known:
    """One socket: who has it, and what it carried when it was seen last."""

    __slots__ = (
        "ends", "generation", "group", "inode", "is_closed", "is_opener", "namespace", "owner",
        "peer", "received", "retransmits", "rtt_us", "sent", "tries",
    )  # fmt: skip

    def __init__(self, seen: Seen, namespace: int) -> None:
        self.ends: Ends = diag.endpoints(seen)
        self.inode = seen.inode
        self.namespace = namespace
        self.generation = 0
        self.is_closed = False
        self.owner = 0
        """The pid that holds it; 0 as long as it is not known."""
        self.tries = 0
        """How often its owner was looked for."""
        self.is_opener = True
        self.peer: Known | None = None
        """The other end, if it is on this machine, too."""
        self.group: Group | None = None
        self.update(seen)

    def update(self, seen: Seen) -> None:
        """It was seen again."""
        self.sent, self.received = seen.sent, seen.received
        self.retransmits, self.rtt_us = seen.retransmits, seen.rtt_us
        if not self.inode:
            self.inode = seen.inode  # it was not accepted before


class Namespace:
    """The sockets of one network namespace."""

    def __init__(self, inode: int) -> None:
        """Open what is needed; within the namespace. Raises OSError."""
        self.inode = inode
        self.known: dict[int, Known] = {}
        self.listeners: dict[int, Known] = {}
        self.lost = 0
        """Sockets of which nothing more is known, since there are too many or too quick."""
        self._generation = 0
        self._asking = open_netlink(SOCK_DIAG)
        self._events: socket.socket | None = None
        with contextlib.suppress(OSError):  # without the right to it, dumps have to do
            self._events = open_netlink(
                SOCK_DIAG, groups=diag.DESTROY_GROUPS, buffer_bytes=_EVENT_BUFFER_BYTES
            )

    def close(self) -> None:
        """Close what is open."""
        self._asking.close()
        if self._events is not None:
            self._events.close()

    def refresh(self) -> None:
        """Ask for all sockets. Raises OSError."""
        self._generation += 1
        self.listeners = {}
        for family in (socket.AF_INET, socket.AF_INET6):
            for seen in self._dump(family):
                self._see(seen)
        self.drain()
        for known in self.known.values():
            if known.generation != self._generation:
                known.is_closed = True

    def drain(self) -> None:
        """Take what the kernel says of destroyed sockets."""
        if self._events is None:
            return
        try:
            for data in drain(self._events):
                for seen in diag.sockets(data):
                    self._end(seen)
        except OSError:  # ENOBUFS: more of them than the buffer holds
            self.lost += 1

    def forget_closed(self) -> list[Known]:
        """Strike those that are closed, after they were told."""
        closed = [(cookie, known) for cookie, known in self.known.items() if known.is_closed]
        for cookie, _ in closed:
            del self.known[cookie]
        return [known for _, known in closed]

    def _dump(self, family: int) -> Iterator[Seen]:
        self._asking.send(diag.question(family))
        while True:
            data = self._asking.recv(_READ_BYTES)
            yield from diag.sockets(data)
            if diag.is_over(data):
                return

    def _see(self, seen: Seen) -> None:
        known = self.known.get(seen.cookie)
        if seen.state == LISTEN:
            known = Known(seen, self.inode)
            self.listeners[seen.cookie] = known
            return
        if known is None:
            if not seen.cookie or len(self.known) >= MAX_SOCKETS:
                self.lost += 1
                return
            known = self.known[seen.cookie] = Known(seen, self.inode)
        else:
            known.update(seen)
        known.generation = self._generation

    def _end(self, seen: Seen) -> None:
        known = self.known.get(seen.cookie)
        if known is None:
            if seen.ends[2:4] == b"\0\0":
                return  # it listened, or was never connected
            if len(self.known) >= MAX_SOCKETS:
                self.lost += 1
                return
            known = self.known[seen.cookie] = Known(seen, self.inode)
        elif known.received == seen.received - 1 and not known.is_closed:
            seen = seen._replace(received=seen.received - 1)  # the FIN
        known.update(seen)
        known.is_closed = True
        known.generation = self._generation
