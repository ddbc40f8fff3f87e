"""What changed in a view, as bytes that are written once and sent to everybody who watches it.

A frame is four bytes, of which the first is 1 if the rest is compressed (zlib) and 0 if not, and

    u32 length of the head, the head as JSON, zeros up to a multiple of 4, then columns

all little-endian. In it nodes and edges are slots, small numbers that the view gives out and takes
back, and everything measured is in columns by slot: metrics and flows as bfloat16 (the upper half
of a float32: three significant digits, any size, NaN for "not known"), places as float32. A column
holds only the values that changed. So a tick in which every metric of 10,000 nodes changes is some
100 kB, and a browser reads it with typed arrays. The head, in which what is empty is left out:

| key | what |
|---|---|
| ``seq`` | counts the frames of a view; one that does not follow the last means: connect anew |
| ``at`` | unix seconds of what is shown |
| ``reset`` | true: forget everything first |
| ``metrics`` | names of the metric columns; the flow columns are ``FLOWS`` |
| ``nodes`` | new or changed: [slot, id, label, minor, group, state, health, members, pseudo] |
| ``gone`` | slots of nodes that are no more |
| ``edges`` | new: [slot, slot of the source, slot of the target] |
| ``cut`` | slots of edges that are no more |
| ``values``, ``flows`` | the columns that follow: [number of the name, how many values, bits] |
| ``places`` | how many places follow |

``cut`` and ``gone`` come before ``nodes`` and ``edges``: a slot may be taken again at once.

The columns of ``values`` come first, then those of ``flows``. Each says whose values it holds: by a
bit for each slot from 0 on, the lowest first, if ``bits`` (how many there are) is not 0, and by
slots (u32) otherwise. Then come the upper bytes of its values, in the order of their slots, and the
lower ones, which compress better apart. Places are slots (u32), x (f32) and y (f32). Bits and bytes
are followed by zeros up to a multiple of 4.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

FLOWS: Final = ("connections", "bytes_per_s", "retransmits_per_s", "rtt_ms")
NAN: Final = 0x7FC0
_LEAST_PACKED_BYTES: Final = 512
_PLAIN, _PACKED = bytes(4), b"\1\0\0\0"
NodeRow = tuple[int, str, str, str, str, str, str, int, bool]
ColumnHead = tuple[int, int, int]


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The head of a frame."""

    seq: int
    at: float
    reset: bool = False
    metrics: list[str] = []
    nodes: list[NodeRow] = []
    gone: list[int] = []
    edges: list[tuple[int, int, int]] = []
    cut: list[int] = []
    values: list[ColumnHead] = []
    flows: list[ColumnHead] = []
    places: int = 0


class Column(NamedTuple):
    """Values of one name that changed."""

    number: int
    slots: NDArray[np.uint32]
    """In rising order."""
    halves: NDArray[np.uint16]


class Placed(NamedTuple):
    """Nodes with new places."""

    slots: NDArray[np.uint32]
    points: NDArray[np.float32]
    """A row of x and y each."""


def to_half(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Float32 to bfloat16, rounded to the nearest."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), NAN, rounded).astype(np.uint16)


def from_half(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Bfloat16 to float32."""
    return (values.astype(np.uint32) << 16).view(np.float32)


def write(head: Head, values: list[Column], flows: list[Column], placed: Placed) -> bytes:
    """A frame; the head need not say what columns there are."""
    counted = replace(
        head,
        values=list(map(_column_head, values)),
        flows=list(map(_column_head, flows)),
        places=len(placed.slots),
    )
    text = msgspec.json.encode(counted)
    parts = [len(text).to_bytes(4, "little"), _padded(text)]
    parts += map(_column, (*values, *flows))
    parts.append(placed.slots.astype("<u4").tobytes())
    parts += [placed.points[:, axis].astype("<f4").tobytes() for axis in (0, 1)]
    body = b"".join(parts)
    if len(body) >= _LEAST_PACKED_BYTES:
        packed = zlib.compress(body, 1)
        if len(packed) < len(body):
            return _PACKED + packed
    return _PLAIN + body


class Frame(NamedTuple):
    """A frame that was read."""

    head: Head
    values: list[Column]
    flows: list[Column]
    placed: Placed


_decoder = msgspec.json.Decoder(Head)


def read(frame: bytes) -> Frame:
    """The other way round. Raises ValueError if it is no frame."""
    try:
        body = zlib.decompress(memoryview(frame)[4:]) if frame[:1] == b"\1" else frame[4:]
        length = int.from_bytes(body[:4], "little")
        head = _decoder.decode(body[4 : 4 + length])
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(f"this is no frame: {error}") from None
    reader = _Reader(memoryview(body)[4 + length + -length % 4 :])
    values = [reader.column(one) for one in head.values]
    flows = [reader.column(one) for one in head.flows]
    slots = reader.take(head.places, "<u4").astype(np.uint32)
    xs, ys = reader.take(head.places, "<f4"), reader.take(head.places, "<f4")
    points = np.stack((xs, ys), axis=1).astype(np.float32)
    return Frame(head, values, flows, Placed(slots, points))


class _Reader:
    """Takes columns off the front."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def take(self, count: int, kind: str) -> NDArray[np.generic]:
        """So many numbers, and the zeros after them."""
        column = np.frombuffer(self._data, kind, count)
        self._data = self._data[column.nbytes + -column.nbytes % 4 :]
        return column

    def column(self, head: ColumnHead) -> Column:
        """The next one."""
        number, count, bits = head
        if bits:
            mask = np.unpackbits(self.take(-(-bits // 8), "u1").astype(np.uint8), bitorder="little")
            slots = np.nonzero(mask)[0].astype(np.uint32)
        else:
            slots = self.take(count, "<u4").astype(np.uint32)
        upper, lower = self.take(count, "u1"), self.take(count, "u1")
        halves = upper.astype(np.uint16) * 256 + lower.astype(np.uint16)
        return Column(number, slots, halves.astype(np.uint16))


def _bits(column: Column) -> int:
    """How many bits say which slots they are; 0 if the slots themselves are shorter."""
    count = int(column.slots[-1]) + 1
    return count if count < 32 * len(column.slots) else 0


def _column_head(column: Column) -> ColumnHead:
    return column.number, len(column.slots), _bits(column)


def _column(column: Column) -> bytes:
    if bits := _bits(column):
        mask = np.zeros(bits, np.uint8)
        mask[column.slots] = 1
        whose = _padded(np.packbits(mask, bitorder="little").tobytes())
    else:
        whose = column.slots.astype("<u4").tobytes()
    upper = (column.halves >> 8).astype(np.uint8).tobytes()
    lower = (column.halves & 0xFF).astype(np.uint8).tobytes()
    return whose + _padded(upper) + _padded(lower)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
