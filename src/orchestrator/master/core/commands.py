"""The changes that operators ask for, as data; ``operator`` knows who carries them out."""

from __future__ import annotations

import msgspec

from orchestrator.mesos.scheduler import Operation, UpdateFramework
from orchestrator.mesos.types import DurationInfo, MachineID, MaintenanceSchedule


class RoleQuota(msgspec.Struct, frozen=True, kw_only=True):
    """What a role is guaranteed and what it may have at most.

    Scalars by name, in thousandths; what is not named is not guaranteed and not limited.
    """

    role: str
    guarantees: dict[str, int] = {}
    limits: dict[str, int] = {}


class UpdateQuota(msgspec.Struct, frozen=True):
    """Set the quota of roles, all or none; one that says nothing is removed.

    ``force`` skips the checks for plausibility: that the cluster is large enough for all
    guarantees, and that no role has more already than its limit.
    """

    quotas: tuple[RoleQuota, ...]
    force: bool = False


class SetQuota(msgspec.Struct, frozen=True):
    """Mesos' older call: guarantee a role something, and limit it to just that."""

    role: str
    guarantees: dict[str, int]
    force: bool = False


class RemoveQuota(msgspec.Struct, frozen=True):
    """Mesos' older call: let a role have no quota any more."""

    role: str


class UpdateWeights(msgspec.Struct, frozen=True):
    """Set the weights of roles, all or none."""

    weights: dict[str, float]


class TeardownFramework(msgspec.Struct, frozen=True):
    """End a framework and all its tasks."""

    framework_id: str


class ChangeFramework(msgspec.Struct, frozen=True):
    """A framework's own UPDATE_FRAMEWORK, which is answered like an operator's command."""

    framework_id: str
    update: UpdateFramework


class ConvertResources(msgspec.Struct, frozen=True):
    """Reserve, unreserve, create or destroy on one agent, outside any offer.

    What is offered of it is rescinded where that is needed.
    """

    agent_id: str
    operation: Operation
    principal: str | None = None


class DrainAgent(msgspec.Struct, frozen=True):
    """Kill what runs on an agent and offer nothing of it; then, if asked for, mark it gone."""

    agent_id: str
    max_grace_period: DurationInfo | None = None
    mark_gone: bool = False


class DeactivateAgent(msgspec.Struct, frozen=True):
    """Offer nothing of an agent."""

    agent_id: str


class ReactivateAgent(msgspec.Struct, frozen=True):
    """Offer an agent again."""

    agent_id: str


class MarkAgentGone(msgspec.Struct, frozen=True):
    """Shut an agent down for ever."""

    agent_id: str


class UpdateMaintenanceSchedule(msgspec.Struct, frozen=True):
    """Replace the maintenance schedule."""

    schedule: MaintenanceSchedule


class StartMaintenance(msgspec.Struct, frozen=True):
    """Take scheduled machines down."""

    machines: list[MachineID]


class StopMaintenance(msgspec.Struct, frozen=True):
    """Bring machines up again."""

    machines: list[MachineID]


OperatorCommand = (
    TeardownFramework
    | ChangeFramework
    | ConvertResources
    | DrainAgent
    | DeactivateAgent
    | ReactivateAgent
    | MarkAgentGone
    | UpdateMaintenanceSchedule
    | StartMaintenance
    | StopMaintenance
    | UpdateQuota
    | SetQuota
    | RemoveQuota
    | UpdateWeights
)
