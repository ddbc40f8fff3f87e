"""An agent's machine: the real core, its checkpoint, its link, and the supervisor beside it."""

from __future__ import annotations

from orchestrator.agent.core import checkpoint
from orchestrator.agent.core.agent import Agent, Host
from orchestrator.agent.core.messages import (
    CloseLink,
    Effect,
    Event,
    ForgetContainer,
    Halt,
    HaltReason,
    KillContainer,
    LaunchContainer,
    Leave,
    LinkLost,
    LinkOpened,
    OpenLink,
    Received,
    RunProbe,
    Send,
    Unavailable,
)
from orchestrator.agent.core.task import Containerizer, Task
from orchestrator.mesos.link import FromMaster, Shutdown, ShutdownFramework, StatusUpdates
from orchestrator.mesos.resources import Resources
from orchestrator.simulator.connection import End
from orchestrator.simulator.kernel import Action
from orchestrator.simulator.monitor import Violation
from orchestrator.simulator.process import Disk, Process
from orchestrator.simulator.supervisor import Supervisor
from orchestrator.simulator.surroundings import MASTER, Surroundings


class Ids:
    """Ids that are unique in the cluster, and the same in each run of a seed."""

    def __init__(self, around: Surroundings, machine: str) -> None:
        self._kernel = around.kernel
        self._machine = machine

    def update_uuid(self) -> bytes:
        """Names a status update."""
        return f"{self._machine}-{self._kernel.name('update')}".encode()

    def container_id(self) -> str:
        """Names a container."""
        return f"{self._machine}-{self._kernel.name('container')}"


class AgentNode:
    """One machine. ``core`` is None while the agent is down; its tasks may run all the same."""

    def __init__(self, around: Surroundings, name: str, has: Resources, failing: float) -> None:
        self.name = name
        self.disk = Disk()
        self.supervisor = Supervisor(around.kernel, around.monitor, name, has, failing)
        self.core: Agent | None = None
        self._around = around
        self._process: Process[Event, Effect] | None = None
        self._link: End | None = None
        self._is_leaving = False
        self._host = Host(hostname=name, ip="10.0.0.1", port=5051, version="1.11.0", resources=has)

    def start(self) -> None:
        """Start the agent on what its last life left, unless it runs."""
        around = self._around
        if self._process is not None:
            return
        self._is_leaving = False
        around.network.is_down.discard(self.name)
        core = around.parts.agent(
            self._host, Ids(around, self.name), checkpoint.load(self.disk.objects)
        )
        self.core = core
        around.monitor.agent_restarts(self.name, core)
        process = around.parts.process(
            around.kernel, core, self.disk, self._perform, lambda: self._look(core)
        )
        self._process = process
        self.supervisor.disowns = self._has_given_away
        self._dispatch(Unavailable(containerizer=Containerizer.DOCKER, reason="No Docker here"))
        self.supervisor.attach(self._dispatch)

    def ambush(self, strike: Action) -> None:
        """Have something happen just when it saves."""
        if self._process is not None:
            self._process.ambush(strike)

    def crash(self, *, power: bool) -> None:
        """End the agent, or (``power``) its whole machine."""
        if self._process is None:
            return
        self._process.crash()
        self._process = self.core = self._link = None
        self._around.network.stop(self.name, power=power)
        if power:
            self._around.network.is_down.add(self.name)
            self.supervisor.reboot()
        else:
            self.supervisor.detach()

    def leave(self) -> None:
        """Ask the agent to kill its tasks and leave the cluster."""
        self._is_leaving = True
        self._dispatch(Leave())

    def _dispatch(self, event: Event) -> None:
        if self._process is not None:
            self._around.trace.note(self.name, "<", event)
            self._process.dispatch(event)

    def _look(self, core: Agent) -> None:
        if self._is_leaving:
            self._disown(core.book.tasks())
        self._around.monitor.look_at_agent(self.name, core, self._under_way())

    def _under_way(self) -> set[bytes]:
        waiting = self._process.waiting if self._process is not None else ()
        sends = (effect.message for effect in waiting if isinstance(effect, Send))
        updates = (m.updates for m in sends if isinstance(m, StatusUpdates))
        return {u.status.uuid for some in updates for u in some if u.status.uuid}

    def _has_given_away(self, container_id: str) -> bool:
        """Whether the container's resources count no more: the master disowned its framework."""
        task = self.core.book.get(container_id) if self.core else None
        return task is None or task.is_disowned

    # --- effects -------------------------------------------------------------------------------

    def _perform(self, effect: Effect) -> None:
        self._around.trace.note(self.name, ">", effect)
        match effect:
            case Send(message=message):
                if self._link is not None:
                    if isinstance(message, StatusUpdates):
                        uuids = [u.status.uuid for u in message.updates if u.status.uuid]
                        self._around.monitor.agent_sends(self.name, uuids)
                    self._link.send(message)
            case OpenLink():
                self._open_link()
            case CloseLink():
                self._close_link()
            case LaunchContainer(container=container):
                self.supervisor.launch(container)
            case KillContainer(container_id=id_, grace_s=grace_s):
                self.supervisor.kill(id_, grace_s)
            case ForgetContainer(container_id=id_):
                self.supervisor.forget(id_)
            case RunProbe(probe=probe):  # when stopped, its result comes but counts for nothing
                self.supervisor.probe(probe)
            case Halt(reason=HaltReason.LEFT):
                self._around.kernel.after(0.0, lambda: self.crash(power=False))
            case Halt(detail=detail):
                if self.supervisor.running:
                    what = f"{self.name} ends and leaves tasks behind: {detail}"
                    raise Violation("an agent that is refused has no tasks", what)
                self._around.kernel.after(0.0, lambda: self.crash(power=False))

    def _open_link(self) -> None:
        self._close_link()

        def opened() -> None:
            if self._link is end:
                self._dispatch(LinkOpened())

        def lose(reason: str) -> None:
            if self._link is end:
                self._link = None
                jitter = self._around.kernel.random.random()
                self._dispatch(LinkLost(reason=reason, jitter=jitter))

        end = self._around.network.connect(self.name, MASTER, opened, lose)
        end.hear = self._receive
        self._link = end

    def _close_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _receive(self, message: object) -> None:
        if isinstance(message, Shutdown):
            self._is_leaving = True
        if isinstance(message, ShutdownFramework) and self.core is not None:
            self._disown(self.core.book.of_framework(message.framework_id.value))
        if isinstance(message, FromMaster):
            self._dispatch(Received(message=message))

    def _disown(self, tasks: list[Task]) -> None:
        uuids = (update.uuid for task in tasks for update in task.updates)
        self._around.monitor.disown([uuid for uuid in uuids if uuid])
