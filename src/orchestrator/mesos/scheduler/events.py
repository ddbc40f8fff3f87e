"""What a framework is told on its stream.

Source: include/mesos/v1/scheduler/scheduler.proto and mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types import (
    AgentID,
    ExecutorID,
    FrameworkID,
    InverseOffer,
    MasterInfo,
    Message,
    Offer,
    OfferID,
    OperationStatus,
    TaskStatus,
)


class EventType(StrEnum):
    """What a framework can be told; an unknown type decodes as ``Event.type`` UNKNOWN."""

    UNKNOWN = "UNKNOWN"
    SUBSCRIBED = "SUBSCRIBED"
    OFFERS = "OFFERS"
    INVERSE_OFFERS = "INVERSE_OFFERS"
    RESCIND = "RESCIND"
    RESCIND_INVERSE_OFFER = "RESCIND_INVERSE_OFFER"
    UPDATE = "UPDATE"
    UPDATE_OPERATION_STATUS = "UPDATE_OPERATION_STATUS"
    MESSAGE = "MESSAGE"
    FAILURE = "FAILURE"
    ERROR = "ERROR"
    HEARTBEAT = "HEARTBEAT"

    @classmethod
    def _missing_(cls, value: object) -> EventType:
        return cls.UNKNOWN


class Subscribed(Message):
    """The first event of every stream."""

    framework_id: FrameworkID
    heartbeat_interval_seconds: float | None = None
    master_info: MasterInfo | None = None


class Offers(Message):
    """New offers."""

    offers: list[Offer] = []


class InverseOffers(Message):
    """New inverse offers."""

    inverse_offers: list[InverseOffer] = []


class RescindInverseOffer(Message):
    """An inverse offer that is no longer valid."""

    inverse_offer_id: OfferID


class UpdateOperationStatus(Message):
    """An operation's new status; to be acknowledged when it has a uuid."""

    status: OperationStatus


class Rescind(Message):
    """An offer that is no longer valid."""

    offer_id: OfferID


class Update(Message):
    """A task's new status; to be acknowledged when it has a uuid."""

    status: TaskStatus


class ExecutorMessage(Message):
    """Bytes from an executor."""

    agent_id: AgentID
    executor_id: ExecutorID
    data: bytes


class Failure(Message):
    """An agent was lost, or (with executor_id) an executor ended."""

    agent_id: AgentID | None = None
    executor_id: ExecutorID | None = None
    status: int | None = None


class Error(Message):
    """The subscription ended for this reason; the framework should abort."""

    message: str


class Event(Message):
    """One event of a framework's stream."""

    type: EventType = EventType.UNKNOWN
    subscribed: Subscribed | None = None
    offers: Offers | None = None
    inverse_offers: InverseOffers | None = None
    rescind: Rescind | None = None
    rescind_inverse_offer: RescindInverseOffer | None = None
    update: Update | None = None
    update_operation_status: UpdateOperationStatus | None = None
    message: ExecutorMessage | None = None
    failure: Failure | None = None
    error: Error | None = None
