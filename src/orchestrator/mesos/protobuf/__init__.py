"""Protobuf as Mesos speaks it: proto2 on the wire, our structs on this side.

The field numbers are data (the modules named ``..._messages``, and ``enums``), which
``schema`` reads. A struct is matched with the message of the field it stands in, field by field by
name (``plans``), so a struct needs no declaration of its own and a message without a struct costs
nothing. ``wire`` knows the encoding (https://protobuf.dev/programming-guides/encoding/).

What is at its default is left out, except where protobuf requires it. Unknown fields, enum values
and fields of another wire type are skipped, as protobuf does. Groups, which Mesos never used, and
messages nested deeper than ``plans.MAX_DEPTH`` are refused.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from orchestrator.mesos.protobuf import plans

T = TypeVar("T", bound=msgspec.Struct)


def encode(message: msgspec.Struct) -> bytes:
    """Write a call, response or event (or any message known by its struct's name)."""
    return bytes(plans.root(type(message)).encode(message))


def decode(type_: type[T], data: bytes) -> T:
    """Read a message of the given type. Raises codec.DecodeError."""
    message = plans.root(type_).decode(data, 0)
    assert isinstance(message, type_)
    return message


__all__ = ["decode", "encode"]
