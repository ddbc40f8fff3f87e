"""Quota: what is refused, what is enforced at once, and what survives a restart."""

from __future__ import annotations

import pytest

from orchestrator.master.core.commands import RemoveQuota, RoleQuota, SetQuota, UpdateQuota
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.roles import views
from orchestrator.mesos import link
from orchestrator.mesos.scheduler import EventType
from orchestrator.mesos.types import Offer

from .world import FakeAgent, FakeFramework, World, task


def quota(role: str, **scalars: tuple[float, float | None]) -> RoleQuota:
    """``cpus=(guarantee, limit)``, in whole units."""
    return RoleQuota(
        role=role,
        guarantees={name: int(g * 1000) for name, (g, _) in scalars.items() if g},
        limits={n: int(most * 1000) for n, (_, most) in scalars.items() if most is not None},
    )


def set_quota(world: World, *quotas: RoleQuota, force: bool = False) -> None:
    world.operate(UpdateQuota(quotas, force))


def cpus(offer: Offer) -> float:
    return sum(r.scalar.value for r in offer.resources if r.name == "cpus" and r.scalar)


def open_cpus(framework: FakeFramework) -> float:
    return sum(cpus(offer) for offer in framework.open_offers)


def refusal(world: World, *quotas: RoleQuota) -> str:
    with pytest.raises(OperatorError) as refused:
        set_quota(world, *quotas)
    assert not world.master.state.quotas
    return str(refused.value)


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quotas", "reason"),
    [
        ([quota("*", cpus=(1, None))], "The default role '*' cannot have quota"),
        ([quota("a b", cpus=(1, None))], "Role 'a b' contains a space or control character"),
        ([quota("a"), quota("a")], "Role 'a' is named twice"),
        ([RoleQuota(role="a", limits={"cpus": -1})], "cannot have a quota of -0.001 cpus"),
        ([quota("a", cpus=(3, 2))], "Role 'a' is guaranteed more cpus than its limit allows"),
        (
            [quota("a", cpus=(1, None)), quota("a/b", cpus=(2, None))],
            "The roles below 'a' are guaranteed 2 cpus together, 'a' itself only 1",
        ),
        (
            [quota("a", cpus=(0, 2)), quota("a/b", cpus=(0, 3))],
            "Role 'a/b' has a higher limit of cpus than 'a' above it",
        ),
        (
            [quota("a", cpus=(3, None)), quota("b", cpus=(2, None))],
            "5 cpus would be guaranteed, but all agents together have only 4",
        ),
    ],
)
def test_quota_that_cannot_hold_is_refused(quotas: list[RoleQuota], reason: str) -> None:
    world = World()
    world.agent()
    assert reason in refusal(world, *quotas)


def test_a_limit_below_what_is_in_use_is_refused_unless_forced() -> None:
    world = World()
    world.agent()
    framework = world.framework(role="a")
    framework.launch("t", resources="cpus:3;mem:100")
    expected = "Role 'a' has 3 cpus already, more than the limit of 2"
    assert expected in refusal(world, quota("a", cpus=(0, 2)))
    set_quota(world, quota("a", cpus=(0, 2)), force=True)
    assert world.master.state.quotas["a"].limits == {"cpus": 2000}


def test_guarantees_beyond_the_cluster_can_be_forced() -> None:
    world = World()
    set_quota(world, quota("a", cpus=(100, None)), force=True)
    assert world.master.state.quotas["a"].guarantees == {"cpus": 100_000}


# --- enforced ------------------------------------------------------------------------------------


def test_offers_beyond_a_new_limit_are_rescinded_and_made_again_within_it() -> None:
    world = World()
    world.agent()
    framework = world.framework(role="a")
    assert open_cpus(framework) == 4
    set_quota(world, quota("a", cpus=(0, 1.5)))
    assert len(framework.of_type(EventType.RESCIND)) == 1
    assert open_cpus(framework) == 1.5


def test_a_limit_counts_what_runs_and_what_is_offered() -> None:
    world = World()
    world.agent()
    framework = world.framework(role="a")
    framework.launch("t", resources="cpus:1;mem:100")
    set_quota(world, quota("a", cpus=(0, 3)))
    world.advance(10)
    assert open_cpus(framework) == 2


def test_what_is_guaranteed_is_not_offered_to_others() -> None:
    world = World()
    set_quota(world, quota("vip", cpus=(3, None), mem=(4000, None)), force=True)
    world.agent()
    other = world.framework(role="a")
    assert open_cpus(other) == 1
    vip = world.framework(role="vip")
    assert open_cpus(vip) == 3


