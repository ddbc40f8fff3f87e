"""The master's records: a task, an executor, a framework, an agent, an offer that is out.

They are data; ``cluster`` changes them so that the books of all agree.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from msgspec.structs import replace

from orchestrator.mesos import codec
from orchestrator.mesos.link import DestroyVolumes, KillTask, OverlayMember
from orchestrator.mesos.resources import EMPTY, Resources
from orchestrator.mesos.scheduler import OfferConstraints
from orchestrator.mesos.types import (
    AgentInfo,
    ContainerInfo,
    DiscoveryInfo,
    DrainInfo,
    ExecutorInfo,
    FrameworkInfo,
    HealthCheck,
    KillPolicy,
    Labels,
    OperationStatus,
    TaskState,
    TaskStatus,
)

TaskKey = tuple[str, str]  # framework id, task id
ExecutorKey = tuple[str, str]  # framework id, executor id
MAX_MESSAGE = 4096  # characters of a status's message, of those that are kept
MAX_LABEL_BYTES = 16 * 1024  # of the labels of one that is kept
MAX_STATUSES = 32  # kept of one task; a flapping health check must not grow without bound


@dataclass(slots=True)
class LiveTask:
    """A task that has not been forgotten yet.

    ``state`` is the latest the agent reported; ``update_state`` and ``update_uuid`` are the
    update that was last forwarded, which trails while acknowledgements are on their way.
    """

    framework_id: str
    task_id: str
    name: str
    agent_id: str
    role: str
    resources: Resources
    state: TaskState
    executor_id: str | None = None
    update_state: TaskState | None = None
    update_uuid: bytes | None = None
    statuses: list[TaskStatus] = field(default_factory=list)
    labels: Labels | None = None
    discovery: DiscoveryInfo | None = None
    container: ContainerInfo | None = None
    health_check: HealthCheck | None = None
    kill_policy: KillPolicy | None = None
    user: str | None = None

    @property
    def key(self) -> TaskKey:
        """What identifies the task in the cluster."""
        return self.framework_id, self.task_id

    def note(self, status: TaskStatus) -> None:
        """Remember a status, of each run of the same state the newest only."""
        status = _kept(status)
        if self.statuses and self.statuses[-1].state is status.state:
            self.statuses[-1] = status
            return
        self.statuses.append(status)
        del self.statuses[:-MAX_STATUSES]


def _kept(status: TaskStatus) -> TaskStatus:
    """A status without what an executor may make as large as it likes (Mesos drops the data)."""
    message, labels = status.message, status.labels
    if status.data is None and labels is None and len(message or "") <= MAX_MESSAGE:
        return status  # most are
    if message is not None and len(message) > MAX_MESSAGE:
        message = message[:MAX_MESSAGE] + "..."
    if labels is not None and len(codec.encode(labels)) > MAX_LABEL_BYTES:
        labels = None
    return replace(status, data=None, message=message, labels=labels)


@dataclass(slots=True)
class LiveExecutor:
    """An executor with a life of its own, custom or default; those of commands are not counted."""

    framework_id: str
    executor_id: str
    agent_id: str
    role: str
    resources: Resources
    info: ExecutorInfo

    @property
    def key(self) -> ExecutorKey:
        """What identifies the executor on its agent."""
        return self.framework_id, self.executor_id


@dataclass(slots=True)
class Usage:
    """Resources in use by live tasks and executors, and out as offers.

    A framework's usage counts scalars only: the same port on two agents is not one port.
    """

    used: Resources = EMPTY
    offered: Resources = EMPTY

    @property
    def allocated(self) -> Resources:
        """Both together."""
        return self.used + self.offered


@dataclass(slots=True)
class PendingStatus:
    """The status of an operation that its framework has not acknowledged yet."""

    status: OperationStatus
    retry_s: float


@dataclass(slots=True)
class Framework:
    """A framework, connected (``stream`` is set) or expected back."""

    id: str
    info: FrameworkInfo
    registered_at: float
    stream: str | None = None
    reregistered_at: float | None = None
    disconnected_at: float | None = None
    is_recovered: bool = False  # known from an agent only; has not subscribed to this master
    suppressed: set[str] = field(default_factory=set)
    usage: dict[str, Usage] = field(default_factory=dict)  # by role
    tasks: dict[str, LiveTask] = field(default_factory=dict)
    executors: dict[tuple[str, str], LiveExecutor] = field(default_factory=dict)  # agent, executor
    offers: dict[str, None] = field(default_factory=dict)  # ordered, so that runs repeat
    completed: deque[LiveTask] = field(default_factory=deque)
    unregistered_at: float | None = None
    operations: dict[str, PendingStatus] = field(default_factory=dict)  # not acknowledged
    constraints: OfferConstraints | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it has a stream."""
        return self.stream is not None

    @property
    def roles(self) -> list[str]:
        """The roles it is in."""
        return self.info.roles if self.has("MULTI_ROLE") else [self.info.role]

    @property
    def agent_ids(self) -> list[str]:
        """The agents that have something of it, in the order in which they got it."""
        of_tasks = (task.agent_id for task in self.tasks.values())
        of_executors = (agent_id for agent_id, _ in self.executors)
        return list(dict.fromkeys((*of_tasks, *of_executors)))

    def has(self, capability: str) -> bool:
        """Whether the framework announced a capability."""
        return any(c.type == capability for c in self.info.capabilities)

    def usage_of(self, role: str) -> Usage:
        """Its usage in a role, to be changed."""
        return self.usage.setdefault(role, Usage())

    def forget_empty_roles(self) -> None:
        """Strike off the usage in roles that it has left with nothing in them."""
        for role, usage in list(self.usage.items()):
            if role not in self.roles and not usage.used and not usage.offered:
                del self.usage[role]


@dataclass(slots=True)
class Agent:
    """An agent, connected (``link`` is set) or expected back until ``deadline``."""

    id: str
    info: AgentInfo
    resources: Resources
    registered_at: float
    ip: str = ""
    version: str = ""
    link: str | None = None
    reregistered_at: float | None = None
    heard_at: float = 0.0
    usage: Usage = field(default_factory=Usage)
    tasks: dict[TaskKey, LiveTask] = field(default_factory=dict)
    executors: dict[ExecutorKey, LiveExecutor] = field(default_factory=dict)
    offers: dict[str, None] = field(default_factory=dict)  # ordered, so that runs repeat
    drain: DrainInfo | None = None
    is_deactivated: bool = False
    kills: dict[TaskKey, KillTask] = field(default_factory=dict)  # asked for, of live tasks
    overlay: OverlayMember | None = None  # with its subnet
    destroyed: int | None = None  # the last order to destroy volumes that it carried out
    doomed: list[DestroyVolumes] = field(default_factory=list)  # such orders that it has not

    @property
    def is_connected(self) -> bool:
        """Whether it has a link."""
        return self.link is not None

    @property
    def can_be_offered(self) -> bool:
        """Whether anybody may be offered what is free on it."""
        return self.is_connected and not self.is_deactivated and self.drain is None

    @property
    def free(self) -> Resources:
        """What is neither used nor offered."""
        return self.resources - self.usage.allocated

    @property
    def pid(self) -> str:
        """The agent's address in libprocess' form, which tools take apart."""
        return f"slave(1)@{self.ip or self.info.hostname}:{self.info.port}"


@dataclass(slots=True)
class OutstandingOffer:
    """An offer that has been neither used nor taken back."""

    id: str
    framework_id: str
    agent_id: str
    role: str
    resources: Resources
