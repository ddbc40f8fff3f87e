"""What is due, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.core.deadlines import Deadlines


def test_a_name_is_due_at_the_last_moment_that_was_set_and_only_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 5.0)
    deadlines.set("a", 9.0)
    assert deadlines.next_at() == 9.0
    assert deadlines.due(8.9) == []
    assert deadlines.due(9.0) == ["a"]
    assert deadlines.next_at() is None


def test_what_is_dropped_is_never_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 5.0)
    deadlines.set("b", 6.0)
    deadlines.drop("a")
    deadlines.drop("c")
    assert deadlines.next_at() == 6.0
    assert deadlines.due(100.0) == ["b"]


def test_names_that_come_and_go_before_their_moment_leave_nothing_behind() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for name in range(10_000):
        deadlines.set(name, 1e9)
        deadlines.drop(name)
    assert len(deadlines._heap) < 200


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 50))), max_size=200
    ),
    st.integers(0, 50),
)
def test_it_agrees_with_a_plain_table(changes: list[tuple[str, int | None]], now: int) -> None:
    deadlines: Deadlines[str] = Deadlines()
    table: dict[str, int] = {}
    for name, at in changes:
        table.pop(name, None)
        if at is None:
            deadlines.drop(name)
        else:
            deadlines.set(name, at)
            table[name] = at
    assert deadlines.next_at() == min(table.values(), default=None)
    due = deadlines.due(now)
    assert [table[name] for name in due] == sorted(at for at in table.values() if at <= now)
    assert len(deadlines) == len(table) - len(due)
