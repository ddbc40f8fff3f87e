"""What a plug-in is given: its configuration on stdin and the rest in its environment.

To what the operator wrote come, as the specification has it, the name and version of the network,
the result of the plug-ins before, and the capabilities asked for; and in ``args`` what Mesos' agent
tells there, the task's NetworkInfo.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from orchestrator.agent.adapters.network.cni.config import CniError, Network, Plugin
from orchestrator.mesos import codec
from orchestrator.mesos.types import Message, NetworkInfo

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BURST_SHARE = 10  # a tenth of a second's worth may go at once
_LEAST_BURST = 512 * 1024  # bits: less than a full segment of offloading cards stalls TCP
_MOST_BITS = 2**32 - 1  # the plug-in's limit of a burst


class Rates(Message):
    """Limits in bits/s, seen from the container; 0: none."""

    ingress: int = 0
    egress: int = 0


class Joining(Message):
    """One container in one network. ``interface`` is what the network is called inside."""

    container_id: str
    namespace: str
    interface: str
    info: NetworkInfo
    rates: Rates = Rates()


def environment(joining: Joining, command: str, path: str) -> dict[str, str]:
    """The whole environment of a plug-in."""
    return {
        "PATH": DEFAULT_PATH,
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": joining.container_id,
        "CNI_NETNS": joining.namespace,
        "CNI_IFNAME": joining.interface,
        "CNI_ARGS": _arguments(joining.info),
        "CNI_PATH": path,
    }


def _arguments(info: NetworkInfo) -> str:
    asked = _asked_addresses(info)
    return ";".join(["IgnoreUnknown=1", *(f"IP={address}" for address in asked[:1])])


def _asked_addresses(info: NetworkInfo) -> list[str]:
    return [one.ip_address for one in info.ip_addresses if one.ip_address]


def stdin(network: Network, plugin: Plugin, joining: Joining, previous: bytes | None) -> bytes:
    """The configuration of one plug-in for one container."""
    fields: dict[str, object] = dict(plugin.fields)
    fields["name"] = network.name
    fields["cniVersion"] = network.version
    fields["args"] = _args(plugin.fields, joining.info)
    if told := _capabilities(plugin, joining):
        fields["runtimeConfig"] = told
    if previous is not None:
        fields["prevResult"] = msgspec.Raw(previous)
    return msgspec.json.encode(fields)


def _args(written: Mapping[str, msgspec.Raw], info: NetworkInfo) -> dict[str, object]:
    """What the operator wrote in "args", and Mesos' part. Raises CniError."""
    try:
        args = msgspec.json.decode(written.get("args", b"{}"), type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        raise CniError("'args' of the network's configuration is not an object") from None
    return {**args, "org.apache.mesos": {"network_info": msgspec.Raw(codec.encode(info))}}


def _capabilities(plugin: Plugin, joining: Joining) -> dict[str, object]:
    """What the plug-in wants to be told and there is something to tell of."""
    asked = capabilities(joining.info, joining.rates)
    return {name: value for name, value in asked.items() if plugin.can(name)}


def capabilities(info: NetworkInfo, rates: Rates) -> dict[str, object]:
    """What a container asks of a network beyond joining it, by capability."""
    known: dict[str, object] = {
        "portMappings": _mappings(info),
        "bandwidth": _bandwidth(rates),
        "ips": _asked_addresses(info),
    }
    return {name: value for name, value in known.items() if value}


def _mappings(info: NetworkInfo) -> list[dict[str, object]]:
    return [
        {
            "hostPort": port.host_port,
            "containerPort": port.container_port,
            "protocol": (port.protocol or "tcp").lower(),
        }
        for port in info.port_mappings
    ]


def _bandwidth(rates: Rates) -> dict[str, int]:
    bandwidth: dict[str, int] = {}
    for direction, rate in (("ingress", rates.ingress), ("egress", rates.egress)):
        if rate:
            burst = min(max(rate // _BURST_SHARE, _LEAST_BURST), _MOST_BITS)
            bandwidth |= {f"{direction}Rate": rate, f"{direction}Burst": burst}
    return bandwidth
