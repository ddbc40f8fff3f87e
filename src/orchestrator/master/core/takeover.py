"""An agent comes back with its tasks: what both sides know of them is brought in line.

What runs on an agent, the agent itself tells; what the master had charged and the agent never heard
of is lost. After a failover of the master the frameworks, too, are known from their agents first.
"""

from __future__ import annotations

from orchestrator.master.core import announce, executors, frameworks, tasks
from orchestrator.master.core.records import Agent, Framework, LiveTask
from orchestrator.master.core.state import State
from orchestrator.mesos.link import KillTask, Register, ShutdownFramework, UpdateFramework
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.types import FrameworkID, FrameworkInfo, Task, TaskID, TaskState


def take_over(state: State, agent: Agent, message: Register, *, is_awaited: bool) -> None:
    """Go by what an agent registers with; ``is_awaited``: the registry knows it."""
    was_unreachable = state.cluster.unreachable.pop(agent.id, None) is not None
    known = {
        info.id.value
        for info in message.frameworks
        if info.id is not None and _recover_framework(state, agent, info, is_awaited=is_awaited)
    }
    running = {(t.framework_id.value, t.task_id.value) for t in message.tasks}
    for task in list(agent.tasks.values()):
        if task.key not in running:
            _lose_unreceived(state, task)
    for reported in message.tasks:
        framework = state.cluster.frameworks.get(reported.framework_id.value)
        if framework is None or framework.id not in known:
            _shut_down(state, agent, reported.framework_id)
        else:
            _take_over_task(state, agent, framework, reported, was_unreachable=was_unreachable)
    for info in message.executors:
        if info.framework_id is not None and info.framework_id.value not in known:
            _shut_down(state, agent, info.framework_id)
    executors.take_over(state, agent, message.executors)
    for kill in agent.kills.values():
        state.order(agent, kill)


def _recover_framework(
    state: State, agent: Agent, info: FrameworkInfo, *, is_awaited: bool
) -> bool:
    framework = frameworks.recover(state, info, is_awaited=is_awaited)
    if framework is not None:
        if framework.info != info and not framework.is_recovered:  # it changed meanwhile
            state.order(agent, UpdateFramework(framework=framework.info))
        return True
    if info.id is not None:
        _shut_down(state, agent, info.id)
    return False


def _shut_down(state: State, agent: Agent, framework_id: FrameworkID) -> None:
    state.order(agent, ShutdownFramework(framework_id=framework_id))


def _lose_unreceived(state: State, task: LiveTask) -> None:
    framework = state.cluster.frameworks[task.framework_id]
    final = tasks.for_framework(framework, TaskState.DROPPED)
    message = "The agent registered again and does not know the task"
    tasks.lose(state, task, final, tasks.RECONCILIATION, message)
    state.reallocate(task.agent_id)


def _take_over_task(
    state: State, agent: Agent, framework: Framework, reported: Task, *, was_unreachable: bool
) -> None:
    task = agent.tasks.get((framework.id, reported.task_id.value))
    if task is None:
        elsewhere = framework.tasks.get(reported.task_id.value)
        if elsewhere is not None:  # an id used twice: the one known first stays
            kill = KillTask(framework_id=reported.framework_id, task_id=reported.task_id)
            state.order(agent, kill)
            return
        _remember(state, agent, framework, reported)
    else:
        _refresh(state, task, reported)
    if was_unreachable:
        _welcome_back(state, agent, framework, reported)


def _refresh(state: State, task: LiveTask, reported: Task) -> None:
    """Note how far a known task is, and up to where its updates have told so."""
    if reported.status_update_state is not None:
        task.update_state = reported.status_update_state
        task.update_uuid = reported.status_update_uuid
    if reported.state.is_terminal:
        tasks.end(state, task, reported.state)
    elif not task.state.is_terminal:
        task.state = reported.state


def _remember(state: State, agent: Agent, framework: Framework, reported: Task) -> None:
    try:
        resources = from_wire(reported.resources)
    except ResourceError:
        resources = Resources()
    task = LiveTask(
        framework_id=framework.id,
        task_id=reported.task_id.value,
        name=reported.name,
        agent_id=agent.id,
        role=executors.role_of(framework, reported.resources),
        resources=resources,
        state=reported.state,
        executor_id=reported.executor_id.value if reported.executor_id else None,
        update_state=reported.status_update_state,
        update_uuid=reported.status_update_uuid,
        labels=reported.labels,
        discovery=reported.discovery,
        container=reported.container,
        health_check=reported.health_check,
        kill_policy=reported.kill_policy,
        user=reported.user,
    )
    for status in reported.statuses:
        task.note(status)
    forget = [t for t in framework.completed if t.task_id == task.task_id]
    for old in forget:  # it was called unreachable, and is not
        framework.completed.remove(old)
    state.cluster.add_task(task)
    announce.task_added(state, task)


def _welcome_back(state: State, agent: Agent, framework: Framework, reported: Task) -> None:
    """Tell of a task that was unreachable; one already given up as lost must end."""
    task_id = reported.task_id.value
    if not framework.has("PARTITION_AWARE"):
        state.order(
            agent, KillTask(framework_id=reported.framework_id, task_id=TaskID(value=task_id))
        )
        return
    message = "The agent is reachable again"
    told = reported.status_update_state or reported.state  # later states follow as updates
    status = tasks.master_status(
        state, task_id, told, "REASON_AGENT_REREGISTERED", message, agent.id
    )
    state.tell_status(framework, status)
