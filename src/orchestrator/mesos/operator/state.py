"""The cluster as operators are shown it: agents, frameworks, tasks, operations, roles."""

from __future__ import annotations

from orchestrator.mesos.operator.calls import WeightInfo
from orchestrator.mesos.scheduler import OfferConstraints, Operation
from orchestrator.mesos.types import (
    UUID,
    AgentID,
    AgentInfo,
    Capability,
    DrainInfo,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    InverseOffer,
    Message,
    Offer,
    OperationStatus,
    Resource,
    Task,
    TimeInfo,
)


class Explicit(Message, omit_defaults=False):
    """A message whose fields are all written: foreign readers take them for given."""


class GetTasks(Explicit):
    """All tasks that the master remembers."""

    tasks: list[Task] = []
    completed_tasks: list[Task] = []
    unreachable_tasks: list[Task] = []
    pending_tasks: list[Task] = []
    orphan_tasks: list[Task] = []


class Executor(Message):
    """An executor and where it runs."""

    executor_info: ExecutorInfo
    agent_id: AgentID


class GetExecutors(Explicit):
    """The executors of frameworks' own."""

    executors: list[Executor] = []
    orphan_executors: list[Executor] = []


class Framework(Message):
    """A framework as the master sees it."""

    framework_info: FrameworkInfo
    active: bool
    connected: bool
    recovered: bool
    registered_time: TimeInfo | None = None
    reregistered_time: TimeInfo | None = None
    unregistered_time: TimeInfo | None = None
    offers: list[Offer] = []
    inverse_offers: list[InverseOffer] = []
    allocated_resources: list[Resource] = []
    offered_resources: list[Resource] = []
    offer_constraints: OfferConstraints | None = None


class GetFrameworks(Explicit):
    """Frameworks present and past."""

    frameworks: list[Framework] = []
    completed_frameworks: list[Framework] = []
    recovered_frameworks: list[FrameworkInfo] = []


class Agent(Message):
    """An agent as the master sees it."""

    agent_info: AgentInfo
    active: bool
    version: str
    deactivated: bool | None = None
    pid: str | None = None
    registered_time: TimeInfo | None = None
    reregistered_time: TimeInfo | None = None
    total_resources: list[Resource] = []
    allocated_resources: list[Resource] = []
    offered_resources: list[Resource] = []
    capabilities: list[Capability] = []
    drain_info: DrainInfo | None = None
    estimated_drain_start_time: TimeInfo | None = None


class GetAgents(Explicit):
    """Agents present, and those expected back after the master's start."""

    agents: list[Agent] = []
    recovered_agents: list[AgentInfo] = []


class GetState(Message):
    """The whole state."""

    get_tasks: GetTasks | None = None
    get_executors: GetExecutors | None = None
    get_frameworks: GetFrameworks | None = None
    get_agents: GetAgents | None = None


class OperationInfo(Message):
    """An offer operation that has not been forgotten (mesos.proto ``Operation``)."""

    info: Operation
    latest_status: OperationStatus
    uuid: UUID
    framework_id: FrameworkID | None = None
    agent_id: AgentID | None = None
    statuses: list[OperationStatus] = []


class GetOperations(Explicit):
    """All operations."""

    operations: list[OperationInfo] = []


class Role(Message):
    """A role: its weight, its frameworks and what they hold."""

    name: str
    weight: float
    frameworks: list[FrameworkID] = []
    resources: list[Resource] = []


class GetRoles(Explicit):
    """All roles."""

    roles: list[Role] = []


class GetWeights(Explicit):
    """The weights that were set."""

    weight_infos: list[WeightInfo] = []
