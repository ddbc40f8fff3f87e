"""What one path becomes: a three-way merge of what A shows, what B shows, and the base.

The base is what both last agreed on. Whoever is as the base has not changed, so the other's change
is copied. Where both changed, data, access list and lifetime are looked at one by one: a change of
the data here and of the access list there go together. The whole table:

    base   A      B        outcome
    any    x      x        SAME           both agree, whatever they came from
    none   x      -        TO_B           created on A
    none   x      y        CONFLICT       created on both            "create"
    x      -      x        TO_B           deleted on A
    x      -      y        CONFLICT       deleted on A, changed on B "delete"
    x      y      x        TO_B           changed on A
    x      y      z        TO_B, TO_A or BOTH if every part changed on one side only,
                           else CONFLICT                             "update"

and the same with A and B exchanged. A part that a source could not see is as if unchanged.

A decision about a conflict is written down as another base (`rebased`): as if the loser's state had
been the base, so that the winner's is the only change. If the loser changes once more before he is
overwritten, that is a new conflict, and nothing is lost unseen.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orchestrator.migration.core.content import UNKNOWN, Content
from orchestrator.migration.core.sides import Side


class Verdict(StrEnum):
    """Who has to be written."""

    SAME = "same"
    TO_A = "to A"
    TO_B = "to B"
    BOTH = "both"
    CONFLICT = "conflict"


class Merge(msgspec.Struct, frozen=True, gc=False):
    """``want`` is what both sides should be, None for absent; ``kind`` names a conflict."""

    verdict: Verdict
    want: Content | None
    kind: str = ""


def merge(base: Content | None, a: Content | None, b: Content | None) -> Merge:
    """Compare the three states of a path; see the table above."""
    if a == b:
        return Merge(Verdict.SAME, a)
    if a is None or b is None:
        return _one_sided(base, a, b)
    return _both_there(base, a, b)


def same(first: Content | None, second: Content | None) -> bool:
    """Whether two states are equal in all that can be seen of both."""
    if first is None or second is None or first == second:
        return first is second or first == second
    return (
        first.data == second.data
        and _alike(first.acl, second.acl)
        and _alike(first.kind, second.kind)
    )


def rebased(base: Content | None, winner: Content | None, loser: Content | None) -> Content | None:
    """The base that makes ``winner`` the only one that changed.

    Parts that did not clash keep their base, so a change of the loser's that goes together with
    the winner's is still copied.
    """
    if base is None or winner is None or loser is None:
        return loser
    parts = zip(base.parts, winner.parts, loser.parts, strict=True)
    return Content(*[lost if _clash(b, won, lost) else b for b, won, lost in parts])  # type: ignore[arg-type]


def loser_of(winner: Side) -> Verdict:
    """The verdict that writes what the winner has."""
    return Verdict.TO_B if winner is Side.A else Verdict.TO_A


def _one_sided(base: Content | None, a: Content | None, b: Content | None) -> Merge:
    there, to_other, to_there = (
        (a, Verdict.TO_B, Verdict.TO_A) if a is not None else (b, Verdict.TO_A, Verdict.TO_B)
    )
    if base is None:
        return Merge(to_other, there)
    if same(base, there):
        return Merge(to_there, None)
    return Merge(Verdict.CONFLICT, there, "delete")


def _both_there(base: Content | None, a: Content, b: Content) -> Merge:
    if same(a, b):
        return Merge(Verdict.SAME, a)
    if base is None:
        return Merge(Verdict.CONFLICT, None, "create")
    if b == base and _is_seen(a):  # nearly always it is so, or the other way round
        return Merge(Verdict.TO_B, a)
    if a == base and _is_seen(b):
        return Merge(Verdict.TO_A, b)
    parts = list(zip(base.parts, a.parts, b.parts, strict=True))
    if any(_clash(*part) for part in parts):
        return Merge(Verdict.CONFLICT, None, "update")
    want = Content(*[_changed(*part) for part in parts])  # type: ignore[arg-type]
    if same(want, a):
        return Merge(Verdict.TO_B, want)
    return Merge(Verdict.TO_A if same(want, b) else Verdict.BOTH, want)


def _is_seen(content: Content) -> bool:
    return UNKNOWN not in (content.acl, content.kind)


def _clash(base: object, a: object, b: object) -> bool:
    if UNKNOWN in (a, b) or a == b:
        return False
    return base not in (a, b, UNKNOWN)


def _changed(base: object, a: object, b: object) -> object:
    """What a part becomes that changed on one side at most."""
    if a == UNKNOWN:
        return b
    if b == UNKNOWN:
        return a
    return b if base == a else a


def _alike(first: int, second: int) -> bool:
    return first == second or UNKNOWN in (first, second)
