"""How one field of a message is written and read, by its kind.

Each function gives a ``Handling``: what reads the field, by tag, and what writes it. Values that
have been read are collected by name, until the struct can be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from orchestrator.mesos.protobuf import wire
from orchestrator.mesos.protobuf.scalars import Scalar
from orchestrator.mesos.protobuf.schema import Field

Write = Callable[[bytearray, Any], None]
Read = Callable[[dict[str, Any], bytes, int, int], int]
"""Values so far, data, position and depth to the position after the field."""


class Part(Protocol):
    """A message inside a message (``plans.Plan``)."""

    def encode(self, value: msgspec.Struct) -> bytearray:
        """Write a struct."""
        ...

    def decode(self, data: bytes, depth: int) -> msgspec.Struct:
        """Read a struct. Raises DecodeError."""
        ...


class Handling(NamedTuple):
    """How a field is read, by tag, and written."""

    readers: Mapping[int, Read]
    write: Write


def one_message(name: str, field: Field, part: Part) -> Handling:
    """A message; its bytes are kept until all of it is there (see ``Plan.decode``)."""

    def read(values: dict[str, Any], data: bytes, at: int, _: int) -> int:
        raw, at = wire.read_bytes(data, at)
        # A message in two pieces is their union, which is what their bytes in a row mean.
        values[name] = values[name] + raw if name in values else raw
        return at

    return Handling({wire.tag(field.number, wire.BYTES): read}, _message_writer(part, field))


def messages(name: str, field: Field, part: Part) -> Handling:
    """A list of messages."""
    write_one = _message_writer(part, field)

    def read(values: dict[str, Any], data: bytes, at: int, depth: int) -> int:
        raw, at = wire.read_bytes(data, at)
        values.setdefault(name, []).append(part.decode(raw, depth + 1))
        return at

    def write(out: bytearray, values: list[Any]) -> None:
        for value in values:
            write_one(out, value)

    return Handling({wire.tag(field.number, wire.BYTES): read}, write)


def _message_writer(part: Part, field: Field) -> Write:
    head = wire.varint(wire.tag(field.number, wire.BYTES))

    def write(out: bytearray, value: Any) -> None:
        if isinstance(value, str):
            return  # a duration as JSON may have it; protobuf has but the struct
        body = part.encode(value)
        out += head
        out += wire.varint(len(body))
        out += body

    return write


def mapping(name: str, field: Field, part: Part) -> Handling:
    """A map of text to messages: repeated entries of a key (1) and a value (2)."""
    head = wire.varint(wire.tag(field.number, wire.BYTES))

    def write(out: bytearray, values: dict[str, Any]) -> None:
        for key, value in values.items():
            raw, body = key.encode(errors="replace"), bytes(part.encode(value))
            entry = b"\x0a%b%b\x12%b%b" % (wire.varint(len(raw)), raw, wire.varint(len(body)), body)
            out += b"%b%b%b" % (head, wire.varint(len(entry)), entry)

    def read(values: dict[str, Any], data: bytes, at: int, depth: int) -> int:
        entry, at = wire.read_bytes(data, at)
        key, value = _read_entry(entry)
        values.setdefault(name, {})[key] = part.decode(value, depth + 1)
        return at

    return Handling({wire.tag(field.number, wire.BYTES): read}, write)


def _read_entry(data: bytes) -> tuple[str, bytes]:
    key, value, at = "", b"", 0
    while at < len(data):
        tag, at = wire.read_varint(data, at)
        if tag == wire.tag(1, wire.BYTES):
            key, at = wire.read_string(data, at)
        elif tag == wire.tag(2, wire.BYTES):
            value, at = wire.read_bytes(data, at)
        else:
            at = wire.skip(data, at, tag)
    return key, value


def one_scalar(name: str, field: Field, scalar: Scalar) -> Handling:
    """A number, text or the value of an enum; of several the last counts."""
    tag = wire.tag(field.number, scalar.wire_type)

    def read(values: dict[str, Any], data: bytes, at: int, _: int) -> int:
        value, at = scalar.read(data, at)
        if value is not None:  # an enum's number that has no name here
            values[name] = value
        return at

    return Handling({tag: read}, _scalar_writer(tag, scalar))


def scalars(name: str, field: Field, scalar: Scalar) -> Handling:
    """A list of them; numbers may also come packed into one field."""
    tag = wire.tag(field.number, scalar.wire_type)
    write_one = _scalar_writer(tag, scalar)

    def read(values: dict[str, Any], data: bytes, at: int, _: int) -> int:
        value, at = scalar.read(data, at)
        if value is not None:
            values.setdefault(name, []).append(value)
        return at

    def read_packed(values: dict[str, Any], data: bytes, at: int, depth: int) -> int:
        raw, after = wire.read_bytes(data, at)
        at = 0
        while at < len(raw):
            at = read(values, raw, at, depth)
        return after

    def write(out: bytearray, values: list[Any]) -> None:
        for value in values:
            write_one(out, value)

    packed = {wire.tag(field.number, wire.BYTES): read_packed}
    return Handling({**packed, tag: read}, write)


def _scalar_writer(tag: int, scalar: Scalar) -> Write:
    head, encode = wire.varint(tag), scalar.encode

    def write(out: bytearray, value: Any) -> None:
        out += head
        out += encode(value)

    return write
