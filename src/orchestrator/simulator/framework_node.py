"""The machine of a framework: its core, its disk, and its connection to the master."""

from __future__ import annotations

from orchestrator.mesos.scheduler import Call, CallType, Event
from orchestrator.simulator.client import Post, SchedulerClient
from orchestrator.simulator.framework import ModelFramework
from orchestrator.simulator.framework_records import Ambition, Disconnected, Heard, Input, Send
from orchestrator.simulator.kernel import Action
from orchestrator.simulator.process import Disk, Process
from orchestrator.simulator.surroundings import Surroundings


class FrameworkNode:
    """One framework, one life after the other; ``core`` is None while it is down."""

    def __init__(self, around: Surroundings, ambition: Ambition, post: Post) -> None:
        self.name = ambition.name
        self.disk = Disk()
        self.core: ModelFramework | None = None
        self._around = around
        self._ambition = ambition
        self._post = post
        self._process: Process[Input, Send] | None = None
        self._client: SchedulerClient | None = None

    def start(self) -> None:
        """Begin, or go on with what the last life saved, unless it runs."""
        around = self._around
        if self._process is not None:
            return
        core = ModelFramework(self._ambition, self.disk.objects, around.kernel.random)
        self.core = core
        self._process = around.parts.process(
            around.kernel, core, self.disk, self._perform, lambda: None
        )
        self._client = SchedulerClient(
            around,
            self.name,
            self._post,
            core.subscription,
            self._hear,
            lambda: self.tell(Disconnected()),
        )
        around.network.is_down.discard(self.name)
        self._client.start()

    def ambush(self, strike: Action) -> None:
        """Have something happen just when it saves."""
        if self._process is not None:
            self._process.ambush(strike)

    def crash(self, *, power: bool) -> None:
        """End the framework, or (``power``) its whole machine."""
        if self._process is None or self._client is None:
            return
        self._process.crash()
        self._client.stop()
        self._process = self._client = self.core = None
        self._around.network.stop(self.name, power=power)

    def tell(self, event: Input) -> None:
        """Let something happen to the framework."""
        if self._process is not None:
            self._around.trace.note(self.name, "<", event)
            self._process.dispatch(event)

    @property
    def is_content(self) -> bool:
        """Whether it has all that it wants."""
        return self.core is not None and self.core.is_connected and self.core.is_content

    @property
    def live(self) -> set[tuple[str, str]]:
        """The tasks that it believes to run."""
        if self.core is None:
            return set()
        return {(self.core.ledger.framework_id or "", id_) for id_ in self.core.jobs}

    def _hear(self, event: Event) -> None:
        if self.core is not None:
            id_ = self.core.ledger.framework_id or ""
            self._around.monitor.hears(id_, self.core.roles, event)
        self.tell(Heard(event))

    def _perform(self, effect: Send) -> None:
        self._around.trace.note(self.name, ">", effect)
        note_acknowledgement(self._around, effect.call)
        note_groups(self._around, effect.call)
        if self._client is not None:
            self._client.send(effect.call)


def note_groups(around: Surroundings, call: Call) -> None:
    """Let the monitor know of task groups that are to be launched."""
    framework_id = call.framework_id.value if call.framework_id else ""
    for operation in call.accept.operations if call.accept else []:
        if operation.launch_group is not None:
            tasks = operation.launch_group.task_group.tasks
            around.monitor.launches_group({(framework_id, t.task_id.value) for t in tasks})


def note_acknowledgement(around: Surroundings, call: Call) -> None:
    """Let the monitor know of an acknowledgement that is going out."""
    if call.type is CallType.ACKNOWLEDGE and call.acknowledge is not None:
        around.monitor.acknowledges(call.acknowledge.uuid)
