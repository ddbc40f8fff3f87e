"""The form of every message, and the small ones that all others are made of.

Each protobuf message is one frozen struct, each field keeps its protobuf JSON name, and what is
unset is absent from the JSON (``omit_defaults``), as Mesos writes it. Fields that protobuf calls
required have no default, so a message without them is refused by the codec.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every message of the wire contract is: immutable, named fields, defaults unwritten.

    An immutable message cannot become part of a cycle, so the garbage collector need not look at
    any (``gc``): with 50,000 tasks in memory it would stop a master for more than a second.
    """


class ID(Message):
    """An identifier; opaque text below its wrapper."""

    value: str


class FrameworkID(ID):
    """Given by the master at the first subscription, kept by the framework over failovers."""


class OfferID(ID):
    """Unique among all offers of one master."""


class AgentID(ID):
    """Given by the master at the first registration, checkpointed by the agent."""


class TaskID(ID):
    """Chosen by the framework; unique among its live tasks."""


class ExecutorID(ID):
    """Chosen by the framework; equal to the task id for command tasks."""


class OperationID(ID):
    """Chosen by the framework to get feedback on an offer operation."""


class ResourceProviderID(ID):
    """Who provides a resource, if not the agent itself."""


class ContainerID(Message):
    """A container's id, with its parent's for nested containers."""

    value: str
    parent: ContainerID | None = None


class UUID(Message):
    """The 16 bytes of a UUID."""

    value: bytes


class Label(Message):
    """A key with an optional value; keys may repeat."""

    key: str
    value: str | None = None


class Labels(Message):
    """Free-form labels."""

    labels: list[Label] = []


class Parameter(Message):
    """A key and a value, both required."""

    key: str
    value: str


class Parameters(Message):
    """A list of parameters."""

    parameter: list[Parameter] = []


class TimeInfo(Message):
    """A point in time, nanoseconds since the epoch."""

    nanoseconds: int


class DurationInfo(Message):
    """A duration in nanoseconds."""

    nanoseconds: int


class Unavailability(Message):
    """When a machine goes down for maintenance, and for how long."""

    start: TimeInfo
    duration: DurationInfo | None = None


class Address(Message):
    """Where a process listens."""

    port: int
    hostname: str | None = None
    ip: str | None = None


class URL(Message):
    """Where an agent's HTTP API is."""

    scheme: str
    address: Address
    path: str | None = None
    query: list[Parameter] = []
    fragment: str | None = None


class Credential(Message):
    """A principal and its secret."""

    principal: str
    secret: str | None = None
