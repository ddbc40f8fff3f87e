"""Brings the kernel in line with an overlay: the VXLAN device, its address, the entries of peers.

Everything is compared with what is there and only the difference is written, so doing it again is
cheap, and doing it after any mishap (a device removed, entries flushed) puts it right. Agents that
share a host share the device; each adds its own address to it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple

from orchestrator.agent.adapters.network.builtin import overlay_bridge
from orchestrator.agent.adapters.network.links import Link, Vxlan
from orchestrator.agent.adapters.network.overlay.addresses import (
    OVERHEAD_BYTES,
    Overlay,
    OverlayError,
    gateway_of,
    mac_of,
)
from orchestrator.agent.adapters.network.overlay.entries import Entries, difference, wanted
from orchestrator.agent.adapters.network.rtnetlink import RouteSocket

_IPTABLES_TIMEOUT_S = 30.0


class Underlay(NamedTuple):
    """The host's device that carries the overlay. ``is_connected``: it is up and has a carrier."""

    name: str
    mtu: int
    is_connected: bool


def underlay(local: IPv4Address) -> Underlay:
    """The device that has the host's address. Raises OverlayError, OSError."""
    with RouteSocket() as routes:
        return _underlay(routes, local)


def _underlay(routes: RouteSocket, local: IPv4Address) -> Underlay:
    for link in routes.links():
        if any(address.ip == local for address in routes.addresses(link.number)):
            return Underlay(link.name, link.mtu, link.is_running)
    raise OverlayError(f"no device of this host has the address {local}")


def mtu_over(carrier: Underlay) -> int:
    """What fits into a packet of the overlay."""
    return carrier.mtu - OVERHEAD_BYTES


def connect(
    overlay: Overlay, local: IPv4Address, subnet: IPv4Network, peers: Mapping[int, str] | None
) -> tuple[Underlay, int]:
    """Make everything as it should be; without ``peers`` those known stay.

    Gives the device below, and how many entries were put right. Raises OverlayError, OSError.
    """
    with RouteSocket() as routes:
        carrier = _underlay(routes, local)
        device = _device(routes, overlay, local, mtu_over(carrier))
        own = IPv4Interface((gateway_of(subnet), 32))
        if own not in routes.addresses(device.number):
            routes.add_address(device.number, own)
        changes = 0
        if peers is not None:
            changes = _settle(routes, device.number, wanted(overlay, local, peers))
    _hide_from_outside(overlay)
    return carrier, changes


def retire(overlay: Overlay, subnet: IPv4Network) -> None:
    """Take away what a subnet had here: its address, and its bridge if nothing uses it any more.

    Raises OSError.
    """
    with RouteSocket() as routes:
        if (device := routes.link(overlay.device)) is not None:
            routes.delete_address(device.number, IPv4Interface((gateway_of(subnet), 32)))
        bridge = routes.link(overlay_bridge(overlay.name, subnet))
        if bridge is not None and all(one.bridge != bridge.number for one in routes.links()):
            routes.delete_link(bridge.number)


def disconnect(overlay: Overlay) -> None:
    """Take the device away, and with it all entries. Raises OverlayError, OSError."""
    with RouteSocket() as routes:
        if (device := routes.link(overlay.device)) is not None:
            routes.delete_link(device.number)
    if _has_rule(overlay):
        _iptables("-D", *_masquerade(overlay))


def _device(routes: RouteSocket, overlay: Overlay, local: IPv4Address, mtu: int) -> Link:
    vxlan, mac = Vxlan(overlay.vni, local, overlay.port), mac_of(local)
    device = routes.link(overlay.device)
    if device is not None and (device.vxlan, device.mac) != (vxlan, mac):
        routes.delete_link(device.number)  # of another address of this host
        device = None
    if device is None:
        routes.add_vxlan(overlay.device, vxlan, mac, mtu)
        device = routes.link(overlay.device)
    if device is None:
        raise OverlayError(f"the device {overlay.device} is gone as soon as it is made")
    if not device.is_up or device.mtu != mtu:
        routes.set_up(device.number, mtu)
    return device


def _settle(routes: RouteSocket, number: int, new: Entries) -> int:
    old = Entries(routes.routes(number), routes.neighbours(number), routes.forwarding(number))
    missing, stale = difference(old, new)
    for network in stale.routes:
        routes.delete_route(number, network)
    for address in stale.neighbours:
        routes.delete_neighbour(number, address)
    for mac, host in stale.forwarding.items():
        routes.delete_forwarding(number, mac, host)
    for mac, host in missing.forwarding.items():
        routes.set_forwarding(number, mac, host)
    for address, mac in missing.neighbours.items():
        routes.set_neighbour(number, address, mac)
    for network, gateway in missing.routes.items():
        routes.set_route(number, network, gateway)
    return missing.size + stale.size


# --- the outside world ---------------------------------------------------------------------------


def _hide_from_outside(overlay: Overlay) -> None:
    """What leaves the overlay carries the host's address; within, containers see each other's."""
    if not _has_rule(overlay):
        _iptables("-A", *_masquerade(overlay))


def _masquerade(overlay: Overlay) -> list[str]:
    network = str(overlay.network)
    comment = ["-m", "comment", "--comment", f"overlay {overlay.device}"]
    return ["POSTROUTING", "-s", network, "!", "-d", network, *comment, "-j", "MASQUERADE"]


def _has_rule(overlay: Overlay) -> bool:
    return _run("-C", *_masquerade(overlay)).returncode == 0


def _iptables(*words: str) -> None:
    done = _run(*words)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise OverlayError(f"iptables cannot set the overlay's rule: {reason}")


def _run(*words: str) -> subprocess.CompletedProcess[bytes]:
    command = ["iptables", "-w", "-t", "nat", *words]
    try:
        return subprocess.run(
            command, check=False, capture_output=True, timeout=_IPTABLES_TIMEOUT_S
        )
    except FileNotFoundError:
        raise OverlayError("iptables is not installed, which the overlay needs") from None
    except subprocess.TimeoutExpired:
        raise OverlayError(f"iptables did not end within {_IPTABLES_TIMEOUT_S:g} s") from None
