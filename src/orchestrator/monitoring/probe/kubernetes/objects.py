"""What an API server says of all objects, pods, services and namespaces; pure. Form: core/v1.

Whatever may be absent may be null, too. ``workloads`` has the other groups, ``storage`` volumes.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import msgspec

from orchestrator.monitoring.report.model import Count


class Wire(msgspec.Struct, rename="camel"):
    """As JSON has it; what is not named here is ignored."""


class Owner(Wire):
    """Whom an object was made by."""

    kind: str = ""
    name: str = ""
    uid: str = ""


def addresses(said: Iterable[str]) -> list[str]:
    """Those that are some, once each, as the kernel writes them; "None" and names are left out."""
    found = []
    for text in said:
        try:
            found.append(str(ip_address(text)))
        except ValueError:
            continue
    return [ip for ip in dict.fromkeys(found) if "%" not in ip]


class Metadata(Wire):
    """Of every object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class Condition(Wire):
    """Something that holds (status "True") or does not."""

    type: str = ""
    status: str = ""


class Reason(Wire):
    """Why a container does not run."""

    reason: str = ""


class ContainerState(Wire):
    """One of the three is there."""

    waiting: Reason | None = None
    running: Reason | None = None
    terminated: Reason | None = None


class ContainerStatus(Wire):
    """One container of a pod."""

    name: str = ""
    id: str = msgspec.field(default="", name="containerID")
    """``docker://ID``, ``containerd://ID``."""
    image: str = ""
    restart_count: Count = 0
    state: ContainerState = msgspec.field(default_factory=ContainerState)


class PodIp(Wire):
    """An address of a pod."""

    ip: str = ""


class ClaimSource(Wire):
    """Whose volume it is."""

    claim_name: str = ""


class PodVolume(Wire):
    """A volume that a pod's containers may mount; of the many kinds two lead to a claim."""

    name: str = ""
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: Wire | None = None
    """Its claim is made with the pod, and named after both."""


class PodSpec(Wire):
    """What a pod should be."""

    node_name: str = ""
    host_network: bool = False
    volumes: list[PodVolume] | None = None


class PodStatus(Wire):
    """What a pod is."""

    phase: str = ""
    reason: str = ""
    ip: str = msgspec.field(default="", name="podIP")
    ips: list[PodIp] | None = msgspec.field(default=None, name="podIPs")
    start_time: str | None = None
    conditions: list[Condition] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Object(Wire):
    """What all kinds have."""

    metadata: Metadata


class Pod(Object):
    """Of core/v1."""

    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)

    @property
    def ips(self) -> list[str]:
        """Its addresses; of a pod in the machine's network the machine's."""
        return addresses(one.ip for one in self.status.ips or [PodIp(self.status.ip)])

    @property
    def containers(self) -> list[ContainerStatus]:
        """All that it has: also those that only prepare it or debug it."""
        status = self.status
        return [
            *(status.container_statuses or ()),
            *(status.init_container_statuses or ()),
            *(status.ephemeral_container_statuses or ()),
        ]

    @property
    def claims(self) -> list[str]:
        """Names of the claims of its volumes."""
        found = []
        for volume in self.spec.volumes or ():
            if volume.persistent_volume_claim is not None:
                found.append(volume.persistent_volume_claim.claim_name)
            elif volume.ephemeral is not None:
                found.append(f"{self.metadata.name}-{volume.name}")
        return found


class ServicePort(Wire):
    """A port of a service."""

    port: Count = 0
    target_port: Count | str | None = None
    node_port: Count = 0
    protocol: str = "TCP"


class ServiceSpec(Wire):
    """What a service should be."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: list[str] | None = msgspec.field(default=None, name="clusterIPs")
    external_ips: list[str] | None = msgspec.field(default=None, name="externalIPs")
    external_name: str = ""
    ports: list[ServicePort] | None = None
    selector: dict[str, str] | None = None


class Ingress(Wire):
    """Where a load balancer is reached."""

    ip: str = ""
    hostname: str = ""


class LoadBalancer(Wire):
    """Of a service."""

    ingress: list[Ingress] | None = None


class ServiceStatus(Wire):
    """What a service is."""

    load_balancer: LoadBalancer = msgspec.field(default_factory=LoadBalancer)


class Service(Object):
    """Of core/v1."""

    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    status: ServiceStatus = msgspec.field(default_factory=ServiceStatus)


class NamespaceStatus(Wire):
    """How a namespace does."""

    phase: str = ""


class Namespace(Object):
    """Of core/v1."""

    status: NamespaceStatus = msgspec.field(default_factory=NamespaceStatus)
