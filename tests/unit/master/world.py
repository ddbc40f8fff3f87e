"""A master with frameworks and agents around it, on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from orchestrator.master.config import MasterConfig
from orchestrator.master.core.commands import OperatorCommand
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import (
    AgentRegistered,
    AgentSaid,
    CloseLink,
    CloseStream,
    Effect,
    FrameworkCall,
    FrameworkSubscribed,
    Input,
    LinkClosed,
    Operated,
    Reply,
    StreamClosed,
    ToAgent,
    ToFramework,
)
from orchestrator.mesos import link, scheduler
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.scheduler import Call, CallType, Event, EventType
from orchestrator.mesos.types import (
    AgentID,
    AgentInfo,
    Capability,
    CommandInfo,
    ExecutorInfo,
    Filters,
    FrameworkID,
    FrameworkInfo,
    MasterInfo,
    Offer,
    Task,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from orchestrator.runtime.machine import Save

M = TypeVar("M", bound=link.MasterMessage)
AGENT_RESOURCES = "cpus:4;mem:4096;disk:1000;ports:[31000-31099]"


class World:
    """Feeds inputs to one master and sorts its effects by receiver."""

    def __init__(
        self,
        config: MasterConfig | None = None,
        weights: dict[str, float] | None = None,
        kept: Mapping[str, bytes] | None = None,
    ) -> None:
        self.now = 1000.0
        info = MasterInfo(id="m", ip=0, hostname="master", pid="master@127.0.0.1:5050")
        self.master = Master(config or MasterConfig(), info, weights or {}, kept or {}, self.now)
        self.events: dict[str, list[Event]] = {}
        self.messages: dict[str, list[link.FromMaster]] = {}
        self.closed: list[str] = []
        self.saves: list[Save] = []
        self.kept: dict[str, bytes] = dict(kept or {})
        self.replies: dict[int, OperatorError | None] = {}
        self._names = 0

    def feed(self, event: Input) -> None:
        """Handle an input, and the wake-ups that are due then."""
        self._take(self.master.handle(event, self.now))
        self.settle()

    def settle(self) -> None:
        """Wake the master for what is due."""
        while (at := self.master.wake_at()) is not None and at <= self.now:
            self._take(self.master.wake(self.now))

    def advance(self, seconds: float) -> None:
        """Let time pass, with every wake-up at its moment."""
        end = self.now + seconds
        while (at := self.master.wake_at()) is not None and at <= end:
            self.now = max(self.now, at)
            self._take(self.master.wake(self.now))
        self.now = end

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case ToFramework():
                    self.events.setdefault(effect.stream, []).append(effect.event)
                case ToAgent():
                    self.messages.setdefault(effect.link, []).append(effect.message)
                case CloseStream():
                    self.closed.append(effect.stream)
                case CloseLink():
                    self.closed.append(effect.link)
                case Save():
                    self.saves.append(effect)
                    _keep(self.kept, effect)
                case Reply():
                    self.replies[effect.token] = effect.refusal

    def operate(self, command: OperatorCommand) -> None:
        """Carry out an operator's command. Raises OperatorError."""
        token = len(self.replies)
        self.feed(Operated(token, command))
        if (refusal := self.replies[token]) is not None:
            raise refusal

    def restarted(self) -> World:
        """Another master on what this one kept, an hour later."""
        again = World(self.master.state.config, kept=self.kept)
        again.now = self.now + 3600
        return again

    def name(self, kind: str) -> str:
        """A new name for a stream or link."""
        self._names += 1
        return f"{kind}{self._names}"

    def framework(self, **fields: Any) -> FakeFramework:
        """Subscribe a framework; ``capabilities`` may be names."""
        capabilities = fields.pop("capabilities", [])
        suppressed = tuple(fields.pop("suppressed", ()))
        defaults: dict[str, Any] = {"user": "root", "name": "test", "failover_timeout": 60.0}
        fields = defaults | fields
        fields["capabilities"] = [Capability(type=c) for c in capabilities]
        return FakeFramework(self, FrameworkInfo(**fields), suppressed)

    def agent(self, resources: str = AGENT_RESOURCES, **fields: Any) -> FakeAgent:
        """Register an agent."""
        info = AgentInfo(hostname="host", resources=to_wire(parse(resources)), **fields)
        return FakeAgent(self, info)


def _keep(kept: dict[str, bytes], save: Save) -> None:
    if save.value is None:
        kept.pop(save.key, None)
    else:
        kept[save.key] = save.value


