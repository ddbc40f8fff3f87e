"""What a simulated framework launches: tasks of two kinds, alone or as a group."""

from __future__ import annotations

from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import Launch, LaunchGroup, Operation, OperationType
from orchestrator.mesos.types import (
    AgentID,
    CommandInfo,
    ExecutorID,
    ExecutorInfo,
    HealthCheck,
    Offer,
    TaskGroupInfo,
    TaskID,
    TaskInfo,
    TCPCheck,
)
from orchestrator.simulator.framework_records import Job

SERVICE, BATCH = "service", "batch"
NEEDS = {SERVICE: Resources.of(cpus=1, mem=128), BATCH: Resources.of(cpus=0.5, mem=64)}
EXECUTOR_NEEDS = Resources.of(cpus=0.1, mem=32)  # of a task group
_WIRE_NEEDS = {kind: resource_wire.to_wire(needs, role="*") for kind, needs in NEEDS.items()}
_HEALTH_CHECK = HealthCheck(
    type="TCP",
    tcp=TCPCheck(port=31000),
    delay_seconds=1.0,
    interval_seconds=10.0,
    timeout_seconds=2.0,
    consecutive_failures=2,
    grace_period_seconds=3.0,
)


def fitting(lacking: list[str], offer: Offer, *, in_groups: bool) -> list[str]:
    """The kinds of what is lacking that the offer has room for, with an executor for many."""
    room = resource_wire.from_wire(offer.resources).unreserved()
    kinds: list[str] = []
    for kind in lacking:
        of_executor = EXECUTOR_NEEDS if in_groups and kinds else Resources()
        if NEEDS[kind] + of_executor in room:
            room = room - NEEDS[kind]
            kinds.append(kind)
    return kinds


def task_of(job: Job, agent_id: AgentID, *, is_checked: bool) -> TaskInfo:
    """The task of a job."""
    return TaskInfo(
        name=job.kind,
        task_id=TaskID(value=job.id),
        agent_id=agent_id,
        resources=_WIRE_NEEDS[job.kind],
        command=CommandInfo(value="sleep 1000"),
        health_check=_HEALTH_CHECK if is_checked else None,
    )


def operation_of(tasks: list[TaskInfo], executor: str | None) -> Operation:
    """Launches the tasks: several as a group, if there is the name of an executor for it."""
    if executor is None or len(tasks) == 1:
        return Operation(type=OperationType.LAUNCH, launch=Launch(task_infos=tasks))
    info = ExecutorInfo(
        executor_id=ExecutorID(value=executor),
        type="DEFAULT",
        resources=resource_wire.to_wire(EXECUTOR_NEEDS, role="*"),
    )
    group = LaunchGroup(executor=info, task_group=TaskGroupInfo(tasks=tasks))
    return Operation(type=OperationType.LAUNCH_GROUP, launch_group=group)
