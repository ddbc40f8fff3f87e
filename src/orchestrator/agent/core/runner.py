"""Takes tasks through their lives: what the master orders of them, and what containers do.

A container belongs to a task, or to an executor of a framework's own. Launching is in
``launching``, killing in ``ending``, what concerns executors in ``executors``; here is what
containers do.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core import recovery, status
from orchestrator.agent.core.ending import Ending, kill_container
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.executors import Executors
from orchestrator.agent.core.launching import Launcher
from orchestrator.agent.core.messages import (
    Ended,
    ForgetContainer,
    KillContainer,
    LaunchContainer,
    LimitExceeded,
    Observed,
    Probed,
    Started,
)
from orchestrator.agent.core.reporting import Effects, Reporter
from orchestrator.agent.core.status import Verdict
from orchestrator.agent.core.task import (
    SHOWN,
    Cause,
    Condition,
    Container,
    Containerizer,
    Exit,
    Goal,
    Limitation,
    Task,
)
from orchestrator.agent.core.watching import Watcher
from orchestrator.agent.core.wire import (
    grace_s,
    max_completion_s,
)
from orchestrator.mesos import link
from orchestrator.mesos.types import AgentID, TaskState


class Runner:
    """Runs the tasks in the reporter's book."""

    def __init__(self, reporter: Reporter, launcher: Launcher, executors: Executors) -> None:
        self._reporter = reporter
        self._book = reporter.book
        self._launcher = launcher
        self._executors = executors
        self._watcher = Watcher(reporter)
        self._ending = Ending(reporter, executors, self._watcher)

    def stop_all(self, now: float) -> Effects:
        """End every task within its grace, and every executor."""
        return self._ending.stop_all(now)

    def wake_at(self) -> float | None:
        """When a check is due, or a task should have ended."""
        return self._watcher.wake_at()

    def wake(self, now: float) -> Effects:
        """Make the checks that are due, and end the tasks that take too long."""
        effects = self._watcher.checks_due(now)
        for task in self._watcher.overdue(now):
            effects += self._ending.stop(task, 0.0, now, Cause.OVERDUE)
        return effects

    def obey(self, order: link.FromMaster, agent_id: AgentID | None, now: float) -> Effects:
        """What the master orders about tasks."""
        match order:
            case link.RunTasks(framework=framework, tasks=tasks):
                return self._launcher.run(framework, tasks, now)
            case link.RunInExecutor():
                return self._launcher.run_in_executor(order, now)
            case link.Acknowledgements(acknowledgements=acknowledgements):
                return self._reporter.acknowledged(acknowledgements, now)
            case link.UpdateFramework(framework=framework):
                return self._reporter.keep_framework(framework, only_known=True)
            case link.FrameworkToExecutor():
                return self._executors.streams.deliver(order)
            case _:
                return self._ending.obey(order, agent_id, now)

    # --- what containers do, and what checks find ----------------------------------------------

    def notice(self, fact: Started | Ended | LimitExceeded | Probed, now: float) -> Effects:
        """A container started, ended, broke a limit or was checked; repetitions are ignored."""
        executor = self._book.get_executor(fact.container_id)
        task = self._book.get(fact.container_id)
        match fact:
            case Started() if executor is not None and executor.can_become(Condition.RUNNING):
                return self._executors.started(executor, fact)
            case Ended() if executor is not None and executor.can_become(Condition.ENDED):
                return self._on_executor_ended(executor, fact.exit, now)
            case Started() if task is not None and task.can_become(Condition.RUNNING):
                return self._on_started(task, fact, now)
            case Ended() if task is not None and task.can_become(Condition.ENDED):
                return self._on_ended(task, fact.exit, now)
            case LimitExceeded(container_id=container_id, limitation=limitation):
                return self._limit(container_id, limitation, now)
            case Probed():
                return self._on_probed(fact, now)
            case _:
                return []

    def _limit(self, container_id: str, limitation: Limitation, now: float) -> Effects:
        """End at once what has broken a limit; what is being ended already has its reason."""
        executor = self._book.get_executor(container_id)
        if executor is not None and executor.is_custom and executor.goal is Goal.RUN:
            return self._executors.limit(executor, limitation, now)
        task = self._book.get(container_id)
        if task is None or task.has_ended or task.goal is Goal.STOP or task.containerizer is None:
            return []
        limited = replace(task, goal=Goal.STOP, kill_at=now, limitation=limitation)
        return [self._reporter.keep(limited), kill_container(limited, now)]

    def recover(self, observed: Observed, now: float) -> Effects:
        """Bring tasks and executors in line with what a containerizer has."""
        known: list[Task | Executor] = [*self._book.executors(), *self._book.tasks()]
        effects: Effects = []
        for step in recovery.plan(known, observed):
            effects += self._take_step(step, observed.containerizer, now)
        return effects

    def _take_step(self, step: recovery.Step, of: Containerizer, now: float) -> Effects:
        match step:
            case Started(container_id=container_id):
                executor = self._book.get_executor(container_id)
                if executor is not None:
                    self._executors.recovered(executor, now)
                effects = self.notice(step, now)
                self._watcher.begin(container_id, now)
                return effects
            case Ended():
                return self.notice(step, now)
            case recovery.Relaunch(container=container):
                return self._launch_again(container, now)
            case recovery.Stop(container_id=container_id):
                return self._kill_again(container_id, of, now)
            case recovery.Release(container_id=container_id):
                return [ForgetContainer(containerizer=of, container_id=container_id)]

    def _launch_again(self, container: Container, now: float) -> Effects:
        """Unless an earlier step has it ended, as the end of one of a group does."""
        owner = self._book.get(container.id) or self._book.get_executor(container.id)
        if owner is not None and owner.goal is Goal.STOP:
            never_ran = Ended(container_id=container.id, exit=Exit(started=False))
            return self.notice(never_ran, now)
        if isinstance(owner, Executor):
            self._executors.recovered(owner, now)
            container = self._executors.container_of(owner)
        return [LaunchContainer(container=container)]

    def _kill_again(self, container_id: str, of: Containerizer, now: float) -> Effects:
        executor = self._book.get_executor(container_id)
        if executor is not None and not executor.has_ended:
            return self._executors.stop(executor, now)
        task = self._book.get(container_id)
        if task is not None and not task.has_ended:
            return [kill_container(task, now)]
        return [KillContainer(containerizer=of, container_id=container_id, grace_s=0.0)]

    def _on_started(self, task: Task, fact: Started, now: float) -> Effects:
        limit_s = max_completion_s(task)
        running = replace(
            task,
            condition=Condition.RUNNING,
            pid=fact.pid,
            ip_addresses=fact.ip_addresses,
            started_at=now,
            complete_by=None if limit_s is None else now + limit_s,
        )
        # Also when it shall stop: frameworks expect TASK_RUNNING before anything that follows it.
        state = SHOWN[Condition.RUNNING, Goal.RUN]
        told = self._reporter.tell(running, Verdict(state=state), now, data=fact.data)
        self._watcher.begin(task.id, now)
        return told

    def _on_ended(self, task: Task, exit_: Exit, now: float) -> Effects:
        ended = replace(task, condition=Condition.ENDED, kill_at=None)
        verdict = status.of_exit(task, exit_)
        effects = self._watcher.end(task.id)
        if task.is_disowned:
            effects += self._reporter.remove(ended)
        else:
            effects += self._reporter.tell(ended, verdict, now)
            if verdict.state is not TaskState.FINISHED:
                effects += self._ending.end_others(task, now)
        containerizer = task.container.containerizer
        forget = ForgetContainer(containerizer=containerizer, container_id=task.id)
        return [*effects, *self._executors.end_if_done(task.parent_id), forget]

    def _on_probed(self, fact: Probed, now: float) -> Effects:
        effects, doomed = self._watcher.probed(fact, now)
        if doomed is not None:
            effects += self._ending.stop(doomed, grace_s(doomed, None), now, Cause.UNHEALTHY)
        return effects

    def _on_executor_ended(self, executor: Executor, exit_: Exit, now: float) -> Effects:
        return self._executors.ended(executor, exit_, now)