def test_what_a_role_gives_back_on_one_agent_it_may_have_on_another() -> None:
    """Nothing happens on the second agent, and still it is offered within an interval."""
    world = World()
    set_quota(world, quota("a", cpus=(0, 4)), force=True)
    first, second = world.agent(), world.agent()
    framework = world.framework(role="a")
    (offer,) = (o for o in framework.open_offers if cpus(o) == 4)
    framework.decline(offer, refuse_s=1000.0)
    world.advance(2)
    held = {o.agent_id.value for o in framework.open_offers if cpus(o)}
    assert held == {first.id, second.id} - {offer.agent_id.value}


def test_when_nothing_happens_nothing_is_looked_at_again() -> None:
    world = World()
    set_quota(world, quota("a", cpus=(0, 1)), force=True)
    world.agent()
    world.framework(role="a")
    world.advance(20)
    before = world.master.state.allocations
    world.advance(100)
    assert world.master.state.allocations == before


def test_without_quota_everything_is_offered_again() -> None:
    world = World()
    world.agent()
    set_quota(world, quota("a", cpus=(0, 1)))
    framework = world.framework(role="a")
    world.operate(RemoveQuota("a"))
    assert open_cpus(framework) == 4
    assert not world.master.state.quotas


def test_reservations_nobody_has_count_against_the_limit() -> None:
    world = World()
    world.agent("cpus:4;cpus(a):3;mem:1000;disk:10;ports:[1-2]")
    set_quota(world, quota("a", cpus=(0, 4)))
    framework = world.framework(role="a")
    assert open_cpus(framework) == 4


# --- the older calls -----------------------------------------------------------------------------


def test_a_guarantee_set_the_old_way_is_a_limit_too() -> None:
    world = World()
    world.agent()
    world.operate(SetQuota("a", {"cpus": 2000}))
    assert world.master.state.quotas["a"] == quota("a", cpus=(2, 2))
    with pytest.raises(OperatorError, match="has quota already"):
        world.operate(SetQuota("a", {"cpus": 1000}))


def test_quota_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(OperatorError, match="Role 'a' has no quota"):
        World().operate(RemoveQuota("a"))


# --- kept ----------------------------------------------------------------------------------------


def test_quota_survives_the_master() -> None:
    world = World()
    world.agent()
    set_quota(world, quota("a/b", cpus=(0, 1)), quota("c", cpus=(1, 2)))
    world.operate(RemoveQuota("c"))
    again = world.restarted()
    assert again.master.state.quotas == {"a/b": quota("a/b", cpus=(0, 1))}


def a_cluster_with_a_full_role() -> tuple[World, list[FakeAgent], FakeFramework]:
    world = World()
    agents = [world.agent() for _ in range(5)]
    framework = world.framework(role="a")
    set_quota(world, quota("a", cpus=(0, 4)))
    (offer,) = [offer for offer in framework.open_offers if cpus(offer)]
    framework.accept([offer], [task("t1", offer.agent_id.value, "cpus:4;mem:100")])
    return world, agents, framework


def test_a_limit_holds_under_a_new_master_that_does_not_know_yet_what_runs() -> None:
    world, agents, framework = a_cluster_with_a_full_role()
    info = world.master.cluster.frameworks[framework.id].info
    (live,) = world.master.cluster.frameworks[framework.id].tasks.values()
    busy = next(a for a in agents if a.id == live.agent_id)
    again = World(kept=world.kept)
    back = FakeFramework(again, info)
    for agent in agents:
        if agent is not busy:
            agent.again(at=again)
            again.advance(1)
        if len(again.master.cluster.agents) < 4:
            assert back.offers == []
    again.advance(1)
    assert open_cpus(back) == 4  # one may be missing for good, so the last is not waited for


def test_without_quota_a_new_master_offers_at_once() -> None:
    world = World()
    agents = [world.agent() for _ in range(5)]
    again = World(kept=world.kept)
    framework = again.framework()
    agents[0].again(at=again)
    assert len(framework.open_offers) == 1


@pytest.mark.parametrize("removes_quota", [False, True])
def test_agents_that_do_not_return_are_not_waited_for_for_ever(removes_quota: bool) -> None:
    world, agents, _ = a_cluster_with_a_full_role()
    again = World(kept=world.kept)
    framework = again.framework(role="b")
    back = agents[0].again(at=again)
    for _ in range(59):
        again.advance(10)
        back.say(link.Pong())
    assert framework.offers == []
    explained = {view.name: view.explanation for view in views(again.master.state)}
    assert explained["b"] == "Waiting: this master is new, and 4 agents are still to come back."
    if removes_quota:
        again.operate(RemoveQuota("a"))
    else:
        again.advance(10)
    assert len(framework.open_offers) == 1
