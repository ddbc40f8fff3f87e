"""RecordIO: the same records however the stream is cut, and a bounded reader."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.mesos import recordio

records_lists = st.lists(st.binary(max_size=50), max_size=6)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    records = draw(records_lists)
    stream = b"".join(map(recordio.encode, records))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return records, [
        stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]


def read(chunks: list[bytes], reader: recordio.Reader | None = None) -> list[bytes]:
    reader = reader or recordio.Reader()
    return [record for chunk in chunks for record in reader.feed(chunk)]


def test_a_record_is_its_length_a_newline_and_its_bytes() -> None:
    assert recordio.encode(b'{"type":"HEARTBEAT"}') == b'20\n{"type":"HEARTBEAT"}'


@given(cut_streams())
def test_any_chunking_gives_the_same_records(stream: tuple[list[bytes], list[bytes]]) -> None:
    records, chunks = stream
    assert read(chunks) == records


@given(records_lists)
def test_one_byte_at_a_time_gives_the_same_records(records: list[bytes]) -> None:
    stream = b"".join(map(recordio.encode, records))
    assert read([stream[i : i + 1] for i in range(len(stream))]) == records


@given(cut_streams())
def test_a_whole_stream_ends_between_records(stream: tuple[list[bytes], list[bytes]]) -> None:
    reader = recordio.Reader()
    read(stream[1], reader)
    assert reader.is_between_records


@given(st.binary(max_size=30), st.data())
def test_a_cut_stream_is_noticed(record: bytes, data: st.DataObject) -> None:
    stream = recordio.encode(record)
    reader = recordio.Reader()
    cut = data.draw(st.integers(1, len(stream) - 1))
    assert reader.feed(stream[:cut]) == []
    assert not reader.is_between_records


@pytest.mark.parametrize(
    "stream",
    [b"\n", b"-1\nx", b"+1\nx", b" 1\nx", b"0x1\nx", b"1.0\nx", b"{}\n", b"1\r\nx", b"\xb2\nx"],
)
def test_a_length_that_is_no_number_is_refused(stream: bytes) -> None:
    with pytest.raises(recordio.RecordError, match="decimal digits"):
        recordio.Reader().feed(stream)


def test_a_header_without_end_is_refused_before_it_grows() -> None:
    with pytest.raises(recordio.RecordError, match="no record length"):
        recordio.Reader().feed(b"1" * 21)


def test_an_oversized_record_is_refused_by_its_header() -> None:
    reader = recordio.Reader(max_record_bytes=10)
    assert reader.feed(recordio.encode(b"x" * 10)) == [b"x" * 10]
    with pytest.raises(recordio.RecordError, match="a record of 11 bytes is over 10"):
        reader.feed(b"11\n")


@given(st.binary(max_size=200))
@example(b"18446744073709551615\n")
def test_any_bytes_are_records_or_refused(stream: bytes) -> None:
    try:
        recordio.Reader(max_record_bytes=100).feed(stream)
    except recordio.RecordError as error:
        assert str(error)
