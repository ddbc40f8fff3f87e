"""The agent as its operator API shows it: tasks, executors, frameworks, containers.

Source: ``Http::_getTasks`` and its kin in src/slave/http.cpp of Mesos 1.11. As there, every command
has an executor of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.redaction import without_secrets
from orchestrator.agent.core.task import Condition, Exit, Task
from orchestrator.agent.core.wire import task_on_wire
from orchestrator.mesos import agent_api as api
from orchestrator.mesos.older_api import Json
from orchestrator.mesos.types import (
    ContainerID,
    ContainerStatus,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    TaskState,
)


def tasks(agent: Agent) -> api.GetTasks:
    """GET_TASKS."""
    known = agent.book.tasks()
    return api.GetTasks(
        queued_tasks=[task_on_wire(one) for one in known if one.condition is Condition.STAGED],
        launched_tasks=[task_on_wire(one) for one in known if one.condition is Condition.RUNNING],
        terminated_tasks=[task_on_wire(one) for one in known if one.has_ended],
        completed_tasks=[task_on_wire(one) for one in agent.book.completed],
    )


def executors(agent: Agent) -> api.GetExecutors:
    """GET_EXECUTORS."""
    known = agent.book.executors()
    infos = [_shown(executor) for executor in known if not executor.has_ended]
    past = [_shown(executor) for executor in known if executor.has_ended]
    infos += [_of_command(task) for task in agent.book.tasks() if task.parent_id is None]
    past += [_of_command(task) for task in agent.book.completed if task.parent_id is None]
    return api.GetExecutors(
        executors=[api.Executor(executor_info=info) for info in infos],
        completed_executors=[api.Executor(executor_info=info) for info in past],
    )


def _shown(executor: Executor) -> ExecutorInfo:
    return msgspec.structs.replace(
        without_secrets(executor.info), framework_id=FrameworkID(value=executor.framework_id)
    )


def _of_command(task: Task) -> ExecutorInfo:
    """The command executor that Mesos would run the task with."""
    task_id = task.info.task_id.value
    return ExecutorInfo(
        executor_id=ExecutorID(value=task.executor_id),
        framework_id=FrameworkID(value=task.framework_id),
        name=f"Command Executor (Task: {task_id})",
        source=task_id,
        command=task.info.command and without_secrets(task.info.command),
        container=task.info.container and without_secrets(task.info.container),
        resources=task.info.resources,
    )


def frameworks(agent: Agent) -> api.GetFrameworks:
    """GET_FRAMEWORKS; of those that are gone only the id is known."""
    present = agent.book.frameworks
    past = dict.fromkeys(t.framework_id for t in agent.book.completed)
    gone = [_forgotten(id_, agent.book.completed) for id_ in past if id_ not in present]
    return api.GetFrameworks(
        frameworks=[api.Framework(framework_info=info) for info in present.values()],
        completed_frameworks=[api.Framework(framework_info=info) for info in gone],
    )


def _forgotten(id_: str, completed: Iterable[Task]) -> FrameworkInfo:
    user = next(task.framework_user for task in completed if task.framework_id == id_)
    return FrameworkInfo(user=user, name="", id=FrameworkID(value=id_))


def whole(agent: Agent) -> api.GetState:
    """GET_STATE."""
    return api.GetState(
        get_tasks=tasks(agent), get_executors=executors(agent), get_frameworks=frameworks(agent)
    )


def containers(shown: Iterable[Json], sessions: Sequence[ContainerID]) -> api.GetContainers:
    """GET_CONTAINERS, from what /containers shows and the ids of sessions."""
    of_tasks = [_container(one) for one in shown]
    return api.GetContainers(
        containers=[*of_tasks, *(api.Container(container_id=id_) for id_ in sessions)]
    )


def _container(shown: Json) -> api.Container:
    status, id_ = shown.get("status"), ContainerID(value=str(shown["container_id"]))
    known = status if isinstance(status, ContainerStatus) else None
    return api.Container(
        container_id=known.container_id if known and known.container_id else id_,
        framework_id=FrameworkID(value=str(shown["framework_id"])),
        executor_id=ExecutorID(value=str(shown["executor_id"])),
        executor_name=str(shown["executor_name"]),
        container_status=known,
        resource_statistics=msgspec.convert(
            shown["statistics"], api.ResourceStatistics, strict=False
        ),
    )


def wait_container(exit_: Exit) -> api.WaitContainer:
    """How a container ended; the exit status in the form of waitpid(2)."""
    state = TaskState.FINISHED if exit_.code == 0 else TaskState.FAILED
    status = None
    if exit_.signal is not None:
        status = exit_.signal
    elif exit_.code is not None:
        status = exit_.code << 8
    return api.WaitContainer(exit_status=status, state=state, message=exit_.problem)
