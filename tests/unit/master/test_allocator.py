"""Weighted DRF: the paper's examples, the tree of roles, and quota, case by case."""

from __future__ import annotations

from orchestrator.master.core.allocator.drf import divide
from orchestrator.master.core.allocator.order import dominant_share
from orchestrator.master.core.allocator.problem import (
    NO_LIMIT,
    ROOT,
    Candidate,
    Client,
    Lot,
    Problem,
    Refusal,
    Share,
)

from .problems import agents, problem, role

NOTHING = (0, 0)


def counts(shares: list[Share]) -> dict[int, int]:
    """How many shares each client got."""
    by_client: dict[int, int] = {}
    for share in shares:
        by_client[share.client] = by_client.get(share.client, 0) + 1
    return by_client


def cpus(of: Problem) -> list[int]:
    """How many CPUs each client gets."""
    got = [0] * len(of.clients)
    for share in divide(of):
        got[share.client] += share.open[0]
        got[share.client] += sum(of.candidates[share.candidate].lots[i].amount[0]
                                 for i in share.lots)  # fmt: skip
    return got


# --- fair shares ---------------------------------------------------------------------------------


def test_the_dominant_share_is_the_largest_fraction() -> None:
    # Ghodsi et al., section 4.1: 9 CPUs and 18 GB; <1 CPU, 4 GB> is 1/9 and 2/9.
    assert dominant_share((1, 4), (9, 18)) == 4 / 18


def test_equal_frameworks_get_equal_numbers_of_agents() -> None:
    clients = [Client(1, NOTHING), Client(1, NOTHING)]
    assert counts(divide(problem([role()], clients, agents(10)))) == {0: 5, 1: 5}


def test_who_has_less_comes_first() -> None:
    clients = [Client(1, (1, 0)), Client(1, NOTHING)]
    assert counts(divide(problem([role()], clients, agents(1)))) == {1: 1}


def test_a_role_of_twice_the_weight_gets_twice_as_much() -> None:
    clients = [Client(1, NOTHING), Client(2, NOTHING)]
    assert cpus(problem([role(weight=2.0), role()], clients, agents(9))) == [6, 3]


def test_roles_share_before_their_frameworks_do() -> None:
    clients = [Client(1, NOTHING), Client(1, NOTHING), Client(2, NOTHING)]
    assert cpus(problem([role(), role()], clients, agents(8))) == [2, 2, 4]


def test_a_role_shares_with_the_sum_of_all_below_it() -> None:
    roles = [role(), role(1), role(1), role()]  # a, a/x, a/y, b
    clients = [Client(2, NOTHING), Client(3, NOTHING), Client(4, NOTHING)]
    assert cpus(problem(roles, clients, agents(8))) == [2, 2, 4]


def test_the_frameworks_of_a_role_compete_with_its_child_roles_as_one() -> None:
    roles = [role(), role(1)]  # a, a/x
    clients = [Client(1, NOTHING), Client(1, NOTHING), Client(2, NOTHING)]
    assert cpus(problem(roles, clients, agents(8))) == [2, 2, 4]


def test_a_weight_counts_among_the_roles_of_its_level() -> None:
    roles = [role(), role(1, weight=3.0), role(1), role()]  # a, a/x, a/y, b
    clients = [Client(2, NOTHING), Client(3, NOTHING), Client(4, NOTHING)]
    assert cpus(problem(roles, clients, agents(16))) == [6, 2, 8]


def test_what_frameworks_without_interest_have_counts_for_their_role() -> None:
    roles = [role(allocated=(4, 0)), role()]
    clients = [Client(1, NOTHING), Client(2, NOTHING)]
    cluster = problem(roles, clients, agents(4), totals=(8, 800))
    assert cpus(cluster) == [0, 4]


def test_what_one_client_refused_goes_to_the_next() -> None:
    refusal = Refusal(0, (1, 100), covers_rest=True)
    candidates = [Candidate((1, 100), refusals=(refusal,))]
    assert cpus(problem([role()], [Client(1, NOTHING), Client(1, NOTHING)], candidates)) == [0, 1]


def test_more_than_was_refused_is_offered() -> None:
    refusal = Refusal(0, (1, 99), covers_rest=True)
    candidates = [Candidate((1, 100), refusals=(refusal,))]
    assert cpus(problem([role()], [Client(1, NOTHING)], candidates)) == [1]


def test_ports_that_were_not_refused_are_offered() -> None:
    refusal = Refusal(0, (1, 100), covers_rest=False)
    candidates = [Candidate((1, 100), has_extras=True, refusals=(refusal,))]
    assert cpus(problem([role()], [Client(1, NOTHING)], candidates)) == [1]


def test_too_little_is_not_offered() -> None:
    clients = [Client(1, NOTHING, minimum=0), Client(1, NOTHING, minimum=1)]
    of = problem([role()], clients, agents(1), minima=[((2, 0),), ((1, 0),)])
    assert cpus(of) == [0, 1]


def test_an_agent_goes_only_to_frameworks_that_can_use_it() -> None:
    clients = [Client(1, NOTHING), Client(1, NOTHING, has=1)]
    assert cpus(problem([role()], clients, [Candidate((1, 100), needs=1)] * 2)) == [0, 2]


# --- reservations --------------------------------------------------------------------------------


