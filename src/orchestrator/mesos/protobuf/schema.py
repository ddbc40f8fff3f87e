"""Reads the tables of field numbers.

The notation is protobuf's own, without what does not travel: ``type name=number`` with ``!`` after
a required field and ``*`` after a repeated one; types are the scalars of protobuf, or messages and
enums by their full name without ``mesos.v1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from orchestrator.mesos.protobuf.agent_messages import MESSAGES as AGENT
from orchestrator.mesos.protobuf.api_messages import MESSAGES as API
from orchestrator.mesos.protobuf.cluster_messages import MESSAGES as CLUSTER
from orchestrator.mesos.protobuf.enums import ENUMS
from orchestrator.mesos.protobuf.task_messages import MESSAGES as TASKS

_BLOCK = re.compile(r"([\w.]+) \{([^}]*)\}")
_FIELD = re.compile(r"(map<string,)?([\w.]+)>? (\w+)=(\d+)([!*]?)")


class Field(NamedTuple):
    """One field of a message; ``type`` is that of the values where it is a map."""

    name: str
    number: int
    type: str
    is_required: bool
    is_repeated: bool
    is_map: bool


@cache
def messages() -> Mapping[str, Mapping[str, Field]]:
    """The fields of every message, by name."""
    return {
        name: dict(_fields(body)) for name, body in _BLOCK.findall(CLUSTER + TASKS + API + AGENT)
    }


@cache
def enums() -> Mapping[str, Mapping[str, int]]:
    """The numbers of every enum's values, by name."""
    return {name: dict(_values(body)) for name, body in _BLOCK.findall(ENUMS)}


def _fields(body: str) -> Iterator[tuple[str, Field]]:
    for prefix, kind, name, number, mark in _FIELD.findall(body):
        yield name, Field(name, int(number), kind, mark == "!", mark == "*", bool(prefix))


def _values(body: str) -> Iterator[tuple[str, int]]:
    for part in body.split(";"):
        name, _, number = part.strip().partition("=")
        yield name, int(number)
