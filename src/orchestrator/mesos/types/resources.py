"""Resources and attributes of agents, what reserves them and whom they are allocated to.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types.base import Labels, Message, ResourceProviderID
from orchestrator.mesos.types.containers import Volume


class ValueType(StrEnum):
    """The kinds of value a resource or attribute can have."""

    SCALAR = "SCALAR"
    RANGES = "RANGES"
    SET = "SET"
    TEXT = "TEXT"


class Scalar(Message):
    """A floating-point amount; three decimals count."""

    value: float


class Range(Message):
    """Whole numbers from begin to end, both included."""

    begin: int
    end: int


class Ranges(Message):
    """A union of ranges."""

    range: list[Range] = []


class ItemSet(Message):
    """A set of names (``Value.Set``)."""

    item: list[str] = []


class Text(Message):
    """A text value, of attributes only."""

    value: str


class AllocationInfo(Message):
    """The role that a resource is allocated to."""

    role: str | None = None


class ReservationType(StrEnum):
    """Made by the operator at the agent's start, or at run time."""

    UNKNOWN = "UNKNOWN"
    STATIC = "STATIC"
    DYNAMIC = "DYNAMIC"


class ReservationInfo(Message):
    """One level of a reservation (1.3 format), or what a dynamic one adds (before)."""

    type: ReservationType | None = None
    role: str | None = None
    principal: str | None = None
    labels: Labels | None = None


class DiskPersistence(Message):
    """The identity of a persistent volume."""

    id: str
    principal: str | None = None


class DiskPath(Message):
    """A directory that a disk source is rooted at."""

    root: str | None = None


class DiskSource(Message):
    """Where disk comes from, if not from the agent's root disk."""

    type: str
    path: DiskPath | None = None
    mount: DiskPath | None = None
    vendor: str | None = None
    id: str | None = None
    profile: str | None = None


class DiskInfo(Message):
    """What makes one disk resource unlike another."""

    persistence: DiskPersistence | None = None
    volume: Volume | None = None
    source: DiskSource | None = None


class Revocable(Message):
    """Present on resources that may be taken back at any time."""


class Shared(Message):
    """Present on resources that several tasks may use at once."""


class Resource(Message):
    """An amount of something on one agent.

    Reservations come in two forms: ``role`` with ``reservation`` before 1.3, and the stack
    ``reservations`` since. ``mesos.resources`` reads both.
    """

    name: str
    type: ValueType
    scalar: Scalar | None = None
    ranges: Ranges | None = None
    set: ItemSet | None = None
    provider_id: ResourceProviderID | None = None
    role: str = "*"
    reservation: ReservationInfo | None = None
    reservations: list[ReservationInfo] = []
    allocation_info: AllocationInfo | None = None
    disk: DiskInfo | None = None
    revocable: Revocable | None = None
    shared: Shared | None = None


class Attribute(Message):
    """A fact about an agent that schedulers place by."""

    name: str
    type: ValueType
    scalar: Scalar | None = None
    ranges: Ranges | None = None
    set: ItemSet | None = None
    text: Text | None = None
