"""Machines looked up by an agent's address, however many there are of them.

Operators name a machine by its host name, its address or both; what they leave out matches all.
Host names are compared as the DNS does, without regard to case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from orchestrator.mesos.types import MachineID

Value = TypeVar("Value")


class Machines(Generic[Value]):
    """What is known of each machine; of several entries for one the first counts."""

    def __init__(self, entries: Iterable[tuple[MachineID, Value]] = ()) -> None:
        self._entries: list[tuple[MachineID, Value]] = list(entries)
        self._by_host: dict[str, list[int]] = {}
        self._by_ip: dict[str, int] = {}  # of those without a host name
        for number, (machine, _) in enumerate(self._entries):
            if machine.hostname:
                self._by_host.setdefault(machine.hostname.lower(), []).append(number)
            elif machine.ip:
                self._by_ip.setdefault(machine.ip, number)

    def at(self, hostname: str, ip: str) -> Value | None:
        """What is known of the machine of an agent, if anything."""
        number = min(self._numbers(hostname, ip), default=None)
        return None if number is None else self._entries[number][1]

    def _numbers(self, hostname: str, ip: str) -> Iterator[int]:
        for number in self._by_host.get(hostname.lower(), ()):
            if self._entries[number][0].ip in (None, "", ip):
                yield number
        if ip in self._by_ip:
            yield self._by_ip[ip]
