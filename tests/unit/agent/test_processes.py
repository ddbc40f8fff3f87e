"""Which process belongs to which container."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.supervisor.processes import Leader, Process, members

REAPER = 1
NOBODY = 4_194_400  # above every pid there can be, so that it has no environment


def process(pid: int, parent: int, session: int, state: str = "S") -> Process:
    return Process(pid, state, parent, session, start=1)


def of(leaders: dict[str, int], *processes: Process) -> dict[str, set[int]]:
    named = [Leader(name, pid) for name, pid in leaders.items()]
    found = members(named, list(processes), frozenset({REAPER}), "/d")
    return {name: {p.pid for p in of_it} for name, of_it in found.items()}


def test_a_session_belongs_together() -> None:
    assert of({"a": 10}, process(10, 5, 10), process(11, REAPER, 10)) == {"a": {10, 11}}


def test_descendants_belong_to_it_whatever_their_session() -> None:
    found = of({"a": 10}, process(10, 5, 10), process(11, 10, 11), process(12, 11, 12))
    assert found == {"a": {10, 11, 12}}


def test_a_leader_that_has_no_session_of_its_own_yet_is_one_already() -> None:
    assert of({"a": 10}, process(10, REAPER, 7), process(11, 10, 7)) == {"a": {10, 11}}


def test_others_do_not() -> None:
    strangers = (process(NOBODY, REAPER, NOBODY), process(NOBODY + 1, NOBODY, NOBODY))
    found = of({"a": 10, "b": 20}, process(10, 5, 10), process(20, 5, 20), *strangers)
    assert found == {"a": {10}, "b": {20}}


def test_the_dead_are_not_counted_but_their_session_is() -> None:
    assert of({"a": 10}, process(10, 5, 10, "Z"), process(11, REAPER, 10)) == {"a": {11}}


def test_a_very_long_line_of_descendants_is_followed() -> None:
    count = 5000
    line = [process(10 + i, 9 + i, 10 + i) for i in range(count)]
    assert len(of({"a": 10}, *reversed(line))["a"]) == count


@given(st.lists(st.tuples(st.integers(2, 12), st.integers(2, 12)), max_size=12))
def test_any_tangle_of_parents_ends_and_each_process_has_one_container(
    tangle: list[tuple[int, int]],
) -> None:
    processes = [process(NOBODY + pid, NOBODY + parent, 0) for pid, parent in tangle]
    found = of({"a": 900, "b": 901}, process(900, 5, 900), process(901, 5, 901), *processes)
    assert found == {"a": {900}, "b": {901}}
