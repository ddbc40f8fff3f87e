"""Questions and answers of ctnetlink about destinations that were translated; pure. Form:
linux/netfilter/nfnetlink_conntrack.h.

The kernel knows each connection by two tuples: as its opener sends, and as the answers come back.
Where a destination was translated, the answers come from elsewhere than the opener asked for.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.kernel.messages import Message, attributes, request
from orchestrator.monitoring.report import Protocol

_GET: Final = 0x101  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET
_NEW: Final = 0x100
_GENERAL = struct.Struct("=BBH")
_ORIGINAL, _REPLY, _STATUS, _STATUS_MASK = 1, 2, 3, 26
_IP, _PROTOCOL = 1, 2
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_ADDRESSES = {1: socket.AF_INET, 3: socket.AF_INET6}  # of sources; destinations are one more
_PORT = struct.Struct(">H")
_PROTOCOLS: Final[dict[bytes, Protocol]] = {
    bytes([socket.IPPROTO_TCP]): "tcp",
    bytes([socket.IPPROTO_UDP]): "udp",
}
_IS_TRANSLATED = struct.pack(">I", 1 << 5)  # IPS_DST_NAT


class Translation(NamedTuple):
    """One connection by both its ends: ``opener`` as who opened it sees it, ``accepter`` as who
    accepted it does. What the one asked for is not what the other has."""

    protocol: Protocol
    opener: Ends
    accepter: Ends


def question() -> bytes:
    """Asks for all connections whose destination was translated; older kernels tell of all."""
    status = _attribute(_STATUS, _IS_TRANSLATED) + _attribute(_STATUS_MASK, _IS_TRANSLATED)
    return request(_GET, _GENERAL.pack(socket.AF_UNSPEC, 0, 0) + status)


def translations(found: Iterable[Message]) -> Iterator[Translation]:
    """Those of TCP and UDP whose destination is another than their opener asked for."""
    for message in found:
        if message.type != _NEW:
            continue
        parts = attributes(message.data, message.begin + _GENERAL.size, message.end)
        if _ORIGINAL not in parts or _REPLY not in parts:
            continue
        original = _tuple(message.data, *parts[_ORIGINAL])
        reply = _tuple(message.data, *parts[_REPLY])
        if original is None or reply is None:
            continue
        (protocol, sent), (_, answered) = original, reply
        if (sent.remote_ip, sent.remote_port) != (answered.ip, answered.port):
            yield Translation(protocol, sent, answered)


def _attribute(type: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), type) + value


def _tuple(data: bytes, begin: int, end: int) -> tuple[Protocol, Ends] | None:
    """Of what, from where, and to where; None of anything but TCP and UDP."""
    parts = attributes(data, begin, end)
    if _IP not in parts or _PROTOCOL not in parts:
        return None
    found = attributes(data, *parts[_PROTOCOL])
    protocol = _PROTOCOLS.get(_value(data, found.get(_NUMBER)))
    ports = [_value(data, found.get(each)) for each in (_SOURCE_PORT, _DESTINATION_PORT)]
    if protocol is None or any(len(port) != _PORT.size for port in ports):
        return None
    places = attributes(data, *parts[_IP])
    for at, family in _ADDRESSES.items():
        raw = _value(data, places.get(at)), _value(data, places.get(at + 1))
        if len(raw[0]) == len(raw[1]) == (4 if family == socket.AF_INET else 16):
            ips = [socket.inet_ntop(family, each) for each in raw]
            (source,), (destination,) = _PORT.unpack(ports[0]), _PORT.unpack(ports[1])
            return protocol, Ends(ips[0], source, ips[1], destination)
    return None


def _value(data: bytes, place: tuple[int, int] | None) -> bytes:
    return data[place[0] : place[1]] if place is not None else b""
