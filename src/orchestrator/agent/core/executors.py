"""Takes executors through their lives.

A custom executor is launched with its first task, subscribes to a stream of events, is told of its
tasks there and tells how they are (``executor_streams``). It has ``registration_s`` to subscribe,
after a restart of this agent ``reregistration_s`` to do it again; one that does not, and one whose
framework wants it gone, is ended, politely first. When it ends, so do its tasks.

A default executor is there as long as any of its tasks.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core import status
from orchestrator.agent.core.book import amounts
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.executor_streams import ExecutorStreams
from orchestrator.agent.core.messages import (
    ExecutorEvent,
    ExecutorSaid,
    ExecutorStreamClosed,
    ExecutorSubscribed,
    ExecutorUpdated,
    ForgetContainer,
    KillContainer,
    LaunchContainer,
    ResizeContainer,
    Send,
    Started,
)
from orchestrator.agent.core.reporting import Effects, Reporter
from orchestrator.agent.core.status import Verdict
from orchestrator.agent.core.task import Condition, Container, Exit, Goal, Limitation, Task
from orchestrator.mesos import link
from orchestrator.mesos.types import (
    AgentInfo,
    ExecutorID,
    FrameworkID,
    KillPolicy,
    Message,
    Scalar,
    TaskState,
    TaskStatus,
)

MAX_UPDATES_A_TASK = 1_000  # not yet acknowledged; an executor that tells more is ended


class Patience(Message):
    """How long executors are waited for, in seconds (Mesos' flags of these names)."""

    registration_s: float = 60.0
    reregistration_s: float = 2.0
    shutdown_grace_s: float = 5.0


class Executors:
    """The executors in the reporter's book that have a record, custom and default."""

    def __init__(self, reporter: Reporter, patience: Patience) -> None:
        self.streams = ExecutorStreams(reporter)
        self._reporter = reporter
        self._book = reporter.book
        self._patience = patience
        self._subscribe_by: dict[str, float] = {}  # containers that are waited for
        self._end_by: dict[str, float] = {}  # told to shut down

    def wake_at(self) -> float | None:
        """When the patience with one of them is over."""
        return min((*self._subscribe_by.values(), *self._end_by.values()), default=None)

    def wake(self, now: float) -> Effects:
        """End those with which the patience is over."""
        effects: Effects = []
        for id_ in [id_ for id_, at in self._subscribe_by.items() if at <= now]:
            effects += self._give_up(id_, now)
        for id_ in [id_ for id_, at in self._end_by.items() if at <= now]:
            del self._end_by[id_]
            executor = self._book.get_executor(id_)
            effects += [_kill(executor, 0.0)] if executor is not None else []
        return effects

    # --- beginning -----------------------------------------------------------------------------

    def start(self, executor: Executor, now: float) -> Effects:
        """Hold a new executor, and launch it if it is a program."""
        if not executor.is_custom:
            return [self._reporter.keep_executor(replace(executor, condition=Condition.RUNNING))]
        self._subscribe_by[executor.id] = now + self._patience.registration_s
        launch = LaunchContainer(container=executor.container)
        return [self._reporter.keep_executor(executor), launch]

    def started(self, executor: Executor, fact: Started) -> Effects:
        """Its process is seen."""
        running = replace(executor, condition=Condition.RUNNING, pid=fact.pid)
        return [self._reporter.keep_executor(running)]

    def recovered(self, executor: Executor, now: float) -> None:
        """An agent that has just started finds it, or starts it again: it has to subscribe."""
        if executor.goal is Goal.RUN and executor.id not in self.streams:
            patience = self._patience
            was_there = executor.has_subscribed
            wait_s = patience.reregistration_s if was_there else patience.registration_s
            self._subscribe_by[executor.id] = now + wait_s

    def container_of(self, executor: Executor) -> Container:
        """A custom executor's container, which may use what it and its tasks were given.

        As in Mesos: its tasks run inside, and nobody but itself could keep them apart.
        """
        tasks = [task for task in self._book.of_executor(executor) if not task.has_ended]
        container = executor.container
        given = [*container.resources, *(one for task in tasks for one in task.info.resources)]
        return replace(container, resources=given, limits=_limits(executor, tasks))

    def resize(self, executor: Executor) -> ResizeContainer:
        """Its tasks have changed."""
        return ResizeContainer(container=self.container_of(executor))

    # --- what it says --------------------------------------------------------------------------

    def heard(self, event: ExecutorEvent, agent: AgentInfo, now: float) -> Effects:
        """Take in what an executor says; from one that has ended nothing counts."""
        if isinstance(event, ExecutorStreamClosed):
            self.streams.closed(event.stream)
            return []
        executor = self._book.get_executor(event.container_id)
        if executor is None:
            return []
        match event:
            case ExecutorSubscribed():
                return self._on_subscribed(executor, event, agent, now)
            case ExecutorUpdated(status=update):
                return self._on_update(executor, update, now)
            case ExecutorSaid(data=data):
                return [Send(message=_message_up(executor, data))]

    def _on_subscribed(
        self, executor: Executor, event: ExecutorSubscribed, agent: AgentInfo, now: float
    ) -> Effects:
        self._subscribe_by.pop(executor.id, None)
        saves: Effects = []
        if not executor.has_subscribed:
            executor = replace(executor, has_subscribed=True)
            saves.append(self._reporter.keep_executor(executor))
        effects = [*saves, *self.streams.opened(executor, event, agent)]
        for update in event.unacknowledged_updates:
            effects += self._on_update(executor, update, now)
        if executor.goal is Goal.STOP:
            return [*effects, *self.streams.say_shutdown(executor)]
        got = {task.task_id.value for task in event.unacknowledged_tasks}
        return [*effects, *self.streams.bring_up_to_date(executor, got)]

    def _on_update(self, executor: Executor, update: TaskStatus, now: float) -> Effects:
        task = self._book.find(executor.framework_id, update.task_id.value)
        if task is not None and len(task.updates) >= MAX_UPDATES_A_TASK:
            message = f"Task {update.task_id.value} has {MAX_UPDATES_A_TASK} unacknowledged updates"
            return self.stop(executor, now, _failed("REASON_EXECUTOR_TERMINATED", message))
        effects = self.streams.take_update(executor, update, now)
        if update.state.is_terminal and effects and not executor.has_ended:
            effects.append(self.resize(executor))
        return effects

    # --- ending --------------------------------------------------------------------------------

    def kill_task(self, task: Task, policy: KillPolicy | None, now: float) -> Effects:
        """Have a custom executor end one of its tasks, or withhold the task from it."""
        executor = self._book.get_executor(task.parent_id or "")
        if executor is None:
            return []  # it has just ended, and the task with it
        if not executor.has_subscribed:
            return self._withhold(executor, task, now)
        stopping = replace(task, goal=Goal.STOP)
        saves: Effects = [self._reporter.keep(stopping)] if stopping != task else []
        return [*saves, *self.streams.say_kill(stopping, policy)]

    def _withhold(self, executor: Executor, task: Task, now: float) -> Effects:
        verdict = Verdict(
            state=TaskState.KILLED,
            message="Task was killed while its executor was starting",
            reason="REASON_TASK_KILLED_DURING_LAUNCH",
            source=status.SOURCE_AGENT,
        )
        ended = replace(task, goal=Goal.STOP, condition=Condition.ENDED)
        effects = self._reporter.tell(ended, verdict, now)
        if all(one.has_ended for one in self._book.of_executor(executor)):
            effects += self.stop(executor, now)
        return effects

    def stop(self, executor: Executor, now: float, fate: Verdict | None = None) -> Effects:
        """End a custom executor: by word if it listens, by force after its grace."""
        kill_at = executor.kill_at or now + self._grace_s(executor)
        stopping = replace(executor, goal=Goal.STOP, kill_at=kill_at, fate=executor.fate or fate)
        self._subscribe_by.pop(executor.id, None)
        effects: Effects = [self._reporter.keep_executor(stopping)]
        if executor.id in self.streams:
            self._end_by[executor.id] = kill_at
            return [*effects, *self.streams.say_shutdown(executor)]
        return [*effects, _kill(stopping, max(0.0, kill_at - now))]

    def limit(self, executor: Executor, limitation: Limitation, now: float) -> Effects:
        """End one at once that has broken a limit; its tasks are told which."""
        self._subscribe_by.pop(executor.id, None)
        fate = status.of_limitation(limitation)
        over = replace(executor, goal=Goal.STOP, kill_at=now, fate=fate)
        return [self._reporter.keep_executor(over), _kill(over, 0.0)]

    def _grace_s(self, executor: Executor) -> float:
        given = executor.info.shutdown_grace_period
        return max(0.0, given.nanoseconds / 1e9) if given else self._patience.shutdown_grace_s

    def _give_up(self, id_: str, now: float) -> Effects:
        del self._subscribe_by[id_]
        executor = self._book.get_executor(id_)
        if executor is None:
            return []
        if executor.has_subscribed:
            reason = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
            message = f"Executor did not reregister within {self._patience.reregistration_s:g} s"
        else:
            reason = "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
            message = f"Executor did not register within {self._patience.registration_s:g} s"
        return self.stop(executor, now, _failed(reason, message))

    def ended(self, executor: Executor, exit_: Exit, now: float) -> Effects:
        """Its process is gone, and with it all its tasks."""
        effects: Effects = []
        for task in self._book.of_executor(executor):
            if not task.has_ended:
                over = replace(task, condition=Condition.ENDED)
                if task.is_disowned:
                    effects += self._reporter.remove(over)
                else:
                    effects += self._reporter.tell(over, _fate_of(task, executor, exit_), now)
        containerizer = executor.container.containerizer
        forget = ForgetContainer(containerizer=containerizer, container_id=executor.id)
        return [*effects, *self._part_from(executor, exit_), forget]

    def end_if_done(self, executor_id: str | None) -> Effects:
        """Let a default executor go whose tasks have all ended."""
        executor = self._book.get_executor(executor_id or "")
        if executor is None or executor.is_custom:
            return []
        if any(not task.has_ended for task in self._book.of_executor(executor)):
            return []
        return self._part_from(executor, Exit(code=0))

    def _part_from(self, executor: Executor, exit_: Exit) -> Effects:
        self.streams.drop(executor.id)
        self._subscribe_by.pop(executor.id, None)
        self._end_by.pop(executor.id, None)
        ended = replace(executor, condition=Condition.ENDED, kill_at=None)
        effects = self._reporter.remove_executor(ended)
        if executor.is_disowned:
            return effects
        return [*effects, Send(message=exited(executor.key, exit_))]


def exited(key: tuple[str, str], exit_: Exit) -> link.ExecutorExited:
    """What the master is told, with the status as wait(2) gives it."""
    framework_id, executor_id = key
    unknown = 0 if exit_.signal is not None else 1
    code = exit_.code if exit_.code is not None else unknown
    return link.ExecutorExited(
        framework_id=FrameworkID(value=framework_id),
        executor_id=ExecutorID(value=executor_id),
        status=(code << 8) | (exit_.signal or 0),
    )


def _limits(executor: Executor, tasks: list[Task]) -> dict[str, Scalar]:
    """Their sum, where a task has a limit of its own; what has none counts with its request."""
    names = {name for task in tasks for name in task.info.limits}
    requests = amounts(executor.info.resources)
    sums = {name: requests.scalar(name) for name in names}
    for task in tasks:
        for name in names:
            own = task.info.limits.get(name)
            sums[name] += own.value if own else amounts(task.info.resources).scalar(name)
    return {name: Scalar(value=value) for name, value in sums.items()}


def _failed(reason: str, message: str) -> Verdict:
    return Verdict(
        state=TaskState.FAILED, message=message, reason=reason, source=status.SOURCE_AGENT
    )


def _fate_of(task: Task, executor: Executor, exit_: Exit) -> Verdict:
    if executor.fate is not None:
        return executor.fate
    verdict = _failed("REASON_EXECUTOR_TERMINATED", status.describe("Executor", exit_))
    if not exit_.started:
        return replace(verdict, reason="REASON_CONTAINER_LAUNCH_FAILED")
    if exit_.limitation is not None:
        return status.of_limitation(exit_.limitation)
    if exit_.out_of_memory:
        return replace(verdict, reason="REASON_CONTAINER_LIMITATION_MEMORY")
    return replace(verdict, state=TaskState.KILLED) if task.goal is Goal.STOP else verdict


def _kill(executor: Executor, grace_s: float) -> KillContainer:
    return KillContainer(
        containerizer=executor.container.containerizer, container_id=executor.id, grace_s=grace_s
    )


def _message_up(executor: Executor, data: bytes) -> link.ExecutorToFramework:
    return link.ExecutorToFramework(
        framework_id=FrameworkID(value=executor.framework_id),
        executor_id=executor.info.executor_id,
        data=data,
    )
