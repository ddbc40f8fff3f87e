"""Ends tasks and executors: kills that are ordered, and groups that end together.

A kill is ordered once and may be repeated; a later one can only shorten the grace. What is to end
is noted before it is killed, so that an agent that starts anew kills it again.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core import status
from orchestrator.agent.core.executors import Executors
from orchestrator.agent.core.messages import KillContainer
from orchestrator.agent.core.reporting import Effects, Reporter
from orchestrator.agent.core.status import Verdict
from orchestrator.agent.core.task import SHOWN, Cause, Condition, Goal, Task
from orchestrator.agent.core.watching import Watcher
from orchestrator.agent.core.wire import (
    grace_s,
    has_capability,
    is_partition_aware,
    nameless_task,
)
from orchestrator.mesos import link
from orchestrator.mesos.types import AgentID, KillPolicy, TaskState


class Ending:
    """Stops what runs, of the reporter's book."""

    def __init__(self, reporter: Reporter, executors: Executors, watcher: Watcher) -> None:
        self._reporter = reporter
        self._book = reporter.book
        self._executors = executors
        self._watcher = watcher

    def obey(self, order: link.FromMaster, agent_id: AgentID | None, now: float) -> Effects:
        """What the master orders to end; nothing for other orders."""
        match order:
            case link.KillTask(framework_id=framework_id, task_id=task_id, kill_policy=policy):
                return self._kill((framework_id.value, task_id.value), policy, agent_id, now)
            case link.ShutdownFramework(framework_id=framework_id):
                return self._shut_down_framework(framework_id.value, now)
            case link.ShutdownExecutor(framework_id=framework_id, executor_id=executor_id):
                key = framework_id.value, executor_id.value
                return self._shut_down_executor(key, agent_id, now)
            case _:
                return []

    def _kill(
        self, key: tuple[str, str], policy: KillPolicy | None, agent_id: AgentID | None, now: float
    ) -> Effects:
        task = self._book.find(*key)
        if task is not None:
            return self._end_with_group(task, policy, now)
        framework = self._book.frameworks.get(key[0])
        if framework is None or agent_id is None:
            return []  # as Mesos' agent: nobody it knows could be waiting for an answer
        unknown = Task(
            id=self._reporter.ids.container_id(),
            info=nameless_task(key[1], agent_id),
            framework_id=key[0],
            framework_user=framework.user,
            executor_id=key[1],
            containerizer=None,
            condition=Condition.ENDED,
        )
        verdict = status.unknown_task(is_partition_aware(framework))
        return self._reporter.tell(unknown, verdict, now)

    def stop_all(self, now: float) -> Effects:
        """End every task within its grace, and every executor."""
        effects: Effects = []
        for executor in self._book.executors():
            if executor.is_custom and not executor.has_ended:
                effects += self._executors.stop(executor, now)
        for task in self._book.tasks():
            if task.containerizer is not None and not task.has_ended:
                effects += self.stop(task, grace_s(task, None), now)
        return effects

    def _end_with_group(self, task: Task, policy: KillPolicy | None, now: float) -> Effects:
        """Kill a task; those of its group have no business without it."""
        members = [task, *self._others_of_group(task)]
        return [
            effect
            for one in members
            if not one.has_ended
            for effect in self._end(one, policy if one is task else None, now)
        ]

    def _end(self, task: Task, policy: KillPolicy | None, now: float) -> Effects:
        if task.containerizer is None:
            return self._executors.kill_task(task, policy, now)
        return self.stop(task, grace_s(task, policy), now)

    def _others_of_group(self, task: Task) -> list[Task]:
        executor = self._book.get_executor(task.parent_id or "")
        if executor is None or executor.is_custom or task.group is None:
            return []  # a framework's own executor decides that itself
        members = self._book.of_executor(executor)
        return [one for one in members if one.group == task.group and one.id != task.id]

    def stop(self, task: Task, grace: float, now: float, cause: Cause | None = None) -> Effects:
        """Order the kill; a second one can only shorten the grace, which began with the first."""
        since = now if task.killed_since is None else task.killed_since
        kill_at = since + grace if task.kill_at is None else min(task.kill_at, since + grace)
        cause = cause if task.goal is Goal.RUN else task.cause
        stopping = replace(task, goal=Goal.STOP, killed_since=since, kill_at=kill_at, cause=cause)
        effects = self._watcher.end(task.id)
        if self._is_told_of_killing(task, stopping):
            effects += self._reporter.tell(stopping, Verdict(state=TaskState.KILLING), now)
        elif stopping != task:
            effects.append(self._reporter.keep(stopping))
        return [*effects, kill_container(stopping, now)]

    def _is_told_of_killing(self, task: Task, stopping: Task) -> bool:
        shown = SHOWN[stopping.condition, stopping.goal]
        is_news = task.goal is Goal.RUN and shown is TaskState.KILLING
        return is_news and stopping.cause is not Cause.OVERDUE and self._wants_killing_state(task)

    def _wants_killing_state(self, task: Task) -> bool:
        framework = self._book.frameworks.get(task.framework_id)
        return framework is not None and has_capability(framework, "TASK_KILLING_STATE")

    def _shut_down_framework(self, framework_id: str, now: float) -> Effects:
        effects: Effects = []
        for executor in self._book.executors():
            if executor.framework_id == framework_id and not executor.is_disowned:
                disowned = replace(executor, is_disowned=True)
                effects.append(self._reporter.keep_executor(disowned))
                if executor.is_custom:
                    effects += self._executors.stop(disowned, now)
        for task in self._book.of_framework(framework_id):
            disowned_task = self._reporter.disown(task)
            if task.has_ended:
                effects += self._reporter.remove(disowned_task)
                continue
            effects.append(self._reporter.keep(disowned_task))
            if task.containerizer is not None:
                effects += self.stop(disowned_task, grace_s(task, None), now)
        return effects

    def _shut_down_executor(
        self, key: tuple[str, str], agent_id: AgentID | None, now: float
    ) -> Effects:
        """A framework wants an executor gone; that of a command is called like its task."""
        executor = self._book.find_executor(*key)
        if executor is None:
            task = self._book.find(*key)
            return self._kill(key, None, agent_id, now) if task and not task.parent_id else []
        if executor.is_custom:
            return self._executors.stop(executor, now)
        return [
            effect
            for task in self._book.of_executor(executor)
            if not task.has_ended
            for effect in self.stop(task, grace_s(task, None), now)
        ]

    def end_others(self, task: Task, now: float) -> Effects:
        """Its group goes with it, and counts as unhealthy if that is why, as in Mesos."""
        cause = Cause.UNHEALTHY if task.cause is Cause.UNHEALTHY else None
        return [
            effect
            for one in self._others_of_group(task)
            if not one.has_ended
            for effect in self.stop(one, grace_s(one, None), now, cause)
        ]


def kill_container(task: Task, now: float) -> KillContainer:
    """The order to end what a task runs in, by the time it has to be gone."""
    return KillContainer(
        containerizer=task.container.containerizer,
        container_id=task.id,
        grace_s=max(0.0, (task.kill_at or now) - now),
    )