def test_reserved_resources_go_to_their_role_and_those_below_it() -> None:
    roles = [role(), role(1), role()]  # a, a/x, b
    clients = [Client(2, NOTHING), Client(3, NOTHING)]
    candidates = [Candidate((1, 100), lots=(Lot(1, (4, 0)),))] * 2
    assert cpus(problem(roles, clients, candidates, totals=(10, 200))) == [5 + 4, 1]


def test_what_is_reserved_for_a_child_does_not_go_to_its_parent() -> None:
    roles = [role(), role(1)]
    candidates = [Candidate((0, 0), lots=(Lot(2, (4, 0)),))]
    assert cpus(problem(roles, [Client(1, NOTHING)], candidates, totals=(4, 1))) == [0]


def test_a_lot_that_needs_a_capability_is_left_out_of_other_offers() -> None:
    candidates = [Candidate((1, 100), lots=(Lot(ROOT, (4, 0), needs=2, is_counted=False),))]
    of = problem([role()], [Client(1, NOTHING), Client(1, (1, 0), has=2)], candidates,
                 totals=(6, 100))  # fmt: skip
    assert cpus(of) == [1, 4]


# --- limits --------------------------------------------------------------------------------------


def test_an_offer_is_cut_to_what_the_limit_allows_and_the_rest_goes_to_others() -> None:
    roles = [role(limit=(3, NO_LIMIT)), role()]
    clients = [Client(1, NOTHING, minimum=0), Client(2, NOTHING)]
    assert cpus(problem(roles, clients, agents(1, cpus=8), minima=[((1, 0),)])) == [3, 5]


def test_a_limit_holds_for_all_below_it_together() -> None:
    roles = [role(limit=(3, NO_LIMIT)), role(1), role(1)]
    clients = [Client(2, NOTHING), Client(3, NOTHING)]
    assert sum(cpus(problem(roles, clients, agents(8), minima=[((1, 0),)]))) == 3


def test_what_is_reserved_counts_against_the_limit_already() -> None:
    limited = role(limit=(5, NO_LIMIT))
    with_lot = type(limited)(ROOT, 1.0, NOTHING, (4, 0), NOTHING, limited.limit)
    candidates = [Candidate((8, 100), lots=(Lot(1, (4, 0)),))]
    of = problem([with_lot], [Client(1, NOTHING)], candidates, totals=(12, 100))
    assert cpus(of) == [4 + 1]


def test_a_reservation_of_a_role_above_counts_against_the_limit_below() -> None:
    roles = [role(), role(1, limit=(3, NO_LIMIT))]
    candidates = [Candidate((0, 0), lots=(Lot(1, (4, 0)),))]
    assert cpus(problem(roles, [Client(2, NOTHING)], candidates, totals=(4, 1))) == [0]


# --- guarantees ----------------------------------------------------------------------------------


def test_guarantees_are_met_before_fair_shares() -> None:
    roles = [role(), role(guarantee=(4, 0), allocated=(2, 0))]
    clients = [Client(1, NOTHING), Client(2, (2, 0))]
    assert cpus(problem(roles, clients, agents(3), totals=(5, 300))) == [1, 2]


def test_what_is_owed_to_somebody_who_does_not_want_it_now_is_kept() -> None:
    roles = [role(), role(guarantee=(3, 0))]
    assert cpus(problem(roles, [Client(1, NOTHING)], agents(4), minima=[((1, 0),)])) == [1]


def test_of_an_agent_only_what_is_owed_is_kept_not_all_of_it() -> None:
    roles = [role(), role(guarantee=(3, 0))]
    assert cpus(problem(roles, [Client(1, NOTHING)], agents(1, cpus=8))) == [5]


def test_the_guarantee_of_a_role_covers_those_below_it() -> None:
    roles = [role(guarantee=(4, 0)), role(1, guarantee=(3, 0)), role(1), role()]  # a a/x a/y b
    clients = [Client(3, NOTHING), Client(4, NOTHING)]
    # Of 6 CPUs a/x is kept 3; 1 more is owed to a, which a/y is part of; 2 are shared.
    assert cpus(problem(roles, clients, agents(6), minima=[((1, 0),)])) == [2, 1]


def test_of_two_that_are_owed_the_one_with_less_comes_first() -> None:
    roles = [role(guarantee=(8, 0), allocated=(4, 0)), role(guarantee=(8, 0))]
    clients = [Client(1, (4, 0)), Client(2, NOTHING)]
    assert cpus(problem(roles, clients, agents(4), totals=(8, 800))) == [0, 4]


def test_a_guarantee_that_cannot_be_met_stops_nobody_from_getting_their_own() -> None:
    roles = [role(guarantee=(100, 0)), role(guarantee=(2, 0))]
    assert cpus(problem(roles, [Client(2, NOTHING)], agents(4), minima=[((1, 0),)])) == [2]


def test_who_has_all_cpus_it_is_guaranteed_waits_for_its_turn_though_it_lacks_memory() -> None:
    roles = [role(), role(guarantee=(2, 900), allocated=(2, 0))]
    clients = [Client(1, NOTHING), Client(2, (2, 0))]
    of = problem(roles, clients, agents(2, mem=1000), totals=(4, 2000), minima=[((1, 0),)])
    assert cpus(of) == [2, 0]
