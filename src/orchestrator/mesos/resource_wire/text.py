"""Resources and attributes as operators write them: ``cpus:4;ports:[31000-32000]``, ``rack:abc``.

Source: src/v1/resources.cpp and docs/attributes-resources.md of Apache Mesos 1.11.
"""

from __future__ import annotations

import re
from math import isfinite

from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire.messages import from_wire
from orchestrator.mesos.resources import ResourceError, Resources
from orchestrator.mesos.types import (
    Attribute,
    ItemSet,
    Range,
    Ranges,
    Resource,
    Scalar,
    Text,
    ValueType,
)

_RESOURCE = re.compile(r"(?P<name>[^:()\s]+)(?:\((?P<role>[^)]+)\))?:(?P<value>.+)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_RANGE = re.compile(r"\s*(?P<begin>[0-9]{1,19})\s*-\s*(?P<end>[0-9]{1,19})\s*")


def parse(text: str) -> Resources:
    """Read ``--resources``: ``name(role):value`` joined by ``;``, or a JSON array of messages.

    A value is a number, ``[begin-end,...]`` or ``{item,...}``. Raises ResourceError.
    """
    text = text.strip()
    if text.startswith("["):
        try:
            return _of_one_type(from_wire(codec.decode(list[Resource], text)))
        except codec.DecodeError as error:
            raise ResourceError(f"the resources are not as Mesos' JSON has them: {error}") from None
    return _of_one_type(
        from_wire(_parse_one(part.strip()) for part in text.split(";") if part.strip())
    )


def _of_one_type(resources: Resources) -> Resources:
    types: dict[str, ValueType] = {}
    for kind in resources.amounts:
        if types.setdefault(kind.name, kind.type) is not kind.type:
            raise ResourceError(f"'{kind.name}' is given with values of different types")
    return resources


def _parse_one(text: str) -> Resource:
    match = _RESOURCE.fullmatch(text)
    if match is None:
        raise ResourceError(f"'{text}' is not name:value")
    value = _parse_value(match["value"].strip(), text)
    role = (match["role"] or "*").strip()
    match value:
        case Scalar():
            return Resource(name=match["name"], type=ValueType.SCALAR, scalar=value, role=role)
        case Ranges():
            return Resource(name=match["name"], type=ValueType.RANGES, ranges=value, role=role)
        case ItemSet():
            return Resource(name=match["name"], type=ValueType.SET, set=value, role=role)
        case Text():
            raise ResourceError(f"'{text}' is text; a resource is a number, [ranges] or {{a set}}")


def parse_attributes(text: str) -> list[Attribute]:
    """Read ``--attributes``: ``rack:abc;zone:west;level:10``. Raises ResourceError."""
    attributes = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, value = part.partition(":")
        if not colon or not name or not value:
            raise ResourceError(f"'{part}' is not name:value")
        attributes.append(_attribute(name, _parse_value(value.strip(), part)))
    return attributes


def _attribute(name: str, value: Scalar | Ranges | ItemSet | Text) -> Attribute:
    match value:
        case Scalar():
            return Attribute(name=name, type=ValueType.SCALAR, scalar=value)
        case Ranges():
            return Attribute(name=name, type=ValueType.RANGES, ranges=value)
        case ItemSet():
            return Attribute(name=name, type=ValueType.SET, set=value)
        case Text():
            return Attribute(name=name, type=ValueType.TEXT, text=value)


def _parse_value(value: str, whole: str) -> Scalar | Ranges | ItemSet | Text:
    if value.startswith("[") and value.endswith("]"):
        return Ranges(range=[_parse_range(part, whole) for part in value[1:-1].split(",")])
    if value.startswith("{") and value.endswith("}"):
        return ItemSet(item=[item.strip() for item in value[1:-1].split(",") if item.strip()])
    if _NUMBER.fullmatch(value):
        return _parse_scalar(value)
    return Text(value=value)


def _parse_scalar(value: str) -> Scalar:
    number = float(value)
    if not isfinite(number):
        raise ResourceError(f"the number {value} is too large")
    return Scalar(value=number)


def _parse_range(text: str, whole: str) -> Range:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ResourceError(f"'{text}' in '{whole}' is not begin-end")
    return Range(begin=int(match["begin"]), end=int(match["end"]))
