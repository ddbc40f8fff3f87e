"""The agent as a state machine: what the master and the containerizers say in, effects out.

A task is checkpointed before its launch is ordered, an update before it is sent, an end before the
containerizer may forget it; the driver keeps that order. This file holds the agent's own life (the
link, recovery, leaving); ``runner`` does what concerns tasks.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.agent.core import checkpoint
from orchestrator.agent.core.book import Book
from orchestrator.agent.core.destroying import Destruction
from orchestrator.agent.core.executors import Executors, Patience
from orchestrator.agent.core.launching import Launcher
from orchestrator.agent.core.messages import (
    CloseLink,
    Effect,
    Ended,
    Event,
    ExecutorSaid,
    ExecutorStreamClosed,
    ExecutorSubscribed,
    ExecutorUpdated,
    Halt,
    HaltReason,
    Leave,
    LimitExceeded,
    LinkLost,
    LinkOpened,
    Observed,
    OpenLink,
    Probed,
    Received,
    Send,
    Started,
    Unavailable,
    VolumesRemoved,
)
from orchestrator.agent.core.overlay import Overlay
from orchestrator.agent.core.redaction import without_secrets
from orchestrator.agent.core.registration import LinkState, Registration
from orchestrator.agent.core.reporting import Effects, Ids, Reporter
from orchestrator.agent.core.runner import Runner
from orchestrator.agent.core.task import Containerizer
from orchestrator.agent.core.wire import task_on_wire
from orchestrator.mesos import link, resource_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import AgentInfo, Attribute, Message
from orchestrator.runtime.machine import Save

LEAVE_TIMEOUT_S = 2.0  # how long acknowledgements are waited for once nothing runs any more


class Host(Message):
    """The machine an agent offers, and where the agent itself can be reached."""

    hostname: str
    ip: str
    port: int
    version: str
    resources: Resources
    attributes: list[Attribute] = []
    overlay: link.OverlayMember | None = None


class Agent:
    """All that one agent knows. Anyone may read it; only ``handle`` and ``wake`` change it."""

    def __init__(
        self,
        host: Host,
        ids: Ids,
        kept: checkpoint.Checkpoint,
        patience: Patience | None = None,
    ) -> None:
        self.host = host
        self.agent_id = kept.agent_id
        self.book = Book(kept.frameworks, kept.tasks, kept.executors)
        self.registration = Registration()
        self.overlay = Overlay(host.overlay, kept.overlay)
        self._destruction = Destruction(self.book, kept.destroyed)
        reporter = Reporter(self.book, ids, host.ip)
        self.executors = Executors(reporter, patience or Patience())
        self._launcher = Launcher(host.resources, reporter, self.executors)
        self._streams = reporter.streams
        self._runner = Runner(reporter, self._launcher, self.executors)
        self._awaited = set(Containerizer)  # those that have not told what they have
        self._is_leaving = False
        self._leaving_for = ""  # the master's reason, if it is the master who wants it gone
        self._has_left = False
        self._leave_by: float | None = None

    @property
    def info(self) -> AgentInfo:
        """The agent as it introduces itself."""
        return AgentInfo(
            hostname=self.host.hostname,
            port=self.host.port,
            resources=resource_wire.to_wire(self.host.resources, refined=True),
            attributes=self.host.attributes,
            id=self.agent_id,
        )

    @property
    def is_recovered(self) -> bool:
        """Whether every containerizer has told what it has; before that the agent stays silent."""
        return not self._awaited

    def handle(self, event: Event, now: float) -> Sequence[Save | Effect]:
        """Take in one event."""
        effects = self._handle(event, now)
        return effects + self._leave_if_done(now)

    def wake_at(self) -> float | None:
        """The next moment at which something is due."""
        moments = (
            self.registration.wake_at(),
            self._streams.wake_at(),
            self.executors.wake_at(),
            self._runner.wake_at(),
            self._leave_by,
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def wake(self, now: float) -> Sequence[Save | Effect]:
        """Open or give up the link, retry updates, lose patience, check tasks, leave at last."""
        retries = self._streams.wake(self.book.get, now)
        ends = self.executors.wake(now)
        checks = self._runner.wake(now)
        return [*self._wake_link(now), *retries, *ends, *checks, *self._leave_if_done(now)]

    def _handle(self, event: Event, now: float) -> Effects:
        match event:
            case Received() if self._has_left:
                return []  # what crossed the goodbye would be kept under an id that is over
            case Received(message=message):
                self.registration.heard(now)
                return self._on_message(message, now)
            case LinkOpened() | LinkLost():
                return self._on_link(event, now)
            case Started() | Ended() | LimitExceeded() | Probed():
                return self._runner.notice(event, now)
            case Observed() | Unavailable():
                return self._on_containerizer(event, now)
            case ExecutorSubscribed() | ExecutorUpdated() | ExecutorSaid() | ExecutorStreamClosed():
                return self.executors.heard(event, self.info, now)
            case VolumesRemoved(number=number):
                return self._destruction.carried_out(number)
            case Leave():
                return self._leave("", now)

    # --- the link ------------------------------------------------------------------------------

    def _wake_link(self, now: float) -> Effects:
        at = self.registration.wake_at()
        if at is None or at > now:
            return []
        if self.registration.state is LinkState.DOWN:
            self.registration.opening(now)
            return [OpenLink()]
        return self._give_up_link("the master does not answer", now)

    def _give_up_link(self, reason: str, now: float) -> Effects:
        self.registration.lost(reason, jitter=0.0, now=now)
        self._streams.close()
        return [CloseLink(reason=reason)]

    def _on_link(self, event: LinkOpened | LinkLost, now: float) -> Effects:
        match event:
            case LinkOpened():
                return self._register(now)
            case LinkLost(reason=reason, jitter=jitter):
                return self._on_link_lost(reason, jitter, now)

    def _register(self, now: float) -> Effects:
        if self.registration.state is not LinkState.OPENING:
            return []
        self.registration.opened(now)
        message = link.Register(
            agent=self.info,
            version=self.host.version,
            tasks=[task_on_wire(task) for task in self.book.tasks() if not task.is_disowned],
            executors=[without_secrets(e.info) for e in self.book.executors() if not e.is_disowned],
            frameworks=list(self.book.frameworks.values()),
            overlay=self.overlay.member,
            destroyed=self._destruction.done,
        )
        return [Send(message=message)]

    def _on_link_lost(self, reason: str, jitter: float, now: float) -> Effects:
        if self.registration.state is not LinkState.DOWN:
            self.registration.lost(reason, jitter, now)
        self._streams.close()
        return []

    def _on_message(self, message: link.FromMaster, now: float) -> Effects:
        match message:
            case link.Registered():
                return self._on_registered(message, now)
            case link.Refused(reason=reason, retry=True):
                return self._give_up_link(reason, now)
            case link.Refused(reason=reason):
                self.registration.stop(reason)
                return [CloseLink(reason=reason), Halt(reason=HaltReason.REFUSED, detail=reason)]
            case link.OverlayUpdate() | link.DestroyVolumes():
                return self._on_order_to_host(message)
            case link.Ping():
                return [Send(message=link.Pong())]
            case link.Shutdown(reason=reason):
                return self._leave(reason, now)
            case link.UpdateFramework(framework=info):
                obeyed = self._runner.obey(message, self.agent_id, now)
                name = info.id.value if info.id else ""
                theirs = [task for task in self.book.tasks() if task.framework_id == name]
                return [*obeyed, *self._streams.send_anew(theirs, now)]
            case _:
                return self._runner.obey(message, self.agent_id, now)

    def _on_order_to_host(self, message: link.OverlayUpdate | link.DestroyVolumes) -> Effects:
        if isinstance(message, link.OverlayUpdate):
            return self.overlay.heard(message)
        return self._destruction.heard(message)

    def _on_registered(self, message: link.Registered, now: float) -> Effects:
        self.registration.registered(message, now)
        saves: Effects = []
        if self.agent_id != message.agent_id:
            self.agent_id = message.agent_id
            saves.append(checkpoint.save_agent(message.agent_id))
        return [*saves, *self._streams.open(self.book.tasks(), now)]

    # --- recovery and the end ------------------------------------------------------------------

    def _on_containerizer(self, event: Observed | Unavailable, now: float) -> Effects:
        effects: Effects = []
        match event:
            case Unavailable(containerizer=containerizer, reason=reason):
                self._launcher.missing[containerizer] = reason
            case Observed(containerizer=containerizer):
                self._launcher.missing.pop(containerizer, None)
                effects = self._runner.recover(event, now)
        if self._awaited:
            self._awaited.discard(containerizer)
            if self.is_recovered:
                self.registration.begin(now)
        return effects

    def _leave(self, reason: str, now: float) -> Effects:
        self._is_leaving = self._launcher.is_closing = True
        self._leaving_for = reason
        return self._runner.stop_all(now)

    def _leave_if_done(self, now: float) -> Effects:
        """Say goodbye once nothing runs and all updates are acknowledged, or waited for enough."""
        if not self._is_leaving or not self.book.is_idle:
            return []
        if self._leave_by is None:
            self._leave_by = now + LEAVE_TIMEOUT_S
        if len(self.book) and self.registration.is_registered and now < self._leave_by:
            return []
        self._is_leaving, self._leave_by, self.agent_id = False, None, None
        self._has_left = True
        forgotten = checkpoint.drop_all(
            self.book.frameworks, self.book.executors(), self.book.tasks()
        )
        goodbye = [Send(message=link.Leaving())] if self.registration.is_registered else []
        self.registration.stop("the agent left")
        left = Halt(reason=HaltReason.LEFT, detail=self._leaving_for)
        return [*forgotten, *self.overlay.forget(), *goodbye, left]
