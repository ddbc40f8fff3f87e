"""Instances: what runs (or is to run) for an app or a pod.

Two fields say where an instance is. ``goal`` is what is wanted of it, ``condition`` what is seen;
they are never mixed. An instance keeps its id when its task ends and a new one is launched for it:
each launch is an *incarnation* with a task id of its own, so an update can never be taken for
another launch's. What a Mesos status does to a condition is in ``condition``. An instance of a pod
has ``tasks``, one for each container, from which its own condition follows (``pods.instance``).
Source: Instance.scala and Task.scala of Marathon 1.11.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app_parts import (
    Part,
)
from orchestrator.marathon.core.condition import TRANSITIONS, Condition, Goal
from orchestrator.marathon.core.placement.reservation import Reservation
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.mesos.types import TaskStatus


class Place(Part):
    """The agent an instance runs on, as it was when the offer was accepted."""

    host: str
    agent_id: str
    region: str | None = None
    zone: str | None = None
    attributes: dict[str, str] = {}

    def fields(self) -> dict[str, str]:
        """What placement constraints can name."""
        named = {"hostname": self.host, "@region": self.region, "@zone": self.zone}
        return self.attributes | {name: value for name, value in named.items() if value is not None}


class Address(Part):
    """A container's own address."""

    ip_address: str
    protocol: str = "IPv4"


class Joined(Part):
    """A network that a container has joined, and its addresses there."""

    name: str | None = None
    addresses: list[str] = []


class ContainerTask(Part):
    """The current launch of one container of a pod's instance."""

    is_checked: bool = False  # for its health
    condition: Condition = Condition.SCHEDULED
    changed_at: float = 0.0
    started_at: float | None = None
    healthy: bool | None = None
    message: str | None = None
    host_ports: list[int | None] = []  # one for each endpoint
    networks: list[Joined] = []


class Instance(Part):
    """One instance. Times are Unix seconds."""

    id: str
    app_id: str
    version: str  # of the app it runs, or will run
    config_version: str
    scheduled_at: float
    goal: Goal = Goal.RUNNING
    condition: Condition = Condition.SCHEDULED
    incarnation: int = 1
    changed_at: float = 0.0
    place: Place | None = None
    host_ports: list[int] = []
    staged_at: float | None = None
    started_at: float | None = None
    healthy: bool | None = None
    passed_readiness: bool = False  # once, during a deployment
    addresses: list[Address] = []
    tasks: dict[str, ContainerTask] = {}  # of a pod, by the name of the container
    reservation: Reservation | None = None

    @classmethod
    def scheduled(cls, app: RunSpec, uuid: str, now: float) -> Instance:
        """A new instance of an app or a pod, waiting for an offer."""
        containers = app.containers if isinstance(app, Pod) else []
        return cls(
            id=ids.instance_id(app.id, uuid),
            app_id=app.id,
            version=app.version,
            config_version=app.config_version,
            scheduled_at=now,
            changed_at=now,
            tasks={
                one.name: ContainerTask(is_checked=bool(one.health_check)) for one in containers
            },
        )

    @property
    def task_id(self) -> str:
        """The id of an app's current launch, or of the next one."""
        return ids.task_id(self.id, self.incarnation)

    @property
    def live_task_ids(self) -> list[str]:
        """The tasks of the current launch that have not ended."""
        if not self.tasks:
            return [] if self.condition.is_terminal else [self.task_id]
        return [
            ids.task_id(self.id, self.incarnation, name)
            for name, task in self.tasks.items()
            if not task.condition.is_terminal
        ]

    def condition_of(self, task_id: str) -> Condition | None:
        """What is seen of one task of the current launch; None for any other task."""
        if not self.tasks:
            return self.condition if task_id == self.task_id else None
        name = ids.container_of(task_id)
        if task_id != ids.task_id(self.id, self.incarnation, name):
            return None
        task = self.tasks.get(name)
        return task.condition if task else None

    @property
    def is_active(self) -> bool:
        """Whether it counts towards what the app wants to have."""
        wanted = self.goal is Goal.RUNNING
        return wanted and self.condition is not Condition.UNREACHABLE_INACTIVE

    @property
    def is_suspended(self) -> bool:
        """Whether it is nothing but volumes that wait to be wanted again."""
        return self.goal is Goal.STOPPED and not self.condition.is_launched

    @property
    def is_reserving(self) -> bool:
        """Whether its reservation has been asked for, and not been seen yet."""
        return self.reservation is not None and not self.reservation.is_used

    @property
    def is_out_of_use(self) -> bool:
        """Whether it only keeps its volumes, or will when its agent is reachable again."""
        return self.is_suspended or (self.goal is Goal.STOPPED and self.condition.is_lost)

    @property
    def is_serving(self) -> bool:
        """Whether it runs and nothing says that it is not healthy."""
        return self.condition is Condition.RUNNING and self.healthy is not False

    def is_healthy(self, spec: RunSpec) -> bool:
        """Whether all health checks of the app or pod have passed."""
        return self.is_serving and (self.healthy is True or not spec.health_checks)

    def is_ready(self, spec: RunSpec) -> bool:
        """Whether it can take over from an old one."""
        return self.is_healthy(spec) and (self.passed_readiness or not spec.readiness_checks)

    def provisioned(self, place: Place, host_ports: list[int], now: float) -> Instance:
        """Launched on an offer."""
        reservation = self.reservation and replace(self.reservation, is_used=True)
        return replace(
            self,
            reservation=reservation,
            condition=Condition.PROVISIONED,
            place=place,
            host_ports=host_ports,
            staged_at=now,
            changed_at=now,
        )

    def reserved(self, place: Place, reservation: Reservation, now: float) -> Instance:
        """Waiting for the offer of what has been reserved for it."""
        return replace(self, place=place, reservation=reservation, changed_at=now)

    def relaunched(self, app: RunSpec, now: float) -> Instance:
        """Waiting for an offer once more, as the app is now, after its task has ended."""
        return replace(
            Instance.scheduled(app, "", now),
            id=self.id,
            incarnation=self.incarnation + 1,
            place=self.place if self.reservation else None,
            reservation=self.reservation,
        )

    def counted_anew(self, now: float) -> Instance:
        """As another process takes it up, whose clock may be hours away from the one before.

        How long an agent has been away is counted from here, or a clock that is ahead would have
        all instances on it replaced at once. Nothing else measures time across processes.
        """
        return replace(self, changed_at=now) if self.condition.is_lost else self

    def updated(self, status: TaskStatus, now: float) -> Instance:
        """After a status of its current task; the same object when nothing changed."""
        condition = TRANSITIONS.get(self.condition, {}).get(status.state, self.condition)
        changed = replace(
            self,
            condition=condition,
            changed_at=now if condition is not self.condition else self.changed_at,
            started_at=self._started_at(condition, status, now),
            healthy=status.healthy if status.healthy is not None else self.healthy,
            addresses=_addresses(status) or self.addresses,
        )
        return changed if changed != self else self

    def _started_at(self, condition: Condition, status: TaskStatus, now: float) -> float | None:
        if self.started_at is None and condition is Condition.RUNNING:
            return status.timestamp or now
        return self.started_at


def _addresses(status: TaskStatus) -> list[Address]:
    if status.container_status is None:
        return []
    return [
        Address(ip_address=address.ip_address, protocol=address.protocol or "IPv4")
        for network in status.container_status.network_infos
        for address in network.ip_addresses
        if address.ip_address
    ]
