"""What a simulated framework is like, what happens to it, and what it keeps."""

from __future__ import annotations

import msgspec

from orchestrator.mesos.scheduler import Call, CallType, Event, Subscribe
from orchestrator.mesos.types import Capability, FrameworkID, FrameworkInfo, TaskState


class Ambition(msgspec.Struct, frozen=True):
    """What a framework is like."""

    name: str
    roles: tuple[str, ...]
    services: int
    batches: int
    is_partition_aware: bool
    failover_timeout_s: float
    think_s: float = 0.0  # how long it may take to answer an offer
    in_groups: bool = False  # launches several tasks of an offer as a task group


def subscription(ambition: Ambition, framework_id: str | None) -> Call:
    """The call with which such a framework subscribes, anew or again."""
    id_ = FrameworkID(value=framework_id) if framework_id else None
    capabilities = ["MULTI_ROLE", *(["PARTITION_AWARE"] * ambition.is_partition_aware)]
    info = FrameworkInfo(
        user="root",
        name=ambition.name,
        id=id_,
        failover_timeout=ambition.failover_timeout_s,
        roles=list(ambition.roles),
        capabilities=[Capability(type=name) for name in capabilities],
    )
    subscribe = Subscribe(framework_info=info)
    return Call(type=CallType.SUBSCRIBE, framework_id=id_, subscribe=subscribe)


class Heard(msgspec.Struct, frozen=True):
    """An event of the stream."""

    event: Event


class Disconnected(msgspec.Struct, frozen=True):
    """The stream ended."""


class Scale(msgspec.Struct, frozen=True):
    """Its user wants that many services."""

    services: int


class KillOne(msgspec.Struct, frozen=True):
    """Its user wants one task ended; it is replaced."""


class Retire(msgspec.Struct, frozen=True):
    """It ends itself with all its tasks, and begins anew under another id."""


class Hurry(msgspec.Struct, frozen=True):
    """From now on it answers offers at once."""


Input = Heard | Disconnected | Scale | KillOne | Retire | Hurry


class Send(msgspec.Struct, frozen=True):
    """A call to the master."""

    call: Call


class Job(msgspec.Struct, frozen=True):
    """A task it launched that has not ended, as far as it knows."""

    id: str
    kind: str
    agent_id: str
    state: TaskState = TaskState.STAGING
    lost_at: float | None = None
    is_unwanted: bool = False  # to be killed whenever it can be


class Ledger(msgspec.Struct, frozen=True):
    """What it keeps beside its jobs."""

    framework_id: str | None = None
    services: int = 0
    batches: int = 0  # still to be launched
    launched: int = 0
    is_retiring: bool = False
