"""The configurations of the networks that every agent has without an operator writing any.

The bridge is what Marathon's ``container/bridge`` asks for. All agents of a machine share it and
its addresses: host-local locks its files, and they are below /run, so a reboot forgets them with
the containers. ``firewall`` lets packets through where the machine's policy is to drop what it
forwards, as the Docker Engine has it. CHECK is off: release 1.1 of portmap and of bandwidth, which
Debian has, fail it for containers that are well.
"""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Network

BRIDGE_NETWORK = "mesos-bridge"
BRIDGE_DEVICE = "orchestrator0"
ADDRESSES = "/run/orchestrator/networks"
_VERSION = "1.0.0"
_LONGEST_DEVICE = 15


def bridge(subnet: IPv4Network) -> str:
    """Containers on a bridge of the host, seen from outside under the host's address."""
    return _configuration(BRIDGE_NETWORK, BRIDGE_DEVICE, subnet, hides_addresses=True)


def overlay(name: str, subnet: IPv4Network, mtu: int) -> str:
    """Containers on a bridge whose subnet the other agents of the overlay know the way to."""
    return _configuration(name, overlay_bridge(name, subnet), subnet, False, mtu=mtu)


def overlay_bridge(name: str, subnet: IPv4Network) -> str:
    """The name of the bridge: short, and one for each subnet."""
    digest = hashlib.sha256(f"{name} {subnet}".encode()).hexdigest()
    return f"orc-{digest[: _LONGEST_DEVICE - 4]}"


def _configuration(
    name: str, device: str, subnet: IPv4Network, hides_addresses: bool, mtu: int | None = None
) -> str:
    bridge_plugin: dict[str, object] = {
        "type": "bridge",
        "bridge": device,
        "isGateway": True,
        "ipMasq": hides_addresses,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": ADDRESSES,
            "ranges": [[{"subnet": str(subnet)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    if mtu is not None:
        bridge_plugin["mtu"] = mtu
    plugins = [
        bridge_plugin,
        {"type": "firewall"},
        _only_for("portMappings", "portmap"),
        _only_for("bandwidth", "bandwidth"),
    ]
    document = {
        "cniVersion": _VERSION,
        "name": name,
        "disableCheck": True,
        "plugins": plugins,
    }
    return json.dumps(document, indent=2) + "\n"


def _only_for(capability: str, plugin: str) -> dict[str, object]:
    return {"type": plugin, "capabilities": {capability: True}, "onlyFor": capability}
