"""What the kernel has to know of the peers, and how that differs from what it knows; pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple, TypeVar

from orchestrator.agent.adapters.network.overlay.addresses import Overlay, gateway_of, mac_of

K = TypeVar("K")
V = TypeVar("V")


class Entries(NamedTuple):
    """The entries of one VXLAN device.

    ``routes``: the gateway of each subnet; ``neighbours``: the MAC of each gateway; ``forwarding``:
    the host behind each MAC.
    """

    routes: Mapping[IPv4Network, IPv4Address]
    neighbours: Mapping[IPv4Address, str]
    forwarding: Mapping[str, IPv4Address]

    @property
    def size(self) -> int:
        """How many entries these are."""
        return len(self.routes) + len(self.neighbours) + len(self.forwarding)


def wanted(overlay: Overlay, local: IPv4Address, peers: Mapping[int, str]) -> Entries:
    """The entries for all peers on other hosts; those on this host have bridges of their own.

    Peers that cannot be are left out: what a master says is not trusted to be right.
    """
    hosts: dict[IPv4Network, IPv4Address] = {}
    for number, address in peers.items():
        host = _address(address)
        if host is not None and host != local and 0 <= number < overlay.subnets:
            hosts[overlay.subnet(number)] = host
    return Entries(
        routes={subnet: gateway_of(subnet) for subnet in hosts},
        neighbours={gateway_of(subnet): mac_of(host) for subnet, host in hosts.items()},
        forwarding={mac_of(host): host for host in hosts.values()},
    )


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def difference(old: Entries, new: Entries) -> tuple[Entries, Entries]:
    """What has to be set, and what has to go, to come from one to the other."""
    missing = Entries(
        _changed(old.routes, new.routes),
        _changed(old.neighbours, new.neighbours),
        _changed(old.forwarding, new.forwarding),
    )
    stale = Entries(
        _absent(old.routes, new.routes),
        _absent(old.neighbours, new.neighbours),
        _absent(old.forwarding, new.forwarding),
    )
    return missing, stale


def _changed(old: Mapping[K, V], new: Mapping[K, V]) -> dict[K, V]:
    return {key: value for key, value in new.items() if old.get(key) != value}


def _absent(old: Mapping[K, V], new: Mapping[K, V]) -> dict[K, V]:
    return {key: value for key, value in old.items() if key not in new}
