"""A cluster in memory: Marathon's core on one side, a master with agents on the other.

Nothing happens by itself. The master keeps a list of what it could do next (offer, report a task's
next state, end a killed task) and does what the test picks, so a test can try any order of events;
``run`` picks the oldest each time. What Marathon saves ends in ``disk``, and ``restart`` begins
anew from that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import msgspec

from orchestrator.marathon.core.apps.app_update import AppUpdate
from orchestrator.marathon.core.backoff import Delay
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.deployment.plan import Deployment
from orchestrator.marathon.core.effects import (
    Abort,
    ChangeApps,
    ChangePod,
    Command,
    ConnectionLost,
    CreateApp,
    CreatePod,
    Deployed,
    FromMaster,
    Outcome,
    Publish,
    Reply,
    Request,
    Send,
)
from orchestrator.marathon.core.events import Happening
from orchestrator.marathon.core.health.probes import Answer, Probe, Probed
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import Refusal
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.resource_wire import from_wire, to_wire
from orchestrator.mesos.resources import Kind, Resources
from orchestrator.mesos.scheduler import (
    Call,
    CallType,
    Event,
    EventType,
    LaunchGroup,
    Offers,
    Subscribed,
    Update,
)
from orchestrator.mesos.types import (
    AgentID,
    AllocationInfo,
    ExecutorInfo,
    FrameworkID,
    Offer,
    OfferID,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
    ValueType,
)
from orchestrator.runtime.machine import Save

AGENT_RESOURCES = Resources.of(cpus=8, mem=8192, disk=10000) + Resources(
    {Kind(name="ports", type=ValueType.RANGES): ((31000, 31999),)}
)
PROGRESS = {
    None: TaskState.STARTING,
    TaskState.STARTING: TaskState.RUNNING,
}


def update(**fields: object) -> AppUpdate:
    """An app as a client would send it: ``update(id="/a", cmd="sleep 1")``."""
    return msgspec.convert(fields, AppUpdate)


def pod(**fields: object) -> Pod:
    """A pod as a client would send it; without containers it has two, ``one`` and ``two``."""
    containers = [container("one"), container("two")]
    return msgspec.convert({"containers": containers, **fields}, Pod)


def container(name: str, **fields: object) -> dict[str, object]:
    """A small container of a pod."""
    exec_ = {"command": {"shell": name}}
    return {"name": name, "exec": exec_, "resources": {"cpus": 0.1, "mem": 32}, **fields}


class FakeTask:
    """A task on an agent; ``executor`` is that of its group."""

    def __init__(self, info: TaskInfo, executor: str | None = None) -> None:
        self.info = info
        self.id = info.task_id.value
        self.agent = info.agent_id.value
        self.state: TaskState | None = None
        self.is_killed = False
        self.used = from_wire(info.resources)
        self.executor = executor


class FakeMaster:
    """Agents and their tasks; ``launches`` counts how often each task id was launched."""

    def __init__(self, agents: int = 3, resources: Resources = AGENT_RESOURCES) -> None:
        self.free = {f"agent-{n}": resources for n in range(agents)}
        self.tasks: dict[str, FakeTask] = {}
        self.executors: dict[str, ExecutorInfo] = {}
        self.offers: dict[str, Resources] = {}
        self.agent_of_offer: dict[str, str] = {}
        self.launches: dict[str, int] = {}
        self.calls: list[Call] = []
        self.is_suppressed = False
        self.acknowledged: set[bytes] = set()
        self.hostname: str | None = None  # of all agents, instead of one each
        self.events: list[Event] = []
        self.refused_agents: set[str] = set()
        self._numbers = itertools.count(1)

    def calls_of(self, kind: CallType) -> list[Call]:
        return [call for call in self.calls if call.type is kind]

    def receive(self, call: Call) -> None:
        self.calls.append(call)
        match call.type:
            case CallType.ACCEPT if call.accept:
                self._end_offers(offer.value for offer in call.accept.offer_ids)
                for operation in call.accept.operations:
                    for info in operation.launch.task_infos if operation.launch else []:
                        self._launch(info)
                    if operation.launch_group is not None:
                        self._launch_group(operation.launch_group)
            case CallType.DECLINE if call.decline:
                declined = [offer.value for offer in call.decline.offer_ids]
                self.refused_agents |= {self.agent_of_offer[offer] for offer in declined}
                self._end_offers(declined)
            case CallType.SUPPRESS:
                self.is_suppressed = True
            case CallType.REVIVE:
                self.is_suppressed = False
                self.refused_agents.clear()
            case CallType.KILL if call.kill:
                self._kill(call.kill.task_id.value)
            case CallType.ACKNOWLEDGE if call.acknowledge:
                self.acknowledged.add(call.acknowledge.uuid)
            case CallType.RECONCILE if call.reconcile:
                wanted = [task.task_id.value for task in call.reconcile.tasks]
                for task_id in wanted or list(self.tasks):
                    self._reconcile(task_id)
            case _:
                pass

    def choices(self) -> list[tuple[str, str]]:
        """All that could happen next, oldest tasks first."""
        choices = [("report", t.id) for t in self.tasks.values() if t.is_killed]
        choices += [
            ("report", t.id) for t in self.tasks.values() if not t.is_killed and t.state in PROGRESS
        ]
        if not self.is_suppressed:
            agents = self.free.keys() - self.refused_agents
            choices += [("offer", agent) for agent in sorted(agents)]
        return choices

    def do(self, choice: tuple[str, str]) -> Event:
        kind, subject = choice
        return self.offer(subject) if kind == "offer" else self.report(subject)

    def offer(self, *agents: str) -> Event:
        offers = [self._offer(agent) for agent in agents or self.free]
        return Event(type=EventType.OFFERS, offers=Offers(offers=offers))

    def report(self, task_id: str, state: TaskState | None = None) -> Event:
        """The task's next state, or the one given."""
        task = self.tasks[task_id]
        if state is None:
            state = TaskState.KILLED if task.is_killed else PROGRESS[task.state]
        task.state = state
        if state.is_terminal:
            self._forget(task)
        return self._status(task, state, uuid=next(self._numbers).to_bytes(16))

    def health(self, task_id: str, *, healthy: bool) -> Event:
        """The result of a health check."""
        task = self.tasks[task_id]
        event = self._status(
            task, task.state or TaskState.STAGING, next(self._numbers).to_bytes(16)
        )
        assert event.update is not None
        status = msgspec.structs.replace(event.update.status, healthy=healthy)
        return Event(type=EventType.UPDATE, update=Update(status=status))

    def _offer(self, agent: str) -> Offer:
        number = f"offer-{next(self._numbers)}"
        self.offers[number] = self.free[agent]
        self.agent_of_offer[number] = agent
        return Offer(
            id=OfferID(value=number),
            framework_id=FrameworkID(value="framework"),
            agent_id=AgentID(value=agent),
            hostname=self.hostname or f"{agent}.example",
            resources=to_wire(self.free[agent], role="*"),
            allocation_info=AllocationInfo(role="*"),
        )

    def _end_offers(self, offers: Iterable[str]) -> None:
        for offer in offers:
            del self.offers[offer]

    def _launch_group(self, group: LaunchGroup) -> None:
        """As a real one: the executor is charged too, and ends with its last task."""
        assert group_problem(group) is None
        name = group.executor.executor_id.value
        assert name not in self.executors, f"{name} is there already"
        self.executors[name] = group.executor
        agent = group.task_group.tasks[0].agent_id.value
        self.free[agent] = self.free[agent] - from_wire(group.executor.resources)
        for info in group.task_group.tasks:
            self._launch(info, name)

    def _launch(self, info: TaskInfo, executor: str | None = None) -> None:
        task = FakeTask(info, executor)
        assert task.used in self.free[task.agent], f"{task.id} does not fit on {task.agent}"
        self.launches[task.id] = self.launches.get(task.id, 0) + 1
        self.tasks[task.id] = task
        self.free[task.agent] = self.free[task.agent] - task.used

    def _kill(self, task_id: str) -> None:
        if task_id in self.tasks:
            for member in self._group(self.tasks[task_id]):
                member.is_killed = True
        else:
            self._reconcile(task_id)

    def _reconcile(self, task_id: str) -> None:
        task = self.tasks.get(task_id)
        state = (task.state or TaskState.STAGING) if task else TaskState.GONE
        status = TaskStatus(task_id=TaskID(value=task_id), state=state)
        self.events.append(Event(type=EventType.UPDATE, update=Update(status=status)))

    def _group(self, task: FakeTask) -> list[FakeTask]:
        if task.executor is None:
            return [task]
        return [other for other in self.tasks.values() if other.executor == task.executor]

    def _forget(self, task: FakeTask) -> None:
        if task.executor is not None:
            self._leave_group(task)
        del self.tasks[task.id]
        self.free[task.agent] = self.free[task.agent] + task.used
        self.refused_agents.discard(task.agent)

    def _leave_group(self, task: FakeTask) -> None:
        """A task that does not end well takes the others along."""
        others = [other for other in self._group(task) if other is not task]
        if task.state is not TaskState.FINISHED:
            for other in others:
                other.is_killed = True
        if not others and task.executor is not None:
            executor = self.executors.pop(task.executor)
            self.free[task.agent] = self.free[task.agent] + from_wire(executor.resources)

    def _status(self, task: FakeTask, state: TaskState, uuid: bytes | None) -> Event:
        status = TaskStatus(
            task_id=TaskID(value=task.id),
            state=state,
            agent_id=AgentID(value=task.agent),
            uuid=uuid,
        )
        return Event(type=EventType.UPDATE, update=Update(status=status))


