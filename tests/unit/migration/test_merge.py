"""The three-way merge: its table, and laws that hold for all contents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.migration.core.content import Content
from orchestrator.migration.core.merge import Verdict, merge, rebased
from orchestrator.migration.core.sides import Side

X = Content(b"x" * 16, 0, 0)
Y = Content(b"y" * 16, 0, 0)
Z = Content(b"z" * 16, 0, 0)
contents = st.builds(
    Content,
    st.sampled_from([b"x" * 16, b"y" * 16, b"z" * 16]),
    st.integers(0, 2),
    st.integers(0, 2),
)
maybe = st.none() | contents

TABLE = [
    (X, X, X, Verdict.SAME, X),
    (None, X, X, Verdict.SAME, X),
    (X, None, None, Verdict.SAME, None),
    (None, X, None, Verdict.TO_B, X),
    (None, None, X, Verdict.TO_A, X),
    (X, None, X, Verdict.TO_B, None),
    (X, X, None, Verdict.TO_A, None),
    (X, Y, X, Verdict.TO_B, Y),
    (X, X, Y, Verdict.TO_A, Y),
]


@pytest.mark.parametrize(("base", "a", "b", "verdict", "want"), TABLE)
def test_whoever_is_as_the_base_takes_what_the_other_has(
    base: Content | None, a: Content | None, b: Content | None, verdict: Verdict, want: object
) -> None:
    result = merge(base, a, b)
    assert (result.verdict, result.want) == (verdict, want)


@pytest.mark.parametrize(
    ("base", "a", "b", "kind"),
    [(None, X, Y, "create"), (X, None, Y, "delete"), (X, Y, None, "delete"), (X, Y, Z, "update")],
)
def test_two_changes_that_do_not_go_together_are_a_conflict(
    base: Content | None, a: Content | None, b: Content | None, kind: str
) -> None:
    result = merge(base, a, b)
    assert (result.verdict, result.kind) == (Verdict.CONFLICT, kind)


def test_data_of_one_side_and_the_list_of_the_other_go_together() -> None:
    result = merge(X, replace(X, data=Y.data), replace(X, acl=5))
    assert result.verdict is Verdict.BOTH
    assert result.want == Content(Y.data, 5, 0)


@given(maybe, maybe, maybe)
def test_the_merge_does_not_care_which_side_is_which(
    base: Content | None, a: Content | None, b: Content | None
) -> None:
    swapped = {Verdict.TO_A: Verdict.TO_B, Verdict.TO_B: Verdict.TO_A}
    one, other = merge(base, a, b), merge(base, b, a)
    assert other.verdict is swapped.get(one.verdict, one.verdict)
    assert one.verdict is Verdict.CONFLICT or one.want == other.want


@given(maybe, maybe)
def test_a_side_that_did_not_change_never_wins(base: Content | None, changed: Content) -> None:
    if base != changed:
        assert merge(base, changed, base).verdict is Verdict.TO_B
        assert merge(base, changed, base).want == changed


@given(maybe, maybe, maybe, st.sampled_from(Side))
def test_after_a_decision_nothing_of_the_winner_is_lost(
    base: Content | None, a: Content | None, b: Content | None, winner: Side
) -> None:
    if merge(base, a, b).verdict is not Verdict.CONFLICT:
        return
    sides = (a, b)
    won, lost = sides[winner], sides[winner.other]
    result = merge(rebased(base, won, lost), a, b)
    assert result.verdict is not Verdict.CONFLICT
    if won is None or lost is None or base is None:
        assert result.want == won
        return
    assert result.want is not None
    for before, mine, merged in zip(base.parts, won.parts, result.want.parts, strict=True):
        assert mine in (before, merged)
