"""The agent's tasks, executors and frameworks, with the sums that are asked for often."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping

from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.task import Task
from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import EMPTY, ResourceError, Resources
from orchestrator.mesos.types import FrameworkInfo, Resource, TaskState

MAX_COMPLETED = 1000


class Book:
    """Tasks and executors by container id and by what the master calls them; at most one of each.

    ``used`` is what tasks and executors use that have not ended and still have a framework;
    ``completed`` are the last ``MAX_COMPLETED`` tasks that are gone; ``ends`` counts how tasks
    ended since the start, ``launch_errors`` those of them that never ran.
    """

    def __init__(
        self,
        frameworks: Mapping[str, FrameworkInfo],
        tasks: Iterable[Task],
        executors: Iterable[Executor] = (),
    ) -> None:
        self.frameworks = dict(frameworks)
        self.used = EMPTY
        self.completed: deque[Task] = deque(maxlen=MAX_COMPLETED)
        self.ends: Counter[TaskState] = Counter()
        self.launch_errors = 0
        self._tasks: dict[str, Task] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._of_framework: dict[str, dict[str, None]] = {}
        self._executors: dict[str, Executor] = {}
        self._executor_ids: dict[tuple[str, str], str] = {}
        self._of_executor: dict[str, dict[str, None]] = {}
        for executor in executors:
            self.put_executor(executor)
        for task in tasks:
            self.put(task)

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs: every task and every executor has ended."""
        return all(task.has_ended for task in self._tasks.values()) and all(
            executor.has_ended for executor in self._executors.values()
        )

    # --- tasks ---------------------------------------------------------------------------------

    def tasks(self) -> list[Task]:
        """All of them, oldest first."""
        return list(self._tasks.values())

    def get(self, container_id: str) -> Task | None:
        """The task of a container."""
        return self._tasks.get(container_id)

    def find(self, framework_id: str, task_id: str) -> Task | None:
        """The task with this name."""
        container_id = self._ids.get((framework_id, task_id))
        return None if container_id is None else self._tasks[container_id]

    def of_framework(self, framework_id: str) -> list[Task]:
        """The framework's tasks, oldest first."""
        return [self._tasks[id_] for id_ in self._of_framework.get(framework_id, ())]

    def of_executor(self, executor: Executor) -> list[Task]:
        """The executor's tasks, oldest first."""
        return [self._tasks[id_] for id_ in self._of_executor.get(executor.id, ())]

    def put(self, task: Task) -> None:
        """Hold the task in its new form."""
        before = self._tasks.get(task.id)
        self._account(before, task, task.info.resources)
        if task.has_ended and (before is None or not before.has_ended):
            self.ends[task.state] += 1
            reason = task.latest.reason if task.latest else None
            self.launch_errors += reason == "REASON_CONTAINER_LAUNCH_FAILED"
        self._tasks[task.id] = task
        self._ids[task.key] = task.id
        self._of_framework.setdefault(task.framework_id, {})[task.id] = None
        if task.parent_id is not None:
            self._of_executor.setdefault(task.parent_id, {})[task.id] = None

    def remove(self, task: Task) -> None:
        """Let go of a task that has ended."""
        if not task.has_ended:
            raise ValueError(f"{task.key} has not ended")
        if self._tasks.pop(task.id, None) is None:
            return
        del self._ids[task.key]
        _discard(self._of_framework, task.framework_id, task.id)
        if task.parent_id is not None:
            _discard(self._of_executor, task.parent_id, task.id)
        self.completed.append(task)

    # --- executors -----------------------------------------------------------------------------

    def executors(self) -> list[Executor]:
        """All that have a record, oldest first."""
        return list(self._executors.values())

    def get_executor(self, container_id: str) -> Executor | None:
        """The executor of a container."""
        return self._executors.get(container_id)

    def find_executor(self, framework_id: str, executor_id: str) -> Executor | None:
        """The executor with this name."""
        container_id = self._executor_ids.get((framework_id, executor_id))
        return None if container_id is None else self._executors[container_id]

    def put_executor(self, executor: Executor) -> None:
        """Hold the executor in its new form."""
        before = self._executors.get(executor.id)
        self._account(before, executor, executor.info.resources)
        self._executors[executor.id] = executor
        if not executor.has_ended:
            self._executor_ids[executor.key] = executor.id
        elif self._executor_ids.get(executor.key) == executor.id:
            del self._executor_ids[executor.key]  # its name may be used anew

    def remove_executor(self, executor: Executor) -> None:
        """Let go of an executor that has ended."""
        if not executor.has_ended:
            raise ValueError(f"{executor.key} has not ended")
        self._executors.pop(executor.id, None)

    def holds(self, container_id: str) -> bool:
        """Whether a container is of a task or an executor here, or of the executor of a task."""
        return (
            container_id in self._tasks
            or container_id in self._executors
            or container_id in self._of_executor
        )

    # --- frameworks ----------------------------------------------------------------------------

    def has_business_with(self, framework_id: str) -> bool:
        """Whether a task or an executor of the framework is left."""
        return framework_id in self._of_framework or any(
            executor.framework_id == framework_id for executor in self._executors.values()
        )

    def _account(
        self, before: Task | Executor | None, now: Task | Executor, resources: list[Resource]
    ) -> None:
        was_using, is_using = before is not None and _counts(before), _counts(now)
        if is_using and not was_using:
            self.used = self.used + amounts(resources)
        if was_using and not is_using:
            self.used = self.used - amounts(resources)


def _discard(groups: dict[str, dict[str, None]], name: str, member: str) -> None:
    del groups[name][member]
    if not groups[name]:
        del groups[name]


def _counts(one: Task | Executor) -> bool:
    """Whether its resources are taken, as the master sees it.

    With its framework gone, the master gives them to others while it still ends.
    """
    return not one.has_ended and not one.is_disowned


def amounts(resources: list[Resource]) -> Resources:
    """What is used of a task's or an executor's resources while it has not ended."""
    try:
        return resource_wire.from_wire(resources)
    except ResourceError:
        return EMPTY  # such a task was refused and never ran
