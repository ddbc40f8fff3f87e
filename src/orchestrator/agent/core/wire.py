"""The agent's tasks in the words of the wire contract, and small questions to its messages."""

from __future__ import annotations

from orchestrator.agent.core.redaction import without_secrets
from orchestrator.agent.core.task import Task
from orchestrator.mesos import link
from orchestrator.mesos.types import (
    AgentID,
    ExecutorID,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    TaskID,
    TaskInfo,
)
from orchestrator.mesos.types import Task as WireTask

DEFAULT_GRACE_S = 3.0


def task_on_wire(task: Task) -> WireTask:
    """A task as the agent names it to the master and in /state."""
    info, under_way = task.info, task.updates[0] if task.updates else task.latest
    command = info.command
    return WireTask(
        name=info.name,
        task_id=info.task_id,
        framework_id=FrameworkID(value=task.framework_id),
        agent_id=info.agent_id,
        executor_id=ExecutorID(value=task.executor_id) if task.parent_id else None,
        state=task.state,
        resources=info.resources,
        statuses=[task.latest] if task.latest else [],
        status_update_state=under_way.state if under_way else None,
        status_update_uuid=under_way.uuid if under_way else None,
        labels=info.labels,
        discovery=info.discovery,
        container=info.container and without_secrets(info.container),
        health_check=info.health_check and without_secrets(info.health_check),
        kill_policy=info.kill_policy,
        user=(command.user if command else None) or task.framework_user,
    )


def update_on_wire(task: Task) -> link.StatusUpdate:
    """The task's oldest unacknowledged update."""
    return link.StatusUpdate(
        framework_id=FrameworkID(value=task.framework_id),
        status=task.updates[0],
        latest_state=task.state,
    )


def nameless_task(task_id: str, agent_id: AgentID) -> TaskInfo:
    """Stands for a task that somebody asks about and nobody knows."""
    return TaskInfo(name="", task_id=TaskID(value=task_id), agent_id=agent_id)


def grace_s(task: Task, override: KillPolicy | None) -> float:
    """How long the task may take to end: the kill's policy, the task's own, Mesos' default."""
    for policy in (override, task.info.kill_policy):
        if policy is not None and policy.grace_period is not None:
            return max(0.0, policy.grace_period.nanoseconds / 1e9)
    return DEFAULT_GRACE_S


def max_completion_s(task: Task) -> float | None:
    """How long the task may run; zero sets no limit, as in Mesos."""
    limit = task.info.max_completion_time
    return limit.nanoseconds / 1e9 if limit is not None and limit.nanoseconds > 0 else None


def has_capability(framework: FrameworkInfo, name: str) -> bool:
    """Whether the framework says it understands a feature."""
    return any(capability.type == name for capability in framework.capabilities)


def is_partition_aware(framework: FrameworkInfo) -> bool:
    """Whether it knows TASK_DROPPED and its kin."""
    return has_capability(framework, "PARTITION_AWARE")
