"""What happens to tasks: updates on their way up, acknowledgements and kills on their way down.

A task leaves the agent's books at once when it ends, but the master forgets it only when its
framework has acknowledged the end, or when nobody will.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.master.core import announce
from orchestrator.master.core.records import Agent, Framework, LiveTask
from orchestrator.master.core.state import State
from orchestrator.mesos.link import (
    Acknowledgement,
    Acknowledgements,
    KillTask,
    ShutdownFramework,
    StatusUpdate,
)
from orchestrator.mesos.scheduler import Acknowledge, Kill, ReconcileTask
from orchestrator.mesos.types import (
    AgentID,
    DrainState,
    ExecutorID,
    FrameworkID,
    TaskID,
    TaskState,
    TaskStatus,
    TimeInfo,
)

DRAINING = "REASON_AGENT_DRAINING"
RECONCILIATION = "REASON_RECONCILIATION"


def master_status(
    state: State,
    task_id: str,
    task_state: TaskState,
    reason: str,
    message: str,
    agent_id: str | None = None,
) -> TaskStatus:
    """A status made by the master: it has no uuid, so it is not acknowledged."""
    return TaskStatus(
        task_id=TaskID(value=task_id),
        state=task_state,
        message=message,
        source="SOURCE_MASTER",
        reason=reason,
        agent_id=AgentID(value=agent_id) if agent_id else None,
        timestamp=state.now,
    )


def for_framework(framework: Framework, aware: TaskState) -> TaskState:
    """The state as this framework knows it: TASK_LOST, unless it is PARTITION_AWARE."""
    return aware if framework.has("PARTITION_AWARE") else TaskState.LOST


# --- from agents ---------------------------------------------------------------------------------


def update(state: State, agent: Agent, message: StatusUpdate) -> None:
    """Forward a status update, and note what it says."""
    framework = state.cluster.frameworks.get(message.framework_id.value)
    if framework is None:
        state.counters["invalid_status_updates"] += 1
        state.order(agent, ShutdownFramework(framework_id=message.framework_id))
        return
    state.counters["valid_status_updates"] += 1
    status = _as_drained(agent, framework, message.status)
    latest = message.latest_state or message.status.state
    if latest is message.status.state:
        latest = status.state
    task = framework.tasks.get(status.task_id.value)
    if task is not None and task.agent_id == agent.id:
        _note(state, task, status, latest)
    state.tell_status(framework, status)


def _as_drained(agent: Agent, framework: Framework, status: TaskStatus) -> TaskStatus:
    """Say of a kill on a draining agent why it was, as Mesos' agents do; they know, ours do not."""
    if agent.drain is None or agent.drain.state is not DrainState.DRAINING:
        return status
    if status.state not in (TaskState.KILLING, TaskState.KILLED):
        return status
    status = replace(status, reason=DRAINING)
    is_end = status.state is TaskState.KILLED
    if is_end and agent.drain.config.mark_gone and framework.has("PARTITION_AWARE"):
        return replace(status, state=TaskState.GONE_BY_OPERATOR)
    return status


def _note(state: State, task: LiveTask, status: TaskStatus, latest: TaskState) -> None:
    task.note(status)
    task.update_state = status.state
    task.update_uuid = status.uuid
    if latest.is_terminal:
        end(state, task, latest)
    elif not task.state.is_terminal:
        task.state = latest
    announce.task_updated(state, task, status)


def end(state: State, task: LiveTask, final: TaskState) -> None:
    """Count a task as ended and offer what it had."""
    if state.cluster.end_task(task, final):
        state.counters[final.value] += 1
        state.reallocate(task.agent_id)


def lose(state: State, task: LiveTask, final: TaskState, reason: str, message: str) -> None:
    """End a task that its agent cannot report on any more, and forget it."""
    framework = state.cluster.frameworks[task.framework_id]
    if not task.state.is_terminal:
        status = master_status(state, task.task_id, final, reason, message, task.agent_id)
        status = _with_unreachable_time(state, status)
        task.note(status)
        state.tell_status(framework, status)
        _end_lost(state, task, final)
        announce.task_updated(state, task, status)
    state.cluster.forget_task(task, state.config.max_completed_tasks_per_framework)


def end_with_framework(state: State, task: LiveTask) -> None:
    """End and forget a task whose framework is over; only operators are still told."""
    if not task.state.is_terminal:
        reason, message = "REASON_FRAMEWORK_REMOVED", "The framework was removed"
        status = master_status(
            state, task.task_id, TaskState.KILLED, reason, message, task.agent_id
        )
        task.note(status)
        end(state, task, TaskState.KILLED)
        announce.task_updated(state, task, status)
    state.cluster.forget_task(task, state.config.max_completed_tasks_per_framework)


def _end_lost(state: State, task: LiveTask, final: TaskState) -> None:
    state.cluster.end_task(task, final)
    state.counters[final.value] += 1