class FakeFramework:
    """One subscription of a framework."""

    def __init__(self, world: World, info: FrameworkInfo, suppressed: tuple[str, ...] = ()) -> None:
        self.world = world
        self.info = info
        self.stream = world.name("stream")
        world.feed(FrameworkSubscribed(self.stream, info, suppressed))

    @property
    def events(self) -> list[Event]:
        return self.world.events.get(self.stream, [])

    @property
    def id(self) -> str:
        subscribed = self.of_type(EventType.SUBSCRIBED)[0].subscribed
        assert subscribed
        return subscribed.framework_id.value

    def of_type(self, type_: EventType) -> list[Event]:
        return [event for event in self.events if event.type is type_]

    @property
    def offers(self) -> list[Offer]:
        """Every offer ever made."""
        return [o for e in self.of_type(EventType.OFFERS) if e.offers for o in e.offers.offers]

    @property
    def open_offers(self) -> list[Offer]:
        """The offers that the master still holds open."""
        return [o for o in self.offers if o.id.value in self.world.master.cluster.offers]

    @property
    def statuses(self) -> list[TaskStatus]:
        return [e.update.status for e in self.of_type(EventType.UPDATE) if e.update]

    @property
    def errors(self) -> list[str]:
        return [e.error.message for e in self.of_type(EventType.ERROR) if e.error]

    def call(self, type_: CallType, **fields: Any) -> None:
        call = Call(type=type_, framework_id=FrameworkID(value=self.id), **fields)
        self.world.feed(FrameworkCall(call))

    def accept(
        self, offers: list[Offer], tasks: list[TaskInfo], refuse_s: float | None = None
    ) -> None:
        operations = [
            scheduler.Operation(
                type=scheduler.OperationType.LAUNCH, launch=scheduler.Launch(task_infos=tasks)
            )
        ]
        filters = Filters(refuse_seconds=refuse_s) if refuse_s is not None else None
        body = scheduler.Accept(
            offer_ids=[o.id for o in offers],
            operations=operations if tasks else [],
            filters=filters,
        )
        self.call(CallType.ACCEPT, accept=body)

    def decline(self, *offers: Offer, refuse_s: float = 5.0) -> None:
        filters = Filters(refuse_seconds=refuse_s)
        body = scheduler.Decline(offer_ids=[o.id for o in offers], filters=filters)
        self.call(CallType.DECLINE, decline=body)

    def launch(self, *ids: str, resources: str = "cpus:1;mem:100") -> None:
        """Launch tasks on the newest open offer."""
        offer = self.open_offers[-1]
        self.accept([offer], [task(i, offer.agent_id.value, resources) for i in ids])

    def kill(self, task_id: str) -> None:
        self.call(CallType.KILL, kill=scheduler.Kill(task_id=TaskID(value=task_id)))

    def acknowledge(self, status: TaskStatus) -> None:
        assert status.agent_id and status.uuid
        body = scheduler.Acknowledge(
            agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid
        )
        self.call(CallType.ACKNOWLEDGE, acknowledge=body)

    def reconcile(self, *tasks: tuple[str, str | None]) -> None:
        asked = [
            scheduler.ReconcileTask(
                task_id=TaskID(value=t), agent_id=AgentID(value=a) if a else None
            )
            for t, a in tasks
        ]
        self.call(CallType.RECONCILE, reconcile=scheduler.Reconcile(tasks=asked))

    def disconnect(self) -> None:
        self.world.feed(StreamClosed(self.stream))

    def again(self, **changes: Any) -> FakeFramework:
        """Subscribe anew with the same id, as after a failover."""
        fields = {f: getattr(self.info, f) for f in self.info.__struct_fields__} | changes
        fields["id"] = FrameworkID(value=self.id)
        return FakeFramework(self.world, FrameworkInfo(**fields))


class FakeAgent:
    """One link of an agent."""

    def __init__(
        self,
        world: World,
        info: AgentInfo,
        tasks: list[Task] | None = None,
        frameworks: list[FrameworkInfo] | None = None,
        executors: list[ExecutorInfo] | None = None,
        destroyed: int | None = 0,
    ) -> None:
        self.world = world
        self.info = info
        self.link = world.name("link")
        register = link.Register(
            agent=info,
            version="1.11.0",
            tasks=tasks or [],
            executors=executors or [],
            frameworks=frameworks or [],
            destroyed=destroyed,
        )
        world.feed(AgentRegistered(self.link, register, "127.0.0.1"))

    @property
    def id(self) -> str:
        return self.messages(link.Registered)[0].agent_id.value

    def messages(self, type_: type[M]) -> list[M]:
        return [m for m in self.world.messages.get(self.link, []) if isinstance(m, type_)]

    @property
    def launched(self) -> list[str]:
        return [t.task_id.value for run in self.messages(link.RunTasks) for t in run.tasks]

    def say(self, message: link.FromAgent) -> None:
        self.world.feed(AgentSaid(self.link, message))

    def report(
        self, framework_id: str, task_id: str, state: TaskState, uuid: bytes = b"u"
    ) -> TaskStatus:
        """Send a status update; return its status."""
        status = TaskStatus(
            task_id=TaskID(value=task_id),
            state=state,
            agent_id=AgentID(value=self.id),
            uuid=uuid,
            timestamp=self.world.now,
        )
        update = link.StatusUpdate(framework_id=FrameworkID(value=framework_id), status=status)
        self.say(link.StatusUpdates(updates=[update]))
        return status

    def disconnect(self) -> None:
        self.world.feed(LinkClosed(self.link))

    def again(
        self,
        tasks: list[Task] | None = None,
        frameworks: list[FrameworkInfo] | None = None,
        *,
        executors: list[ExecutorInfo] | None = None,
        at: World | None = None,
        destroyed: int | None = 0,
    ) -> FakeAgent:
        """Register anew with the same id, with the same master or ``at`` another."""
        fields = {f: getattr(self.info, f) for f in self.info.__struct_fields__}
        fields["id"] = AgentID(value=self.id)
        info = AgentInfo(**fields)
        return FakeAgent(at or self.world, info, tasks, frameworks, executors, destroyed)


def task(task_id: str, agent_id: str, resources: str = "cpus:1;mem:100", **fields: Any) -> TaskInfo:
    """A command task."""
    fields.setdefault("command", CommandInfo(value="sleep 1000"))
    return TaskInfo(
        name=f"name of {task_id}",
        task_id=TaskID(value=task_id),
        agent_id=AgentID(value=agent_id),
        resources=to_wire(parse(resources)),
        **fields,
    )


def running(
    task_id: str, framework_id: str, agent_id: str, state: TaskState = TaskState.RUNNING
) -> Task:
    """A task as an agent reports it when it registers again."""
    return Task(
        name=f"name of {task_id}",
        task_id=TaskID(value=task_id),
        framework_id=FrameworkID(value=framework_id),
        agent_id=AgentID(value=agent_id),
        state=state,
        resources=to_wire(parse("cpus:1;mem:100"), role="*"),
    )
