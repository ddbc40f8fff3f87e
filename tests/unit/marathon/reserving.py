"""A master in memory that reserves and makes volumes, by the rules of our own master.

Resources of an agent that are reserved stay its, whoever uses them; a volume's content is a word,
so that a test sees whether an instance found its own again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.unit.marathon.cluster import (
    AGENT_RESOURCES,
    Cluster,
    FakeMaster,
    FakeTask,
    container,
    pod,
)

from orchestrator.marathon.core.effects import ChangePod
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.settings import Settings
from orchestrator.master.core.conversions import Actor, ConversionError, convert, volume_id
from orchestrator.mesos.resource_wire import from_wire, to_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import (
    Call,
    CallType,
    Event,
    EventType,
    Offers,
    Operation,
    OperationType,
)
from orchestrator.mesos.types import AgentID, AllocationInfo, Attribute, FrameworkID, Offer, OfferID

ROLE = "web"
MOUNTS = {"volumeMounts": [{"name": "data", "mountPath": "here"}]}
RESIDENT_POD: dict[str, object] = {
    "id": "/db",
    "volumes": [{"name": "data", "persistent": {"size": 512}}],
    "containers": [container("one", **MOUNTS), container("two", **MOUNTS)],
}


class ReservingMaster(FakeMaster):
    """Offers go to one role; operations are done in order, on what is left of the offer."""

    def __init__(
        self, agents: int = 3, resources: Resources = AGENT_RESOURCES, role: str = ROLE
    ) -> None:
        super().__init__(agents, resources)
        self.role = role
        self.attributes: dict[str, list[Attribute]] = {}
        self.fails_to_reserve = False
        self.problems: list[str] = []

    def receive(self, call: Call) -> None:
        if call.type is CallType.ACCEPT and call.accept:
            agent = self.agent_of_offer[call.accept.offer_ids[0].value]
            conversions = [o for o in call.accept.operations if not o.launch and not o.launch_group]
            self._convert(agent, conversions)
        super().receive(call)

    def _convert(self, agent: str, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if self.fails_to_reserve:
                continue
            try:
                conversion = convert(operation, Actor(self.role, None))
                assert conversion.consumed in self.free[agent], (operation, self.free[agent])
            except ConversionError as error:
                self.problems.append(str(error))
            else:
                free = self.free[agent] - conversion.consumed
                self.free[agent] = free + conversion.converted

    def _offer(self, agent: str) -> Offer:
        number = f"offer-{next(self._numbers)}"
        self.offers[number] = self.free[agent]
        self.agent_of_offer[number] = agent
        return Offer(
            id=OfferID(value=number),
            framework_id=FrameworkID(value="framework"),
            agent_id=AgentID(value=agent),
            hostname=f"{agent}.example",
            resources=to_wire(self.free[agent], role=self.role),
            attributes=self.attributes.get(agent, []),
            allocation_info=AllocationInfo(role=self.role),
        )

    def volumes_of(self, task: FakeTask) -> set[str]:
        """The persistence ids of the volumes that a task or its executor uses."""
        executor = self.executors[task.executor].resources if task.executor else []
        kinds = from_wire([*task.info.resources, *executor]).amounts
        return {name for kind in kinds if (name := volume_id(kind)) is not None}

    def volumes(self) -> set[str]:
        """All volumes of all agents, in use or not."""
        used = {name for task in self.tasks.values() for name in self.volumes_of(task)}
        kinds = [kind for free in self.free.values() for kind in free.amounts]
        return used | {name for kind in kinds if (name := volume_id(kind)) is not None}

    def reserved(self) -> Resources:
        """All that is reserved and not in use."""
        result = Resources()
        for free in self.free.values():
            result = result + free.where(lambda kind: bool(kind.reservations))
        return result

    def offer_all(self) -> Event:
        offers = [self._offer(agent) for agent in self.free]
        return Event(type=EventType.OFFERS, offers=Offers(offers=offers))


class ResidentCluster(Cluster):
    """A Marathon in a role of its own, on a master that reserves."""

    def __init__(self, agents: int = 3, master: ReservingMaster | None = None) -> None:
        self.reserving = master or ReservingMaster(agents)
        settings = Settings(user="nobody", role=self.reserving.role)
        super().__init__(settings, master=self.reserving)

    def offer_all(self, times: int = 1) -> None:
        for _ in range(times):
            self.hear(self.reserving.offer_all())

    def create_resident(self, **fields: object) -> None:
        volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 512}}
        container = {"type": "MESOS", "volumes": [volume]}
        self.create(**({"id": "/db", "cmd": "x", "container": container} | fields))

    def create_resident_pod(self, **fields: object) -> None:
        """With a volume ``data`` that both containers mount."""
        self.create_pod(**{**RESIDENT_POD, **fields})

    def change_resident_pod(self, fields: Mapping[str, object], *, force: bool = False) -> None:
        """Make it another, where it is not like the one above."""
        self.ask(ChangePod(pod(**{**RESIDENT_POD, **fields}), force))

    @classmethod
    def running_one(cls) -> ResidentCluster:
        """With one app of one instance, which runs."""
        cluster = cls()
        cluster.create_resident()
        cluster.run()
        return cluster

    def only(self) -> Instance:
        """The only instance of the app."""
        (instance,) = self.instances("/db")
        return instance

    def home(self) -> tuple[str, set[str]]:
        """The agent and the volumes of the only instance."""
        task = self.master.tasks[self.only().live_task_ids[0]]
        return task.agent, self.reserving.volumes_of(task)

    def operations(self) -> list[OperationType]:
        """All that was done with offers, in order."""
        accepts = [call.accept for call in self.master.calls_of(CallType.ACCEPT)]
        return [operation.type for accept in accepts if accept for operation in accept.operations]
