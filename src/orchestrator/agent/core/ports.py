"""Ports of containers: which may be mapped, and whether a task keeps to its own.

A task on the host's network that listens on a port of the agent's which is not among its resources
takes it from another task; ``strays`` finds it. Source: docs/isolators/network-ports.md of Apache
Mesos.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import ContainerInfo, NetworkInfo

MAX_MAPPINGS = 1000
PROTOCOLS = ("tcp", "udp", "sctp")
Ranges = Sequence[tuple[int, int]]


def joined(info: ContainerInfo | None) -> list[NetworkInfo]:
    """The networks that a container asks for by name; without any it is on the host's."""
    return [network for network in info.network_infos if network.name] if info else []


def shared(info: ContainerInfo | None, of_group: Sequence[NetworkInfo]) -> ContainerInfo | None:
    """What a member of a task group asks for, with the networks that its group has."""
    if not of_group or (info is not None and info.type == "DOCKER"):
        return info
    return replace(info or ContainerInfo(type="MESOS"), network_infos=list(of_group))


def mapping_problem(networks: Iterable[NetworkInfo], resources: Resources) -> str | None:
    """Why a container with these resources cannot map its ports, if it cannot.

    Of a task group, ``resources`` are those of all its tasks.
    """
    mappings = [port for network in networks for port in network.port_mappings]
    if len(mappings) > MAX_MAPPINGS:
        return f"A container can map {MAX_MAPPINGS} ports, not {len(mappings)}"
    own = resources.ranges("ports")
    for port in mappings:
        if not is_within(port.host_port, own):
            return f"Host port {port.host_port} is not among the task's resources"
        if not 0 < port.container_port < 65536:
            return f"{port.container_port} cannot be the port of a container"
        if (port.protocol or "tcp").lower() not in PROTOCOLS:
            return f"Ports of the protocol '{port.protocol}' cannot be mapped"
    return None


def is_within(port: int, ranges: Ranges) -> bool:
    """Whether a port is in one of the ranges, ends included."""
    return any(begin <= port <= end for begin, end in ranges)


def strays(
    listening: Mapping[str, Iterable[int]], own: Mapping[str, Ranges], watched: Ranges
) -> dict[str, list[int]]:
    """The containers that listen on ports they do not have, of those that are ``watched``.

    ``listening`` and ``own`` are by container id.
    """
    found = {
        container_id: sorted(
            {port for port in ports if is_within(port, watched)}
            - {port for port in ports if is_within(port, own.get(container_id, ()))}
        )
        for container_id, ports in ((key, set(value)) for key, value in listening.items())
    }
    return {container_id: ports for container_id, ports in found.items() if ports}


def limit_message(stray: Sequence[int]) -> str:
    """Why a container that strayed is ended."""
    named = ", ".join(map(str, stray[:10])) + (", ..." if len(stray) > 10 else "")
    noun = "port" if len(stray) == 1 else "ports"
    return f"The task listens on {noun} {named}, which it has not been given"
