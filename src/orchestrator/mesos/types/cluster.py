"""Masters, agents, frameworks and the offers between them.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from orchestrator.mesos.types.base import (
    URL,
    Address,
    AgentID,
    ExecutorID,
    FrameworkID,
    Labels,
    Message,
    OfferID,
    Unavailability,
)
from orchestrator.mesos.types.resources import AllocationInfo, Attribute, Resource, Scalar


class ZoneOrRegion(Message):
    """The name of a zone or of a region."""

    name: str


class FaultDomain(Message):
    """Region and zone of an agent or master."""

    region: ZoneOrRegion
    zone: ZoneOrRegion


class DomainInfo(Message):
    """The domain a machine belongs to."""

    fault_domain: FaultDomain | None = None


class Capability(Message):
    """A feature that a master, agent or framework says it understands; unknown ones are kept."""

    type: str = "UNKNOWN"


class MasterInfo(Message):
    """A master as agents, frameworks and detectors see it."""

    id: str
    ip: int
    port: int = 5050
    pid: str | None = None
    hostname: str | None = None
    version: str | None = None
    address: Address | None = None
    domain: DomainInfo | None = None
    capabilities: list[Capability] = []


class OfferFilters(Message):
    """The least quantities a framework wants to be offered."""

    min_allocatable_resources: MinAllocatableResources | None = None


class ResourceQuantities(Message):
    """Scalar amounts by resource name."""

    quantities: dict[str, Scalar] = {}


class MinAllocatableResources(Message):
    """Alternatives: an offer has to contain at least one of these."""

    quantities: list[ResourceQuantities] = []


class FrameworkInfo(Message):
    """A framework as it introduces itself."""

    user: str
    name: str
    id: FrameworkID | None = None
    failover_timeout: float = 0.0
    checkpoint: bool = False
    role: str = "*"
    roles: list[str] = []
    hostname: str | None = None
    principal: str | None = None
    webui_url: str | None = None
    capabilities: list[Capability] = []
    labels: Labels | None = None
    offer_filters: dict[str, OfferFilters] = {}


class AgentInfo(Message):
    """An agent as it introduces itself."""

    hostname: str
    port: int = 5051
    resources: list[Resource] = []
    attributes: list[Attribute] = []
    id: AgentID | None = None
    domain: DomainInfo | None = None


class Offer(Message):
    """Resources of one agent, offered to one framework in one role."""

    id: OfferID
    framework_id: FrameworkID
    agent_id: AgentID
    hostname: str
    url: URL | None = None
    domain: DomainInfo | None = None
    resources: list[Resource] = []
    attributes: list[Attribute] = []
    executor_ids: list[ExecutorID] = []
    unavailability: Unavailability | None = None
    allocation_info: AllocationInfo | None = None


class InverseOffer(Message):
    """A request to free an agent (or resources of it) before it goes down."""

    id: OfferID
    framework_id: FrameworkID
    unavailability: Unavailability
    agent_id: AgentID | None = None
    url: URL | None = None
    resources: list[Resource] = []


class Filters(Message):
    """How long the declined resources should not be offered again (seconds)."""

    refuse_seconds: float = 5.0
