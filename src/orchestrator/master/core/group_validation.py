"""What the master refuses of task groups, and why.

Source: namespace task::group of src/master/validation.cpp of Mesos 1.11.
"""

from __future__ import annotations

from orchestrator.master.core.validation import content_problem, id_problem, task_resources
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import ResourceError
from orchestrator.mesos.scheduler import LaunchGroup
from orchestrator.mesos.types import ExecutorInfo, TaskInfo

MAX_TASKS = 1_000  # of one group: it starts, and is told of, in one piece
MIN_CPUS = 0.01
MIN_MEM_MB = 32


def group_problem(group: LaunchGroup, agent_id: str) -> str | None:
    """Why a group cannot be launched, whatever is offered."""
    tasks = group.task_group.tasks
    if not tasks or len(tasks) > MAX_TASKS:
        return f"A task group has 1 to {MAX_TASKS} tasks"
    names = {task.task_id.value for task in tasks}
    if len(names) != len(tasks):
        return "The tasks of a group must have different IDs"
    for task in tasks:
        if problem := _task_problem(task, group.executor, agent_id):
            return f"Task '{task.task_id.value}' is invalid: {problem}"
    return _executor_problem(group.executor)


def _task_problem(task: TaskInfo, executor: ExecutorInfo, agent_id: str) -> str | None:
    if problem := id_problem("TaskID", task.task_id.value):
        return problem
    if task.agent_id.value != agent_id:
        return f"Task uses invalid agent {task.agent_id.value} while agent {agent_id} is expected"
    if task.executor is not None and task.executor != executor:
        name = executor.executor_id.value
        return f"The `ExecutorInfo` of the task is different from executor '{name}'"
    if executor.type == "DEFAULT" and task.command is None:
        return "'TaskInfo.command' must be set for tasks of the 'DEFAULT' executor"
    if task.container is not None and task.container.type == "DOCKER":
        return "Docker ContainerInfo is not supported on the task"
    return task_resources(task)[1] or content_problem(task)


def _executor_problem(executor: ExecutorInfo) -> str | None:
    if executor.type == "UNKNOWN":
        return "'ExecutorInfo.type' must be set"
    if executor.container is not None and executor.container.type == "DOCKER":
        return "Docker ContainerInfo is not supported on the executor"
    name = executor.executor_id.value
    try:
        resources = from_wire(executor.resources)
    except ResourceError as error:
        return f"Executor uses invalid resources: {error}"
    if (cpus := resources.scalar("cpus")) < MIN_CPUS:
        return f"Executor '{name}' uses less CPUs ({cpus:g}) than the minimum required ({MIN_CPUS})"
    if (mem := resources.scalar("mem")) < MIN_MEM_MB:
        return (
            f"Executor '{name}' uses less memory ({mem:g}MB) than the minimum required "
            f"({MIN_MEM_MB}MB)"
        )
    return None
