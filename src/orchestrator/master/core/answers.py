"""What frameworks do with their offers: accept them with operations, or decline them."""

from __future__ import annotations

from orchestrator.master.core import inverse_offers, launching, operations
from orchestrator.master.core.allocator.filters import refusal_s
from orchestrator.master.core.offers import remove
from orchestrator.master.core.records import Framework, OutstandingOffer
from orchestrator.master.core.state import State
from orchestrator.mesos.resources import Resources, total
from orchestrator.mesos.scheduler import Accept, Decline
from orchestrator.mesos.types import Filters


def decline(state: State, framework: Framework, call: Decline) -> None:
    """Take offers back and do not repeat them too soon; unknown ones are ignored."""
    for offer_id in call.offer_ids:
        offer = state.cluster.offers.get(offer_id.value)
        if offer is not None and offer.framework_id == framework.id:
            remove(state, offer)
            _give_back(state, offer, offer.resources, call.filters, has_used_some=False)


def accept(state: State, framework: Framework, call: Accept) -> None:
    """Use offers of one agent for the operations, in order; what is left over is declined."""
    known = _take_offers(state, framework, call)
    problem = _problem_with(state, call, known)
    agent = state.cluster.agents[known[0].agent_id] if known else None
    if problem is not None or agent is None:
        for offer in known:
            state.reallocate(offer.agent_id)
        operations.drop_all(state, framework, call.operations, problem or "No offers were accepted")
        return
    rest = total(offer.resources for offer in known)
    role = known[0].role
    for operation in call.operations:
        rest = operations.perform(state, framework, agent, role, rest, operation)
    if rest:
        used_some = any(launching.tasks_of(call.operations))
        _give_back(state, known[0], rest, call.filters, has_used_some=used_some)
    inverse_offers.ask_to_leave(state, [agent])  # its machine may be about to go down


def _take_offers(state: State, framework: Framework, call: Accept) -> list[OutstandingOffer]:
    ids = dict.fromkeys(offer_id.value for offer_id in call.offer_ids)
    found = (state.cluster.offers.get(offer_id) for offer_id in ids)
    known = [offer for offer in found if offer and offer.framework_id == framework.id]
    for offer in known:
        remove(state, offer)
    return known


def _problem_with(state: State, call: Accept, known: list[OutstandingOffer]) -> str | None:
    ids = [offer_id.value for offer_id in call.offer_ids]
    if len(set(ids)) != len(ids):
        return "Duplicate offer in offer list"
    if not ids:
        return "No offers specified"
    taken = {offer.id for offer in known}
    if missing := next((i for i in ids if i not in taken), None):
        return f"Offer {missing} is no longer valid"
    if len({offer.agent_id for offer in known}) > 1:
        return "Aggregated offers must belong to one single agent"
    if len({offer.role for offer in known}) > 1:
        return "Aggregated offers must be allocated to the same role"
    return None


def _give_back(
    state: State,
    offer: OutstandingOffer,
    resources: Resources,
    filters: Filters | None,
    *,
    has_used_some: bool,
) -> None:
    """Make resources of an answered offer free, and refused for a while.

    A framework that launched on an agent may see the rest at once by refusing for 0 s. One that
    only declined waits at least an allocation interval, or offer and refusal would spin.
    """
    refuse_s = refusal_s((filters or Filters()).refuse_seconds)
    if not has_used_some or refuse_s > 0:
        until = state.now + max(refuse_s, state.config.allocation_interval_s)
        state.filters.refuse((offer.framework_id, offer.role, offer.agent_id), resources, until)
    state.reallocate(offer.agent_id)
