"""Asking frameworks to leave machines that will go down, and what they answer.

An inverse offer is out until it is answered or rescinded; who has answered is asked again when the
filter of the answer is over (it is a timer), as long as it still has tasks there. Source:
docs/maintenance.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from orchestrator.master.core.allocator.filters import refusal_s
from orchestrator.master.core.records import Agent, Framework
from orchestrator.master.core.schedule import unavailability
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos.scheduler import (
    Event,
    EventType,
    InverseOfferAnswer,
    InverseOffers,
    RescindInverseOffer,
)
from orchestrator.mesos.types import (
    AgentID,
    Filters,
    FrameworkID,
    InverseOffer,
    OfferID,
    Unavailability,
)


class Answer(StrEnum):
    """How a framework answered an inverse offer."""

    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"


def ask_to_leave(state: State, of: Iterable[Agent]) -> None:
    """Send inverse offers to the frameworks with tasks on agents whose machine will go down."""
    if not state.schedule.windows:
        return
    asked: dict[str, list[InverseOffer]] = {}
    outstanding = set(state.inverse_offers.values())
    for agent in of:
        planned = unavailability(state, agent)
        if planned is not None:
            for framework in _to_be_asked(state, agent, outstanding):
                inverse = _inverse_offer(state, agent, framework, planned)
                asked.setdefault(framework.id, []).append(inverse)
    for framework_id, inverse_offers in asked.items():
        event = Event(
            type=EventType.INVERSE_OFFERS,
            inverse_offers=InverseOffers(inverse_offers=inverse_offers),
        )
        state.tell(state.cluster.frameworks[framework_id], event)


def _to_be_asked(
    state: State, agent: Agent, outstanding: Collection[tuple[str, str]]
) -> Iterator[Framework]:
    for framework_id in sorted({task.framework_id for task in agent.tasks.values()}):
        framework, asked = state.cluster.frameworks[framework_id], (framework_id, agent.id)
        has_filter = state.timers.has(_filter(asked))
        if framework.is_connected and not has_filter and asked not in outstanding:
            yield framework


def _filter(asked: tuple[str, str]) -> tuple[Timer, str]:
    return Timer.INVERSE_OFFER, "/".join(asked)


def _inverse_offer(
    state: State, agent: Agent, framework: Framework, planned: Unavailability
) -> InverseOffer:
    inverse_id = state.new_id("O")
    state.inverse_offers[inverse_id] = (framework.id, agent.id)
    return InverseOffer(
        id=OfferID(value=inverse_id),
        framework_id=FrameworkID(value=framework.id),
        agent_id=AgentID(value=agent.id),
        unavailability=planned,
    )


def answered(state: State, framework: Framework, body: InverseOfferAnswer, answer: Answer) -> None:
    """Note what a framework says to being asked to leave; unknown inverse offers are ignored."""
    for inverse_id in (one.value for one in body.inverse_offer_ids):
        asked = state.inverse_offers.get(inverse_id)
        if asked is not None and asked[0] == framework.id:
            del state.inverse_offers[inverse_id]
            state.answers[asked] = (answer.value, state.now)
            refuse_s = refusal_s((body.filters or Filters()).refuse_seconds)
            wait_s = max(refuse_s, state.config.allocation_interval_s)
            state.timers.set(_filter(asked), state.now + wait_s)


def ask_again(state: State, asked: str) -> None:
    """The filter of an answer is over: ask the framework if it still has tasks on the agent."""
    agent = state.cluster.agents.get(asked.partition("/")[2])
    if agent is not None:
        ask_to_leave(state, [agent])


def withdraw(state: State, framework_id: str) -> None:
    """Forget the inverse offers of a framework that cannot answer them, and its filters."""
    for inverse_id, asked in list(state.inverse_offers.items()):
        if asked[0] == framework_id:
            del state.inverse_offers[inverse_id]
    clear_filters(state, framework_id)


def clear_filters(state: State, framework_id: str) -> None:
    """Let a framework be asked again, whatever it has answered."""
    for asked in state.answers:
        if asked[0] == framework_id:
            state.timers.cancel(_filter(asked))


def withdraw_all(state: State) -> None:
    """Rescind all that are out, and forget the answers: there is another schedule."""
    for inverse_id in list(state.inverse_offers):
        rescind(state, inverse_id)
    for asked in state.answers:
        state.timers.cancel(_filter(asked))
    state.answers.clear()


def forget_framework(state: State, framework_id: str) -> None:
    """A framework is over: neither its inverse offers nor its answers are of interest."""
    withdraw(state, framework_id)
    for asked in [key for key in state.answers if key[0] == framework_id]:
        del state.answers[asked]


def forget_agent(state: State, agent_id: str) -> None:
    """Rescind the inverse offers about an agent that is gone."""
    for inverse_id, asked in list(state.inverse_offers.items()):
        if asked[1] == agent_id:
            rescind(state, inverse_id)
    for asked in [key for key in state.answers if key[1] == agent_id]:
        state.timers.cancel(_filter(asked))
        del state.answers[asked]


def rescind(state: State, inverse_id: str) -> None:
    """Take an inverse offer back that has not been answered."""
    framework_id, _ = state.inverse_offers.pop(inverse_id)
    body = RescindInverseOffer(inverse_offer_id=OfferID(value=inverse_id))
    event = Event(type=EventType.RESCIND_INVERSE_OFFER, rescind_inverse_offer=body)
    state.tell(state.cluster.frameworks[framework_id], event)
