"""The form of frames: what is written is read, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.render.frames import Head, from_half, read, to_half
from orchestrator.monitoring.render.frames.columns import Columns
from orchestrator.monitoring.render.frames.form import Column, Placed, write

NOWHERE = Placed(np.zeros(0, np.uint32), np.zeros((0, 2), np.float32))


@st.composite
def _columns(draw: st.DrawFn) -> Column:
    most = draw(st.sampled_from([3, 40, 5000]))  # few slots, or many far apart
    slots = sorted(draw(st.sets(st.integers(0, most), min_size=1, max_size=60)))
    halves = draw(st.lists(st.integers(0, 0xFFFF), min_size=len(slots), max_size=len(slots)))
    number = draw(st.integers(0, 31))
    return Column(number, np.array(slots, np.uint32), np.array(halves, np.uint16))


def _plain(columns: list[Column]) -> list[tuple[int, list[int], list[int]]]:
    return [(one.number, one.slots.tolist(), one.halves.tolist()) for one in columns]


@given(st.lists(_columns(), max_size=4), st.lists(_columns(), max_size=4), st.integers(0, 99))
def test_a_frame_is_read_as_it_was_written(
    values: list[Column], flows: list[Column], placed: int
) -> None:
    points = np.arange(placed * 2, dtype=np.float32).reshape(-1, 2)
    slots = np.arange(placed, dtype=np.uint32)
    head = Head(seq=7, at=1.5, metrics=["x"], gone=[1], cut=[2, 3])
    found = read(write(head, values, flows, Placed(slots, points)))
    assert (found.head.seq, found.head.at, found.head.metrics) == (7, 1.5, ["x"])
    assert (found.head.gone, found.head.cut, found.head.reset) == ([1], [2, 3], False)
    assert _plain(found.values) == _plain(values)
    assert _plain(found.flows) == _plain(flows)
    assert found.placed.slots.tolist() == slots.tolist()
    assert found.placed.points.tolist() == points.tolist()


@pytest.mark.parametrize("frame", [b"", b"\1\0\0\0junk", b"\0\0\0\0\5\0\0\0{]", b"<html>"])
def test_what_is_no_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match="no frame"):
        read(frame)


def test_a_value_that_did_not_change_is_not_sent_again() -> None:
    columns = Columns()
    columns.fit(4, 2)
    columns.changed([0, 3], [[1.0, 2.0], [3.0, 4.0]])
    assert columns.changed([0, 3], [[1.0, 2.0], [3.0, 4.0]]) == []
    [changed] = columns.changed([3, 0], [[3.0, 5.0], [1.0, 2.0]])
    assert (changed.number, changed.slots.tolist()) == (1, [3])
    assert from_half(changed.halves).tolist() == [5.0]


def test_everything_known_is_told_to_whoever_comes_later() -> None:
    columns, nan = Columns(), float("nan")
    columns.fit(4, 2)
    columns.changed([0, 1, 3], [[1.0, nan], [nan, 2.0], [3.0, 4.0]])
    columns.clear(3)
    assert _plain(columns.known(4, 2)) == [
        (0, [0], to_half(np.array([1.0], np.float32)).tolist()),
        (1, [1], to_half(np.array([2.0], np.float32)).tolist()),
    ]


@given(st.floats(width=32, allow_nan=False))
def test_a_half_is_the_number_to_three_digits(value: float) -> None:
    half = float(from_half(to_half(np.array([value], np.float32)))[0])
    assert half == pytest.approx(value, rel=2**-8, abs=1e-37) or abs(value) > 3.38e38
