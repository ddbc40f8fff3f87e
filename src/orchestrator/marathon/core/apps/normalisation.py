"""From what a client sent to a whole app in canonical form.

First the spellings of older versions are translated, then what was left out is taken from the
existing app or from the defaults, then ports and networks are made to agree. Source:
AppNormalization.scala of Marathon 1.11.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps import deprecated, residency
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Artifact,
    Container,
    HealthProtocol,
    Network,
    NetworkMode,
    PortDefinition,
    PortMapping,
    ReadinessCheck,
)
from orchestrator.marathon.core.apps.app_update import AppUpdate, IpAddress
from orchestrator.marathon.core.apps.artifact_uris import is_archive
from orchestrator.marathon.core.refusals import InvalidObject, Violation

T = TypeVar("T")
_DEFAULT_PORT_NAME = "default"
BRIDGE_NAME = "mesos-bridge"
_DOCKER_NETWORKS = {
    "HOST": NetworkMode.HOST,
    "BRIDGE": NetworkMode.BRIDGE,
    "USER": NetworkMode.CONTAINER,
}


def complete(app_id: str, update: AppUpdate, existing: App | None, default_role: str) -> App:
    """The app that the update asks for, on top of the existing one if that is given.

    Raises InvalidObject where old and new spellings contradict each other.
    """
    if update.accepted_resource_roles == []:
        raise _invalid("/acceptedResourceRoles", "must not be empty")
    deprecated.check(update)
    update = _modernise(update)
    base = existing or App(id=app_id, role=default_role)
    app = replace(
        _with_fields(base, update),
        id=app_id,
        dependencies=[ids.canonical(path) for path in _or(update.dependencies, base.dependencies)],
    )
    app = residency.settled(app, update, existing)
    return _with_port_indices(_agree_on_ports(app, update))


def _or(given: T | None, otherwise: T) -> T:
    return otherwise if given is None else given


_SAME_NAME = (
    "cmd", "args", "user", "env", "instances", "cpus", "mem", "disk", "gpus", "executor",
    "constraints", "fetch", "container", "port_definitions", "require_ports", "health_checks",
    "readiness_checks",
    "check", "backoff_seconds", "backoff_factor", "max_launch_delay_seconds",
    "task_kill_grace_period_seconds", "upgrade_strategy", "kill_selection",
    "unreachable_strategy", "labels", "accepted_resource_roles", "role", "resource_limits", "tty",
    "secrets", "residency", "executor_resources",
)  # fmt: skip


def _with_fields(base: App, update: AppUpdate) -> App:
    given = {name: getattr(update, name) for name in _SAME_NAME}
    changes = {name: value for name, value in given.items() if value is not None}
    networks = update.networks if update.networks else base.networks
    return replace(base, networks=networks, **changes)


def _modernise(update: AppUpdate) -> AppUpdate:
    container = update.container
    if container is not None and container.type == "MESOS":
        _refuse_docker_ports(container)
    if container is None and update.ip_address is not None:
        container = Container(type="MESOS")
    return replace(
        update,
        fetch=_fetch(update),
        networks=_networks(update),
        container=container and _modern_container(container, update.ip_address),
        port_definitions=_port_definitions(update),
        readiness_checks=_readiness_checks(update.readiness_checks),
    )


def _readiness_checks(checks: list[ReadinessCheck] | None) -> list[ReadinessCheck] | None:
    """An empty list of status codes stands for the usual one."""
    if checks is None:
        return None
    return [
        check if check.http_status_codes else replace(check, http_status_codes=[200])
        for check in checks
    ]


def _refuse_docker_ports(container: Container) -> None:
    """The old spelling is of the Docker containerizer alone."""
    if container.docker and container.docker.network:
        raise _invalid("/container/docker/network", "must be empty")
    if container.docker and container.docker.port_mappings:
        raise _invalid("/container/docker/portMappings", "must be empty")


def _fetch(update: AppUpdate) -> list[Artifact] | None:
    if not update.uris:
        return update.fetch
    return [Artifact(uri=uri, extract=is_archive(uri)) for uri in update.uris]


def _port_definitions(update: AppUpdate) -> list[PortDefinition] | None:
    if update.ports is None:
        return update.port_definitions
    return update.port_definitions or [PortDefinition(port=port) for port in update.ports]


def _networks(update: AppUpdate) -> list[Network] | None:
    docker = update.container.docker if update.container else None
    old = docker.network if docker else None
    if old is None and update.ip_address is None:
        return update.networks
    address = update.ip_address
    mode = _DOCKER_NETWORKS[old] if old else NetworkMode.CONTAINER
    if address is None:
        return [Network(mode=mode)]
    if mode is NetworkMode.HOST:  # a strange way to ask for it
        return [Network(mode=mode)]
    if mode is NetworkMode.BRIDGE or (old is None and address.network_name == BRIDGE_NAME):
        return [Network(mode=NetworkMode.BRIDGE, labels=address.labels)]
    return [Network(mode=mode, name=address.network_name, labels=address.labels)]


def _modern_container(container: Container, address: IpAddress | None) -> Container:
    mappings = container.port_mappings
    docker = container.docker
    if docker and docker.port_mappings is not None:
        mappings = mappings or docker.port_mappings
    if address and address.discovery and address.discovery.ports:
        mappings = [
            PortMapping.of_discovery(p.number, p.name, p.protocol, p.labels)
            for p in address.discovery.ports
        ]
    if docker:
        docker = replace(docker, network=None, port_mappings=None)
    return replace(container, docker=docker, port_mappings=mappings)


def _agree_on_ports(app: App, update: AppUpdate) -> App:
    if app.uses_host_network:
        container = app.container and replace(app.container, port_mappings=None)
        definitions = app.port_definitions
        if definitions is None:
            definitions = [PortDefinition(name=_DEFAULT_PORT_NAME)]
        _refuse_mappings(update)
        return replace(app, container=container, port_definitions=definitions)
    container = app.container or Container(type="MESOS")
    mappings = container.port_mappings
    if mappings is None:
        mappings = [PortMapping(name=_DEFAULT_PORT_NAME)]
    for _ in (update.port_definitions or [])[len(mappings) :]:
        mappings = [*mappings, PortMapping()]
    if any(network.mode is NetworkMode.BRIDGE for network in app.networks):
        mappings = [replace(m, host_port=m.host_port or 0) for m in mappings]
    container = replace(container, port_mappings=mappings)
    return replace(app, container=container, port_definitions=None, require_ports=False)


def _with_port_indices(app: App) -> App:
    """Health checks that name no port go to the first one."""
    if not (app.health_checks and app.host_ports):
        return app
    checks = [
        check
        if check.protocol is HealthProtocol.COMMAND
        or (check.port, check.port_index) != (None, None)
        else replace(check, port_index=0)
        for check in app.health_checks
    ]
    return replace(app, health_checks=checks)


def _refuse_mappings(update: AppUpdate) -> None:
    host = any(network.mode is NetworkMode.HOST for network in update.networks or [])
    if host and update.container and update.container.port_mappings:
        raise _invalid("/", "portMappings are not allowed with host-networking")


def _invalid(path: str, error: str) -> InvalidObject:
    return InvalidObject([Violation(path, error)])
