"""Google's protobuf with our tables for descriptors, and structs of every kind to try it with."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args, get_origin

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import strategies as st

from orchestrator.mesos.protobuf import plans, schema

FieldDescriptor = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "double": FieldDescriptor.TYPE_DOUBLE,
    "int32": FieldDescriptor.TYPE_INT32,
    "int64": FieldDescriptor.TYPE_INT64,
    "uint32": FieldDescriptor.TYPE_UINT32,
    "uint64": FieldDescriptor.TYPE_UINT64,
    "bool": FieldDescriptor.TYPE_BOOL,
    "string": FieldDescriptor.TYPE_STRING,
    "bytes": FieldDescriptor.TYPE_BYTES,
}
_NUMBERS = {
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "double": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "string": st.text(max_size=8),
    "bytes": st.binary(max_size=8),
}


def _flat(name: str) -> str:
    return name.replace(".", "_")


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="tables.proto", syntax="proto2")
    for name, numbers in schema.enums().items():
        scope = file.message_type.add(name="E_" + _flat(name))  # values of an enum share its scope
        enum = scope.enum_type.add(name="E")
        for value, number in numbers.items():
            enum.value.add(name=value, number=number)
    for name, fields in schema.messages().items():
        message = file.message_type.add(name=_flat(name))
        for field in fields.values():
            _add_field(message, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add_field(message: descriptor_pb2.DescriptorProto, field: schema.Field) -> None:
    added = message.field.add(name=field.name, number=field.number)
    added.label = (
        FieldDescriptor.LABEL_REPEATED
        if field.is_repeated or field.is_map
        else FieldDescriptor.LABEL_OPTIONAL
    )
    if field.is_map:
        entry = message.nested_type.add(name=field.name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=FieldDescriptor.LABEL_OPTIONAL, type=_SCALARS["string"])  # fmt: skip  # noqa: E501
        _set_type(entry.field.add(name="value", number=2, label=FieldDescriptor.LABEL_OPTIONAL), field.type)  # fmt: skip  # noqa: E501
        added.type = FieldDescriptor.TYPE_MESSAGE
        added.type_name = f".{message.name}.{entry.name}"
    else:
        _set_type(added, field.type)


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    elif kind in schema.enums():
        field.type, field.type_name = FieldDescriptor.TYPE_ENUM, f".E_{_flat(kind)}.E"
    else:
        field.type, field.type_name = FieldDescriptor.TYPE_MESSAGE, f".{_flat(kind)}"


def parse(plan: plans.Plan, data: bytes) -> Message:
    """Read with Google's protobuf. Raises what it raises."""
    descriptor = _pool().FindMessageTypeByName(_flat(plan.message))
    message: Message = message_factory.GetMessageClass(descriptor)()
    message.ParseFromString(data)
    return message


def structs(plan: plans.Plan, depth: int = 0) -> st.SearchStrategy[msgspec.Struct]:
    """Structs of a plan with any of its fields set."""
    fields = schema.messages()[plan.message]
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for info in msgspec.structs.fields(plan.struct):
        field = fields.get(info.encode_name)
        if field is None:
            continue
        is_message = field.type in schema.messages()
        if is_message and depth > 3 and not info.required:
            continue
        values = _values(plan, info, field, depth)
        (required if info.required else optional)[info.name] = values
    return st.fixed_dictionaries(required, optional=optional).map(lambda v: plan.struct(**v))


def _values(plan: plans.Plan, info: Any, field: schema.Field, depth: int) -> st.SearchStrategy[Any]:
    type_ = plans._without_none(info.type)
    if field.is_map:
        one = structs(plans.plan(get_args(type_)[1], field.type), depth + 1)
        return st.dictionaries(st.text(max_size=5), one, min_size=1, max_size=2)
    if get_origin(type_) is list:
        type_ = get_args(type_)[0]
    one = _one(type_, field, depth)
    return st.lists(one, min_size=1, max_size=2) if field.is_repeated else one


def _one(type_: Any, field: schema.Field, depth: int) -> st.SearchStrategy[Any]:
    if field.type in schema.messages():
        return st.deferred(lambda: structs(plans.plan(type_, field.type), depth + 1))
    if field.type in schema.enums():
        names = list(schema.enums()[field.type])
        return st.sampled_from(names if type_ is str else [m for m in type_ if m in names])
    return _NUMBERS[field.type]
