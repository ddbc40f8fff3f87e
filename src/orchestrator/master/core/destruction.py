"""Volumes that were destroyed: their agent is told to delete the data, until it says it has.

What is still to be told is kept with the agent's record, so it outlives links and masters. Data is
deleted by such an order only, never because a volume is missing from the books: a master that lost
its registry costs nobody a volume.
"""

from __future__ import annotations

from orchestrator.master.core import registry
from orchestrator.master.core.conversions import volume_id
from orchestrator.master.core.records import Agent
from orchestrator.master.core.state import State
from orchestrator.mesos.link import DestroyVolumes
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import Resources


def order_of(agent: Agent, consumed: Resources, converted: Resources) -> DestroyVolumes | None:
    """What an agent has to be told of a conversion, if that ends volumes.

    An agent of a version that knows no such order is told nothing: it would give up its link.
    """
    still_there = {(kind.role, volume_id(kind)) for kind in converted.amounts}
    ended = consumed.where(
        lambda kind: volume_id(kind) is not None and (kind.role, volume_id(kind)) not in still_there
    )
    if not ended or agent.destroyed is None:
        return None
    last = agent.doomed[-1].number if agent.doomed else agent.destroyed
    return DestroyVolumes(number=last + 1, volumes=to_wire(ended, refined=True))


def registered(agent: Agent, destroyed: int | None) -> None:
    """Note how far an agent is that registers."""
    agent.destroyed = destroyed
    agent.doomed = [order for order in agent.doomed if order.number > (destroyed or 0)]


def send_again(state: State, agent: Agent) -> None:
    """Tell an agent that has registered what it has not carried out."""
    if agent.destroyed is not None:
        for order in agent.doomed:
            state.order(agent, order)


def carried_out(state: State, agent: Agent, number: int) -> None:
    """An agent has dealt with the order of this number, and with those before."""
    left = [order for order in agent.doomed if order.number > number]
    if len(left) < len(agent.doomed):
        agent.doomed, agent.destroyed = left, number
        state.effects.append(registry.save(agent))
