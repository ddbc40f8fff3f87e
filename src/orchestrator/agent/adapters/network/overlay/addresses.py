"""The arithmetic of an overlay: everything about it follows from its settings and two numbers.

All agents derive the same names and ids, so nothing but subnets and hosts' addresses is exchanged.
"""

from __future__ import annotations

import hashlib
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import NamedTuple

MAX_SUBNETS = 1 << 20
LONGEST_PREFIX = 30
OVERHEAD_BYTES = 50  # of Ethernet, IP, UDP and VXLAN headers around a packet
_MAC_PREFIX = "02:6f"  # locally administered


class OverlayError(ValueError):
    """An overlay that cannot be; the text is one sentence."""


class Overlay(NamedTuple):
    """An overlay as all its agents are configured for it. ``prefix`` is that of a subnet."""

    name: str
    network: IPv4Network
    prefix: int
    port: int

    @property
    def key(self) -> str:
        """What its agents have to agree on."""
        return f"{self.name} {self.network} {self.prefix} {self.port}"

    @property
    def subnets(self) -> int:
        """How many there are."""
        return 1 << (self.prefix - self.network.prefixlen)

    def subnet(self, number: int) -> IPv4Network:
        """The subnet of that number. Raises OverlayError when there is none."""
        if not 0 <= number < self.subnets:
            raise OverlayError(f"The overlay {self.name} has no subnet {number}")
        first = int(self.network.network_address) + (number << (32 - self.prefix))
        return IPv4Network((first, self.prefix))

    @property
    def vni(self) -> int:
        """The VXLAN network identifier: 24 bits, never 0."""
        return int.from_bytes(self._digest[:3], "big") or 1

    @property
    def device(self) -> str:
        """The name of the VXLAN device: agents that share a host share it."""
        return f"orv-{self._digest.hex()[:10]}"

    @property
    def _digest(self) -> bytes:
        return hashlib.sha256(self.key.encode()).digest()


def parse(name: str, network: str, prefix: int, port: int) -> Overlay:
    """Check the settings of an overlay. Raises OverlayError."""
    try:
        whole = IPv4Network(network)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise OverlayError(f"'{network}' is not an IPv4 network such as 9.0.0.0/8") from None
    if not whole.prefixlen < prefix <= LONGEST_PREFIX:
        raise OverlayError(
            f"the agents' subnets have to be smaller than {whole} and no smaller than "
            f"/{LONGEST_PREFIX}, which /{prefix} is not"
        )
    overlay = Overlay(name, whole, prefix, port)
    if overlay.subnets > MAX_SUBNETS:
        raise OverlayError(f"{whole} has more than {MAX_SUBNETS} subnets of /{prefix}")
    return overlay


def mac_of(host: IPv4Address) -> str:
    """The MAC of a host's VXLAN device."""
    return f"{_MAC_PREFIX}:{host.packed.hex(':')}"


def gateway_of(subnet: IPv4Network) -> IPv4Address:
    """The address of the VXLAN device before a subnet: the one that no container can have."""
    return subnet.network_address
