"""The Engine's output becomes files, each byte once, whatever happens in between."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.agent.adapters.docker import logs
from orchestrator.agent.adapters.docker.logs import Output, OutputError, Told

NAMES = ("stdout", "stderr")


def stamp(nanoseconds: int) -> bytes:
    return f"2026-01-02T03:04:05.{nanoseconds:09d}Z".encode()


def frame(message: Told) -> bytes:
    name, when, content = message
    payload = when + b" " + content
    return bytes([NAMES.index(name) + 1, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def line(message: Told) -> bytes:
    return message[1] + b" " + message[2]


def sandbox(root: Path) -> tuple[Path, Path]:
    box, record = root / "sandbox", root / "docker/output/c"
    box.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (box / name).touch()
    return box, record


def content(box: Path, name: str) -> bytes:
    """Of a file and of those it was rotated to, the oldest first."""
    old = sorted(box.glob(f"{name}.*"), key=lambda path: int(path.suffix[1:]))
    return b"".join(path.read_bytes() for path in [*old, box / name])


CONTENTS = st.binary(min_size=1, max_size=30).map(lambda data: data.replace(b"\n", b"") + b"\n")
MESSAGES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 2), CONTENTS), max_size=30
).map(
    lambda drawn: [
        (name, stamp(at), b"%d " % number + data)
        for number, ((name, _, data), at) in enumerate(
            zip(drawn, itertools.accumulate(step for _, step, _ in drawn), strict=True)
        )
    ]
)


@given(MESSAGES, st.integers(1, 50))
def test_frames_may_be_cut_anywhere(messages: list[Told], size: int) -> None:
    assert _split(logs.split_frames, b"".join(map(frame, messages)), size) == messages


@given(MESSAGES, st.integers(1, 50))
def test_so_may_the_lines_of_a_terminal(messages: list[Told], size: int) -> None:
    shown = [("stdout", when, data) for _, when, data in messages]
    assert _split(logs.split_lines, b"".join(map(line, messages)), size) == shown


def _split(split: object, data: bytes, size: int) -> list[Told]:
    assert callable(split)
    found: list[Told] = []
    rest = b""
    for begin in range(0, len(data), size):
        messages, rest = split(rest + data[begin : begin + size])
        found += messages
    assert rest == b""
    return found


def test_a_long_line_of_a_terminal_comes_in_pieces() -> None:
    pieces: list[Told] = [
        ("stdout", stamp(1), b"x" * 16384),
        ("stdout", stamp(1), b"y\n"),
        ("stdout", stamp(2), b"z\n"),
    ]
    assert logs.split_lines(b"".join(map(line, pieces))) == (pieces, b"")


FATES = st.sampled_from(["stop", "lost", "rotate"])


@settings(max_examples=60)
@given(MESSAGES, st.lists(st.tuples(st.integers(0, 12), FATES), max_size=5))
def test_nothing_is_lost_or_doubled_over_restarts_and_rotation(
    messages: list[Told], story: list[tuple[int, str]]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        box, record = sandbox(Path(root))
        (box / "stdout").write_bytes(b"from the fetcher\n")
        logs.begin(box, record)
        told = 0
        for number, (count, what) in enumerate([*story, (len(messages), "stop")]):
            output = Output(box, record)
            before = record.read_bytes()
            output.take(_from(messages[: told + count], output.since))
            output.close()
            told += count
            if what == "lost" and before != record.read_bytes():
                record.write_bytes(before)  # the agent died after the write, before the record
            elif what == "rotate":
                (box / "stdout").rename(box / f"stdout.{number}")
        for name in NAMES:
            expected = b"".join(data for stream, _, data in messages if stream == name)
            prefix = b"from the fetcher\n" if name == "stdout" else b""
            assert content(box, name) == prefix + expected


def _from(messages: list[Told], since: str) -> list[Told]:
    """What the Engine tells: all that is not older."""
    nanoseconds = int(since.partition(".")[2] or 0)
    return [one for one in messages if int(one[1][20:29]) >= nanoseconds]


def test_a_file_that_is_rotated_away_while_it_is_written_is_opened_anew(tmp_path: Path) -> None:
    box, record = sandbox(tmp_path)
    logs.begin(box, record)
    output = Output(box, record)
    output.take([("stdout", stamp(1), b"a\n")])
    (box / "stdout").rename(box / "stdout.1")
    output.take([("stdout", stamp(2), b"b\n")])
    output.close()
    assert (box / "stdout").read_bytes() == b"b\n"


def test_a_clock_that_is_set_back_loses_no_output(tmp_path: Path) -> None:
    box, record = sandbox(tmp_path)
    logs.begin(box, record)
    output = Output(box, record)
    output.take([("stdout", stamp(at), b"%d\n" % at) for at in (5, 2, 3)])
    output.close()
    assert (box / "stdout").read_bytes() == b"5\n2\n3\n"


def test_what_the_engine_tells_twice_in_a_row_is_taken_once(tmp_path: Path) -> None:
    box, record = sandbox(tmp_path)
    logs.begin(box, record)
    output = Output(box, record)
    first: list[Told] = [("stdout", stamp(at), b"%d\n" % at) for at in (1, 2, 3, 4)]
    pieces: list[Told] = [("stdout", stamp(3), b"3"), ("stdout", stamp(3), b"3\n")]
    first[2:3] = pieces
    output.take([*first, first[-1], *first[1:], ("stdout", stamp(5), b"5\n")])
    output.close()
    assert (box / "stdout").read_bytes() == b"1\n2\n33\n4\n5\n"


def test_without_a_record_what_is_in_the_files_was_output(tmp_path: Path) -> None:
    box, record = sandbox(tmp_path)
    (box / "stdout").write_bytes(b"a\nb")
    output = Output(box, record)
    output.take([("stdout", stamp(1), b"a\n"), ("stdout", stamp(2), b"b\n")])
    output.close()
    assert (box / "stdout").read_bytes() == b"a\nb\n"


def test_times_are_told_to_the_engine_in_its_own_form(tmp_path: Path) -> None:
    box, record = sandbox(tmp_path)
    logs.begin(box, record)
    output = Output(box, record)
    output.take([("stdout", b"1970-01-01T01:00:01.000000002+01:00", b"a\n")])
    output.take([("stderr", b"1970-01-01T01:00:03.000000000+01:00", b"a\n")])
    assert output.since == "1.000000002"
    output.close()


def test_a_link_that_a_task_puts_in_the_place_of_its_output_is_not_followed(
    tmp_path: Path,
) -> None:
    box, record = sandbox(tmp_path)
    logs.begin(box, record)
    (box / "stdout").unlink()
    (box / "stdout").symlink_to("/etc/passwd")
    with pytest.raises(OutputError, match="stdout"):
        Output(box, record)
