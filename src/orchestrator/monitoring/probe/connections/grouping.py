"""Connections as a report tells them: sockets with the same ends but for the client's port. Pure.

Counters of a group grow as long as it is told: what its closed sockets carried stays in. So a rate
between two reports is right also where every request has a connection of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.monitoring.report import Connection, Protocol


class Key(NamedTuple):
    """What makes a connection different from others (``report.Connection``)."""

    source: str
    target: str
    source_process: str = ""
    target_process: str = ""
    source_container: str = ""
    target_container: str = ""
    protocol: Protocol = "tcp"


class Group:
    """Sockets that are told as one."""

    __slots__ = (
        "closed", "ended_received", "ended_resent", "ended_sent", "key", "open", "received",
        "resent", "rtt_us", "sent",
    )  # fmt: skip

    def __init__(self, key: Key) -> None:
        self.key = key
        self.ended_sent = self.ended_received = self.ended_resent = 0
        self.begin()

    def begin(self) -> None:
        """Count anew what is open, and what has been closed since the last report."""
        self.open = self.closed = self.sent = self.received = self.resent = self.rtt_us = 0

    def add(self, sent: int, received: int, resent: int, rtt_us: int) -> None:
        """An open socket."""
        self.open += 1
        self.sent += sent
        self.received += received
        self.resent += resent
        self.rtt_us += rtt_us

    def end(self, sent: int, received: int, resent: int) -> None:
        """One that is closed now."""
        self.closed += 1
        self.ended_sent += sent
        self.ended_received += received
        self.ended_resent += resent

    def connection(self) -> Connection:
        """As it is told."""
        key = self.key
        return Connection(
            key.source,
            key.target,
            key.protocol,
            key.source_process,
            key.target_process,
            key.source_container,
            key.target_container,
            self.open,
            self.closed,
            max(self.sent + self.ended_sent, 0),
            max(self.received + self.ended_received, 0),
            max(self.resent + self.ended_resent, 0),
            self.rtt_us / self.open / 1000 if self.open and self.rtt_us else None,
        )


class Groups:
    """All of them, by key."""

    def __init__(self) -> None:
        self._groups: dict[Key, Group] = {}

    def of(self, key: Key) -> Group:
        """The group with these ends."""
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key)
        return group

    def begin(self) -> None:
        """Before the sockets of a report are added."""
        for group in self._groups.values():
            group.begin()

    def connections(self) -> list[Connection]:
        """Those with sockets; the others are forgotten."""
        gone = [key for key, group in self._groups.items() if not (group.open or group.closed)]
        for key in gone:
            del self._groups[key]
        return [group.connection() for group in self._groups.values()]
