"""Roles as they are shown, with the reason why they are or are not offered anything."""

from __future__ import annotations

from orchestrator.master.core.commands import RoleQuota, UpdateQuota
from orchestrator.master.core.roles import RoleView, views
from orchestrator.mesos.scheduler import CallType

from .world import World


def view(world: World, name: str) -> RoleView:
    return {of.name: of for of in views(world.master.state)}[name]


def explanation(world: World, name: str) -> str:
    return view(world, name).explanation


def limit(world: World, role: str, **cpus: int) -> None:
    of = RoleQuota(role=role, limits={name: n * 1000 for name, n in cpus.items()})
    world.operate(UpdateQuota((of,), force=True))


def guarantee(world: World, role: str, cpus: int, mem: int) -> None:
    of = RoleQuota(role=role, guarantees={"cpus": cpus * 1000, "mem": mem * 1000})
    world.operate(UpdateQuota((of,), force=True))


def test_a_role_has_the_sum_of_all_below_it() -> None:
    world = World(weights={"a": 2.0})
    world.agent(), world.agent()
    framework = world.framework(role="a/b")
    framework.launch("t", resources="cpus:2;mem:100")
    limit(world, "a", cpus=6)
    of = view(world, "a")
    assert (of.weight, of.limits, of.frameworks) == (2.0, {"cpus": 6000}, [])
    assert of.consumed["cpus"] == 6000
    assert of.share >= 0.75
    assert view(world, "a/b").frameworks == [framework.id]


def test_a_role_nobody_is_in_says_so() -> None:
    world = World(weights={"a": 2.0})
    assert explanation(world, "a") == (
        "Not offered anything: no framework is in role 'a' or below it."
    )


def test_a_role_of_frameworks_that_are_away_says_so() -> None:
    world = World()
    world.framework(role="a").disconnect()
    assert explanation(world, "a") == "Not offered anything: its frameworks are disconnected."


def test_a_role_that_suppressed_offers_says_so() -> None:
    world = World()
    world.framework(role="a").call(CallType.SUPPRESS)
    assert "have suppressed offers" in explanation(world, "a")


def test_a_role_at_its_limit_says_which() -> None:
    world = World()
    limit(world, "a", cpus=2, mem=0)
    world.agent()
    world.framework(role="a/b")
    assert explanation(world, "a/b") == (
        "Not offered anything: its limit 'a' of 2 cpus is reached (2 in use, offered or reserved)."
    )


def test_a_role_with_a_guarantee_comes_first() -> None:
    world = World()
    world.agent()
    framework = world.framework(role="vip")
    guarantee(world, "vip", cpus=6, mem=0)
    framework.decline(*framework.open_offers, refuse_s=1000)
    assert explanation(world, "vip") == (
        "Offered before others: 6 cpus of its guarantee are not met yet."
    )


def test_a_role_that_others_guarantees_leave_nothing_says_so() -> None:
    world = World()
    guarantee(world, "vip", cpus=4, mem=5000)
    world.agent("cpus:4;mem:4096")
    world.framework(role="a")
    assert "kept for guarantees of other roles" in explanation(world, "a")


def test_a_role_waits_when_everything_is_taken() -> None:
    world = World()
    world.agent("cpus:4;mem:4096")
    world.framework(role="b")
    world.framework(role="a")
    assert "nothing is free in the cluster" in explanation(world, "a")


def test_a_role_that_refused_what_is_free_is_offered_in_turn() -> None:
    world = World()
    world.agent()
    framework = world.framework(role="a")
    framework.decline(*framework.open_offers, refuse_s=1000)
    assert explanation(world, "a").startswith("Offered in turn: it has 0.0% of the cluster")
