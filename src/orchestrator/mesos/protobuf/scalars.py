"""How the values that are no messages are written and read, by their protobuf type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from orchestrator.mesos.protobuf import schema, wire


class Scalar(NamedTuple):
    """``read`` gives None for the number of an enum's value that has no name here."""

    wire_type: int
    encode: Callable[[Any], bytes]
    read: Callable[[bytes, int], tuple[Any, int]]


def scalar_of(name: str, type_: Any) -> Scalar:
    """The scalar of a protobuf type, or of an enum that our side has as ``type_``."""
    known = _SCALARS.get(name)
    return known if known is not None else _enum(schema.enums()[name], type_)


def _enum(numbers: Mapping[str, int], type_: Any) -> Scalar:
    names = {number: _named(type_, name) for name, number in numbers.items()}

    def encode(value: str) -> bytes:
        return wire.varint(numbers.get(value, 0))

    def read(data: bytes, at: int) -> tuple[Any, int]:
        number, at = wire.read_varint(data, at)
        return names.get(number), at

    return Scalar(wire.VARINT, encode, read)


def _named(type_: Any, name: str) -> str | None:
    if not issubclass(type_, StrEnum):
        return name
    return type_(name) if name in type_._value2member_map_ else None


def _delimited(raw: bytes) -> bytes:
    return wire.varint(len(raw)) + raw


def _string(value: str) -> bytes:
    return _delimited(value.encode(errors="replace"))


def _bool(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _read_bool(data: bytes, at: int) -> tuple[bool, int]:
    number, at = wire.read_varint(data, at)
    return number != 0, at


def _read_signed(bits: int, data: bytes, at: int) -> tuple[int, int]:
    number, at = wire.read_varint(data, at)
    return wire.signed(number, bits), at


def _read_uint32(data: bytes, at: int) -> tuple[int, int]:
    number, at = wire.read_varint(data, at)
    return number & 0xFFFF_FFFF, at


_SCALARS = {
    "double": Scalar(wire.FIXED64, wire.double, wire.read_double),
    "int32": Scalar(wire.VARINT, wire.varint, partial(_read_signed, 32)),
    "int64": Scalar(wire.VARINT, wire.varint, partial(_read_signed, 64)),
    "uint32": Scalar(wire.VARINT, wire.varint, _read_uint32),
    "uint64": Scalar(wire.VARINT, wire.varint, wire.read_varint),
    "bool": Scalar(wire.VARINT, _bool, _read_bool),
    "string": Scalar(wire.BYTES, _string, wire.read_string),
    "bytes": Scalar(wire.BYTES, _delimited, wire.read_bytes),
}
