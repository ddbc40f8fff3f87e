"""How output is cut into files and lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.core.logs import (
    BUSY_LOOK_S,
    MAX_LINE_BYTES,
    QUIET_LOOK_S,
    next_look_s,
    plan_cut,
    split_lines,
)
from orchestrator.agent.core.sizes import parse_bytes

sizes = st.integers(0, 10**12)
limits = st.integers(0, 10**9)
blocks = st.sampled_from([512, 4096, 65536])


@given(sizes, limits, blocks)
def test_a_cut_is_whole_blocks_and_never_all_of_a_file(size: int, limit: int, block: int) -> None:
    cut = plan_cut(size, limit, block)
    if cut is None:
        assert size <= max(limit, block)
        return
    assert cut.end % block == 0
    assert 0 < size - cut.end <= block
    assert cut.end - cut.kept_from <= max(limit, 0)


@given(sizes, limits, st.floats(0, 1e12), st.integers(0, 50_000))
def test_a_file_is_looked_at_before_it_can_be_twice_its_limit(
    size: int, limit: int, rate: float, files: int
) -> None:
    pause_s = next_look_s(size, limit, rate, files)
    assert BUSY_LOOK_S <= pause_s <= QUIET_LOOK_S * 10
    assert pause_s == BUSY_LOOK_S or size + rate * pause_s <= max(limit, size) * 2 + 1


@given(st.binary(max_size=200), st.integers(0, 200))
def test_lines_are_the_same_however_the_bytes_arrive(data: bytes, cut: int) -> None:
    at_once, _ = split_lines(data, is_all=True)
    first, taken = split_lines(data[:cut], is_all=False)
    second, _ = split_lines(data[taken:], is_all=True)
    assert first + second == at_once


def test_a_line_without_an_end_waits_for_it() -> None:
    assert split_lines(b"a\nb", is_all=False) == (["a"], 2)
    assert split_lines(b"a\r\n\nb", is_all=True) == (["a", "", "b"], 5)


def test_a_line_that_never_ends_comes_in_parts_of_whole_characters() -> None:
    text = "ä" * MAX_LINE_BYTES
    lines, taken = split_lines(b"x" + text.encode(), is_all=True)
    assert "".join(lines) == "x" + text
    assert taken == 1 + len(text.encode())
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in lines)


@pytest.mark.parametrize(
    ("text", "size"), [("10MB", 10 << 20), ("0B", 0), (" 2 gb ", 2 << 30), ("512KB", 512 << 10)]
)
def test_a_size_is_written_as_for_mesos(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "10", "MB", "-1MB", "1.5GB", "10 parsecs"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_bytes(text)
