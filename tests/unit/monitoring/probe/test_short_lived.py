"""What the kernel says of processes that begin and end."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.kernel.messages import HEADER
from orchestrator.monitoring.probe.short_lived.parsing import (
    Began,
    Ended,
    events,
    exit_code,
    listen,
)

EXEC, EXIT, FORK = 0x2, 0x8000_0000, 0x1


def datagram(what: int, *numbers: int) -> bytes:
    event = struct.pack("=IIQ", what, 0, 1) + struct.pack(f"={len(numbers)}I", *numbers)
    body = struct.pack("=IIIIHH", 1, 1, 7, 0, len(event), 0) + event.ljust(40, b"\0")
    return HEADER.pack(HEADER.size + len(body), 3, 0, 0, 0) + body


def test_a_program_that_begins() -> None:
    assert events(datagram(EXEC, 12, 12)) == [Began(12)]


def test_a_process_that_ends_has_its_status() -> None:
    assert events(datagram(EXIT, 12, 12, 256, 17)) == [Ended(12, 256)]


@pytest.mark.parametrize("what", [EXEC, EXIT])
def test_threads_are_left_out(what: int) -> None:
    assert events(datagram(what, 13, 12, 0, 0)) == []


def test_forks_are_left_out() -> None:
    assert events(datagram(FORK, 12, 12, 13, 13)) == []


@given(st.binary(max_size=200))
def test_nonsense_is_no_event_and_no_error(data: bytes) -> None:
    events(data)
    events(datagram(EXEC, 1, 1)[: len(data)])


@pytest.mark.parametrize(
    ("status", "code"), [(0, 0), (256, 1), (0x7F00, 127), (9, 137), (15 | 0x80, 143)]
)
def test_exit_codes_are_those_of_shells(status: int, code: int) -> None:
    assert exit_code(status) == code


def test_the_question_has_its_length() -> None:
    (length,) = struct.unpack_from("=I", listen())
    assert length == len(listen()) == 40
