"""The objects of a pod's status, as they are written. Source: podStatus.raml of Marathon 1.11."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orchestrator.marathon.core.apps.app_parts import Part, UnreachableStrategy, always
from orchestrator.marathon.core.placement.reservation import LocalVolume
from orchestrator.marathon.core.pods.parts import PodResources
from orchestrator.marathon.core.pods.pod import Pod


class PodState(StrEnum):
    """Whether there are as many stable instances as there should be."""

    DEGRADED = "DEGRADED"
    STABLE = "STABLE"


class PodInstanceState(StrEnum):
    """How far an instance is."""

    PENDING = "PENDING"  # waits for an offer, or for the agent to take it
    STAGING = "STAGING"
    STABLE = "STABLE"
    DEGRADED = "DEGRADED"
    TERMINAL = "TERMINAL"


class StatusCondition(Part):
    """A condition of a container, such as ``healthy``."""

    name: str
    last_changed: str
    last_updated: str
    value: str
    reason: str | None = None


class EndpointStatus(Part):
    """An endpoint and the host's port for it."""

    name: str
    allocated_host_port: int | None = None
    healthy: bool | None = None


class Termination(Part):
    """How a container ended."""

    message: str | None = None


class ContainerStatus(Part, kw_only=True):
    """A container of an instance."""

    name: str
    status: str
    status_since: str
    message: str | None = None
    conditions: list[StatusCondition] = always(default=[])
    container_id: str | None = None
    endpoints: list[EndpointStatus] = always(default=[])
    resources: PodResources | None = None
    termination: Termination | None = None
    last_updated: str
    last_changed: str


class NetworkStatus(Part):
    """A network that an instance has joined."""

    name: str | None = None
    addresses: list[str] = always(default=[])


class PodInstanceStatus(Part, kw_only=True):
    """An instance of a pod."""

    id: str
    status: PodInstanceState
    status_since: str
    message: str | None = None
    conditions: list[StatusCondition] = always(default=[])
    agent_hostname: str | None = None
    agent_id: str | None = None
    agent_region: str | None = None
    agent_zone: str | None = None
    resources: PodResources
    networks: list[NetworkStatus] = always(default=[])
    containers: list[ContainerStatus] = always(default=[])
    spec_reference: str
    local_volumes: list[LocalVolume] = always(default=[])
    last_updated: str
    last_changed: str
    role: str


class TerminatedContainer(Part):
    """A container of an instance that has ended."""

    container_id: str
    last_known_state: str
    termination: Termination


class TerminationHistory(Part, kw_only=True):
    """An instance that has ended though it should have run."""

    instance_id: str = msgspec.field(name="instanceID")
    started_at: str
    terminated_at: str
    message: str | None = None
    containers: list[TerminatedContainer] = always(default=[])


class PodStatus(Part, kw_only=True):
    """A pod, its instances, and how earlier ones ended."""

    id: str
    spec: Pod
    status: PodState
    status_since: str
    instances: list[PodInstanceStatus] = always(default=[])
    termination_history: list[TerminationHistory] = always(default=[])
    last_updated: str
    last_changed: str


class AgentInfo(Part):
    """Where an instance is."""

    host: str
    agent_id: str
    region: str | None = None
    zone: str | None = None
    attributes: list[str] = always(default=[])


class InstanceState(Part, kw_only=True):
    """What is seen of an instance, and what is wanted."""

    condition: str
    since: str
    active_since: str | None = None
    healthy: bool | None = None
    goal: str


class ShownInstance(Part, kw_only=True):
    """An instance by itself, as the deletion of instances answers it."""

    instance_id: str
    state: InstanceState
    agent_info: AgentInfo | None = None
    run_spec_version: str
    unreachable_strategy: UnreachableStrategy
