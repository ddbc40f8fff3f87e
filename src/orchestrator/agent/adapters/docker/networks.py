"""Networks and ports: host, bridge, none, or networks that the operator made in the Engine.

A container is created in its first network; the Engine lets it join further ones afterwards.
"""

from __future__ import annotations

from orchestrator.agent.adapters.docker.body import JSON, Draft, SpecError
from orchestrator.mesos.types import (
    ContainerInfo,
    DockerInfo,
    DockerPortMapping,
    Message,
    NetworkInfo,
    NetworkPortMapping,
)

_KINDS = ("HOST", "BRIDGE", "NONE")


class Joining(Message):
    """A further network that a container joins before it starts; ``endpoint`` as the API has it."""

    network: str
    endpoint: JSON = {}


def apply(draft: Draft, info: ContainerInfo, docker: DockerInfo) -> list[Joining]:
    """Put the first network and all ports in; answers with the other networks."""
    kind = docker.network.upper()
    infos = info.network_infos
    joining: list[Joining] = []
    if kind == "USER":
        if not infos or not all(network.name for network in infos):
            raise SpecError("A user network needs network_infos with its name")
        draft.host["NetworkMode"] = infos[0].name
        draft.endpoint.update(_endpoint(infos[0]))
        joining = [Joining(network=one.name or "", endpoint=_endpoint(one)) for one in infos[1:]]
    elif kind not in _KINDS:
        raise SpecError(f"There is no Docker network of kind {docker.network}")
    elif len(infos) > 1:
        raise SpecError("A Docker container joins several networks only if they are user networks")
    else:
        draft.host["NetworkMode"] = kind.lower()
    _map_ports(draft, infos, docker)
    return joining


def _endpoint(info: NetworkInfo) -> JSON:
    """The addresses that a task asks for; the Engine picks one otherwise."""
    wanted: JSON = {}
    for address in info.ip_addresses:
        if address.ip_address:
            key = "IPv6Address" if ":" in address.ip_address else "IPv4Address"
            wanted[key] = address.ip_address
    return {"IPAMConfig": wanted} if wanted else {}


def _map_ports(draft: Draft, infos: list[NetworkInfo], docker: DockerInfo) -> None:
    mappings: list[DockerPortMapping | NetworkPortMapping] = list(docker.port_mappings)
    if not mappings:
        mappings = [port for network in infos for port in network.port_mappings]
    if mappings and docker.network.upper() not in ("BRIDGE", "USER"):
        raise SpecError("Port mappings are only supported for bridge and user-defined networks")
    for port in mappings:
        draft.publish(port.host_port, port.container_port, port.protocol or "tcp")
