"""Where an instance is reached: the agent's host and port, or the container's own address.

A port of the host leads to every task that has one. A container that has only its own address is
asked there. Source: NetworkInfo.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import HealthCheck, NetworkMode
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.tasks.task_environment import container_ports


class Target(msgspec.Struct, frozen=True):
    """A host, by name or address, and a port."""

    host: str
    port: int


def of_check(app: App, instance: Instance, check: HealthCheck) -> Target | None:
    """Where a health check goes; None while the instance has no such address."""
    is_ipv6 = check.ip_protocol == "IPv6"
    if check.port:
        has_address = any(n.mode is NetworkMode.CONTAINER for n in app.networks)
        host = _address(instance, is_ipv6) if has_address else _host(instance)
        return Target(host, check.port) if host else None
    return of_port(app, instance, check.port_index or 0, is_ipv6)


def of_port(app: App, instance: Instance, index: int, is_ipv6: bool = False) -> Target | None:
    """Where a port of the app is reached, by its place among the app's ports."""
    host_ports = _host_ports(app, instance)
    if index >= len(host_ports):
        return None
    host_port = host_ports[index]
    if host_port is not None:
        host, port = _host(instance), host_port
    else:
        host = _address(instance, is_ipv6)
        port = container_ports(app, host_ports, instance.id)[index]
    return Target(host, port) if host and port else None


def index_of_port(app: App, name: str) -> int | None:
    """The place of a named port."""
    return next((i for i, given in enumerate(port_names(app)) if given == name), None)


def port_names(app: App) -> Sequence[str | None]:
    """The names of the app's ports, in order."""
    if app.uses_host_network:
        return [definition.name for definition in app.port_definitions or []]
    return [mapping.name for mapping in app.port_mappings]


def _host_ports(app: App, instance: Instance) -> list[int | None]:
    """The host port behind each port of the app; the instance lists only those that it has."""
    had = iter(instance.host_ports)
    return [None if wanted is None else next(had, None) for wanted in app.host_ports]


def _host(instance: Instance) -> str | None:
    return instance.place.host if instance.place else None


def _address(instance: Instance, is_ipv6: bool) -> str | None:
    wanted = "IPv6" if is_ipv6 else "IPv4"
    addresses = sorted(instance.addresses, key=lambda address: address.protocol != wanted)
    return addresses[0].ip_address if addresses else None
