"""Who wins a conflict, by the rules of the settings; None means that a person has to say.

Last-write-wins compares the times that the two leaders' clocks gave to the last change of each
side, after taking the known offset between these clocks away. Times within the skew bound count as
the same time; then the settings' priority decides, and without one the higher digest of the value:
both sides' engines, and every run, come to the same answer. A time that nobody knows (a deletion
that only a snapshot showed, or what the engine wrote and nobody else since) is never later than
another, and what is there wins over what is not.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.migration.core.content import State
from orchestrator.migration.core.settings import Policy, Settings
from orchestrator.migration.core.sides import Side


class Contender(NamedTuple):
    """One side of a conflict; ``time_ms`` is by its own leader's clock, 0 if unknown."""

    state: State | None
    time_ms: int


class Decision(NamedTuple):
    """Who wins, or None: hold it for a person; and the rule in words."""

    winner: Side | None
    reason: str


def decide(rules: Settings, kind: str, a: Contender, b: Contender) -> Decision:
    """Settle a conflict of a kind of `merge.Merge`, or of a deletion against a child."""
    if kind in ("delete", "orphan") and rules.deletes != "policy":
        return _deletion(rules.deletes, a, b)
    return _by_policy(rules, rules.policy, a, b)


def source_side(rules: Settings) -> Side:
    """The side that ``source`` means."""
    return Side.A if rules.fill == "A->B" else Side.B


def _deletion(rule: str, a: Contender, b: Contender) -> Decision:
    there = Side.A if a.state is not None else Side.B
    if rule == "hold":
        return Decision(None, "deletes: hold")
    return Decision(there if rule == "update_wins" else there.other, f"deletes: {rule}")


def _by_policy(rules: Settings, policy: Policy, a: Contender, b: Contender) -> Decision:
    if policy == "hold":
        return Decision(None, "policy: hold")
    if policy == "lww":
        return _last_write(rules, a, b)
    side = source_side(rules)
    return Decision(side if policy == "source" else side.other, f"policy: {policy}")


def _last_write(rules: Settings, a: Contender, b: Contender) -> Decision:
    if a.time_ms and b.time_ms:
        later_ms = a.time_ms - (b.time_ms - rules.offset_ms)
        if abs(later_ms) > rules.skew_ms:
            winner = Side.A if later_ms > 0 else Side.B
            return Decision(winner, f"lww: {abs(later_ms)} ms later")
    return _tie(rules, a, b)


def _tie(rules: Settings, a: Contender, b: Contender) -> Decision:
    if rules.priority and a.time_ms and b.time_ms:
        return Decision(Side[rules.priority], f"lww: same time, priority {rules.priority}")
    if a.state is None or b.state is None:
        there = Side.B if a.state is None else Side.A
        return Decision(there, "lww: same time, a change wins over a deletion")
    if bool(a.time_ms) != bool(b.time_ms):
        changed = Side.A if a.time_ms else Side.B
        return Decision(changed, "lww: nobody is known to have written the other")
    if rules.priority:
        return Decision(Side[rules.priority], f"lww: time unknown, priority {rules.priority}")
    winner = Side.A if a.state.content.parts > b.state.content.parts else Side.B
    return Decision(winner, "lww: same time, higher digest")
