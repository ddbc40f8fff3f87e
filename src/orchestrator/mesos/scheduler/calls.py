"""What a framework calls. A call is one struct with its type and the field that the type names,
as in protobuf; ``Call.problem`` says what is missing.

Source: include/mesos/v1/scheduler/scheduler.proto and mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.scheduler.constraints import OfferConstraints
from orchestrator.mesos.scheduler.operations import Operation
from orchestrator.mesos.types import (
    AgentID,
    ExecutorID,
    Filters,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    Message,
    OfferID,
    OperationID,
    Resource,
    ResourceProviderID,
    TaskID,
)


class CallType(StrEnum):
    """The calls a framework can make."""

    UNKNOWN = "UNKNOWN"
    SUBSCRIBE = "SUBSCRIBE"
    TEARDOWN = "TEARDOWN"
    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"
    REVIVE = "REVIVE"
    KILL = "KILL"
    SHUTDOWN = "SHUTDOWN"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    RECONCILE = "RECONCILE"
    MESSAGE = "MESSAGE"
    REQUEST = "REQUEST"
    SUPPRESS = "SUPPRESS"
    ACCEPT_INVERSE_OFFERS = "ACCEPT_INVERSE_OFFERS"
    DECLINE_INVERSE_OFFERS = "DECLINE_INVERSE_OFFERS"
    ACKNOWLEDGE_OPERATION_STATUS = "ACKNOWLEDGE_OPERATION_STATUS"
    RECONCILE_OPERATIONS = "RECONCILE_OPERATIONS"
    UPDATE_FRAMEWORK = "UPDATE_FRAMEWORK"


class Subscribe(Message):
    """Opens the event stream, for a new framework or one that fails over."""

    framework_info: FrameworkInfo
    force: bool | None = None
    suppressed_roles: list[str] = []
    offer_constraints: OfferConstraints | None = None


class UpdateFramework(Message):
    """The framework as it is to be from now on."""

    framework_info: FrameworkInfo
    suppressed_roles: list[str] = []
    offer_constraints: OfferConstraints | None = None


class Accept(Message):
    """Accepts offers of one agent, in order, with operations; the rest is declined."""

    offer_ids: list[OfferID] = []
    operations: list[Operation] = []
    filters: Filters | None = None


class Decline(Message):
    """Declines offers."""

    offer_ids: list[OfferID] = []
    filters: Filters | None = None


class InverseOfferAnswer(Message):
    """Accepts or declines inverse offers."""

    inverse_offer_ids: list[OfferID] = []
    filters: Filters | None = None


class AcknowledgeOperationStatus(Message):
    """Says that an operation's status has been dealt with."""

    uuid: bytes
    operation_id: OperationID
    agent_id: AgentID | None = None
    resource_provider_id: ResourceProviderID | None = None


class ReconcileOperation(Message):
    """An operation whose state the framework wants to be told."""

    operation_id: OperationID
    agent_id: AgentID | None = None
    resource_provider_id: ResourceProviderID | None = None


class ReconcileOperations(Message):
    """Explicit reconciliation of the operations named, implicit when there are none."""

    operations: list[ReconcileOperation] = []


class Roles(Message):
    """The roles a REVIVE or SUPPRESS is about; none means all of the framework's."""

    roles: list[str] = []


class Kill(Message):
    """Asks for the end of a task."""

    task_id: TaskID
    agent_id: AgentID | None = None
    kill_policy: KillPolicy | None = None


class Shutdown(Message):
    """Asks for the end of an executor and all its tasks."""

    executor_id: ExecutorID
    agent_id: AgentID


class Acknowledge(Message):
    """Says that a status update has been dealt with."""

    agent_id: AgentID
    task_id: TaskID
    uuid: bytes


class ReconcileTask(Message):
    """A task whose state the framework wants to be told."""

    task_id: TaskID
    agent_id: AgentID | None = None


class Reconcile(Message):
    """Explicit reconciliation of the tasks named, implicit when there are none."""

    tasks: list[ReconcileTask] = []


class FrameworkMessage(Message):
    """Bytes for an executor, delivered at most once."""

    agent_id: AgentID
    executor_id: ExecutorID
    data: bytes


class ResourceRequest(Message):
    """Resources a framework would like; a hint that the allocator may ignore."""

    agent_id: AgentID | None = None
    resources: list[Resource] = []


class Request(Message):
    """Requests for resources."""

    requests: list[ResourceRequest] = []


class Call(Message):
    """One call of a framework."""

    type: CallType = CallType.UNKNOWN
    framework_id: FrameworkID | None = None
    subscribe: Subscribe | None = None
    accept: Accept | None = None
    decline: Decline | None = None
    revive: Roles | None = None
    suppress: Roles | None = None
    kill: Kill | None = None
    shutdown: Shutdown | None = None
    acknowledge: Acknowledge | None = None
    reconcile: Reconcile | None = None
    message: FrameworkMessage | None = None
    request: Request | None = None
    accept_inverse_offers: InverseOfferAnswer | None = None
    decline_inverse_offers: InverseOfferAnswer | None = None
    acknowledge_operation_status: AcknowledgeOperationStatus | None = None
    reconcile_operations: ReconcileOperations | None = None
    update_framework: UpdateFramework | None = None

    def problem(self) -> str | None:
        """What a well-formed call of this type lacks, in a sentence, or None."""
        field = _REQUIRED_FIELD.get(self.type)
        if field is not None and getattr(self, field) is None:
            return f"Expecting '{field}' to be present"
        if self.type is CallType.SUBSCRIBE and self.subscribe is not None:
            return self._problem_with_id(self.subscribe.framework_info, "subscribe")
        if not _text(self.framework_id):
            return "Expecting 'framework_id' to be present"
        if self.type is CallType.UPDATE_FRAMEWORK and self.update_framework is not None:
            return self._problem_with_id(self.update_framework.framework_info, "update_framework")
        return None

    def _problem_with_id(self, info: FrameworkInfo, field: str) -> str | None:
        """The same framework in both places; as in protobuf, an absent id equals an empty one."""
        if _text(self.framework_id) != _text(info.id):
            return f"'framework_id' differs from '{field}.framework_info.id'"
        return None


def _text(framework_id: FrameworkID | None) -> str:
    return framework_id.value if framework_id is not None else ""


_REQUIRED_FIELD = {
    CallType.SUBSCRIBE: "subscribe",
    CallType.ACCEPT: "accept",
    CallType.DECLINE: "decline",
    CallType.KILL: "kill",
    CallType.SHUTDOWN: "shutdown",
    CallType.ACKNOWLEDGE: "acknowledge",
    CallType.RECONCILE: "reconcile",
    CallType.MESSAGE: "message",
    CallType.REQUEST: "request",
    CallType.ACCEPT_INVERSE_OFFERS: "accept_inverse_offers",
    CallType.DECLINE_INVERSE_OFFERS: "decline_inverse_offers",
    CallType.ACKNOWLEDGE_OPERATION_STATUS: "acknowledge_operation_status",
    CallType.RECONCILE_OPERATIONS: "reconcile_operations",
    CallType.UPDATE_FRAMEWORK: "update_framework",
}
