"""Offers on their way out, and offers taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from orchestrator.master.core import allocation
from orchestrator.master.core.allocator.filters import DEFAULT_REFUSE_S
from orchestrator.master.core.allocator.grant import Grant
from orchestrator.master.core.records import Agent, Framework, OutstandingOffer
from orchestrator.master.core.schedule import unavailability
from orchestrator.master.core.state import State, Timer
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import (
    Event,
    EventType,
    Offers,
    Rescind,
)
from orchestrator.mesos.types import (
    URL,
    Address,
    AgentID,
    AllocationInfo,
    ExecutorID,
    FrameworkID,
    Offer,
    OfferID,
    Resource,
)


def allocate_changed(state: State) -> None:
    """Offer what is free on the agents that changed since the last time."""
    made = [outstanding(state, grant) for grant in allocation.allocate_changed(state)]
    for offer in made:
        _account(state, offer)
    for framework_id, event in events_of(state, made):
        state.tell(state.cluster.frameworks[framework_id], event)


def outstanding(state: State, grant: Grant) -> OutstandingOffer:
    """A grant as an offer of a new id."""
    return OutstandingOffer(
        id=state.new_id("O"),
        framework_id=grant.framework_id,
        agent_id=grant.agent_id,
        role=grant.role,
        resources=grant.resources,
    )


def _account(state: State, offer: OutstandingOffer) -> None:
    state.cluster.add_offer(offer)
    if state.config.offer_timeout_s:
        deadline = state.now + state.config.offer_timeout_s
        state.timers.set((Timer.OFFER_TIMEOUT, offer.id), deadline)


def events_of(state: State, made: Iterable[OutstandingOffer]) -> Iterator[tuple[str, Event]]:
    """For each framework id the one event with its offers."""
    by_framework: dict[str, list[OutstandingOffer]] = {}
    for offer in made:
        by_framework.setdefault(offer.framework_id, []).append(offer)
    for framework_id, offers in by_framework.items():
        messages = list(_messages(state, state.cluster.frameworks[framework_id], offers))
        yield framework_id, Event(type=EventType.OFFERS, offers=Offers(offers=messages))


def _messages(
    state: State, framework: Framework, offers: list[OutstandingOffer]
) -> Iterator[Offer]:
    refined = framework.has("RESERVATION_REFINEMENT")
    framework_id = FrameworkID(value=framework.id)
    allocation_info = {role: AllocationInfo(role=role) for role in {o.role for o in offers}}
    has_windows = bool(state.schedule.windows)
    for offer in offers:
        agent = state.cluster.agents[offer.agent_id]
        yield Offer(
            id=OfferID(value=offer.id),
            framework_id=framework_id,
            agent_id=agent.info.id or AgentID(value=agent.id),
            hostname=agent.info.hostname,
            url=_url(agent.info.hostname, agent.ip, agent.info.port),
            domain=agent.info.domain,
            resources=_wire(offer.resources, offer.role, refined),
            attributes=agent.info.attributes,
            executor_ids=_executor_ids(agent, framework) if agent.executors else [],
            unavailability=unavailability(state, agent) if has_windows else None,
            allocation_info=allocation_info[offer.role],
        )


def _executor_ids(agent: Agent, framework: Framework) -> list[ExecutorID]:
    """Those of the framework that run there: their next task need not be charged for them."""
    return [ExecutorID(value=name) for of, name in agent.executors if of == framework.id]


def _wire(resources: Resources, role: str, refined: bool) -> list[Resource]:
    for amount in resources.amounts.values():
        if not isinstance(amount, int) and len(amount) > _MAX_COMMON_ITEMS:
            return _any_wire(resources, role, refined)
    return _common_wire(resources, role, refined)


def _any_wire(resources: Resources, role: str, refined: bool) -> list[Resource]:
    return to_wire(resources, role=role, refined=refined)


_common_wire = lru_cache(maxsize=4096)(_any_wire)
"""Many agents of a cluster have the same free: written once, resources cost a fifth."""

_MAX_COMMON_ITEMS = 64  # of a range or set; what is more fragmented is the agent's own, and large


@lru_cache(maxsize=65_536)
def _url(hostname: str, ip: str, port: int) -> URL:
    """An agent's address in libprocess' form."""
    address = Address(port=port, hostname=hostname, ip=ip or None)
    return URL(scheme="http", address=address, path="/slave(1)")


def time_out(state: State, offer: OutstandingOffer) -> None:
    """Take back an offer left unanswered, as if declined: others come before who sat on it."""
    until = state.now + DEFAULT_REFUSE_S
    key = (offer.framework_id, offer.role, offer.agent_id)
    state.filters.refuse(key, offer.resources, until)
    take_back(state, offer, tell=True)


def take_back(state: State, offer: OutstandingOffer, *, tell: bool) -> None:
    """End an offer that was not answered; ``tell`` sends RESCIND."""
    remove(state, offer)
    state.reallocate(offer.agent_id)
    if tell:
        rescind = Rescind(offer_id=OfferID(value=offer.id))
        framework = state.cluster.frameworks[offer.framework_id]
        state.tell(framework, Event(type=EventType.RESCIND, rescind=rescind))


def remove(state: State, offer: OutstandingOffer) -> None:
    """Strike an offer off the books."""
    state.cluster.remove_offer(offer)
    state.timers.cancel((Timer.OFFER_TIMEOUT, offer.id))
