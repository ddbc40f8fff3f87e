"""The encoding of protobuf: varints, tags and the values behind them.

Readers take the bytes and a position and give back a value and the position after it. What ends too
early or cannot be is refused with DecodeError; a length never reaches past the bytes at hand, so
nothing is allocated on a sender's word.
"""

from __future__ import annotations

import struct

from orchestrator.mesos.codec import DecodeError

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = range(6)
_MAX_FIELD_NUMBER = 2**29 - 1
_ONE_BYTE = [bytes((value,)) for value in range(0x80)]
_DOUBLE = struct.Struct("<d")


def tag(number: int, wire_type: int) -> int:
    """What precedes a field, as a number."""
    return number << 3 | wire_type


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; a negative number is its two's complement of 64 bits."""
    if 0 <= value < 0x80:
        return _ONE_BYTE[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits."""
    try:
        byte = data[at]
        if byte < 0x80:
            return byte, at + 1
        value, shift = byte & 0x7F, 7
        while shift < 70:
            at += 1
            byte = data[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at + 1
            shift += 7
    except IndexError:
        raise DecodeError("the message ends inside a number") from None
    raise DecodeError("a number is longer than ten bytes")


def double(value: float) -> bytes:
    """Eight bytes, lowest first."""
    return _DOUBLE.pack(value)


def read_double(data: bytes, at: int) -> tuple[float, int]:
    """A floating-point number."""
    if at + 8 > len(data):
        raise DecodeError("the message ends inside a floating-point number")
    value: float = _DOUBLE.unpack_from(data, at)[0]
    return value, at + 8


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A length and as many bytes."""
    if at < len(data) and (length := data[at]) < 0x80:  # as nearly all are
        at += 1
    else:
        length, at = read_varint(data, at)
    end = at + length
    if end > len(data):
        raise DecodeError(f"a field of {length} bytes reaches past the end of the message")
    return data[at:end], end


def read_string(data: bytes, at: int) -> tuple[str, int]:
    """A length and as many bytes of UTF-8."""
    raw, at = read_bytes(data, at)
    try:
        return raw.decode(), at
    except UnicodeDecodeError as error:
        raise DecodeError(f"a string is not UTF-8: {error.reason}") from None


def signed(value: int, bits: int) -> int:
    """The lowest bits of an unsigned number as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def skip(data: bytes, at: int, field_tag: int) -> int:
    """The position after a field that nobody wants."""
    number, wire_type = field_tag >> 3, field_tag & 7
    if not 0 < number <= _MAX_FIELD_NUMBER:
        raise DecodeError(f"{number} cannot be the number of a field")
    match wire_type:
        case 0:
            return read_varint(data, at)[1]
        case 1:
            return read_double(data, at)[1]
        case 2:
            return read_bytes(data, at)[1]
        case 5 if at + 4 <= len(data):
            return at + 4
        case 5:
            raise DecodeError("the message ends inside a field of four bytes")
        case 3 | 4:
            raise DecodeError(f"field {number} is a group, which Mesos does not use")
        case _:
            raise DecodeError(f"field {number} has the wire type {wire_type}, which does not exist")
