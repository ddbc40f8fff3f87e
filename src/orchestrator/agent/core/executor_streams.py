"""What is said between the agent and custom executors: events down their streams, updates up.

Streams are not checkpointed: they end with the agent. What an executor may have missed meanwhile is
told again when it subscribes, but not what it says itself to have got.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.messages import CloseExecutorStream, ExecutorSubscribed, TellExecutor
from orchestrator.agent.core.reporting import Effects, Reporter
from orchestrator.agent.core.task import Condition, Goal, Task
from orchestrator.mesos import executor as api
from orchestrator.mesos import link
from orchestrator.mesos.types import (
    AgentInfo,
    ContainerID,
    KillPolicy,
    TaskGroupInfo,
    TaskState,
    TaskStatus,
)

_SHOWS_IT_RUNS = (TaskState.RUNNING, TaskState.KILLING)


class ExecutorStreams:
    """The open streams, by the container of their executor."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._book = reporter.book
        self._streams: dict[str, str] = {}

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._streams

    def name_of(self, container_id: str) -> str | None:
        """The stream that the executor of a container listens on."""
        return self._streams.get(container_id)

    def closed(self, stream: str) -> None:
        """A stream has ended."""
        self._streams = {id_: name for id_, name in self._streams.items() if name != stream}

    def drop(self, container_id: str) -> None:
        """The executor has ended, and its stream will."""
        self._streams.pop(container_id, None)

    def opened(self, executor: Executor, event: ExecutorSubscribed, agent: AgentInfo) -> Effects:
        """Welcome an executor on its new stream; an older one of its is closed."""
        old = self._streams.get(executor.id)
        self._streams[executor.id] = event.stream
        closing: Effects = [CloseExecutorStream(stream=old)] if old is not None else []
        subscribed = api.Subscribed(
            executor_info=executor.info,
            framework_info=self._book.frameworks[executor.framework_id],
            agent_info=agent,
            container_id=ContainerID(value=executor.id),
        )
        welcome = api.Event(type=api.EventType.SUBSCRIBED, subscribed=subscribed)
        return [*closing, *self._say(executor.id, welcome)]

    def bring_up_to_date(self, executor: Executor, got: set[str]) -> Effects:
        """Tell of the tasks that it has not got, and of kills that it may have missed."""
        effects: Effects = []
        groups: dict[str, list[Task]] = {}
        for task in self._book.of_executor(executor):
            if task.has_ended:
                continue
            is_new = task.state is TaskState.STAGING and task.info.task_id.value not in got
            if is_new:
                groups.setdefault(task.group or task.id, []).append(task)
            if task.goal is Goal.STOP and not is_new:
                effects += self.say_kill(task, None)
        for members in groups.values():
            effects += self.hand_over(executor, members)
        return effects

    def hand_over(self, executor: Executor, tasks: list[Task]) -> Effects:
        """Tell of new tasks; an executor that has not subscribed yet hears of them then."""
        if tasks[0].group is not None:
            group = TaskGroupInfo(tasks=[task.info for task in tasks])
            body = api.LaunchGroup(task_group=group)
            return self._say(
                executor.id, api.Event(type=api.EventType.LAUNCH_GROUP, launch_group=body)
            )
        effects: Effects = []
        for task in tasks:
            launch = api.Launch(task=task.info)
            event = api.Event(type=api.EventType.LAUNCH, launch=launch)
            effects += self._say(executor.id, event)
        return effects

    def say_kill(self, task: Task, policy: KillPolicy | None) -> Effects:
        """Have it end a task."""
        kill = api.Kill(task_id=task.info.task_id, kill_policy=policy or task.info.kill_policy)
        return self._say(task.parent_id or "", api.Event(type=api.EventType.KILL, kill=kill))

    def say_shutdown(self, executor: Executor) -> Effects:
        """Have it end itself."""
        return self._say(executor.id, api.Event(type=api.EventType.SHUTDOWN))

    def deliver(self, message: link.FrameworkToExecutor) -> Effects:
        """Bytes from its framework; lost when it does not listen, as in Mesos."""
        key = message.framework_id.value, message.executor_id.value
        executor = self._book.find_executor(*key)
        body = api.FrameworkBytes(data=message.data)
        event = api.Event(type=api.EventType.MESSAGE, message=body)
        return self._say(executor.id, event) if executor is not None else []

    def take_update(self, executor: Executor, update: TaskStatus, now: float) -> Effects:
        """Keep and pass on what it tells of a task, once, and let it forget the update."""
        task = self._book.find(executor.framework_id, update.task_id.value)
        effects: Effects = []
        if task is not None and task.parent_id == executor.id and _is_news(task, update):
            complete = replace(
                update,
                agent_id=task.info.agent_id,
                executor_id=executor.info.executor_id,
                timestamp=now if update.timestamp is None else update.timestamp,
                container_status=update.container_status or self._reporter.where(executor),
            )
            moved = replace(task, condition=_condition(task, update.state))
            effects = self._reporter.forward(moved, complete, now)
        done = api.Acknowledged(task_id=update.task_id, uuid=update.uuid or b"")
        event = api.Event(type=api.EventType.ACKNOWLEDGED, acknowledged=done)
        return [*effects, *self._say(executor.id, event)]

    def _say(self, container_id: str, event: api.Event) -> Effects:
        stream = self._streams.get(container_id)
        return [TellExecutor(stream=stream, event=event)] if stream is not None else []


def _is_news(task: Task, update: TaskStatus) -> bool:
    known = {one.uuid for one in task.updates} | {task.latest.uuid if task.latest else None}
    return update.uuid not in known and not task.has_ended


def _condition(task: Task, state: TaskState) -> Condition:
    if state.is_terminal:
        return Condition.ENDED
    return Condition.RUNNING if state in _SHOWS_IT_RUNS else task.condition
