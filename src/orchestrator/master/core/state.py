"""What the parts of the master share while one input is handled.

``State`` carries the cluster, the allocator's filters, the timers and the counters, and collects
the effects; ``Master`` hands them out when the input has been dealt with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto

from orchestrator.master.config import MasterConfig
from orchestrator.master.core.allocator.drf import Divide, divide
from orchestrator.master.core.allocator.filters import Filters
from orchestrator.master.core.allocator.supply import Holding, Supply
from orchestrator.master.core.cluster import Cluster
from orchestrator.master.core.commands import RoleQuota
from orchestrator.master.core.machines import Machines
from orchestrator.master.core.messages import Effect, ToAgent, ToFramework
from orchestrator.master.core.records import Agent, Framework
from orchestrator.master.core.registry import AgentRecord
from orchestrator.master.core.subnets import Subnets
from orchestrator.master.core.timers import Timers
from orchestrator.mesos.link import FromMaster
from orchestrator.mesos.scheduler import Event, EventType, Update
from orchestrator.mesos.types import (
    MachineID,
    MaintenanceSchedule,
    MasterInfo,
    TaskStatus,
    Unavailability,
)


class Timer(Enum):
    """What can be waited for; the second half of a timer's key is an id."""

    FRAMEWORK_FAILOVER = auto()
    FRAMEWORK_HEARTBEAT = auto()
    AGENT_PING = auto()
    AGENT_RETURN = auto()  # of agents in the registry, after the master's restart
    OFFER_TIMEOUT = auto()
    OPERATION_RETRY = auto()
    OPERATOR_HEARTBEAT = auto()
    OVERLAY = auto()  # agents are told of each other; there is one only
    ALLOCATION = auto()  # a look at what was left, for quota; there is one only
    INVERSE_OFFER = auto()  # the filter of an answer is over; the id is "framework/agent"


@dataclass(slots=True)
class State:
    """The master's whole state."""

    config: MasterConfig
    info: MasterInfo
    weights: dict[str, float]  # by role; 1 where none is set
    started_at: float
    now: float
    cluster: Cluster = field(default_factory=Cluster)
    filters: Filters = field(default_factory=Filters)
    timers: Timers[tuple[Timer, str]] = field(default_factory=Timers)
    counters: Counter[str] = field(default_factory=Counter)
    effects: list[Effect] = field(default_factory=list)
    changed_agents: dict[str, None] = field(default_factory=dict)  # ordered: to be allocated
    left_agents: dict[str, None] = field(default_factory=dict)  # may have something left
    looked_at_again: dict[str, None] = field(default_factory=dict)  # of the changed ones
    quotas: dict[str, RoleQuota] = field(default_factory=dict)  # by role
    supply: Supply = field(default_factory=Supply)  # what the agents have free
    holdings: dict[tuple[str, str], Holding] = field(default_factory=dict)  # framework, role
    allocations: int = 0  # so far
    divide: Divide = divide  # the allocator
    recovered_agents: set[str] = field(default_factory=set)  # in the registry, not back yet
    most_awaited: int | None = None  # nothing is offered while more than that are not back
    records: dict[str, AgentRecord] = field(default_factory=dict)  # of agents that are away
    schedule: MaintenanceSchedule = field(default_factory=MaintenanceSchedule)
    planned: Machines[Unavailability] = field(default_factory=Machines)  # by the schedule
    down_machines: list[MachineID] = field(default_factory=list)
    down: Machines[bool] = field(default_factory=Machines)  # the same
    inverse_offers: dict[str, tuple[str, str]] = field(default_factory=dict)  # framework, agent
    answers: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)  # to them
    draining: set[str] = field(default_factory=set)  # agents whose last tasks are awaited
    overdue: set[str] = field(default_factory=set)  # agents to be given up when that is allowed
    removals_from: float = 0.0  # when the removal rate limit lets the next agent be given up
    gone: dict[str, float] = field(default_factory=dict)  # agents that must not come back: since
    overlays: dict[str, Subnets] = field(default_factory=dict)  # by the network's name
    watchers: dict[str, None] = field(default_factory=dict)  # operators' streams, oldest first
    issued: Counter[str] = field(default_factory=Counter)  # ids given out, by kind

    def new_id(self, kind: str) -> str:
        """The next id of a kind: ``<master id>-S3``, as Mesos forms them."""
        number = self.issued[kind]
        self.issued[kind] += 1
        return f"{self.info.id}-{number:04}" if kind == "F" else f"{self.info.id}-{kind}{number}"

    def tell(self, framework: Framework, event: Event) -> None:
        """Send an event to a framework; to one without a stream, nothing."""
        if framework.stream is not None:
            self.effects.append(ToFramework(framework.stream, event))

    def tell_status(self, framework: Framework, status: TaskStatus) -> None:
        """Send a status update."""
        self.tell(framework, Event(type=EventType.UPDATE, update=Update(status=status)))

    def order(self, agent: Agent, message: FromMaster) -> None:
        """Send a message to an agent; to one without a link, nothing."""
        if agent.link is not None:
            self.effects.append(ToAgent(agent.link, message))

    def reallocate(self, agent_id: str) -> None:
        """Have an agent's free resources offered."""
        self.changed_agents[agent_id] = None

    def reallocate_all(self) -> None:
        """Have all free resources offered: somebody new wants some."""
        self.changed_agents.update(dict.fromkeys(self.cluster.agents))
