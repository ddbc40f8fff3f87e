"""Addresses of the machine, and among whom each of them means one thing.

An address of a bridge that only containers of this machine are on (Docker's) is another machine's,
too: its scope is the host. One of loopback means something within its network namespace only.
Everything else is taken for an address that the whole cluster routes.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from orchestrator.monitoring.probe.kernel.messages import Message, attributes, request
from orchestrator.monitoring.probe.kernel.netlink import ROUTE, ask, open_netlink

_GETADDR = 22
_NEWADDR = 20
_HEADER = struct.Struct("=BBBBI")
_ADDRESS, _LOCAL, _LABEL = 1, 2, 3

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Address(NamedTuple):
    """One address of an interface."""

    interface: int
    ip: str
    prefix: int


class Scopes(NamedTuple):
    """Says the scope of any address, as seen from a network namespace of this machine."""

    host_id: str
    bridged: tuple[Network, ...] = ()
    """Networks inside this machine."""

    def of(self, ip: str, namespace: int) -> str:
        """The scope (``report.ids``)."""
        if is_loopback(ip):
            return f"{self.host_id}:{namespace}"
        if self.bridged:
            address = ipaddress.ip_address(ip)
            if any(address.version == one.version and address in one for one in self.bridged):
                return self.host_id
        return ""


def is_loopback(ip: str) -> bool:
    """Of the machine, or container, to itself; link-local ones mean as little elsewhere."""
    return ip.startswith(("127.", "169.254.", "fe80")) or ip == "::1"


def parse_address(message: Message) -> Address | None:
    """Of one message of RTM_GETADDR; pure."""
    if message.type != _NEWADDR or message.end - message.begin < _HEADER.size:
        return None
    family, prefix, _, _, interface = _HEADER.unpack_from(message.data, message.begin)
    found = attributes(message.data, message.begin + _HEADER.size, message.end)
    where = found.get(_LOCAL) or found.get(_ADDRESS)
    if where is None or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return Address(interface, socket.inet_ntop(family, message.data[where[0] : where[1]]), prefix)


def read_addresses() -> list[Address]:
    """Of the current network namespace. Raises OSError."""
    question = request(_GETADDR, _HEADER.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
    with open_netlink(ROUTE) as opened:
        found = [parse_address(message) for message in ask(opened, question)]
    return [address for address in found if address is not None]


def bridged_networks(addresses: list[Address], sys: str) -> tuple[Network, ...]:
    """Networks of bridges on which no device of the machine is."""
    names = dict(socket.if_nameindex())
    found = []
    for address in addresses:
        name = names.get(address.interface, "")
        if name and not is_loopback(address.ip) and _is_internal(f"{sys}/class/net", name):
            text = f"{address.ip}/{address.prefix}"
            found.append(ipaddress.ip_network(text, strict=False))
    return tuple(sorted(set(found), key=str))


def read_scopes(host_id: str, sys: str) -> Scopes:
    """As of now; without networks inside the machine if they cannot be read."""
    try:
        return Scopes(host_id, bridged_networks(read_addresses(), sys))
    except OSError:
        return Scopes(host_id)


def counts_for_traffic(sys: str) -> frozenset[str]:
    """Interfaces whose traffic is the machine's: its devices; if it has none, all but loopback."""
    names = [name for _, name in socket.if_nameindex()]
    devices = [name for name in names if Path(f"{sys}/class/net/{name}/device").exists()]
    return frozenset(devices or [name for name in names if name != "lo"])


def _is_internal(base: str, name: str) -> bool:
    try:
        ports = os.listdir(f"{base}/{name}/brif")  # noqa: PTH208
    except OSError:
        return False  # no bridge
    return not any(Path(f"{base}/{port}/device").exists() for port in ports)
