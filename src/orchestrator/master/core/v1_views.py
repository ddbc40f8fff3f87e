"""The cluster as the operator API shows it: agents, frameworks and tasks as messages.

Source: src/master/readonly_handler.cpp of Mesos 1.11. Resources are in the refined format; those of
an agent's tasks and offers carry the role that they are allocated to.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.master.core import capabilities, schedule
from orchestrator.master.core.records import Agent, Framework, LiveTask, OutstandingOffer
from orchestrator.master.core.state import State
from orchestrator.mesos import operator
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import EMPTY, Resources
from orchestrator.mesos.scheduler import Operation
from orchestrator.mesos.types import (
    UUID,
    AgentID,
    AllocationInfo,
    Capability,
    ExecutorID,
    FrameworkID,
    InverseOffer,
    Offer,
    OfferID,
    Resource,
    Task,
    TaskID,
    TaskState,
    TimeInfo,
)


def moment(at: float | None) -> TimeInfo | None:
    """Unix seconds as a message."""
    return TimeInfo(nanoseconds=int(at * 1e9)) if at is not None else None


def _allocated(parts: Iterable[tuple[str, Resources]]) -> list[Resource]:
    sums: dict[str, Resources] = {}
    for role, resources in parts:
        sums[role] = sums.get(role, EMPTY) + resources
    wires = (to_wire(sums[role], role=role, refined=True) for role in sorted(sums))
    return [message for wire in wires for message in wire]


# --- agents --------------------------------------------------------------------------------------


def agent(master: State, of: Agent) -> operator.Agent:
    """One agent."""
    live = [(t.role, t.resources) for t in of.tasks.values() if not t.state.is_terminal]
    live += [(executor.role, executor.resources) for executor in of.executors.values()]
    offers = (master.cluster.offers[offer_id] for offer_id in of.offers)
    return operator.Agent(
        agent_info=of.info,
        active=of.is_connected and not of.is_deactivated,
        version=of.version,
        deactivated=of.is_deactivated,
        pid=of.pid,
        registered_time=moment(of.registered_at),
        reregistered_time=moment(of.reregistered_at),
        total_resources=to_wire(of.resources, refined=True),
        allocated_resources=_allocated(live),
        offered_resources=_allocated((offer.role, offer.resources) for offer in offers),
        capabilities=[Capability(type=name) for name in capabilities.OF_AGENTS],
        drain_info=of.drain,
    )


def agents(master: State) -> operator.GetAgents:
    """GET_AGENTS."""
    away = (master.records.get(agent_id) for agent_id in sorted(master.recovered_agents))
    return operator.GetAgents(
        agents=[agent(master, one) for one in master.cluster.agents.values()],
        recovered_agents=[record.info for record in away if record is not None],
    )


# --- frameworks ----------------------------------------------------------------------------------


def framework(master: State, of: Framework) -> operator.Framework:
    """One framework."""
    usage = sorted(of.usage.items())
    offers = (master.cluster.offers[offer_id] for offer_id in sorted(of.offers))
    return operator.Framework(
        framework_info=of.info,
        active=of.is_connected,
        connected=of.is_connected,
        recovered=of.is_recovered,
        registered_time=moment(of.registered_at),
        reregistered_time=moment(of.reregistered_at),
        unregistered_time=moment(of.unregistered_at),
        offers=[_offer(master, offer) for offer in offers],
        inverse_offers=_inverse_offers(master, of.id),
        allocated_resources=_allocated((role, used.used) for role, used in usage),
        offered_resources=_allocated((role, used.offered) for role, used in usage),
        offer_constraints=of.constraints,
    )


def _offer(master: State, of: OutstandingOffer) -> Offer:
    return Offer(
        id=OfferID(value=of.id),
        framework_id=FrameworkID(value=of.framework_id),
        agent_id=AgentID(value=of.agent_id),
        hostname=master.cluster.agents[of.agent_id].info.hostname,
        resources=to_wire(of.resources, role=of.role, refined=True),
        allocation_info=AllocationInfo(role=of.role),
    )


def _inverse_offers(master: State, framework_id: str) -> list[InverseOffer]:
    found = []
    for inverse_id, (asked, agent_id) in master.inverse_offers.items():
        one = master.cluster.agents.get(agent_id) if asked == framework_id else None
        planned = schedule.unavailability(master, one) if one is not None else None
        if planned is not None:
            inverse = InverseOffer(
                id=OfferID(value=inverse_id),
                framework_id=FrameworkID(value=asked),
                agent_id=AgentID(value=agent_id),
                unavailability=planned,
            )
            found.append(inverse)
    return found


def frameworks(master: State) -> operator.GetFrameworks:
    """GET_FRAMEWORKS."""
    cluster = master.cluster
    return operator.GetFrameworks(
        frameworks=[framework(master, one) for one in cluster.frameworks.values()],
        completed_frameworks=[framework(master, one) for one in cluster.completed.values()],
    )


# --- tasks and operations ------------------------------------------------------------------------


def task(of: LiveTask) -> Task:
    """One task."""
    return Task(
        name=of.name,
        task_id=TaskID(value=of.task_id),
        framework_id=FrameworkID(value=of.framework_id),
        agent_id=AgentID(value=of.agent_id),
        state=of.state,
        executor_id=ExecutorID(value=of.executor_id) if of.executor_id else None,
        resources=to_wire(of.resources, role=of.role, refined=True),
        statuses=list(of.statuses),
        status_update_state=of.update_state,
        status_update_uuid=of.update_uuid,
        labels=of.labels,
        discovery=of.discovery,
        container=of.container,
        health_check=of.health_check,
        kill_policy=of.kill_policy,
        user=of.user,
    )


def tasks(master: State) -> operator.GetTasks:
    """GET_TASKS."""
    known = (*master.cluster.frameworks.values(), *master.cluster.completed.values())
    past = [one for framework in known for one in framework.completed]
    return operator.GetTasks(
        tasks=[task(one) for framework in known for one in framework.tasks.values()],
        completed_tasks=[task(t) for t in past if t.state is not TaskState.UNREACHABLE],
        unreachable_tasks=[task(t) for t in past if t.state is TaskState.UNREACHABLE],
    )


def executors(master: State) -> operator.GetExecutors:
    """GET_EXECUTORS: those with a life of their own; the executor of a command is its task."""
    return operator.GetExecutors(
        executors=[
            operator.Executor(executor_info=one.info, agent_id=AgentID(value=one.agent_id))
            for framework in master.cluster.frameworks.values()
            for one in framework.executors.values()
        ]
    )


def operations(master: State) -> operator.GetOperations:
    """GET_OPERATIONS: those whose outcome is not acknowledged; others are over when they begin."""
    return operator.GetOperations(
        operations=[
            operator.OperationInfo(
                info=Operation(id=pending.status.operation_id),
                latest_status=pending.status,
                statuses=[pending.status],
                uuid=pending.status.uuid or UUID(value=b""),
                framework_id=FrameworkID(value=framework.id),
                agent_id=pending.status.agent_id,
            )
            for framework in master.cluster.frameworks.values()
            for pending in framework.operations.values()
        ]
    )


def whole(master: State) -> operator.GetState:
    """GET_STATE."""
    return operator.GetState(
        get_tasks=tasks(master),
        get_executors=executors(master),
        get_frameworks=frameworks(master),
        get_agents=agents(master),
    )
