"""Networks, ports and what service discovery publishes of a task.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from orchestrator.mesos.types.base import Labels, Message


class Port(Message):
    """A named port of a service, for discovery."""

    number: int
    name: str | None = None
    protocol: str | None = None
    visibility: str | None = None
    labels: Labels | None = None


class Ports(Message):
    """The ports of a service."""

    ports: list[Port] = []


class DiscoveryInfo(Message):
    """What service discovery (DNS, proxies) should publish of a task."""

    visibility: str
    name: str | None = None
    environment: str | None = None
    location: str | None = None
    version: str | None = None
    ports: Ports | None = None
    labels: Labels | None = None


class IPAddress(Message):
    """An address asked for or given."""

    protocol: str | None = None
    ip_address: str | None = None


class NetworkPortMapping(Message):
    """A host port that leads to a container's port."""

    host_port: int
    container_port: int
    protocol: str | None = None


class NetworkInfo(Message):
    """One network that a container joins."""

    ip_addresses: list[IPAddress] = []
    name: str | None = None
    groups: list[str] = []
    labels: Labels | None = None
    port_mappings: list[NetworkPortMapping] = []
