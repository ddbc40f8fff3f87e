"""What happens to an agent (events) and what it asks for (effects), as closed unions."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.agent.core.checking.probe import Outcome, Probe, Purpose
from orchestrator.agent.core.task import Container, Containerizer, Exit, Limitation
from orchestrator.mesos import executor
from orchestrator.mesos.link import FromAgent, FromMaster
from orchestrator.mesos.types import Message, Resource, TaskInfo, TaskStatus


class LinkOpened(Message):
    """The connection to the master stands; the agent may register."""


class LinkLost(Message):
    """There is no connection, or opening it failed.

    ``jitter`` in [0, 1) spreads the reconnections of many agents.
    """

    reason: str
    jitter: float


class Received(Message):
    """The master said something."""

    message: FromMaster


class Started(Message):
    """A container runs. ``data`` is what its containerizer knows of it (docker inspect's JSON)."""

    container_id: str
    pid: int | None = None
    ip_addresses: tuple[str, ...] = ()
    data: bytes | None = None


class Ended(Message):
    """Nothing of the container runs any more."""

    container_id: str
    exit: Exit


class Observed(Message):
    """All that a containerizer knows, told when it has (re)connected."""

    containerizer: Containerizer
    containers: tuple[Started | Ended, ...]


class Unavailable(Message):
    """A containerizer does not work here at the moment, in a sentence why."""

    containerizer: Containerizer
    reason: str


class LimitExceeded(Message):
    """A container has used more than it may; whoever watches that limit tells, once or often."""

    container_id: str
    limitation: Limitation


class Probed(Message):
    """A try of a check, the ``number``th of it, has ended."""

    container_id: str
    purpose: Purpose
    number: int
    outcome: Outcome


class VolumesRemoved(Message):
    """The volumes of an order to destroy some are out of the way."""

    number: int


class Leave(Message):
    """End all tasks, tell the master, and do not come back under this id."""


class ExecutorSubscribed(Message):
    """An executor opened a stream of events, and tells what it has not heard the end of."""

    container_id: str
    stream: str
    unacknowledged_tasks: tuple[TaskInfo, ...] = ()
    unacknowledged_updates: tuple[TaskStatus, ...] = ()


class ExecutorUpdated(Message):
    """An executor tells how one of its tasks is."""

    container_id: str
    status: TaskStatus


class ExecutorSaid(Message):
    """An executor has a message for its framework."""

    container_id: str
    data: bytes


class ExecutorStreamClosed(Message):
    """A stream of events ended."""

    stream: str


ExecutorEvent = ExecutorSubscribed | ExecutorUpdated | ExecutorSaid | ExecutorStreamClosed
Event = (
    LinkOpened
    | LinkLost
    | Received
    | Started
    | Ended
    | Observed
    | Unavailable
    | LimitExceeded
    | ExecutorSubscribed
    | ExecutorUpdated
    | ExecutorSaid
    | ExecutorStreamClosed
    | Probed
    | VolumesRemoved
    | Leave
)


class OpenLink(Message):
    """Connect to the master; ends in LinkOpened or LinkLost."""


class CloseLink(Message):
    """Give the connection up; the core has taken note of its loss already."""

    reason: str


class Send(Message):
    """Say something to the master; lost when there is no link."""

    message: FromAgent


class LaunchContainer(Message):
    """Start the container, unless it was started before. Ends in Started or Ended."""

    container: Container


class ResizeContainer(Message):
    """An executor has got other tasks, so its container may use more, or less, than before."""

    container: Container


class KillContainer(Message):
    """End the container: politely, and by force after ``grace_s`` seconds. Ends in Ended."""

    containerizer: Containerizer
    container_id: str
    grace_s: float


class ForgetContainer(Message):
    """The container's end is durable here; its containerizer need not remember it."""

    containerizer: Containerizer
    container_id: str


class TellExecutor(Message):
    """Send an event on an executor's stream; lost when it has ended."""

    stream: str
    event: executor.Event


class CloseExecutorStream(Message):
    """End a stream, as another one has taken its place."""

    stream: str


class RunProbe(Message):
    """Try a check. Ends in Probed, unless it is stopped."""

    probe: Probe


class StopProbes(Message):
    """Give up what is tried of a container; nobody waits for its result."""

    container_id: str


class SetOverlay(Message):
    """Connect the host to its peers in the overlay, or say why it cannot be part of it.

    ``subnet`` is the agent's own, ``peers`` are all subnets with the address of their host.
    """

    subnet: int = 0
    peers: dict[int, str] = {}
    problem: str | None = None


class RemoveVolumes(Message):
    """Delete the data of volumes; ``spared`` are in use and stay. Ends in VolumesRemoved.

    What is launched after this finds them empty.
    """

    number: int
    volumes: list[Resource]
    spared: list[Resource] = []


class Halt(Message):
    """The agent has nothing more to do, on request or because the master will not have it."""

    reason: HaltReason
    detail: str = ""


class HaltReason(StrEnum):
    """Why an agent ends."""

    LEFT = "LEFT"
    REFUSED = "REFUSED"


Effect = (
    OpenLink
    | CloseLink
    | Send
    | LaunchContainer
    | ResizeContainer
    | KillContainer
    | ForgetContainer
    | TellExecutor
    | CloseExecutorStream
    | RunProbe
    | StopProbes
    | SetOverlay
    | RemoveVolumes
    | Halt
)
