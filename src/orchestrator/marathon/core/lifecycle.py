"""One instance's way from its launch to its end: status updates, kills, agents that are lost.

A task that ends although its instance should run is launched again as the next incarnation, after
the app's delay. A task that should end is killed, again and again until Mesos says that it has
ended. A task that Marathon does not know is killed too: its instance was given up before.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.marathon.core import announcements, ids, timestamps
from orchestrator.marathon.core.apps.app_parts import (
    UnreachableEnabled,
)
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.health import results
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement import residents
from orchestrator.marathon.core.placement.residents import RESERVE
from orchestrator.marathon.core.pods import instance as pod_instance
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State
from orchestrator.marathon.core.stored import TaskFailure
from orchestrator.mesos.scheduler import Acknowledge, Call, CallType, Kill
from orchestrator.mesos.types import AgentID, FrameworkID, TaskID, TaskState, TaskStatus

LAUNCH, KILL, UNREACHABLE = "launch", "kill", "unreachable"
_DRAINED = ("REASON_SLAVE_DRAINING", "REASON_AGENT_DRAINING")  # no fault of the app's
_UNSENT_DELAY_S = 1.0  # at least, where an app has no back-off
_NOTHING_TO_KILL = (TaskState.UNKNOWN, TaskState.UNREACHABLE)


class Lifecycle:
    """What happens to instances once they have been launched."""

    def __init__(self, state: State) -> None:
        self._state = state

    def updated(self, status: TaskStatus) -> None:
        """Mesos reports on a task."""
        instance = self._find(status)
        if instance is None:
            self._give_up_again(status)
        else:
            self._update(instance, status)
        self._acknowledge(status)

    def stop(self, instance_id: str, *, wipes: bool = False) -> None:
        """End an instance and forget it, as soon as Mesos has ended its task.

        One with volumes is kept until it is wanted again, unless ``wipes``, or its app is gone.
        """
        instance = self._state.instances.get(instance_id)
        if instance is None:
            return
        if not wipes and residents.keeps_volumes(self._state, instance):
            if running := residents.suspend(self._state, instance):
                self.kill(running)
            return
        if instance.condition.is_lost or not instance.condition.is_launched:
            self.expunge(instance)
            return
        if instance.goal is not Goal.DECOMMISSIONED:
            instance = replace(instance, goal=Goal.DECOMMISSIONED)
            self._state.put(instance)
        self.kill(instance)

    def kill(self, instance: Instance) -> None:
        """Ask Mesos to end the tasks, now and until they have ended."""
        for task_id in instance.live_task_ids:
            self._send_kill(task_id, instance.place.agent_id if instance.place else None)
        self._state.timers.cancel(LAUNCH, instance.id)
        retry_s = self._state.settings.kill_retry_interval_s
        self._state.timers.set(KILL, instance.id, self._state.now + retry_s)

    def is_being_killed(self, instance: Instance) -> bool:
        """Whether its task has been asked to end."""
        return self._state.timers.get(KILL, instance.id) is not None

    def expunge(self, instance: Instance) -> None:
        """Forget an instance; should its task show up later, it is killed."""
        self._forget_alarms(instance)
        self._state.drop(instance)

    def _forget_alarms(self, instance: Instance) -> None:
        for kind in (LAUNCH, KILL, UNREACHABLE, RESERVE):
            self._state.timers.cancel(kind, instance.id)

    def launched(self, instance: Instance) -> None:
        """An instance was sent to Mesos, which has to confirm it in time."""
        self._state.timers.cancel(RESERVE, instance.id)
        timeout_s = self._state.settings.task_launch_confirm_timeout_s
        self._state.timers.set(LAUNCH, instance.id, self._state.now + timeout_s)

    def never_sent(self, provisioned: Instance, reason: str) -> None:
        """An instance was placed, and the master could not be asked to launch it.

        It is as if its tasks had failed at once, so that the next attempt waits for a delay.
        """
        update = pod_instance.updated if provisioned.tasks else Instance.updated
        for task_id in provisioned.live_task_ids:
            status = TaskStatus(
                task_id=TaskID(value=task_id), state=TaskState.ERROR, message=reason
            )
            updated = update(provisioned, status, self._state.now)
            self._announce(provisioned, updated, status)
            provisioned = updated
        self._ended(provisioned, status, least_delay_s=_UNSENT_DELAY_S)

    def resume(self) -> None:
        """Set the alarms of instances that an earlier process left."""
        for instance in list(self._state.instances.values()):
            if not instance.condition.is_launched:
                residents.watch_reservation(self._state, instance)
                continue
            if instance.goal is not Goal.RUNNING or pod_instance.is_falling_apart(instance):
                self._state.timers.set(KILL, instance.id, self._state.now)
            elif instance.condition.is_lost:
                self._watch_unreachable(instance)
            elif instance.condition is not Condition.RUNNING:
                self.launched(instance)

    def alarm(self, kind: str, instance_id: str) -> None:
        """One of the alarms above went off."""
        instance = self._state.instances.get(instance_id)
        if instance is None:
            return
        if kind == KILL:
            self.kill(instance)
        elif kind == RESERVE:
            if residents.is_too_late(self._state, instance):
                self.expunge(instance)  # the app gets another, elsewhere perhaps
        elif kind == UNREACHABLE:
            self._watch_unreachable(instance)
        elif self._state.is_connected:
            self.stop(instance_id)  # its launch timed out; the app gets another
        else:
            self.launched(instance)  # it may run by now, and only the master could say so

    def is_delayed(self, app: RunSpec) -> float | None:
        """Until when the app may not be launched; None if it may."""
        return self._state.delays.until(app, self._state.now)

    def _find(self, status: TaskStatus) -> Instance | None:
        task_id = status.task_id.value
        instance = self._state.instances.get(ids.instance_of(task_id) or "")
        if instance is None or not instance.condition.is_launched:
            return None
        if instance.condition_of(task_id) is None:
            return None
        return instance

    def _give_up_again(self, status: TaskStatus) -> None:
        task_id = status.task_id.value
        if not status.state.is_terminal:
            if status.state not in _NOTHING_TO_KILL:
                self._send_kill(task_id, status.agent_id.value if status.agent_id else None)
            return
        instance_id = ids.instance_of(task_id) or task_id
        event = announcements.unknown_terminated(instance_id, status, self._state.timestamp)
        self._state.publish(event)

    def _update(self, instance: Instance, status: TaskStatus) -> None:
        update = pod_instance.updated if instance.tasks else Instance.updated
        updated = update(instance, status, self._state.now)
        updated = results.with_status(self._state, updated, status)
        if updated is instance:
            return
        self._announce(instance, updated, status)
        if updated.healthy is not instance.healthy and updated.healthy is not None:
            event = announcements.health_changed(updated, updated.healthy, self._state.timestamp)
            self._state.publish(event)
        if updated.condition.is_terminal:
            self._ended(updated, status)
            return
        self._state.put(updated)
        if updated.condition.is_lost:
            self._watch_unreachable(updated)
        elif pod_instance.is_falling_apart(updated):
            self.kill(updated)
        elif updated.condition is Condition.RUNNING:
            self._state.timers.cancel(LAUNCH, updated.id)
            self._state.timers.cancel(UNREACHABLE, updated.id)
        elif instance.condition is Condition.PROVISIONED and updated.goal is Goal.RUNNING:
            self._confirmed(updated)

    def _announce(self, before: Instance, after: Instance, status: TaskStatus) -> None:
        condition = after.condition_of(status.task_id.value)
        if condition is not before.condition_of(status.task_id.value):
            timestamp = self._state.timestamp
            self._state.publish(announcements.status_updated(after, status, timestamp))
            self._remember_failure(after, condition, status)

    def _confirmed(self, instance: Instance) -> None:
        """Mesos knows of its launch, which may take as long as any, from when it was made."""
        settings, timers = self._state.settings, self._state.timers
        confirmed_by = timers.get(LAUNCH, instance.id)
        if confirmed_by is not None:
            began = confirmed_by - settings.task_launch_confirm_timeout_s
            timers.set(LAUNCH, instance.id, began + settings.task_launch_timeout_s)

    def _ended(self, instance: Instance, status: TaskStatus, least_delay_s: float = 0.0) -> None:
        self._state.remember_end(instance)
        instance = residents.ended(instance, status)
        if instance.goal is Goal.STOPPED and instance.reservation is not None:
            self._forget_alarms(instance)
            self._state.put(instance)
            return
        self.expunge(instance)
        app = self._state.effective(instance.app_id)
        is_current = app is not None and app.config_version == instance.config_version
        is_kept = is_current or instance.reservation is not None
        if instance.goal is not Goal.RUNNING or app is None or not is_kept:
            return
        if instance.condition.adds_delay and status.reason not in _DRAINED:
            self._state.delay(app, least_delay_s)
        self._state.put(instance.relaunched(app, self._state.now))

    def _watch_unreachable(self, instance: Instance) -> None:
        if instance.goal is Goal.DECOMMISSIONED:
            self.expunge(instance)
            return
        app = self._state.spec_of(instance)
        strategy = app.unreachable_strategy if app else UnreachableEnabled()
        if not isinstance(strategy, UnreachableEnabled) or not instance.condition.is_lost:
            return
        inactive_at = instance.changed_at + strategy.inactive_after_seconds
        expunge_at = instance.changed_at + strategy.expunge_after_seconds
        if self._state.now >= expunge_at:
            self.expunge(instance)
        elif self._state.now >= inactive_at:
            self._state.put(replace(instance, condition=Condition.UNREACHABLE_INACTIVE))
            self._state.timers.set(UNREACHABLE, instance.id, expunge_at)
        else:
            self._state.timers.set(UNREACHABLE, instance.id, inactive_at)

    def _send_kill(self, task_id: str, agent_id: str | None) -> None:
        if self._state.framework_id is None:
            return
        kill = Kill(
            task_id=TaskID(value=task_id),
            agent_id=AgentID(value=agent_id) if agent_id else None,
        )
        self._call(CallType.KILL, kill=kill)

    def _acknowledge(self, status: TaskStatus) -> None:
        if status.uuid and status.agent_id:
            acknowledge = Acknowledge(
                agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid
            )
            self._call(CallType.ACKNOWLEDGE, acknowledge=acknowledge)

    def _call(
        self, kind: CallType, kill: Kill | None = None, acknowledge: Acknowledge | None = None
    ) -> None:
        framework_id = FrameworkID(value=self._state.framework_id or "")
        self._state.send(
            Call(type=kind, framework_id=framework_id, kill=kill, acknowledge=acknowledge)
        )

    def _remember_failure(
        self, instance: Instance, condition: Condition | None, status: TaskStatus
    ) -> None:
        if condition is None or not condition.is_terminal:
            return
        if condition in (Condition.KILLED, Condition.FINISHED):
            return
        failure = TaskFailure(
            app_id=instance.app_id,
            host=instance.place.host if instance.place else "",
            message=status.message or "",
            state=status.state.value,
            task_id=status.task_id.value,
            timestamp=timestamps.render(status.timestamp or self._state.now),
            version=instance.version,
            slave_id=instance.place.agent_id if instance.place else None,
        )
        self._state.remember_failure(failure)
