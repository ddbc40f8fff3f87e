"""From the master's state to offers: what frameworks ask for, and which allocator does it."""

from __future__ import annotations

import pytest

from orchestrator.master.adapters import allocating
from orchestrator.master.adapters.allocating import Allocator
from orchestrator.master.config import MasterConfig
from orchestrator.master.core.allocation import shuffle
from orchestrator.master.core.allocator import drf, fast
from orchestrator.master.core.allocator.filters import MAX_FILTERS_A_FRAMEWORK
from orchestrator.master.core.allocator.problem import Client
from orchestrator.master.core.demand import parse_minimum
from orchestrator.mesos import codec
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import OfferConstraints
from orchestrator.mesos.types import (
    MinAllocatableResources,
    OfferFilters,
    ResourceQuantities,
    Scalar,
)

from .problems import agents, problem, role
from .world import World


def at_least(**scalars: float) -> OfferFilters:
    quantities = {name: Scalar(value=value) for name, value in scalars.items()}
    return OfferFilters(
        min_allocatable_resources=MinAllocatableResources(
            quantities=[ResourceQuantities(quantities=quantities)]
        )
    )


def test_a_framework_is_offered_only_what_reaches_its_minimum() -> None:
    world = World()
    picky = world.framework(offer_filters={"*": at_least(cpus=8.0)})
    world.agent("cpus:4;mem:4096")
    assert not picky.offers
    world.agent("cpus:8;mem:4096")
    assert len(picky.offers) == 1


def test_a_minimum_of_something_nobody_has_is_never_reached() -> None:
    world = World()
    picky = world.framework(offer_filters={"*": at_least(unobtainium=1.0)})
    world.agent()
    assert not picky.offers


def test_the_masters_own_minimum_can_be_set() -> None:
    world = World(MasterConfig(min_allocatable_resources="cpus:8|cpus:1;mem:8192"))
    framework = world.framework()
    world.agent("cpus:4;mem:4096")
    assert not framework.offers
    world.agent("cpus:1;mem:8192")
    assert len(framework.offers) == 1


def test_agents_with_gpus_go_to_frameworks_that_can_use_them() -> None:
    world = World()
    plain = world.framework()
    world.agent("cpus:4;mem:4096;gpus:1")
    assert not plain.offers
    assert len(world.framework(capabilities=["GPU_RESOURCES"]).offers) == 1


def test_an_agent_that_a_frameworks_constraints_exclude_is_not_offered_to_it() -> None:
    world = World()
    framework = world.framework()
    wishes = {"selector": {"attribute_name": "rack"}, "predicate": {"exists": {}}}
    groups = [{"attribute_constraints": [wishes]}]
    text = codec.encode({"role_constraints": {"*": {"groups": groups}}})
    known = world.master.cluster.frameworks[framework.id]
    known.constraints = codec.decode(OfferConstraints, text)
    world.agent()
    assert not framework.offers


def test_agents_are_served_in_an_order_that_only_the_seed_decides() -> None:
    world = World()
    for _ in range(50):
        world.agent()
    stock = world.master.state.supply.of(next(iter(world.master.cluster.agents)))
    assert stock is None or stock.free
    shelf = [(agent, stock) for agent in world.master.cluster.agents.values() if stock]
    first, again = shuffle(list(shelf), 1), shuffle(list(shelf), 1)
    assert first == again
    assert first != shuffle(list(shelf), 2) != shelf
    assert sorted(a.id for a, _ in first) == sorted(a.id for a, _ in shelf)


# --- which allocator -----------------------------------------------------------------------------


def test_a_small_cluster_never_loads_the_compiled_allocator() -> None:
    allocator = Allocator()
    allocator(problem([role()], [Client(1, (0, 0))], agents(10)))
    allocator.wait(0.1)
    assert not allocator.is_compiled


def test_a_large_cluster_loads_it_meanwhile_the_plain_one_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(allocating, "LARGE", 5)
    allocator = Allocator()
    of = problem([role()], [Client(1, (0, 0))], agents(10))
    assert allocator(of) == drf.divide(of)
    allocator.wait(250.0)  # to compile it with half a core is slow
    assert allocator.is_compiled
    assert allocator(of) == drf.divide(of)


@pytest.mark.parametrize("fails", [True, False])
def test_where_it_cannot_be_compiled_the_plain_one_goes_on(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def load() -> None:
        if fails:
            raise RuntimeError("no compiler here")

    monkeypatch.setattr(allocating, "LARGE", 5)
    monkeypatch.setattr(fast, "load", load)
    allocator = Allocator()
    of = problem([role()], [Client(1, (0, 0))], agents(10))
    allocator(of)
    allocator.wait(10.0)
    assert allocator(of) == drf.divide(of)
    assert not allocator.is_compiled


# --- bad input -----------------------------------------------------------------------------------


def test_a_minimum_that_is_no_number_is_never_reached_and_harms_nobody() -> None:
    world = World()
    other = world.framework()
    for value in (float("nan"), float("inf"), -1.0):
        assert not world.framework(offer_filters={"*": at_least(cpus=value)}).offers
    world.agent()
    assert len(other.offers) == 1


def test_endless_alternatives_are_refused() -> None:
    quantities = [ResourceQuantities()] * 1001
    endless = OfferFilters(min_allocatable_resources=MinAllocatableResources(quantities=quantities))
    framework = World().framework(offer_filters={"*": endless})
    assert "more than 1000 alternatives" in framework.errors[0]


@pytest.mark.parametrize("name", ["/".join("a" * 33), "a" * 1025])
def test_a_role_that_is_too_deep_or_too_long_is_refused(name: str) -> None:
    framework = World().framework(role=name)
    assert framework.errors == ["A role has at most 1024 characters and 32 levels"]


@pytest.mark.parametrize("text", ["cpus", "cpus:many", "cpus:-1", "cpus:nan", "mem:inf"])
def test_a_minimum_on_the_command_line_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_minimum(text)


def test_100_000_refusals_are_bounded_and_others_get_their_offers() -> None:
    world = World()
    greedy, other = world.framework(), world.framework()
    for number in range(100_000):
        key = (greedy.id, "*", f"imaginary-{number}")
        world.master.state.filters.refuse(key, Resources.of(cpus=1), world.now + 1000)
    assert len(world.master.state.filters) == MAX_FILTERS_A_FRAMEWORK
    world.agent()
    world.agent()
    assert len(greedy.open_offers) == len(other.open_offers) == 1
