"""Alarms: the earliest first, moved and cancelled ones never."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.core.timers import Timers


def test_the_earliest_alarm_is_next() -> None:
    timers = Timers()
    timers.set("a", "x", 5)
    timers.set("b", "x", 3)
    assert timers.next() == 3
    assert timers.take_due(3) == [("b", "x")]
    assert timers.next() == 5


def test_a_moved_alarm_goes_off_once_at_its_new_time() -> None:
    timers = Timers()
    timers.set("a", "x", 1)
    timers.set("a", "x", 9)
    assert timers.take_due(5) == []
    assert timers.take_due(9) == [("a", "x")]
    assert timers.next() is None


def test_a_cancelled_alarm_never_goes_off() -> None:
    timers = Timers()
    timers.set("a", "x", 1)
    timers.cancel("a", "x")
    timers.cancel("a", "y")
    assert timers.next() is None
    assert timers.take_due(2) == []


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 50)))))
def test_alarms_behave_like_a_table_of_times(
    operations: list[tuple[str, int | None]],
) -> None:
    timers, table = Timers(), dict[str, int]()
    for subject, at in operations * 5:
        if at is None:
            timers.cancel("k", subject)
            table.pop(subject, None)
        else:
            timers.set("k", subject, at)
            table[subject] = at
    assert timers.next() == min(table.values(), default=None)
    due = timers.take_due(25)
    assert {subject for _, subject in due} == {s for s, at in table.items() if at <= 25}
