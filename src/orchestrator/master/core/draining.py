"""Emptying agents, and keeping offers off them.

A draining agent gets no offers and its tasks are killed; it is drained once the last of them has
been forgotten, and then, where that was asked for, gone. The state is in the agent's record of the
registry, so draining goes on under the next master. Source: docs/maintenance.md of Mesos 1.11.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.master.core import offers, registry, removal
from orchestrator.master.core.commands import (
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    ReactivateAgent,
)
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import ToAgent
from orchestrator.master.core.records import Agent, LiveTask
from orchestrator.master.core.registry import AgentRecord
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos.link import KillTask, Shutdown
from orchestrator.mesos.types import (
    DrainConfig,
    DrainInfo,
    DrainState,
    DurationInfo,
    FrameworkID,
    KillPolicy,
    TaskID,
    TaskState,
)

MAX_GONE = 100_000


def drain(state: State, command: DrainAgent) -> None:
    """Begin to drain an agent, also one that is away. Raises OperatorError."""
    config = DrainConfig(max_grace_period=command.max_grace_period, mark_gone=command.mark_gone)
    grace = command.max_grace_period
    if grace is not None and grace.nanoseconds < 0:
        raise OperatorError(400, "'max_grace_period' must not be negative")
    info = DrainInfo(state=DrainState.DRAINING, config=config)
    agent = state.cluster.agents.get(command.agent_id)
    if agent is None:
        record = _record(state, command.agent_id)
        _keep(state, command.agent_id, replace(record, drain=info, is_deactivated=True))
        return
    agent.drain, agent.is_deactivated = info, True
    state.cluster.touched.add(agent.id)
    state.effects.append(registry.save(agent))
    _withdraw(state, agent)
    resume(state, agent)


def deactivate(state: State, command: DeactivateAgent) -> None:
    """Offer nothing of an agent; its tasks run on. Raises OperatorError."""
    _set_deactivated(state, command.agent_id, value=True)


def reactivate(state: State, command: ReactivateAgent) -> None:
    """Offer an agent again; only when it is not draining any more. Raises OperatorError."""
    agent = state.cluster.agents.get(command.agent_id)
    known = agent.drain if agent else _record(state, command.agent_id).drain
    if known is not None and known.state is DrainState.DRAINING:
        raise OperatorError(400, f"Agent {command.agent_id} is still draining")
    _set_deactivated(state, command.agent_id, value=False)
    state.reallocate(command.agent_id)


def mark_gone(state: State, command: MarkAgentGone) -> None:
    """Shut an agent down for ever: its tasks are gone and it stays away. Raises OperatorError.

    One that is gone already stays so: who heard no answer may ask again.
    """
    if command.agent_id in state.gone:
        return
    agent = state.cluster.agents.get(command.agent_id)
    if agent is None:
        _record(state, command.agent_id)
        bar(state, command.agent_id)
        return
    _end(state, agent)


def resume(state: State, agent: Agent) -> None:
    """Kill what runs on a draining agent."""
    if agent.drain is None or agent.drain.state is not DrainState.DRAINING:
        return
    state.draining.add(agent.id)
    for task in agent.tasks.values():
        if not task.state.is_terminal:
            state.order(agent, _kill(task, agent.drain.config))


def settle(state: State) -> None:
    """Call draining agents drained whose last task has been forgotten."""
    for agent_id in sorted(state.draining):
        agent = state.cluster.agents.get(agent_id)
        if agent is None:
            state.draining.discard(agent_id)  # its record says that it drains
        elif not agent.tasks:
            state.draining.discard(agent_id)
            _finish(state, agent)


def _finish(state: State, agent: Agent) -> None:
    if agent.drain is None:
        return
    agent.drain = replace(agent.drain, state=DrainState.DRAINED)
    if agent.drain.config.mark_gone:
        _end(state, agent)
    else:
        state.effects.append(registry.save(agent))


def _kill(task: LiveTask, config: DrainConfig) -> KillTask:
    return KillTask(
        framework_id=FrameworkID(value=task.framework_id),
        task_id=TaskID(value=task.task_id),
        kill_policy=_shortened(task.kill_policy, config.max_grace_period),
    )


def _shortened(own: KillPolicy | None, most: DurationInfo | None) -> KillPolicy | None:
    """What overrides a task's own policy: nothing, if that is as short already."""
    if most is None:
        return None
    grace = own.grace_period if own is not None else None
    is_short = grace is not None and grace.nanoseconds <= most.nanoseconds
    return None if is_short else KillPolicy(grace_period=most)


def _set_deactivated(state: State, agent_id: str, *, value: bool) -> None:
    agent = state.cluster.agents.get(agent_id)
    if agent is None:
        record = replace(_record(state, agent_id), is_deactivated=value)
        _keep(state, agent_id, record if value else replace(record, drain=None))
        return
    agent.is_deactivated = value
    state.cluster.touched.add(agent.id)
    if value:
        _withdraw(state, agent)
    else:
        agent.drain = None
    state.effects.append(registry.save(agent))


def _withdraw(state: State, agent: Agent) -> None:
    for offer_id in list(agent.offers):
        offers.take_back(state, state.cluster.offers[offer_id], tell=True)


def _record(state: State, agent_id: str) -> AgentRecord:
    record = state.records.get(agent_id)
    if record is None:
        raise OperatorError(404, f"Agent {agent_id} is not known")
    return record


def _keep(state: State, agent_id: str, record: AgentRecord) -> None:
    state.records[agent_id] = record
    state.effects.append(registry.save_record(agent_id, record))


def _end(state: State, agent: Agent) -> None:
    bar(state, agent.id)
    if agent.link is not None:
        state.effects.append(ToAgent(agent.link, Shutdown(reason="The agent was marked gone")))
    removal.remove(state, agent, TaskState.GONE_BY_OPERATOR, "Agent was marked gone")


def bar(state: State, agent_id: str) -> None:
    """Never let an agent in again under this id; if it comes, it is told to end."""
    state.gone[agent_id] = state.now
    state.records.pop(agent_id, None)
    state.recovered_agents.discard(agent_id)
    state.overdue.discard(agent_id)
    state.timers.cancel((Timer.AGENT_RETURN, agent_id))
    state.cluster.unreachable.pop(agent_id, None)
    state.effects += [registry.bar(agent_id, state.now), registry.forget(agent_id)]
    if len(state.gone) > MAX_GONE:
        oldest = next(iter(state.gone))
        del state.gone[oldest]
        state.effects.append(registry.unbar(oldest))
