"""Launching tasks on accepted resources, and refusing those that cannot be.

A task is charged to its agent and its framework before the agent is told of it, and with the first
task of an executor the executor too; a refused one is answered with a status of the master's own
and leaves no trace. Of a group all tasks are launched or none.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orchestrator.master.core import announce, executors, tasks
from orchestrator.master.core.group_validation import group_problem
from orchestrator.master.core.records import Agent, Framework, LiveTask
from orchestrator.master.core.state import State
from orchestrator.master.core.validation import (
    executor_problem,
    lack,
    task_problem,
    task_resources,
)
from orchestrator.mesos.link import RunInExecutor, RunTasks
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import EMPTY, Resources
from orchestrator.mesos.scheduler import LaunchGroup, Operation
from orchestrator.mesos.types import ExecutorInfo, TaskInfo, TaskState


def launch(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    available: Resources,
    wanted: list[TaskInfo],
) -> Resources:
    """Launch what of the tasks can be; return what they use."""
    used = EMPTY
    commands: list[TaskInfo] = []
    for task in wanted:
        resources, problem = task_resources(task)
        problem = task_problem(task, agent.id) or _duplicate(framework, task) or problem
        if problem is None and task.executor is not None:
            problem = _problem_with(framework, agent, role, task.executor)
        whole = resources
        if problem is None:
            if task.executor is not None:
                whole = whole + executors.needed(agent, framework, task.executor)
            problem = lack(whole, available - used)
        if problem is not None:
            refuse(state, framework, task, TaskState.ERROR, "REASON_TASK_INVALID", problem)
        elif not agent.is_connected:
            _drop(state, framework, task)
        else:
            used = used + whole
            ready = _charge(state, framework, agent, role, task, resources)
            if task.executor is None:
                commands.append(ready)
            else:
                _order(state, framework, agent, role, task.executor, [ready])
    if commands:
        state.order(agent, RunTasks(framework=framework.info, tasks=commands))
    return used


def launch_group(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    available: Resources,
    group: LaunchGroup,
) -> Resources:
    """Launch all tasks of a group or none; return what they and their executor use."""
    wanted, executor = group.task_group.tasks, group.executor
    problem = group_problem(group, agent.id)
    problem = problem or next(filter(None, (_duplicate(framework, t) for t in wanted)), None)
    problem = problem or _problem_with(framework, agent, role, executor)
    parts: list[Resources] = []
    whole = EMPTY
    if problem is None:
        parts = [task_resources(task)[0] for task in wanted]
        whole = sum(parts, start=executors.needed(agent, framework, executor))
        problem = lack(whole, available)
    if problem is not None:
        reason = "REASON_TASK_GROUP_INVALID"
        for task in wanted:
            refuse(state, framework, task, TaskState.ERROR, reason, problem)
        return EMPTY
    if not agent.is_connected:
        for task in wanted:
            _drop(state, framework, task)
        return EMPTY
    named = [msgspec.structs.replace(task, executor=executor) for task in wanted]
    ready = [
        _charge(state, framework, agent, role, task, resources)
        for task, resources in zip(named, parts, strict=True)
    ]
    _order(state, framework, agent, role, executor, ready, is_group=True)
    return whole


def _duplicate(framework: Framework, task: TaskInfo) -> str | None:
    if task.task_id.value in framework.tasks:
        return f"Task has duplicate ID: {task.task_id.value}"
    return None


def _problem_with(
    framework: Framework, agent: Agent, role: str, executor: ExecutorInfo
) -> str | None:
    """Why an executor cannot be used, or not by this name."""
    if problem := executor_problem(executor, framework.id):
        return problem
    known = agent.executors.get((framework.id, executor.executor_id.value))
    if known is not None and known.info != executors.as_kept(executor, framework, known.role):
        return "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID"
    return None


def _drop(state: State, framework: Framework, task: TaskInfo) -> None:
    lost = tasks.for_framework(framework, TaskState.DROPPED)
    refuse(state, framework, task, lost, "REASON_AGENT_DISCONNECTED", "Agent is away")


def _charge(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    task: TaskInfo,
    resources: Resources,
) -> TaskInfo:
    """Account for the task; return it as the agent is told of it.

    That is with the role written into its resources, which the agent gives back with them.
    """
    live = _live_task(framework, agent, role, resources, task)
    state.cluster.add_task(live)
    announce.task_added(state, live)
    return msgspec.structs.replace(task, resources=to_wire(resources, role=role, refined=True))


def _order(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    executor: ExecutorInfo,
    ready: list[TaskInfo],
    *,
    is_group: bool = False,
) -> None:
    """Send tasks to their executor, which is charged and started if it is not there."""
    key = framework.id, executor.executor_id.value
    is_new = key not in agent.executors
    if is_new:
        kept = executors.as_kept(executor, framework, role)
        state.cluster.add_executor(executors.live(framework, agent, role, kept))
    order = RunInExecutor(
        framework=framework.info,
        executor=agent.executors[key].info,
        tasks=ready,
        is_group=is_group,
        launches_executor=is_new,
    )
    state.order(agent, order)


def _live_task(
    framework: Framework, agent: Agent, role: str, resources: Resources, task: TaskInfo
) -> LiveTask:
    user = task.command.user if task.command else None
    return LiveTask(
        framework_id=framework.id,
        task_id=task.task_id.value,
        name=task.name,
        agent_id=agent.id,
        role=role,
        resources=resources,
        state=TaskState.STAGING,
        executor_id=task.executor.executor_id.value if task.executor else None,
        labels=task.labels,
        discovery=task.discovery,
        container=task.container,
        health_check=task.health_check,
        kill_policy=task.kill_policy,
        user=user or framework.info.user,
    )


def drop_all(state: State, framework: Framework, operations: list[Operation], problem: str) -> None:
    """Refuse all tasks of an ACCEPT whose offers cannot be used."""
    lost = tasks.for_framework(framework, TaskState.DROPPED)
    for task in tasks_of(operations):
        if task.task_id.value in framework.tasks:
            continue  # an ACCEPT that came twice; what the first one launched lives
        refuse(
            state, framework, task, lost, "REASON_INVALID_OFFERS", f"Task launched with invalid "
            f"offers: {problem}",
        )  # fmt: skip


def tasks_of(operations: list[Operation]) -> Iterable[TaskInfo]:
    """All tasks that the operations would launch."""
    for operation in operations:
        if operation.launch is not None:
            yield from operation.launch.task_infos
        if operation.launch_group is not None:
            yield from operation.launch_group.task_group.tasks


def refuse(
    state: State,
    framework: Framework,
    task: TaskInfo,
    task_state: TaskState,
    reason: str,
    message: str,
) -> None:
    """Answer for a task that is not launched."""
    state.counters[task_state.value] += 1
    task_id, agent_id = task.task_id.value, task.agent_id.value
    status = tasks.master_status(state, task_id, task_state, reason, message, agent_id)
    state.tell_status(framework, status)
