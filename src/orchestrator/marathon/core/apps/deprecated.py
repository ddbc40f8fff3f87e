"""What the spellings of older Marathons may not be combined with, and what is gone for good.

Looked at before anything is translated, because only then it is known how the client wrote it.
Source: validateOldAppAPI and validOldContainerAPI in AppValidation.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from orchestrator.marathon.core.apps.app_parts import RANDOM_PORT
from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.apps.artifact_uris import SYNTAX_ERROR, is_uri
from orchestrator.marathon.core.refusals import InvalidObject, Violation

Violations = Iterator[Violation]
_EMPTY = "must be empty"


def check(update: AppUpdate) -> None:
    """Refuse spellings that contradict each other. Raises InvalidObject."""
    found = [violation for rule in _RULES for violation in rule(update)]
    if found:
        raise InvalidObject(found)


def _gone(update: AppUpdate) -> Violations:
    if update.store_urls:
        yield Violation("/storeUrls", "is not supported any more: use fetch")


def _container(update: AppUpdate) -> Violations:
    docker = update.container.docker if update.container else None
    if update.container is None or docker is None:
        return
    if docker.credential is not None:
        yield Violation("/container/docker/credential", _EMPTY)
    if update.container.type == "MESOS":
        others = {
            "network": docker.network,
            "parameters": docker.parameters,
            "portMappings": docker.port_mappings,
        }
        for name, value in others.items():
            if value:
                yield Violation(f"/container/docker/{name}", _EMPTY)


def _uris(update: AppUpdate) -> Violations:
    if update.uris and update.fetch:
        yield Violation("/uris", "may not be set in conjunction with fetch")
    for index, uri in enumerate(update.uris or []):
        if not is_uri(uri):
            yield Violation(f"/uris({index})", SYNTAX_ERROR)


def _networks(update: AppUpdate) -> Violations:
    docker = update.container.docker if update.container else None
    if docker and docker.network and update.networks:
        error = "must not specify both container.docker.network and networks"
        yield Violation("/", error)
    if docker and docker.network == "NONE":
        yield Violation("/container/docker/network", "unsupported docker network type NONE")
    if update.ip_address is not None and update.networks:
        yield Violation("/", "must not specify both networks and ipAddress")


def _ip_address(update: AppUpdate) -> Violations:
    if update.ip_address is None:
        return
    if update.ports or update.port_definitions:
        yield Violation("/", "cannot specify both an IP address and port")
    container, discovery = update.container, update.ip_address.discovery
    if discovery is None:
        return
    if container is not None and container.type == "DOCKER":
        error = "ipAddress/discovery is not allowed for Docker containers"
        yield Violation("/ipAddress", error)
    elif container is not None and container.port_mappings and discovery.ports:
        error = "container.portMappings and ipAddress.discovery.ports must not both be set"
        yield Violation("/", error)


def _ports(update: AppUpdate) -> Violations:
    if update.ports is None:
        return
    fixed = [port for port in update.ports if port != RANDOM_PORT]
    if len(set(fixed)) != len(fixed):
        yield Violation("/", "ports must be unique")
    definitions = update.port_definitions
    if definitions is not None and [d.port for d in definitions] != update.ports:
        yield Violation("/", "cannot specify both ports and port definitions")


def _mappings(update: AppUpdate) -> Violations:
    container = update.container
    if container is None or container.docker is None:
        return
    if container.port_mappings and container.docker.port_mappings:
        error = "cannot specify both portMappings and docker.portMappings"
        yield Violation("/container", error)


_RULES: Sequence[Callable[[AppUpdate], Violations]] = (
    _gone, _container, _uris, _networks, _ip_address, _ports, _mappings,
)  # fmt: skip