class Cluster:
    """Marathon and its master."""

    def __init__(
        self,
        settings: Settings | None = None,
        agents: int = 3,
        master: FakeMaster | None = None,
    ) -> None:
        self.settings = settings or Settings(user="nobody")
        self.master = master or FakeMaster(agents)
        self.disk: dict[str, bytes] = {}
        self.now = 1_700_000_000.0
        self.published: list[Happening] = []
        self.replies: dict[int, Outcome | Refusal] = {}
        self.aborted: str | None = None
        self.after_event: Callable[[], None] = lambda: None
        self.probes: list[Probe] = []
        self.responds: Callable[[Probe], Answer | None] = lambda probe: None
        self._ids = (f"id-{number}" for number in itertools.count(1))
        self._tokens = itertools.count(1)
        self._start()
        self.connect()

    def _start(self) -> None:
        self.marathon = Marathon(self.settings, lambda: next(self._ids))
        self.perform(self.marathon.load(dict(self.disk), self.now))

    # What can happen

    def connect(self) -> None:
        self.master.is_suppressed = False
        self.master.refused_agents.clear()
        self.master.offers.clear()
        self.master.receive(self.marathon.subscription())
        subscribed = Subscribed(framework_id=FrameworkID(value="framework"))
        self.hear(Event(type=EventType.SUBSCRIBED, subscribed=subscribed))

    def restart(self) -> None:
        """The process dies and another begins from what was saved."""
        self._start()
        self.connect()

    def lose_master(self) -> None:
        self.perform(self.marathon.handle(ConnectionLost(), self.now))

    def hear(self, event: Event) -> None:
        self.perform(self.marathon.handle(FromMaster(event), self.now))
        while self.master.events:
            queued = self.master.events.pop(0)
            self.perform(self.marathon.handle(FromMaster(queued), self.now))
        self.after_event()

    def ask(self, command: Command) -> Outcome:
        token = next(self._tokens)
        self.perform(self.marathon.handle(Request(token, command), self.now))
        self.after_event()
        result = self.replies[token]
        if isinstance(result, Refusal):
            raise result
        return result

    def create(self, **fields: object) -> Deployment:
        return _deployment(self.ask(CreateApp(update(**fields))))

    def create_pod(self, **fields: object) -> Deployment:
        return _deployment(self.ask(CreatePod(pod(**fields))))

    def change_pod(self, force: bool = False, **fields: object) -> Deployment:
        return _deployment(self.ask(ChangePod(pod(**fields), force)))

    def change(self, force: bool = False, **fields: object) -> Deployment:
        return _deployment(self.ask(ChangeApps([update(**fields)], force)))

    def pass_time(self, seconds: float) -> None:
        """Wake Marathon at each of its alarms on the way."""
        end = self.now + seconds
        while (due := self.marathon.wake_at()) is not None and due <= end:
            self.now = max(self.now, due)
            self.perform(self.marathon.wake(self.now))
            while self.master.events:
                self.hear(self.master.events.pop(0))
        self.now = end
        self.after_event()

    def answer(self, probe: Probe, answer: Answer) -> None:
        self.perform(self.marathon.handle(Probed(probe.key, answer), self.now))
        self.after_event()

    def report(self, task_id: str, state: TaskState) -> None:
        self.hear(self.master.report(task_id, state))

    def run(self, limit: int = 2000) -> None:
        """Let everything happen that can, oldest first, until nothing is left."""
        for _ in range(limit):
            choices = self.master.choices()
            if choices:
                self.hear(self.master.do(choices[0]))
            elif self.is_waiting:
                self.pass_time(1)
            else:
                return
        raise AssertionError(f"still busy: {self.waiting_for()}, {self.master.choices()}")

    def perform(self, effects: Iterable[object]) -> None:
        for effect in effects:
            match effect:
                case Save(key, None):
                    self.disk.pop(key, None)
                case Save(key, bytes(value)):
                    self.disk[key] = value
                case Send(call):
                    self.master.receive(call)
                case Publish(event):
                    self.published.append(event)
                case Reply(token, result):
                    self.replies[token] = result
                case Probe():
                    self.probes.append(effect)
                    if answer := self.responds(effect):
                        self.answer(effect, answer)
                case Abort(reason):
                    self.aborted = reason

    # What there is

    @property
    def is_waiting(self) -> bool:
        state = self.marathon.state
        return bool(state.deployments or state.waiting)

    def waiting_for(self) -> list[str]:
        deployments = self.marathon.state.deployments.values()
        return [s for d in deployments for s in self.marathon.waiting_for(d)]

    def instances(self, app_id: str) -> list[Instance]:
        return self.marathon.state.instances_of(app_id)

    def running(self, app_id: str) -> list[Instance]:
        return [i for i in self.instances(app_id) if i.condition is Condition.RUNNING]

    def delay_of(self, app_id: str) -> Delay:
        delay = self.marathon.state.delays.of(app_id)
        assert delay is not None
        return delay

    def event_types(self) -> list[str]:
        return [event.event_type for event in self.published]


def group_problem(group: LaunchGroup) -> str | None:
    """What a master would refuse; the rules of Mesos, in short."""
    tasks, executor = group.task_group.tasks, group.executor
    if executor.type != "DEFAULT" or executor.framework_id is None:
        return "not the default executor of the framework"
    resources = from_wire(executor.resources)
    if resources.scalar("cpus") < 0.01 or resources.scalar("mem") < 32:
        return "the executor has too little"
    if len({task.agent_id.value for task in tasks}) != 1:
        return "not one agent"
    return None if all(task.command for task in tasks) else "a task without a command"


def _deployment(outcome: Outcome) -> Deployment:
    assert isinstance(outcome, Deployed)
    return outcome.deployment