def _with_unreachable_time(state: State, status: TaskStatus) -> TaskStatus:
    """Say since when the agent is unreachable, if it is."""
    at = state.cluster.unreachable.get(status.agent_id.value) if status.agent_id else None
    if at is None:
        return status
    since = TimeInfo(nanoseconds=int(at * 1e9))
    return replace(status, unreachable_time=since)


# --- from frameworks -----------------------------------------------------------------------------


def acknowledge(state: State, framework: Framework, call: Acknowledge) -> None:
    """Pass an acknowledgement on; forget the task if that was its end."""
    agent = state.cluster.agents.get(call.agent_id.value)
    if agent is None or not agent.is_connected:
        state.counters["invalid_status_update_acknowledgements"] += 1
        return  # the agent will send the update again once it is back
    state.counters["valid_status_update_acknowledgements"] += 1
    task = framework.tasks.get(call.task_id.value)
    if (
        task is not None
        and task.update_uuid == call.uuid
        and task.update_state is not None
        and task.update_state.is_terminal
    ):
        state.cluster.forget_task(task, state.config.max_completed_tasks_per_framework)
    acknowledgement = Acknowledgement(
        framework_id=FrameworkID(value=framework.id), task_id=call.task_id, uuid=call.uuid
    )
    state.order(agent, Acknowledgements(acknowledgements=[acknowledgement]))


def kill(state: State, framework: Framework, call: Kill) -> None:
    """Pass a kill on; a task nobody knows is answered as reconciliation would."""
    task = framework.tasks.get(call.task_id.value)
    if task is None:
        agent_id = call.agent_id
        reconcile_one(state, framework, ReconcileTask(task_id=call.task_id, agent_id=agent_id))
        return
    if call.agent_id is not None and call.agent_id.value != task.agent_id:
        return  # as in Mesos: it means another task, of an earlier use of the id
    agent = state.cluster.agents[task.agent_id]
    message = KillTask(
        framework_id=FrameworkID(value=framework.id),
        task_id=call.task_id,
        kill_policy=call.kill_policy,
    )
    if not task.state.is_terminal:
        agent.kills[task.key] = message  # it may be away, or get lost with the link
    state.order(agent, message)


def reconcile(state: State, framework: Framework, tasks: list[ReconcileTask]) -> None:
    """Tell the state of the tasks named, or of all tasks when none is."""
    for task in tasks:
        reconcile_one(state, framework, task)
    if not tasks:
        for task_id in list(framework.tasks):
            reconcile_one(state, framework, ReconcileTask(task_id=TaskID(value=task_id)))


def reconcile_one(state: State, framework: Framework, asked: ReconcileTask) -> None:
    """Answer for one task, if an answer can be given yet (docs/reconciliation.md)."""
    task = framework.tasks.get(asked.task_id.value)
    if task is not None:
        state.tell_status(framework, _known_status(state, task))
        return
    agent_id = asked.agent_id.value if asked.agent_id else None
    answer = _state_of_unknown(state, framework, agent_id)
    if answer is not None:
        task_state, message = answer
        status = master_status(
            state, asked.task_id.value, task_state, RECONCILIATION, message, agent_id
        )
        state.tell_status(framework, _with_unreachable_time(state, status))


def _known_status(state: State, task: LiveTask) -> TaskStatus:
    newest = task.statuses[-1] if task.statuses else None
    return TaskStatus(
        task_id=TaskID(value=task.task_id),
        state=task.update_state or task.state,
        message="Reconciliation: Latest task state",
        source="SOURCE_MASTER",
        reason=RECONCILIATION,
        agent_id=AgentID(value=task.agent_id),
        executor_id=ExecutorID(value=task.executor_id) if task.executor_id else None,
        timestamp=state.now,
        healthy=newest.healthy if newest else None,
        check_status=newest.check_status if newest else None,
        container_status=newest.container_status if newest else None,
    )


def _state_of_unknown(
    state: State, framework: Framework, agent_id: str | None
) -> tuple[TaskState, str] | None:
    if agent_id is None:
        if state.recovered_agents:
            return None  # one of the agents that are still to come back may have it
        return for_framework(framework, TaskState.UNKNOWN), "Reconciliation: Task is unknown"
    if agent_id in state.recovered_agents:
        return None
    if agent_id in state.cluster.unreachable:
        return (
            for_framework(framework, TaskState.UNREACHABLE),
            "Reconciliation: Task is unreachable",
        )
    if agent_id in state.gone:
        return (
            for_framework(framework, TaskState.GONE_BY_OPERATOR),
            "Reconciliation: Task is gone, as its agent was marked gone",
        )
    if agent_id in state.cluster.agents:
        return (
            for_framework(framework, TaskState.GONE),
            "Reconciliation: Task is unknown to the agent",
        )
    return (
        for_framework(framework, TaskState.UNKNOWN),
        "Reconciliation: Task is unknown on an unknown agent",
    )
