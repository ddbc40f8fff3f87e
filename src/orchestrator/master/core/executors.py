"""Executors on the master's books: what they use, and that they are gone.

An executor is charged with the first task that needs it and lasts until its agent says that it has
ended, or registers again without it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.master.core.records import Agent, Framework, LiveExecutor
from orchestrator.master.core.state import State
from orchestrator.master.core.validation import MAX_ROLES, role_problem
from orchestrator.mesos.link import ExecutorExited
from orchestrator.mesos.resource_wire import from_wire, to_wire
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.scheduler import Event, EventType, Failure
from orchestrator.mesos.types import AgentID, ExecutorID, ExecutorInfo, FrameworkID, Resource


def as_kept(executor: ExecutorInfo, framework: Framework, role: str) -> ExecutorInfo:
    """The executor in one form, whoever wrote it down. Raises ResourceError."""
    return replace(
        executor,
        framework_id=FrameworkID(value=framework.id),
        resources=to_wire(from_wire(executor.resources), role=role, refined=True),
    )


def live(framework: Framework, agent: Agent, role: str, executor: ExecutorInfo) -> LiveExecutor:
    """The record of an executor in its kept form."""
    return LiveExecutor(
        framework_id=framework.id,
        executor_id=executor.executor_id.value,
        agent_id=agent.id,
        role=role,
        resources=from_wire(executor.resources),
        info=executor,
    )


def exited(state: State, agent: Agent, message: ExecutorExited) -> None:
    """An agent says that an executor has ended."""
    state.counters["messages_exited_executor"] += 1
    executor = agent.executors.get((message.framework_id.value, message.executor_id.value))
    if executor is not None:
        _strike(state, executor, message.status)


def take_over(state: State, agent: Agent, reported: Iterable[ExecutorInfo]) -> None:
    """Bring the books in line with the executors that an agent registers with."""
    there: dict[tuple[str, str], ExecutorInfo] = {}
    for info in reported:
        framework_id = info.framework_id.value if info.framework_id else ""
        if framework_id in state.cluster.frameworks:
            there[framework_id, info.executor_id.value] = info
    for key, executor in list(agent.executors.items()):
        if key not in there:
            _strike(state, executor, status=None)
    for key, info in there.items():
        if key not in agent.executors:
            state.cluster.add_executor(_recovered(state, agent, info, key[0]))


def role_of(framework: Framework, resources: Iterable[Resource]) -> str:
    """The role that resources are allocated to, as an agent tells; else one of the framework's."""
    roles = (r.allocation_info.role for r in resources if r.allocation_info)
    role = next(filter(None, roles), None)
    if role is not None and _is_plausible(framework, role):
        return role
    return next(iter(framework.roles), "*")


def _is_plausible(framework: Framework, role: str) -> bool:
    """A framework may have left the role since, but an agent cannot make up any number of them."""
    if role in framework.roles or role in framework.usage:
        return True
    return len(framework.usage) < MAX_ROLES and role_problem(role) is None


def _recovered(state: State, agent: Agent, info: ExecutorInfo, framework_id: str) -> LiveExecutor:
    framework = state.cluster.frameworks[framework_id]
    role = role_of(framework, info.resources)
    try:
        return live(framework, agent, role, info)
    except ResourceError:
        return live(framework, agent, role, replace(info, resources=[]))


def _strike(state: State, executor: LiveExecutor, status: int | None) -> None:
    """Give back what it used, and tell its framework."""
    framework = state.cluster.frameworks[executor.framework_id]
    state.cluster.remove_executor(executor)
    failure = Failure(
        agent_id=AgentID(value=executor.agent_id),
        executor_id=ExecutorID(value=executor.executor_id),
        status=status if status is not None else 0,  # clients expect one with an executor
    )
    state.tell(framework, Event(type=EventType.FAILURE, failure=failure))
    state.reallocate(executor.agent_id)


def forget(state: State, executors: Iterable[LiveExecutor]) -> None:
    """Strike executors off without a word: their agent or their framework is gone."""
    for executor in list(executors):
        state.cluster.remove_executor(executor)
        state.reallocate(executor.agent_id)


def needed(agent: Agent, framework: Framework, executor: ExecutorInfo) -> Resources:
    """What has to be charged for an executor, which may be there already."""
    key = framework.id, executor.executor_id.value
    return Resources() if key in agent.executors else from_wire(executor.resources)
