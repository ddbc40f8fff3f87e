"""An agent's core with a master and containerizers played by the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from orchestrator.agent.core import checkpoint
from orchestrator.agent.core.agent import Agent, Host
from orchestrator.agent.core.messages import (
    Ended,
    Event,
    KillContainer,
    LaunchContainer,
    LinkOpened,
    Observed,
    Received,
    Send,
    Started,
    Unavailable,
)
from orchestrator.agent.core.task import Container, Containerizer, Exit, Task
from orchestrator.mesos import link, resource_wire
from orchestrator.mesos.types import (
    AgentID,
    Capability,
    CommandInfo,
    DurationInfo,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    MasterInfo,
    Resource,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from orchestrator.runtime.machine import Save

AGENT = AgentID(value="A-S0")
FRAMEWORK = FrameworkID(value="F-0000")
T = TypeVar("T")


class CountedIds:
    """Ids one can tell in advance."""

    def __init__(self, prefix: str = "c") -> None:
        self._prefix = prefix
        self._containers = 0
        self._updates = 0

    def update_uuid(self) -> bytes:
        self._updates += 1
        return f"{self._prefix}-update-{self._updates}".encode()

    def container_id(self) -> str:
        self._containers += 1
        return f"{self._prefix}{self._containers}"


def framework(*capabilities: str, id_: FrameworkID = FRAMEWORK) -> FrameworkInfo:
    return FrameworkInfo(
        user="root", name="f", id=id_, capabilities=[Capability(type=c) for c in capabilities]
    )


def resources(text: str = "cpus:1;mem:64") -> list[Resource]:
    return resource_wire.to_wire(resource_wire.parse(text), role="*")


def task_info(name: str = "t1", text: str = "cpus:1;mem:64", **fields: object) -> TaskInfo:
    command = fields.pop("command", CommandInfo(value="sleep 1000"))
    return TaskInfo(
        name=name,
        task_id=TaskID(value=name),
        agent_id=AGENT,
        resources=resources(text),
        command=command,  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )


def task_of(
    info: TaskInfo, containerizer: Containerizer = Containerizer.MESOS, id_: str = "c1"
) -> Task:
    """A command task as the agent keeps it."""
    return Task(
        id=id_,
        info=info,
        framework_id="F",
        framework_user="u",
        executor_id=info.task_id.value,
        containerizer=containerizer,
    )


def container_of(
    info: TaskInfo, containerizer: Containerizer = Containerizer.MESOS, id_: str = "c1"
) -> Container:
    """What a containerizer gets to see of a command task."""
    return task_of(info, containerizer, id_).container


def executor_info(
    kind: str = "CUSTOM", name: str = "e", text: str = "cpus:1;mem:32"
) -> ExecutorInfo:
    """An executor; a custom one has a command."""
    command = CommandInfo(value="run-my-executor") if kind == "CUSTOM" else None
    return ExecutorInfo(
        executor_id=ExecutorID(value=name), type=kind, command=command, resources=resources(text)
    )


class World:
    """One agent; ``effects`` are those of the last event, ``disk`` is what was saved so far."""

    def __init__(
        self,
        disk: dict[str, bytes] | None = None,
        prefix: str = "c",
        resources: str = "cpus:4;mem:256;ports:[31000-31009]",
    ) -> None:
        self.disk = dict(disk or {})
        self.now = 1000.0
        self.effects: list[object] = []
        host = Host(
            hostname="h",
            ip="10.0.0.1",
            port=5051,
            version="1",
            resources=resource_wire.parse(resources),
        )
        self.agent = Agent(host, CountedIds(prefix), checkpoint.load(self.disk))

    # --- what happens --------------------------------------------------------------------------

    def happens(self, event: Event) -> list[object]:
        self._take(self.agent.handle(event, self.now))
        return self.effects

    def passes(self, seconds: float) -> list[object]:
        """Let time pass, with every wake-up on the way; gives all effects of it."""
        end, effects = self.now + seconds, []
        while (at := self.agent.wake_at()) is not None and at <= end:
            self.now = max(self.now, at)
            self._take(self.agent.wake(self.now))
            effects += self.effects
            following = self.agent.wake_at()
            assert following is None or following > self.now, "a machine must not wake in a loop"
        self.now = end
        self.effects = effects
        return effects

    def recovers(self, *facts: Started | Ended) -> list[object]:
        self.happens(Unavailable(containerizer=Containerizer.DOCKER, reason="No Docker here"))
        return self.happens(Observed(containerizer=Containerizer.MESOS, containers=facts))

    def registers(self) -> list[object]:
        self.passes(0)
        self.happens(LinkOpened())
        return self.said(
            link.Registered(
                agent_id=AGENT,
                master=MasterInfo(id="m", ip=0),
                ping_timeout_s=15,
                max_ping_timeouts=5,
            )
        )

    def is_up(self) -> World:
        self.recovers()
        self.registers()
        return self

    def said(self, message: link.FromMaster) -> list[object]:
        return self.happens(Received(message=message))

    def runs(self, *infos: TaskInfo, of: FrameworkInfo | None = None) -> list[object]:
        return self.said(link.RunTasks(framework=of or framework(), tasks=list(infos)))

    def runs_in(
        self,
        executor: ExecutorInfo,
        *infos: TaskInfo,
        is_group: bool = False,
        launches: bool = True,
        of: FrameworkInfo | None = None,
    ) -> list[object]:
        return self.said(
            link.RunInExecutor(
                framework=of or framework(),
                executor=executor,
                tasks=list(infos),
                is_group=is_group,
                launches_executor=launches,
            )
        )

    def kills(self, name: str = "t1", grace_ns: int | None = None) -> list[object]:
        policy = _policy(grace_ns) if grace_ns is not None else None
        return self.said(
            link.KillTask(framework_id=FRAMEWORK, task_id=TaskID(value=name), kill_policy=policy)
        )

    def starts(self, container_id: str = "c1", pid: int = 77) -> list[object]:
        return self.happens(Started(container_id=container_id, pid=pid))

    def ends(self, container_id: str = "c1", **how: object) -> list[object]:
        exit_ = Exit(**(how or {"code": 0}))  # type: ignore[arg-type]
        return self.happens(Ended(container_id=container_id, exit=exit_))

    def acknowledges(self, status: TaskStatus) -> list[object]:
        assert status.uuid is not None
        one = link.Acknowledgement(framework_id=FRAMEWORK, task_id=status.task_id, uuid=status.uuid)
        return self.said(link.Acknowledgements(acknowledgements=[one]))

    def acknowledges_all(self) -> None:
        while pending := [task.updates[0] for task in self.agent.book.tasks() if task.updates]:
            for status in pending:
                self.acknowledges(status)

    def crashes(self) -> World:
        """Another agent on what this one had saved."""
        other = World(self.disk, prefix="d")
        other.now = self.now
        return other

    # --- what is seen --------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def messages(self, kind: type[T]) -> list[T]:
        """What of a kind was sent to the master with the last event."""
        sent = [e.message for e in self.effects if isinstance(e, Send)]
        return [message for message in sent if isinstance(message, kind)]

    def updates(self) -> list[TaskStatus]:
        """The statuses sent with the last event."""
        messages = [e.message for e in self.effects if isinstance(e, Send)]
        found = [m for m in messages if isinstance(m, link.StatusUpdates)]
        return [update.status for message in found for update in message.updates]

    def states(self) -> list[TaskState]:
        return [status.state for status in self.updates()]

    def registration(self) -> link.Register:
        messages = [e.message for e in self.effects if isinstance(e, Send)]
        (found,) = [m for m in messages if isinstance(m, link.Register)]
        return found

    def launched(self) -> list[str]:
        return [launch.container.id for launch in self.of(LaunchContainer)]

    def killed(self) -> list[tuple[str, float]]:
        return [(kill.container_id, kill.grace_s) for kill in self.of(KillContainer)]

    def task(self, name: str = "t1") -> Task:
        task = self.agent.book.find(FRAMEWORK.value, name)
        assert task is not None
        return task

    def _take(self, effects: Sequence[object]) -> None:
        self.effects = list(effects)
        for effect in self.effects:
            if isinstance(effect, Save):
                if effect.value is None:
                    self.disk.pop(effect.key, None)
                else:
                    self.disk[effect.key] = effect.value


def _policy(grace_ns: int) -> KillPolicy:
    return KillPolicy(grace_period=DurationInfo(nanoseconds=grace_ns))
