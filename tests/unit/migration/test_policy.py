"""Who wins a conflict, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.migration.core.content import Content, State
from orchestrator.migration.core.policy import Contender, decide
from orchestrator.migration.core.settings import Policy, Settings
from orchestrator.migration.core.sides import Side

LOW = State(Content(b"a" * 16, 0, 0), 1, 0)
HIGH = State(Content(b"b" * 16, 0, 0), 1, 0)
times = st.integers(1, 10**13)


@pytest.mark.parametrize(
    ("fill", "policy", "winner"),
    [
        ("A->B", "source", Side.A),
        ("A->B", "target", Side.B),
        ("B->A", "source", Side.B),
        ("B->A", "target", Side.A),
    ],
)
def test_source_is_the_side_that_fills_the_other(fill: str, policy: Policy, winner: Side) -> None:
    rules = Settings(policy=policy, fill="A->B" if fill == "A->B" else "B->A")
    assert decide(rules, "update", Contender(LOW, 1), Contender(HIGH, 9)).winner is winner


def test_hold_leaves_it_to_a_person() -> None:
    assert decide(Settings(policy="hold"), "update", Contender(LOW, 1), Contender(HIGH, 2)) == (
        None,
        "policy: hold",
    )


@pytest.mark.parametrize("skew_ms", [-600_000, 0, 600_000])
def test_the_later_write_wins_however_wrong_a_clock_is_if_its_offset_is_known(skew_ms: int) -> None:
    rules = Settings(skew_ms=100, offset_ms=skew_ms)
    decision = decide(rules, "update", Contender(LOW, 10_000), Contender(HIGH, 10_500 + skew_ms))
    assert decision.winner is Side.B
    assert decision.reason == "lww: 500 ms later"


@given(times, st.integers(-1_000, 1_000))
def test_times_within_the_skew_are_the_same_time(time_ms: int, apart_ms: int) -> None:
    rules = Settings(skew_ms=1_000)
    a, b = Contender(LOW, time_ms + 1_000), Contender(HIGH, time_ms + 1_000 + apart_ms)
    assert decide(rules, "update", a, b).winner is Side.B  # the higher digest
    prior = Settings(skew_ms=1_000, priority="A")
    assert decide(prior, "update", a, b).winner is Side.A


@given(times, times, st.integers(0, 5_000))
def test_both_engines_come_to_the_same_answer(a_ms: int, b_ms: int, skew_ms: int) -> None:
    rules = Settings(skew_ms=skew_ms)
    one = decide(rules, "update", Contender(LOW, a_ms), Contender(HIGH, b_ms)).winner
    other = decide(rules, "update", Contender(HIGH, b_ms), Contender(LOW, a_ms)).winner
    assert one is not None and other is one.other


@pytest.mark.parametrize(
    ("deletes", "winner"), [("update_wins", Side.B), ("delete_wins", Side.A), ("hold", None)]
)
def test_a_deletion_against_a_change_has_a_rule_of_its_own(
    deletes: str, winner: Side | None
) -> None:
    rules = {
        "update_wins": Settings(deletes="update_wins"),
        "delete_wins": Settings(deletes="delete_wins"),
        "hold": Settings(deletes="hold"),
    }[deletes]
    assert decide(rules, "delete", Contender(None, 9), Contender(HIGH, 1)).winner is winner


def test_a_deletion_of_unknown_time_never_wins_by_time() -> None:
    rules = Settings(deletes="policy")
    assert decide(rules, "delete", Contender(None, 0), Contender(HIGH, 1)).winner is Side.B


def test_what_nobody_is_known_to_have_written_is_never_later() -> None:
    rules = Settings(policy="lww", priority="B")
    assert decide(rules, "create", Contender(LOW, 5), Contender(HIGH, 0)).winner is Side.A
    assert decide(rules, "create", Contender(LOW, 0), Contender(HIGH, 0)).winner is Side.B
