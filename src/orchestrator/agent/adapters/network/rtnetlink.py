"""Links, addresses, routes, neighbours and forwarding entries, by rtnetlink.

A socket belongs to the network namespace of the thread that opens it. Every request is answered by
the kernel before the method returns; changes are such that a repetition does no harm.

Written here rather than taken from pyroute2: what is needed are a dozen messages, and that package
costs 24 MB and 0.28 s at import (0.9.7, measured here), in an agent that has to stay small.

Source: rtnetlink(7), linux/if_link.h, linux/neighbour.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from orchestrator.agent.adapters.network import netlink_wire as wire
from orchestrator.agent.adapters.network.links import IFF_UP, LINK, Link, Vxlan, read_link

_TIMEOUT_S = 5.0
_DATAGRAM_BYTES = 1 << 17
_SOL_NETLINK, _STRICT = 270, 12

_NEWLINK, _DELLINK, _GETLINK = 16, 17, 18
_NEWADDR, _DELADDR, _GETADDR = 20, 21, 22
_NEWROUTE, _DELROUTE, _GETROUTE = 24, 25, 26
_NEWNEIGH, _DELNEIGH, _GETNEIGH = 28, 29, 30

_ADDRESS = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, dst, src, tos, table, protocol, scope, type, flags
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type

_AF_BRIDGE = 7
_MAIN_TABLE, _BY_ADMINISTRATOR, _UNICAST = 254, 4, 1
_ONLINK = 4
_PERMANENT, _SELF = 0x80, 0x02


class RouteSocket:
    """A connection to the kernel; use it as a context. All methods raise OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.settimeout(_TIMEOUT_S)
        with suppress(OSError):  # before Linux 4.20 everything is dumped, and filtered here
            self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> RouteSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    # --- devices -------------------------------------------------------------------------------

    def link(self, name: str) -> Link | None:
        """The device of that name."""
        return next((link for link in self.links() if link.name == name), None)

    def links(self) -> list[Link]:
        """All devices."""
        return [read_link(body) for body in self._dump(_GETLINK, LINK.pack(0, 0, 0, 0, 0))]

    def add_vxlan(self, name: str, vxlan: Vxlan, mac: str, mtu: int) -> None:
        """Make a VXLAN device that learns nothing by itself; it is down."""
        data = (
            wire.number(1, vxlan.vni),
            wire.attribute(4, vxlan.local.packed),
            wire.attribute(7, b"\0"),  # no learning
            wire.attribute(15, struct.pack("!H", vxlan.port)),
        )
        info = wire.nested(18, wire.text(1, "vxlan"), wire.nested(2, *data))
        body = LINK.pack(0, 0, 0, 0, 0) + wire.text(3, name) + wire.attribute(1, _mac(mac))
        self._change(_NEWLINK, wire.CREATE | wire.EXCLUSIVE, body + wire.number(4, mtu) + info)

    def set_up(self, index: int, mtu: int | None = None) -> None:
        """Bring a device up, with another MTU if one is given."""
        body = LINK.pack(0, 0, index, IFF_UP, IFF_UP)
        self._change(_NEWLINK, 0, body + (wire.number(4, mtu) if mtu is not None else b""))

    def delete_link(self, index: int) -> None:
        """Remove a device, if it is there."""
        with _ignoring(errno.ENODEV):
            self._change(_DELLINK, 0, LINK.pack(0, 0, index, 0, 0))

    # --- addresses -----------------------------------------------------------------------------

    def addresses(self, index: int) -> set[IPv4Interface]:
        """The IPv4 addresses of a device."""
        found = set()
        for body in self._dump(_GETADDR, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, index)):
            _, prefix, _, _, of = _ADDRESS.unpack_from(body)
            values = wire.attributes(body[_ADDRESS.size :])
            if of == index and (local := values.get(2, values.get(1))):
                found.add(IPv4Interface((local, prefix)))
        return found

    def add_address(self, index: int, address: IPv4Interface) -> None:
        """Give a device an address."""
        body = _ADDRESS.pack(socket.AF_INET, address.network.prefixlen, 0, 0, index)
        body += wire.attribute(2, address.ip.packed) + wire.attribute(1, address.ip.packed)
        self._change(_NEWADDR, wire.CREATE | wire.REPLACE, body)

    def delete_address(self, index: int, address: IPv4Interface) -> None:
        """Take an address from a device."""
        body = _ADDRESS.pack(socket.AF_INET, address.network.prefixlen, 0, 0, index)
        with _ignoring(errno.EADDRNOTAVAIL):
            self._change(_DELADDR, 0, body + wire.attribute(2, address.ip.packed))

    # --- routes --------------------------------------------------------------------------------

    def routes(self, index: int) -> dict[IPv4Network, IPv4Address]:
        """Where packets for a network go by a device: only routes that have a gateway."""
        asked = _ROUTE.pack(socket.AF_INET, 0, 0, 0, _MAIN_TABLE, 0, 0, 0, 0)
        found = {}
        for body in self._dump(_GETROUTE, asked + wire.number(4, index)):
            prefix, values = body[1], wire.attributes(body[_ROUTE.size :])
            if {1, 4, 5} <= values.keys() and wire.as_number(values[4]) == index:
                found[IPv4Network((values[1], prefix))] = IPv4Address(values[5])
        return found

    def set_route(self, index: int, network: IPv4Network, gateway: IPv4Address) -> None:
        """Send packets for a network by a device to a gateway, which needs no route itself."""
        body = self._route(network, _ONLINK, index) + wire.attribute(5, gateway.packed)
        self._change(_NEWROUTE, wire.CREATE | wire.REPLACE, body)

    def delete_route(self, index: int, network: IPv4Network) -> None:
        """Forget the route, if it is there."""
        with _ignoring(errno.ESRCH):
            self._change(_DELROUTE, 0, self._route(network, 0, index))

    def _route(self, network: IPv4Network, flags: int, index: int) -> bytes:
        head = _ROUTE.pack(
            socket.AF_INET, network.prefixlen, 0, 0, _MAIN_TABLE, _BY_ADMINISTRATOR, 0, _UNICAST,
            flags,
        )  # fmt: skip
        return head + wire.attribute(1, network.network_address.packed) + wire.number(4, index)

    # --- neighbours and forwarding entries -----------------------------------------------------

    def neighbours(self, index: int) -> dict[IPv4Address, str]:
        """The lasting neighbours of a device: their MAC by address."""
        asked = _NEIGHBOUR.pack(socket.AF_INET, 0, 0, 0, 0) + wire.number(8, index)
        found = self._neighbours(asked, index)
        return {IPv4Address(v[1]): v[2].hex(":") for v in found if len(v.get(1, b"")) == 4}

    def set_neighbour(self, index: int, address: IPv4Address, mac: str) -> None:
        """An address of a device's network has this MAC."""
        body = self._neighbour(socket.AF_INET, index, 0, address, mac)
        self._change(_NEWNEIGH, wire.CREATE | wire.REPLACE, body)

    def delete_neighbour(self, index: int, address: IPv4Address) -> None:
        """Forget a neighbour, if it is there."""
        body = _NEIGHBOUR.pack(socket.AF_INET, index, 0, 0, 0) + wire.attribute(1, address.packed)
        with _ignoring(errno.ENOENT):
            self._change(_DELNEIGH, 0, body)

    def forwarding(self, index: int) -> dict[str, IPv4Address]:
        """To which host a VXLAN device sends frames, by their MAC."""
        found = self._neighbours(_NEIGHBOUR.pack(_AF_BRIDGE, index, 0, 0, 0), index)
        return {v[2].hex(":"): IPv4Address(v[1]) for v in found if len(v.get(1, b"")) == 4}

    def set_forwarding(self, index: int, mac: str, host: IPv4Address) -> None:
        """Send frames for a MAC to a host."""
        body = self._neighbour(_AF_BRIDGE, index, _SELF, host, mac)
        self._change(_NEWNEIGH, wire.CREATE | wire.REPLACE, body)

    def delete_forwarding(self, index: int, mac: str, host: IPv4Address) -> None:
        """Forget a forwarding entry, if it is there."""
        with _ignoring(errno.ENOENT):
            self._change(_DELNEIGH, 0, self._neighbour(_AF_BRIDGE, index, _SELF, host, mac))

    def _neighbours(self, asked: bytes, index: int) -> Iterator[dict[int, bytes]]:
        for body in self._dump(_GETNEIGH, asked):
            _, of, state, _, _ = _NEIGHBOUR.unpack_from(body)
            values = wire.attributes(body[_NEIGHBOUR.size :])
            if of == index and state & _PERMANENT and {1, 2} <= values.keys():
                yield values

    def _neighbour(
        self, family: int, index: int, flags: int, address: IPv4Address, mac: str
    ) -> bytes:
        head = _NEIGHBOUR.pack(family, index, _PERMANENT, flags, 0)
        return head + wire.attribute(1, address.packed) + wire.attribute(2, _mac(mac))

    # --- the conversation ----------------------------------------------------------------------

    def _change(self, kind: int, flags: int, body: bytes) -> None:
        self._ask(kind, wire.REQUEST | wire.ACK | flags, body)
        for _ in self._answers():
            pass

    def _dump(self, kind: int, body: bytes) -> list[bytes]:
        self._ask(kind, wire.REQUEST | wire.DUMP, body)
        return [message.body for message in self._answers()]

    def _ask(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        message = wire.NetlinkMessage(kind, flags, self._sequence, body)
        self._socket.send(wire.encode(message))

    def _answers(self) -> Iterator[wire.NetlinkMessage]:
        """What belongs to the last request, up to its acknowledgement. Raises OSError."""
        while True:
            for message in wire.decode(self._socket.recv(_DATAGRAM_BYTES)):
                if message.sequence != self._sequence:
                    continue  # the rest of an answer that came too late
                if message.type in (wire.ERROR, wire.DONE):
                    wire.raise_error(message.body)
                    return
                yield message


class _ignoring:  # noqa: N801 (used like contextlib.suppress)
    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        return isinstance(error, OSError) and error.errno in self._numbers


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
