"""Who may be asked where: listeners of TCP, sockets of UDP that are not connected. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.kernel.addresses import is_loopback
from orchestrator.monitoring.report import Protocol

ANY = ("0.0.0.0", "::")
Place = tuple[int, Protocol, int]
"""Network namespace, protocol and port."""


class Listeners:
    """Those of the machine and its containers, as of now."""

    def __init__(self, found: Iterable[Known] = ()) -> None:
        self._by_place: dict[Place, dict[str, Known]] = {}
        self._of_udp: dict[int, list[int]] = {}  # port: namespaces
        for known in found:
            place = (known.namespace, known.protocol, known.ends.port)
            at = self._by_place.get(place)
            if at is None:
                at = self._by_place[place] = {}
                if known.protocol == "udp":
                    self._of_udp.setdefault(known.ends.port, []).append(known.namespace)
            at.setdefault(known.ends.ip, known)

    def __iter__(self) -> Iterator[Known]:
        """One of each address and port."""
        return (known for at in self._by_place.values() for known in at.values())

    def at(self, namespace: int, protocol: Protocol, ip: str, port: int) -> Known | None:
        """Who is asked at an address that the namespace has."""
        found = self._by_place.get((namespace, protocol, port))
        if found is None:
            return None
        for each in (ip, *(ANY[1:] if ":" in ip else ANY)):
            if each in found:
                return found[each]
        return None

    def behind(
        self, ip: str, port: int, namespace: int, has: Callable[[int, str], bool]
    ) -> Known | None:
        """Who of UDP gets what is sent to an address from a namespace of this machine, if it is
        sure. ``has`` says whether a namespace has an address."""
        if is_loopback(ip):
            return self.at(namespace, "udp", ip, port)
        found = {
            each: known
            for each in self._of_udp.get(port, ())
            if (known := self.at(each, "udp", ip, port)) is not None and has(each, ip)
        }
        if namespace in found or len(found) != 1:
            return found.get(namespace)
        return next(iter(found.values()))
