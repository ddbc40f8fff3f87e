"""How a struct is written and read as a message: worked out once, from both descriptions.

A plan belongs to a struct and a message, as one struct may stand for several messages. It holds a
writer for each of the struct's fields that the message has, and a reader for each tag of theirs.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from orchestrator.mesos.codec import DecodeError
from orchestrator.mesos.protobuf import fields, schema, wire
from orchestrator.mesos.protobuf.fields import Handling, Read, Write
from orchestrator.mesos.protobuf.scalars import scalar_of
from orchestrator.mesos.protobuf.schema import Field

MAX_DEPTH = 64
_PREFIXES = {  # by module of orchestrator.mesos
    "scheduler": "scheduler.",
    "operator": "master.",
    "agent_api": "agent.",
    "executor": "executor.",
}


class Writer(NamedTuple):
    """How one field of a struct is written; one at its default is not."""

    name: str
    default: object
    write: Write


class Plan:
    """One struct as one message."""

    def __init__(self, struct: type[msgspec.Struct], message: str) -> None:
        self.struct = struct
        self.message = message
        self.writers: list[Writer] = []
        self.readers: dict[int, Read] = {}
        self.required: list[str] = []
        self.empty_lists: list[str] = []  # lists without a default: absent means none
        self.parts: dict[str, Plan] = {}  # fields that are one message each

    def encode(self, value: msgspec.Struct) -> bytearray:
        """Write a struct."""
        out = bytearray()
        for name, default, write in self.writers:
            field = getattr(value, name)
            if field is not None and field != default:
                write(out, field)
        return out

    def decode(self, data: bytes, depth: int) -> msgspec.Struct:
        """Read a struct. Raises DecodeError."""
        if depth > MAX_DEPTH:
            raise DecodeError(f"messages are nested more than {MAX_DEPTH} deep")
        values: dict[str, Any] = {}
        at, end = 0, len(data)
        while at < end:
            tag = data[at]
            if tag < 0x80:  # as nearly all are
                at += 1
            else:
                tag, at = wire.read_varint(data, at)
            read = self.readers.get(tag)
            at = wire.skip(data, at, tag) if read is None else read(values, data, at, depth)
        return self._build(values, depth)

    def _build(self, values: dict[str, Any], depth: int) -> msgspec.Struct:
        for name, part in self.parts.items():
            if name in values:
                values[name] = part.decode(values[name], depth + 1)
        for name in self.empty_lists:
            values.setdefault(name, [])
        for name in self.required:
            if name not in values:
                raise DecodeError(f"{self.message} lacks its required field '{name}'")
        return self.struct(**values)


def root(struct: type[msgspec.Struct]) -> Plan:
    """The plan of a message that stands alone, known by its struct's name."""
    module = struct.__module__.split(".")[2]
    return plan(struct, _PREFIXES.get(module, "") + struct.__name__)


_plans: dict[tuple[type, str], Plan] = {}


def plan(struct: type[msgspec.Struct], message: str) -> Plan:
    """The plan of a struct as a message. Raises LookupError for a message there is none of."""
    known = _plans.get((struct, message))
    if known is None:
        known = _plans[struct, message] = Plan(struct, message)  # found by itself when it recurs
        _complete(known)
    return known


def _complete(incomplete: Plan) -> None:
    known = schema.messages()[incomplete.message]
    infos = msgspec.structs.fields(incomplete.struct)
    numbered = [(known[i.encode_name], i) for i in infos if i.encode_name in known]
    for field, info in sorted(numbered, key=lambda pair: pair[0].number):
        _add(incomplete, info, field)


def _add(incomplete: Plan, info: FieldInfo, field: Field) -> None:
    type_ = _without_none(info.type)
    if info.required and get_origin(type_) is list:
        incomplete.empty_lists.append(info.name)
    elif info.required:
        incomplete.required.append(info.name)
    handling = _handling(incomplete, info.name, field, type_)
    incomplete.readers.update(handling.readers)
    incomplete.writers.append(Writer(info.name, _unwritten(info, field), handling.write))


def _handling(incomplete: Plan, name: str, field: Field, type_: Any) -> Handling:
    if field.is_map:
        return fields.mapping(name, field, plan(get_args(type_)[1], field.type))
    one = get_args(type_)[0] if field.is_repeated else type_
    if field.type not in schema.messages():
        scalar = scalar_of(field.type, one)
        handle_scalar = fields.scalars if field.is_repeated else fields.one_scalar
        return handle_scalar(name, field, scalar)
    part = plan(one, field.type)
    if field.is_repeated:
        return fields.messages(name, field, part)
    incomplete.parts[name] = part
    return fields.one_message(name, field, part)


def _without_none(type_: Any) -> Any:
    """The type that a field has when it is set; of several, the struct."""
    if get_origin(type_) not in (Union, UnionType):
        return type_
    choices = [choice for choice in get_args(type_) if choice is not NoneType]
    return next((c for c in choices if _is_struct(c)), choices[0])


def _is_struct(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)


def _unwritten(info: FieldInfo, field: Field) -> object:
    if field.is_required:
        return None
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return None if info.default is msgspec.NODEFAULT else info.default
