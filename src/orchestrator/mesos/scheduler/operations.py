"""What can be done with accepted offers.

Source: include/mesos/v1/scheduler/scheduler.proto and mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types import (
    ExecutorInfo,
    Message,
    OperationID,
    Resource,
    Scalar,
    TaskGroupInfo,
    TaskInfo,
)


class Launch(Message):
    """The tasks to launch on the accepted offers."""

    task_infos: list[TaskInfo] = []


class LaunchGroup(Message):
    """A task group and the executor to run it."""

    executor: ExecutorInfo
    task_group: TaskGroupInfo


class Reserve(Message):
    """Resources as they are to be; ``source`` is what they are now, if given."""

    resources: list[Resource]
    source: list[Resource] = []


class Unreserve(Message):
    """Reserved resources, whose innermost reservation is to go."""

    resources: list[Resource]


class Create(Message):
    """Persistent volumes to be made of reserved disk."""

    volumes: list[Resource]


class Destroy(Message):
    """Persistent volumes to be removed with their data."""

    volumes: list[Resource]


class GrowVolume(Message):
    """Disk to be added to a volume."""

    volume: Resource
    addition: Resource


class ShrinkVolume(Message):
    """How much disk to take from a volume."""

    volume: Resource
    subtract: Scalar


class OperationType(StrEnum):
    """What can be done with accepted offers."""

    UNKNOWN = "UNKNOWN"
    LAUNCH = "LAUNCH"
    LAUNCH_GROUP = "LAUNCH_GROUP"
    RESERVE = "RESERVE"
    UNRESERVE = "UNRESERVE"
    CREATE = "CREATE"
    DESTROY = "DESTROY"
    GROW_VOLUME = "GROW_VOLUME"
    SHRINK_VOLUME = "SHRINK_VOLUME"
    CREATE_DISK = "CREATE_DISK"
    DESTROY_DISK = "DESTROY_DISK"


class Operation(Message):
    """One operation on accepted offers (``Offer.Operation``)."""

    type: OperationType = OperationType.UNKNOWN
    id: OperationID | None = None
    launch: Launch | None = None
    launch_group: LaunchGroup | None = None
    reserve: Reserve | None = None
    unreserve: Unreserve | None = None
    create: Create | None = None
    destroy: Destroy | None = None
    grow_volume: GrowVolume | None = None
    shrink_volume: ShrinkVolume | None = None
