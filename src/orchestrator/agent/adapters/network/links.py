"""Devices as rtnetlink describes them, and what it tells of their changes.

Source: rtnetlink(7), linux/if_link.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import IPv4Address
from typing import NamedTuple

from orchestrator.agent.adapters.network import netlink_wire as wire

LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
IFF_UP, _IFF_RUNNING = 0x1, 0x40
_NEWLINK, _DELLINK = 16, 17
_GROUP_LINK = 1
_DATAGRAM_BYTES = 1 << 17


class Vxlan(NamedTuple):
    """What makes a VXLAN device: its network's id, and from where it sends."""

    vni: int
    local: IPv4Address
    port: int


class Link(NamedTuple):
    """A device, with the kernel's number for it. ``is_running``: it has a carrier.

    ``bridge`` is the number of the one it belongs to, or 0; ``vxlan`` is there where it is one.
    """

    number: int
    name: str
    mtu: int
    is_up: bool
    is_running: bool
    mac: str
    kind: str
    bridge: int
    vxlan: Vxlan | None


def read_link(body: bytes) -> Link:
    """A device from the body of a message about it."""
    _, _, index, flags, _ = LINK.unpack_from(body)
    values = wire.attributes(body[LINK.size :])
    info = wire.attributes(values.get(18, b""))
    kind = wire.as_text(info.get(1, b""))
    return Link(
        number=index,
        name=wire.as_text(values.get(3, b"")),
        mtu=wire.as_number(values[4]) if 4 in values else 0,
        is_up=bool(flags & IFF_UP),
        is_running=bool(flags & IFF_UP and flags & _IFF_RUNNING),
        mac=values.get(1, b"").hex(":"),
        kind=kind,
        bridge=wire.as_number(values[10]) if 10 in values else 0,
        vxlan=_vxlan(wire.attributes(info.get(2, b""))) if kind == "vxlan" else None,
    )


def _vxlan(values: dict[int, bytes]) -> Vxlan | None:
    if not {1, 4, 15} <= values.keys():
        return None
    (port,) = struct.unpack("!H", values[15][:2])
    return Vxlan(wire.as_number(values[1]), IPv4Address(values[4]), port)


def watch() -> socket.socket:
    """A socket that tells of changes of devices, for ``changed_links``. Raises OSError."""
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        events.bind((0, _GROUP_LINK))
    except OSError:
        events.close()
        raise
    events.setblocking(False)
    return events


def changed_links(events: socket.socket) -> set[str]:
    """The names of the devices that have changed; what was lost in a flood is found later."""
    names: set[str] = set()
    while True:
        try:
            data = events.recv(_DATAGRAM_BYTES)
        except BlockingIOError:
            return names
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            continue
        names.update(
            read_link(message.body).name for message in wire.decode(data) if _is_link(message)
        )


def _is_link(message: wire.NetlinkMessage) -> bool:
    return message.type in (_NEWLINK, _DELLINK) and len(message.body) >= LINK.size
