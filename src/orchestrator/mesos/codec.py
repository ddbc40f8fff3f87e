"""JSON as Mesos reads and writes it.

Unknown fields are ignored, ``null`` counts as absent, bytes are base64, enums are their names,
and numbers may come as strings. Well-formed messages take msgspec's straight path; only what that
refuses is read again leniently, so tolerance costs nothing where it is not needed.

JSON has no number for infinity (a task without a memory limit), so it travels as the string
"Infinity", as in protobuf's JSON mapping.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


class DecodeError(ValueError):
    """The bytes are not JSON, or not a message of the wanted type; says where and why."""


def encode(message: object) -> bytes:
    """Write a message; fields at their defaults are left out."""
    data = _encoder.encode(message)
    # msgspec writes infinity and NaN as null, which would be read back as absent.
    return data if b"null" not in data else _encode_with_named_floats(message)


def decode(type_: type[T], data: bytes | str) -> T:
    """Read a message of the given type. Raises DecodeError."""
    try:
        return _decoder(type_).decode(data)
    except msgspec.ValidationError:
        return _decode_leniently(type_, data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(f"not valid JSON: {error}") from None


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    decoder: msgspec.json.Decoder[T] | None = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_)
    return decoder


def _decode_leniently(type_: type[T], data: bytes | str) -> T:
    try:
        return msgspec.convert(_without_nulls(msgspec.json.decode(data)), type_, strict=False)
    except msgspec.ValidationError as error:
        raise DecodeError(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise DecodeError(f"not valid JSON: {error}") from None


def _without_nulls(value: object) -> object:
    match value:
        case dict():
            return {k: _without_nulls(v) for k, v in value.items() if v is not None}
        case list():
            return [_without_nulls(v) for v in value if v is not None]
        case _:
            return value


def _encode_with_named_floats(message: object) -> bytes:
    return _encoder.encode(_with_named_floats(msgspec.to_builtins(message, str_keys=True)))


def _with_named_floats(value: object) -> object:
    match value:
        case dict():
            return {k: _with_named_floats(v) for k, v in value.items()}
        case list() | tuple():
            return [_with_named_floats(v) for v in value]
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case _:
            return value
