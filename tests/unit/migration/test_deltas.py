"""Saved states: whatever was moved by then, a restart finds the latest of every path."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.migration.core.deltas import PERIOD_S, Deltas
from orchestrator.migration.core.journal import DELTA, NODE
from orchestrator.runtime.machine import Save

states = st.dictionaries(
    st.sampled_from([f"/n{number}" for number in range(200)]),
    st.none() | st.binary(max_size=3),
    min_size=1,
    max_size=150,
)
steps = st.lists(states | st.sampled_from(["move", "restart"]), max_size=30)


def apply(records: dict[str, bytes], saves: Iterable[Save]) -> None:
    for save in saves:
        if save.value is None:
            records.pop(save.key, None)
        else:
            records[save.key] = save.value


@given(steps)
def test_a_restart_finds_the_latest_state_of_every_path(
    done: list[dict[str, bytes | None] | str],
) -> None:
    deltas, now = Deltas(), 1.0
    records: dict[str, bytes] = {}
    latest: dict[str, bytes | None] = {}
    for step in done:
        if isinstance(step, dict):
            latest.update(step)
            apply(records, [deltas.save(step, now)])
        elif step == "move":
            now += PERIOD_S
            apply(records, deltas.move(now))
        else:
            deltas = Deltas()
            assert deltas.restore(records, now) == {
                p: s for p, s in latest.items() if s is not None
            }
    assert Deltas().restore(records, now) == _there(latest)


def _there(latest: dict[str, bytes | None]) -> dict[str, bytes]:
    return {path: state for path, state in latest.items() if state is not None}


def test_all_is_moved_in_the_end_and_nothing_is_due_then() -> None:
    deltas, now = Deltas(), 1.0
    records: dict[str, bytes] = {}
    for round in range(3):
        changed: dict[str, bytes | None] = {
            f"/n{number}": b"%d" % round for number in range(round, 5_000)
        }
        apply(records, [deltas.save(changed, now)])
    largest, moves = 0, 0
    while deltas.due is not None:
        assert deltas.due > now
        now = deltas.due
        saves = deltas.move(now)
        largest, moves = max(largest, len(saves)), moves + 1
        apply(records, saves)
    assert len(deltas) == 0
    assert not [key for key in records if key.startswith(DELTA)]
    expected = {f"{NODE}/n{number}": b"%d" % min(number, 2) for number in range(5_000)}
    assert records == expected
    assert largest <= 150, "the disk is held for a moment at most"
    assert moves < 400
