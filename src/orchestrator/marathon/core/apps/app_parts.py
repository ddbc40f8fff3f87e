"""The pieces of an app definition.

How they are written is in ``part``, volumes and what else containers are given in ``app_volumes``.
Source: docs/docs/rest-api/public/api/v2/types/*.raml of Marathon 1.11.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from orchestrator.marathon.core.apps.app_volumes import AppVolume, LinuxInfo
from orchestrator.marathon.core.part import Amount, Part, Text, always

__all__ = ["Amount", "AppVolume", "Part", "Text", "always"]  # besides what is defined here

AnyPort = Annotated[int, Meta(ge=0, le=65535)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Protocol = Literal["tcp", "udp", "udp,tcp"]
HttpStatus = Annotated[int, Meta(ge=100, le=999)]
RANDOM_PORT = 0


class NetworkMode(StrEnum):
    """How a task reaches the network."""

    HOST = "host"
    CONTAINER = "container"
    BRIDGE = "container/bridge"


class Network(Part):
    """One network that the app's containers join."""

    mode: NetworkMode = always(default=NetworkMode.CONTAINER)
    name: str | None = None
    labels: dict[str, str] = {}


class PortDefinition(Part):
    """A port of an app on the host network; 0 asks for any, and gets a service port."""

    port: AnyPort = always(default=RANDOM_PORT)
    protocol: Protocol = always(default="tcp")
    name: Name | None = None
    labels: dict[str, str] = always(default={})


class PortMapping(Part):
    """A container's port, the host port that leads to it, and its service port."""

    container_port: AnyPort = always(default=RANDOM_PORT)
    host_port: AnyPort | None = None
    service_port: AnyPort = always(default=RANDOM_PORT)
    protocol: Protocol = always(default="tcp")
    name: Name | None = None
    labels: dict[str, str] = always(default={})
    network_names: list[str] = []

    @classmethod
    def of_discovery(
        cls, number: int, name: str, protocol: Protocol, labels: dict[str, str]
    ) -> PortMapping:
        """The mapping that a port of the old ``ipAddress.discovery`` stands for."""
        return cls(container_port=number, name=name, protocol=protocol, labels=labels)


class DockerParameter(Part):
    """A parameter for the Docker Engine."""

    key: Text
    value: str


class PullConfig(Part):
    """A secret with registry credentials."""

    secret: Text


class DockerCredential(Part):
    """Registry credentials in the definition itself, before 1.5."""

    principal: str
    secret: str | None = None


class DockerContainer(Part):
    """The image of a container and how to run it.

    ``network`` and ``port_mappings`` are the spelling of Marathon before 1.5; ``credential`` was
    never supported since, and is read only to be refused.
    """

    image: Text
    force_pull_image: bool = always(default=False)
    privileged: bool = always(default=False)
    parameters: list[DockerParameter] = always(default=[])
    pull_config: PullConfig | None = None
    credential: DockerCredential | None = None
    network: Literal["BRIDGE", "HOST", "NONE", "USER"] | None = None
    port_mappings: list[PortMapping] | None = None


class Container(Part):
    """How tasks are contained."""

    type: Literal["MESOS", "DOCKER"] = always(default="DOCKER")
    docker: DockerContainer | None = None
    linux_info: LinuxInfo | None = None
    volumes: list[AppVolume] = always(default=[])
    port_mappings: list[PortMapping] | None = None


class Artifact(Part):
    """A file fetched into the sandbox before the command starts."""

    uri: Annotated[str, Meta(min_length=1, max_length=1024)]
    extract: bool = always(default=True)
    executable: bool = always(default=False)
    cache: bool = always(default=False)
    dest_path: Text | None = None


class UpgradeStrategy(Part):
    """How many instances may be missing or extra during an update, as shares of all."""

    minimum_health_capacity: Fraction = always(default=1.0)
    maximum_over_capacity: Fraction = always(default=1.0)


class UnreachableEnabled(Part):
    """When an unreachable instance is replaced, and when it is given up for good."""

    inactive_after_seconds: Annotated[int, Meta(ge=0)] = always(default=0)
    expunge_after_seconds: Annotated[int, Meta(ge=0)] = always(default=0)


UnreachableStrategy = UnreachableEnabled | Literal["disabled"]


class Command(Part):
    """A shell command line."""

    value: Text


class HealthProtocol(StrEnum):
    """Who checks an instance's health, and how."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    COMMAND = "COMMAND"
    MESOS_TCP = "MESOS_TCP"
    MESOS_HTTP = "MESOS_HTTP"
    MESOS_HTTPS = "MESOS_HTTPS"


class HealthCheck(Part):
    """A check whose failure has the instance replaced."""

    protocol: HealthProtocol = always(default=HealthProtocol.HTTP)
    path: Text | None = None
    port: AnyPort | None = None
    port_index: AnyPort | None = None
    command: Command | None = None
    grace_period_seconds: Seconds = always(default=300)
    interval_seconds: Seconds = always(default=60)
    timeout_seconds: Seconds = always(default=20)
    max_consecutive_failures: Count = always(default=3)
    delay_seconds: Seconds = always(default=15)
    ignore_http1xx: bool = always(default=False, name="ignoreHttp1xx")
    ip_protocol: Literal["IPv4", "IPv6"] = always(default="IPv4")


class ReadinessCheck(Part):
    """A check that a deployment waits for, and that is not made otherwise."""

    name: Text = always(default="readinessCheck")
    protocol: Literal["HTTP", "HTTPS"] = always(default="HTTP")
    path: Text = always(default="/")
    port_name: Text = always(default="http-api")
    interval_seconds: Seconds = always(default=30)
    timeout_seconds: Annotated[int, Meta(ge=1, le=2**31 - 1)] = always(default=10)
    http_status_codes: list[HttpStatus] = msgspec.field(
        name="httpStatusCodesForReady", default_factory=lambda: [200]
    )
    preserve_last_response: bool = always(default=False)


class HttpCheck(Part):
    """An HTTP request to a port of the task."""

    port_index: AnyPort | None = None
    port: AnyPort | None = None
    path: Text | None = None
    scheme: Literal["HTTP", "HTTPS"] = always(default="HTTP")


class TcpCheck(Part):
    """A connection to a port of the task."""

    port_index: AnyPort | None = None
    port: AnyPort | None = None


class ShellCommand(Part):
    """A command line under the key that pods and checks use."""

    shell: Text


class MesosCommand(Part):
    """A command of a check."""

    command: ShellCommand


class Check(Part):
    """A check whose result is only shown."""

    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    exec: MesosCommand | None = None
    interval_seconds: Seconds = always(default=60)
    timeout_seconds: Seconds = always(default=20)
    delay_seconds: Seconds = always(default=15)


class ResourceLimits(Part):
    """Upper bounds above what is reserved."""

    cpus: Amount | Literal["unlimited"] | None = None
    mem: Amount | Literal["unlimited"] | None = None


class KillSelection(StrEnum):
    """Which instances go first when there are too many."""

    YOUNGEST_FIRST = "YOUNGEST_FIRST"
    OLDEST_FIRST = "OLDEST_FIRST"
