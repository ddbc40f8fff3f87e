"""What becomes of resources and machines: operations, maintenance, draining.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types.base import (
    UUID,
    AgentID,
    DurationInfo,
    Message,
    OperationID,
    ResourceProviderID,
    Unavailability,
)
from orchestrator.mesos.types.resources import Resource


class OperationState(StrEnum):
    """What became of an offer operation."""

    UNSUPPORTED = "OPERATION_UNSUPPORTED"
    PENDING = "OPERATION_PENDING"
    FINISHED = "OPERATION_FINISHED"
    FAILED = "OPERATION_FAILED"
    ERROR = "OPERATION_ERROR"
    DROPPED = "OPERATION_DROPPED"
    UNREACHABLE = "OPERATION_UNREACHABLE"
    GONE_BY_OPERATOR = "OPERATION_GONE_BY_OPERATOR"
    RECOVERING = "OPERATION_RECOVERING"
    UNKNOWN = "OPERATION_UNKNOWN"


class OperationStatus(Message):
    """One update on an operation; acknowledged when it has a uuid."""

    state: OperationState
    operation_id: OperationID | None = None
    message: str | None = None
    converted_resources: list[Resource] = []
    uuid: UUID | None = None
    agent_id: AgentID | None = None
    resource_provider_id: ResourceProviderID | None = None


class MachineID(Message):
    """A machine by host name, address or both."""

    hostname: str | None = None
    ip: str | None = None


class MaintenanceWindow(Message):
    """Machines that go down together, and when."""

    machine_ids: list[MachineID]
    unavailability: Unavailability


class MaintenanceSchedule(Message):
    """All that is planned; each machine at most once."""

    windows: list[MaintenanceWindow] = []


class DrainState(StrEnum):
    """How far an agent's draining has come."""

    UNKNOWN = "UNKNOWN"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"


class DrainConfig(Message):
    """How an agent is drained: the longest grace of its tasks, and whether it is gone then."""

    max_grace_period: DurationInfo | None = None
    mark_gone: bool = False


class DrainInfo(Message):
    """The draining of an agent."""

    state: DrainState
    config: DrainConfig
