"""The state machine: every request, master's event and alarm comes in here.

One event at a time: it changes what is known, then ``settle`` makes every app's next moves and
``update_demand`` asks for offers or does without. What has to be done for it (saves, calls to the
master, replies, events for listeners) is returned in order. There is no clock and no chance in it:
the time is an argument, and ids come from ``new_id``.

    request ----> Service ---> Deployer ---> instances wait ---> Launcher <--- offers
    status  ----> Lifecycle ------^                                  '---> ACCEPT
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from orchestrator.marathon.core.deployment.deadlines import DEADLINE, Deadlines
from orchestrator.marathon.core.deployment.deployer import Deployer
from orchestrator.marathon.core.deployment.plan import Deployment
from orchestrator.marathon.core.effects import (
    Abort,
    CancelDeployment,
    ConnectionLost,
    Deployed,
    Effect,
    FromMaster,
    Input,
    Reply,
    Request,
)
from orchestrator.marathon.core.events import (
    SchedulerDisconnected,
    SchedulerRegistered,
    SchedulerReregistered,
)
from orchestrator.marathon.core.health.announcer import Announcer
from orchestrator.marathon.core.health.monitor import HEALTH, HealthMonitor
from orchestrator.marathon.core.health.probes import Probed, Purpose
from orchestrator.marathon.core.health.readiness import READINESS, ReadinessMonitor
from orchestrator.marathon.core.lifecycle import Lifecycle
from orchestrator.marathon.core.placement.launcher import LAUNCHER_ALARMS, Launcher
from orchestrator.marathon.core.refusals import Refusal
from orchestrator.marathon.core.service import Service
from orchestrator.marathon.core.settings import Settings
from orchestrator.marathon.core.state import State
from orchestrator.marathon.core.waiting import Explainer
from orchestrator.mesos.scheduler import (
    Call,
    CallType,
    Event,
    EventType,
    Reconcile,
    ReconcileTask,
    Subscribe,
    Subscribed,
)
from orchestrator.mesos.types import (
    AgentID,
    FrameworkID,
    MasterInfo,
    TaskID,
    TaskState,
)
from orchestrator.runtime.machine import Save

RECONCILE, SCALE_CHECK = "reconcile", "scale-check"
MAX_RECONCILED = 5000  # tasks in one call, which is then 2 MB at most


class Marathon:
    """The whole service (``orchestrator.runtime.machine.Machine``)."""

    def __init__(self, settings: Settings, new_id: Callable[[], str]) -> None:
        self.settings = settings
        self.state = State(settings, new_id)
        self.lifecycle = Lifecycle(self.state)
        self.launcher = Launcher(self.state, self.lifecycle)
        self.deployer = Deployer(self.state, self.lifecycle)
        self._service = Service(self.state, self.lifecycle, self.deployer, self.launcher)
        self._health = HealthMonitor(self.state, self.lifecycle)
        self._announcer = Announcer(self.state)
        self._readiness = ReadinessMonitor(self.state)
        self._deadlines = Deadlines(self.state, self.deployer)
        self._explainer = Explainer(self.state, self.deployer, self.launcher, self.lifecycle)
        self.master: MasterInfo | None = None

    def load(self, objects: Mapping[str, bytes], now: float) -> Sequence[Save | Effect]:
        """Take up what an earlier process saved, before anything else."""
        self.state.now = now
        self.state.load(objects)
        self.lifecycle.resume()
        self._health.resume()
        self._deadlines.resume()
        self.state.timers.set(SCALE_CHECK, "", now + self.settings.scale_check_interval_s)
        return self._finish()

    def handle(self, event: Input, now: float) -> Sequence[Save | Effect]:
        """See Machine."""
        self.state.now = now
        match event:
            case Request():
                self._carry_out(event)
            case FromMaster(message):
                self._hear(message)
            case ConnectionLost():
                self._disconnected()
            case Probed(key, answer):
                is_health = key.purpose is Purpose.HEALTH
                (self._health if is_health else self._readiness).answered(key, answer)
            case _:
                assert_never(event)
        return self._finish()

    def wake_at(self) -> float | None:
        """See Machine."""
        return self.state.timers.next()

    def wake(self, now: float) -> Sequence[Save | Effect]:
        """See Machine."""
        self.state.now = now
        for kind, subject in self.state.timers.take_due(now):
            if kind == RECONCILE:
                self._reconcile()
            elif kind == SCALE_CHECK:
                self._check_scale()
            elif kind == HEALTH:
                self._health.alarm(subject)
            elif kind == READINESS:
                self._readiness.alarm(subject)
            elif kind == DEADLINE:
                self._deadline_passed(subject)
            elif kind in LAUNCHER_ALARMS:
                self.launcher.alarm(kind, subject)
            else:
                self.lifecycle.alarm(kind, subject)
        return self._finish()

    def subscription(self) -> Call:
        """The call that opens the stream, as the framework that Marathon is by now."""
        framework_id = self.state.framework_id
        identity = FrameworkID(value=framework_id) if framework_id else None
        subscribe = Subscribe(framework_info=self.launcher.demand.introduction())
        return Call(type=CallType.SUBSCRIBE, framework_id=identity, subscribe=subscribe)

    def waiting_for(self, deployment: Deployment) -> list[str]:
        """What a deployment waits for, and why it gets no offer, in sentences."""
        return self._explainer.waiting_for(deployment)

    def _finish(self) -> Sequence[Save | Effect]:
        settled = self.deployer.settle()
        changed = self.state.take_changed()
        self._health.follow(changed)
        self._announcer.follow(settled)
        self._readiness.follow(settled, changed)
        if self.state.is_connected:
            self.launcher.update_demand()
        return self.state.take_outbox()

    def _carry_out(self, request: Request) -> None:
        try:
            result = self._service.carry_out(request.command)
        except Refusal as refusal:
            self.state.out(Reply(request.token, refusal))
            return
        is_rollback = isinstance(request.command, CancelDeployment)
        if isinstance(result, Deployed) and not is_rollback:
            self._deadlines.give(result.deployment, request.deadline)
        self.state.out(Reply(request.token, result))

    def _deadline_passed(self, deployment_id: str) -> None:
        if deployment := self.state.deployments.get(deployment_id):
            self._deadlines.passed(deployment, self._explainer.obstacles(deployment))

    def _hear(self, event: Event) -> None:
        match event.type:
            case EventType.SUBSCRIBED if event.subscribed:
                self._subscribed(event.subscribed)
            case EventType.OFFERS if event.offers:
                self.launcher.offered(event.offers.offers)
            case EventType.UPDATE if event.update:
                self.lifecycle.updated(event.update.status)
                if event.update.status.state is TaskState.RUNNING:
                    self.launcher.task_runs()
            case EventType.ERROR if event.error:
                self._refused(event.error.message)
            case _:
                pass  # heartbeats; rescinded offers, which were answered when they came

    def _subscribed(self, subscribed: Subscribed) -> None:
        is_new = self.state.framework_id != subscribed.framework_id.value
        self.state.set_framework_id(subscribed.framework_id.value)
        self.state.is_connected = True
        self.master = subscribed.master_info
        self.launcher.subscribed(self.master)
        name = (self.master.hostname or self.master.id) if self.master else ""
        timestamp = self.state.timestamp
        if is_new:
            self.state.publish(
                SchedulerRegistered(
                    timestamp=timestamp, framework_id=self.state.framework_id or "", master=name
                )
            )
        else:
            self.state.publish(SchedulerReregistered(timestamp=timestamp, master=name))
        self._reconcile()
        self.lifecycle.resume()
        initial_s = self.settings.reconciliation_initial_delay_s
        self.state.timers.set(RECONCILE, "", self.state.now + initial_s)

    def _disconnected(self) -> None:
        if self.state.is_connected:
            self.state.is_connected = False
            self.state.publish(SchedulerDisconnected(timestamp=self.state.timestamp))

    def _refused(self, message: str) -> None:
        """The master ends the subscription.

        A framework is removed with all its tasks, when somebody tears it down or its failover
        timeout is over. Launching them all again is for an operator to decide, as in Marathon.
        """
        if "removed" in message and self.settings.renew_framework_id:
            self.state.set_framework_id(None)
        elif "removed" in message:
            self.state.out(
                Abort(
                    f"the master removed this Marathon's framework {self.state.framework_id} and"
                    " ended its tasks; start it with --renew-framework-id to have it launch its"
                    f" apps again as a new framework (the master says: {message})"
                )
            )
        elif "failed over" in message:
            self.state.out(Abort(f"another Marathon took over this one's framework: {message}"))

    def _reconcile(self) -> None:
        """Ask about every task that may exist, then for every task that the master knows."""
        if not self.state.is_connected:
            return
        tasks = [
            ReconcileTask(
                task_id=TaskID(value=task_id),
                agent_id=AgentID(value=instance.place.agent_id) if instance.place else None,
            )
            for instance in self.state.instances.values()
            if instance.condition.is_launched
            for task_id in instance.live_task_ids
        ]
        starts = range(0, len(tasks), MAX_RECONCILED)
        parts = [tasks[start : start + MAX_RECONCILED] for start in starts]
        for wanted in [*parts, []]:
            self.state.send(
                Call(
                    type=CallType.RECONCILE,
                    framework_id=FrameworkID(value=self.state.framework_id or ""),
                    reconcile=Reconcile(tasks=wanted),
                )
            )
        interval_s = self.settings.reconciliation_interval_s
        self.state.timers.set(RECONCILE, "", self.state.now + interval_s)

    def _check_scale(self) -> None:
        """Look at every app and pod, in case something was missed."""
        known = (*self.state.apps, *self.state.pods, *self.state.apps_with_instances())
        self.state.dirty.mark(known)
        interval_s = self.settings.scale_check_interval_s
        self.state.timers.set(SCALE_CHECK, "", self.state.now + interval_s)
