"""RecordIO: how Mesos frames messages on a stream.

A record is its length in bytes as decimal digits, a newline, then the bytes; nothing follows.
Source: docs/recordio.md of Apache Mesos. The reader is fed whatever chunks arrive and is bounded:
a length that is no number, or larger than the limit, ends the stream with ``RecordError``.
"""

from __future__ import annotations

MAX_RECORD_BYTES = 64 * 1024 * 1024
_MAX_HEADER_BYTES = 20  # the digits of 2**64 - 1, as Mesos allows


class RecordError(ValueError):
    """The stream is not RecordIO; says what was found instead."""


def encode(record: bytes) -> bytes:
    """Frame one record."""
    return b"%d\n%b" % (len(record), record)


class Reader:
    """Collects chunks of any size and gives back whole records."""

    def __init__(self, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self._max_record_bytes = max_record_bytes
        self._buffer = bytearray()
        self._expected: int | None = None  # length of the record whose bytes are awaited

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add a chunk; return the records that it completed, in order.

        Raises RecordError, after which the reader must not be used again.
        """
        self._buffer += chunk
        records = []
        while (record := self._next()) is not None:
            records.append(record)
        return records

    @property
    def is_between_records(self) -> bool:
        """Whether the stream may end here without having been cut."""
        return not self._buffer and self._expected is None

    def _next(self) -> bytes | None:
        if self._expected is None:
            self._expected = self._take_length()
        if self._expected is None or len(self._buffer) < self._expected:
            return None
        record = bytes(self._buffer[: self._expected])
        del self._buffer[: self._expected]
        self._expected = None
        return record

    def _take_length(self) -> int | None:
        newline = self._buffer.find(b"\n", 0, _MAX_HEADER_BYTES + 1)
        if newline < 0:
            if len(self._buffer) > _MAX_HEADER_BYTES:
                raise RecordError(f"no record length before {_preview(self._buffer)}")
            return None
        header = bytes(self._buffer[:newline])
        if not header.isdigit():
            raise RecordError(f"a record length must be decimal digits, not {_preview(header)}")
        length = int(header)
        if length > self._max_record_bytes:
            raise RecordError(f"a record of {length} bytes is over {self._max_record_bytes}")
        del self._buffer[: newline + 1]
        return length


def _preview(data: bytes | bytearray) -> str:
    return repr(bytes(data[:24]))
