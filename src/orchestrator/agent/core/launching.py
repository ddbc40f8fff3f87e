"""Takes in tasks: as commands, into an executor, or as a group that starts whole or not at all.

A task is kept before its launch is ordered. One that cannot be taken is answered with an update of
its own, so the master always hears what became of what it sent.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core import admission, ports, shared_volumes, status
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.executors import Executors, exited
from orchestrator.agent.core.messages import LaunchContainer, Send
from orchestrator.agent.core.reporting import Effects, Reporter
from orchestrator.agent.core.status import Verdict
from orchestrator.agent.core.task import SHOWN, Condition, Containerizer, Exit, Goal, Task
from orchestrator.agent.core.wire import is_partition_aware
from orchestrator.mesos import link
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import FrameworkInfo, TaskInfo


class Launcher:
    """Launches on ``total`` resources.

    ``missing`` are the containerizers that do not work at the moment, and why; ``is_closing`` is
    set once no task is to be started any more.
    """

    def __init__(self, total: Resources, reporter: Reporter, executors: Executors) -> None:
        self.missing: dict[Containerizer, str] = {}
        self.is_closing = False
        self._total = total
        self._reporter = reporter
        self._book = reporter.book
        self._executors = executors

    @property
    def _free(self) -> Resources:
        """By name alone: reservations and volumes are the master's to keep."""
        return self._total.plain() - self._book.used.plain()

    # --- commands ------------------------------------------------------------------------------

    def run(self, framework: FrameworkInfo, tasks: list[TaskInfo], now: float) -> Effects:
        """Tasks that each are a command."""
        effects = self._reporter.keep_framework(framework, only_known=False)
        for info in self._fresh(framework, tasks):
            refusal = admission.refusal(info, self._free, len(self._book), self.missing)
            refusal = refusal or self._lateness(framework)
            task = self._task(framework, info, info.task_id.value)
            effects += self._refuse(task, refusal, now) if refusal else self._launch(task, now)
        return effects

    def _fresh(self, framework: FrameworkInfo, tasks: list[TaskInfo]) -> list[TaskInfo]:
        """Those that are not here yet: an order may come twice."""
        if framework.id is None:
            return []
        known = self._book.find
        return [t for t in tasks if known(framework.id.value, t.task_id.value) is None]

    def _lateness(self, framework: FrameworkInfo) -> Verdict | None:
        return status.agent_is_leaving(is_partition_aware(framework)) if self.is_closing else None

    def _task(self, framework: FrameworkInfo, info: TaskInfo, executor_id: str) -> Task:
        return Task(
            id=self._reporter.ids.container_id(),
            info=info,
            framework_id=framework.id.value if framework.id else "",
            framework_user=framework.user,
            executor_id=executor_id,
            containerizer=admission.containerizer_of(info.container),
        )

    def _launch(self, task: Task, now: float) -> Effects:
        starting = Verdict(state=SHOWN[task.condition, task.goal])
        told = self._reporter.tell(task, starting, now)
        return [*told, LaunchContainer(container=task.container)]

    def _refuse(self, task: Task, refusal: Verdict, now: float) -> Effects:
        return self._reporter.tell(replace(task, condition=Condition.ENDED), refusal, now)

    # --- executors -----------------------------------------------------------------------------

    def run_in_executor(self, order: link.RunInExecutor, now: float) -> Effects:
        """Tasks of one executor, which is started with them if it is not there."""
        effects = self._reporter.keep_framework(order.framework, only_known=False)
        fresh = self._fresh(order.framework, order.tasks)
        if order.framework.id is None or not fresh:
            return effects
        name = order.executor.executor_id.value
        executor = self._book.find_executor(order.framework.id.value, name)
        refusal = self._lateness(order.framework) or self._refusal(order, fresh, executor)
        if refusal is not None:
            for info in fresh:
                effects += self._refuse(self._task(order.framework, info, name), refusal, now)
            if executor is None and order.launches_executor:
                not_started = exited((order.framework.id.value, name), Exit(started=False))
                effects.append(Send(message=not_started))  # the master has charged for it
            return effects
        if executor is None:
            executor = self._executor(order)
            effects += self._executors.start(executor, now)
        return effects + self._place(executor, order, fresh, now)

    def _refusal(
        self, order: link.RunInExecutor, tasks: list[TaskInfo], executor: Executor | None
    ) -> Verdict | None:
        if executor is None and not order.launches_executor:
            return status.executor_is_gone(
                "The executor has ended", is_partition_aware(order.framework)
            )
        if executor is not None and executor.goal is Goal.STOP:
            return status.executor_is_gone(
                "The executor is ending", is_partition_aware(order.framework)
            )
        charged = order.executor if executor is None else None
        return admission.refusal_in_executor(
            order, charged, tasks, self._free, len(self._book), self.missing
        )

    def _executor(self, order: link.RunInExecutor) -> Executor:
        framework, info = order.framework, order.executor
        kind = admission.containerizer_of(info.container)
        return Executor(
            id=self._reporter.ids.container_id(),
            info=replace(info, framework_id=framework.id),
            framework_id=framework.id.value if framework.id else "",
            framework_user=framework.user,
            agent_id=order.tasks[0].agent_id.value,
            containerizer=None if admission.is_default(info) else kind,
        )

    def _place(
        self, executor: Executor, order: link.RunInExecutor, infos: list[TaskInfo], now: float
    ) -> Effects:
        group = self._reporter.ids.container_id() if order.is_group else None
        networks = tuple(ports.joined(executor.info.container))
        volumes = shared_volumes.of_executor(executor.info.resources)
        tasks = []
        for info in infos:
            task = self._task(order.framework, info, executor.info.executor_id.value)
            task = replace(
                task, parent_id=executor.id, group=group, networks=networks, volumes=volumes
            )
            tasks.append(replace(task, containerizer=None) if executor.is_custom else task)
        if executor.is_custom:
            kept = [self._reporter.keep(task) for task in tasks]
            told = self._executors.streams.hand_over(executor, tasks)
            return [*kept, self._executors.resize(executor), *told]
        return [effect for task in tasks for effect in self._launch(task, now)]
