"""The life of one task.

What is wanted of a task (its *goal*) and what is seen of it (its *condition*) are two things. The
goal goes from RUN to STOP and never back. The condition moves only as ``MOVES`` allows::

    STAGED    checkpointed, its launch is ordered; nothing of it has been seen
    RUNNING   its first process runs
    ENDED     nothing of it runs, or ever did; it waits for its updates to be acknowledged

The state that frameworks see follows from both, by ``SHOWN``, until the task has ended; how it
ended is in its last update.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from orchestrator.agent.core import ports, shared_volumes
from orchestrator.agent.core.checking.results import Health
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerInfo,
    Message,
    NetworkInfo,
    Resource,
    Scalar,
    TaskInfo,
    TaskState,
    TaskStatus,
)


class Goal(StrEnum):
    """What is wanted of a task."""

    RUN = "RUN"
    STOP = "STOP"


class Cause(StrEnum):
    """Why the agent itself ends a task that nobody asked it to end."""

    UNHEALTHY = "UNHEALTHY"
    OVERDUE = "OVERDUE"


class Condition(StrEnum):
    """What is seen of a task."""

    STAGED = "STAGED"
    RUNNING = "RUNNING"
    ENDED = "ENDED"


MOVES: Mapping[Condition, frozenset[Condition]] = {
    Condition.STAGED: frozenset({Condition.RUNNING, Condition.ENDED}),
    Condition.RUNNING: frozenset({Condition.ENDED}),
    Condition.ENDED: frozenset(),
}

SHOWN: Mapping[tuple[Condition, Goal], TaskState] = {
    (Condition.STAGED, Goal.RUN): TaskState.STARTING,
    (Condition.STAGED, Goal.STOP): TaskState.STARTING,
    (Condition.RUNNING, Goal.RUN): TaskState.RUNNING,
    (Condition.RUNNING, Goal.STOP): TaskState.KILLING,
}


class Containerizer(StrEnum):
    """Who runs a container."""

    MESOS = "MESOS"
    DOCKER = "DOCKER"


class Limitation(Message):
    """A limit that a container broke: Mesos' reason, a sentence, and of what it was too much."""

    reason: str
    message: str
    resources: list[Resource] = []


class Exit(Message):
    """How a container ended.

    At most one of ``code`` and ``signal`` is set; neither when ``problem`` says why it did not
    start (``started`` false) or why its exit status is unknown. ``limitation``: what it was ended
    for, where its containerizer knows the limit and by how much it was broken.
    """

    code: int | None = None
    signal: int | None = None
    problem: str | None = None
    started: bool = True
    out_of_memory: bool = False
    limitation: Limitation | None = None


class Container(Message):
    """What a containerizer needs to know to run something.

    Without a ``task_id`` it is an executor of a framework's own. One with a ``parent_id`` belongs
    to a task group: its sandbox lies in the parent's, and its network is the parent's; of the
    parent's persistent volumes, ``parent_volumes`` are those that it mounts.
    ``resources`` and ``limits`` are as TaskInfo has them.
    """

    id: str
    containerizer: Containerizer
    framework_id: str
    framework_user: str
    agent_id: str
    executor_id: str
    task_id: str | None = None
    parent_id: str | None = None
    command: CommandInfo | None = None
    info: ContainerInfo | None = None
    resources: list[Resource] = []
    limits: dict[str, Scalar] = {}
    parent_volumes: list[Resource] = []

    @property
    def user(self) -> str | None:
        """Whose rights it has, where tasks run as their users: its command's, its framework's."""
        own = self.command.user if self.command is not None else None
        return own or self.framework_user or None


class Task(Message):
    """A task with all that has to survive the agent, as it is checkpointed.

    ``id`` is its container's: unlike task ids, never used twice. Without a ``containerizer`` its
    executor runs it, which is a framework's own. ``parent_id`` is the container of its executor,
    None for a command, which needs none. Tasks of one ``group`` end together, and share the
    ``networks`` of their executor and its persistent ``volumes``.

    ``updates`` are those not yet acknowledged, oldest first. ``kill_at`` (Unix seconds) is when
    the grace of a kill ends that was first ordered at ``killed_since``, ``cause`` why the agent
    ends it by itself, ``limitation`` the limit that it broke. ``is_disowned``: its framework is
    gone, nobody will acknowledge. ``started_at`` is when it was first seen to run, ``complete_by``
    when it has to have ended; ``health`` what its health check has found.
    """

    id: str
    info: TaskInfo
    framework_id: str
    framework_user: str
    executor_id: str
    containerizer: Containerizer | None = None
    parent_id: str | None = None
    group: str | None = None
    networks: tuple[NetworkInfo, ...] = ()
    volumes: tuple[Resource, ...] = ()
    goal: Goal = Goal.RUN
    condition: Condition = Condition.STAGED
    state: TaskState = TaskState.STAGING
    updates: tuple[TaskStatus, ...] = ()
    latest: TaskStatus | None = None
    pid: int | None = None
    ip_addresses: tuple[str, ...] = ()
    killed_since: float | None = None
    kill_at: float | None = None
    cause: Cause | None = None
    is_disowned: bool = False
    limitation: Limitation | None = None
    started_at: float | None = None
    complete_by: float | None = None
    health: Health = Health()

    @property
    def key(self) -> tuple[str, str]:
        """Framework id and task id: what the master calls the task."""
        return (self.framework_id, self.info.task_id.value)

    @property
    def container(self) -> Container:
        """What its containerizer has to run. Raises ValueError when its executor runs it."""
        if self.containerizer is None:
            raise ValueError(f"{self.key} has no container of its own")
        return Container(
            id=self.id,
            containerizer=self.containerizer,
            framework_id=self.framework_id,
            framework_user=self.framework_user,
            agent_id=self.info.agent_id.value,
            executor_id=self.executor_id,
            task_id=self.info.task_id.value,
            parent_id=self.parent_id,
            command=self.info.command,
            info=ports.shared(self.info.container, self.networks),
            resources=self.info.resources,
            limits=self.info.limits,
            parent_volumes=shared_volumes.mounted(self.info.container, self.volumes),
        )

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more, so that its resources are free."""
        return self.condition is Condition.ENDED

    def can_become(self, condition: Condition) -> bool:
        """Whether the table allows the move."""
        return condition in MOVES[self.condition]
