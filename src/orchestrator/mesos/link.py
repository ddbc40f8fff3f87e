"""The link between an agent and the master: one WebSocket, kept open by the agent.

The agent connects to ``/api/v1/agents/link`` on the master. Every frame, in either direction, is
a JSON array of the messages below (tagged by ``type``), so whatever is ready travels together:
status updates, acknowledgements and launches are batched by load, not by a timer.

The agent speaks first with one ``Register``. The master answers ``Registered`` or ``Refused`` (and
closes). From then on the master pings; an agent that hears nothing for ``ping_timeout_s`` times
``max_ping_timeouts`` reconnects, and a master that hears nothing that long calls the agent lost.

This link is ours: Mesos' own agents speak libprocess and do not connect to it.
"""

from __future__ import annotations

from orchestrator.mesos.types import (
    AgentID,
    AgentInfo,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    MasterInfo,
    Message,
    Resource,
    Task,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)


class AgentMessage(Message, tag_field="type"):
    """What an agent says to the master."""


class MasterMessage(Message, tag_field="type"):
    """What the master says to an agent."""


class OverlayMember(Message):
    """An agent's part in an overlay network.

    ``network`` names it with all that its agents must agree on, ``subnets`` is into how many it is
    cut, ``address`` where the agent's host takes its packets (IPv4), ``subnet`` the number of the
    one that the agent has had before.
    """

    network: str
    subnets: int
    address: str
    subnet: int | None = None


class Register(AgentMessage, tag="REGISTER"):
    """The first message of a link.

    ``agent.id`` is absent the first time and the checkpointed id afterwards; ``tasks`` are all
    tasks whose terminal update has not been acknowledged, ``executors`` all that have not ended
    (not those of commands), ``frameworks`` those they belong to. ``destroyed`` is the number of the
    last ``DestroyVolumes`` that was carried out; None is of an agent that knows no such order.
    """

    agent: AgentInfo
    version: str
    tasks: list[Task] = []
    executors: list[ExecutorInfo] = []
    frameworks: list[FrameworkInfo] = []
    overlay: OverlayMember | None = None
    destroyed: int | None = None


class StatusUpdate(Message):
    """A status update on its way: ``status.uuid`` is set, ``latest_state`` is how far it got."""

    framework_id: FrameworkID
    status: TaskStatus
    latest_state: TaskState | None = None


class StatusUpdates(AgentMessage, tag="UPDATES"):
    """Status updates, each resent until acknowledged."""

    updates: list[StatusUpdate]


class ExecutorToFramework(AgentMessage, tag="EXECUTOR_MESSAGE"):
    """Bytes from an executor to its framework."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    data: bytes


class ExecutorExited(AgentMessage, tag="EXECUTOR_EXITED"):
    """An executor ended, or was not started; ``status`` as wait(2) gives it.

    Sent once: what gets lost with a link is made good by the next ``Register``.
    """

    framework_id: FrameworkID
    executor_id: ExecutorID
    status: int


class VolumesDestroyed(AgentMessage, tag="VOLUMES_DESTROYED"):
    """The ``DestroyVolumes`` with this number, and all before it, need not be sent again."""

    number: int


class Pong(AgentMessage, tag="PONG"):
    """Answers a ping."""


class Leaving(AgentMessage, tag="LEAVING"):
    """The agent ends for good (its tasks were killed) and wants to be removed now."""


class Registered(MasterMessage, tag="REGISTERED"):
    """The agent is part of the cluster under this id."""

    agent_id: AgentID
    master: MasterInfo
    ping_timeout_s: float
    max_ping_timeouts: int


class Refused(MasterMessage, tag="REFUSED"):
    """The agent is not accepted; ``retry`` says whether the same registration may work later."""

    reason: str
    retry: bool = False


class RunTasks(MasterMessage, tag="RUN"):
    """Tasks to launch for one framework, already charged to this agent."""

    framework: FrameworkInfo
    tasks: list[TaskInfo]


class RunInExecutor(MasterMessage, tag="RUN_IN_EXECUTOR"):
    """Tasks for one executor, already charged to this agent; all or none of them if ``is_group``.

    ``launches_executor`` says that the executor's own resources are charged with them: it has to
    be started. Otherwise it is there, or has just ended and the tasks are dropped.
    """

    framework: FrameworkInfo
    executor: ExecutorInfo
    tasks: list[TaskInfo]
    is_group: bool = False
    launches_executor: bool = False


class KillTask(MasterMessage, tag="KILL"):
    """Ends a task; ``kill_policy`` overrides the task's own."""

    framework_id: FrameworkID
    task_id: TaskID
    kill_policy: KillPolicy | None = None


class Acknowledgement(Message):
    """Names the status update that its framework has dealt with."""

    framework_id: FrameworkID
    task_id: TaskID
    uuid: bytes


class Acknowledgements(MasterMessage, tag="ACKNOWLEDGE"):
    """Status updates that need not be sent again."""

    acknowledgements: list[Acknowledgement]


class ShutdownFramework(MasterMessage, tag="SHUTDOWN_FRAMEWORK"):
    """The framework is gone: kill its tasks and forget it, no acknowledgement will come."""

    framework_id: FrameworkID


class ShutdownExecutor(MasterMessage, tag="SHUTDOWN_EXECUTOR"):
    """Ends an executor with all its tasks."""

    framework_id: FrameworkID
    executor_id: ExecutorID


class DestroyVolumes(MasterMessage, tag="DESTROY_VOLUMES"):
    """Persistent volumes that are no more: their data is to be deleted.

    Orders are numbered for each agent, from 1, and sent again with every registration until the
    agent has told that they are carried out. An order is carried out once, whatever is sent: a
    volume of the same name may have been made meanwhile.
    """

    number: int
    volumes: list[Resource]


class Shutdown(MasterMessage, tag="SHUTDOWN"):
    """The agent is to end for good, and its tasks with it."""

    reason: str


class UpdateFramework(MasterMessage, tag="UPDATE_FRAMEWORK"):
    """The framework's new description."""

    framework: FrameworkInfo


class FrameworkToExecutor(MasterMessage, tag="FRAMEWORK_MESSAGE"):
    """Bytes from a framework to one of its executors."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    data: bytes


class OverlayPeer(Message):
    """Which subnet of the overlay is behind which host."""

    subnet: int
    address: str


class OverlayUpdate(MasterMessage, tag="OVERLAY"):
    """The agent's own subnet in its overlay, and its peers: all of them, or what has changed.

    ``gone`` are subnets that are nobody's now. With a ``problem`` the agent has no subnet.
    """

    subnet: int = 0
    peers: list[OverlayPeer] = []
    gone: list[int] = []
    is_complete: bool = False
    problem: str | None = None


class Ping(MasterMessage, tag="PING"):
    """Asks for a pong."""


FromAgent = (
    Register
    | StatusUpdates
    | ExecutorToFramework
    | ExecutorExited
    | VolumesDestroyed
    | Pong
    | Leaving
)
FromMaster = (
    Registered
    | Refused
    | RunTasks
    | RunInExecutor
    | KillTask
    | Acknowledgements
    | ShutdownFramework
    | ShutdownExecutor
    | DestroyVolumes
    | Shutdown
    | UpdateFramework
    | FrameworkToExecutor
    | OverlayUpdate
    | Ping
)
LINK_PATH = "/api/v1/agents/link"
