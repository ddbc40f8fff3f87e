"""Offer operations: what they do to resources, and the feedback on those that carry an id.

A conversion is done at once on the master's books and kept with the agent's record in the registry;
what it makes can be used by the operations after it in the same ACCEPT. An operation with an id is
answered with a status, sent again with growing pauses until it is acknowledged.
"""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from orchestrator.master.core import destruction, launching, offers, registry
from orchestrator.master.core.commands import ConvertResources
from orchestrator.master.core.conversions import (
    Actor,
    Conversion,
    ConversionError,
    convert,
    volume_id,
)
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.records import Agent, Framework, PendingStatus
from orchestrator.master.core.state import State, Timer
from orchestrator.master.core.validation import id_problem
from orchestrator.mesos import codec
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.scheduler import (
    AcknowledgeOperationStatus,
    Event,
    EventType,
    Operation,
    OperationType,
    ReconcileOperation,
    UpdateOperationStatus,
)
from orchestrator.mesos.types import (
    UUID,
    AgentID,
    OperationID,
    OperationState,
    OperationStatus,
    Resource,
)

MAX_RESOURCE_BYTES = 512 * 1024  # of an agent's resources: a znode holds a megabyte in all
MAX_UNACKNOWLEDGED = 10_000  # a framework; the oldest is then taken as acknowledged
RETRY_S = 10.0
MAX_RETRY_S = 600.0
_LAUNCHES = (OperationType.LAUNCH, OperationType.LAUNCH_GROUP)


def perform(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    available: Resources,
    operation: Operation,
) -> Resources:
    """Do one operation of an ACCEPT on what is left of its offers; return what is left then."""
    match operation:
        case Operation(type=OperationType.LAUNCH, launch=body) if body:
            tasks = body.task_infos
            return available - launching.launch(state, framework, agent, role, available, tasks)
        case Operation(type=OperationType.LAUNCH_GROUP, launch_group=group) if group:
            used = launching.launch_group(state, framework, agent, role, available, group)
            return available - used
        case _:
            return _convert(state, framework, agent, role, available, operation)


def _convert(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    available: Resources,
    operation: Operation,
) -> Resources:
    if operation.id is not None and id_problem("OperationID", operation.id.value):
        state.counters["dropped_messages"] += 1  # nobody could be told how it went
        return available
    try:
        can_share = framework.has("SHARED_RESOURCES")
        conversion = convert(operation, Actor(role, framework.info.principal, can_share))
        if conversion.consumed not in available:
            raise ConversionError(f"Invalid {operation.type} Operation: the offers lack "
                                  f"{conversion.consumed - available}")  # fmt: skip
        _check(agent, conversion)
    except ConversionError as error:
        _answer(state, framework, agent.id, operation, OperationState.ERROR, message=str(error))
        return available
    _apply(state, agent, conversion)
    converted = to_wire(conversion.converted, role=role, refined=True)
    _answer(state, framework, agent.id, operation, OperationState.FINISHED, converted=converted)
    return available - conversion.consumed + conversion.converted


def _check(agent: Agent, conversion: Conversion) -> None:
    """Raise ConversionError if the agent cannot have what the conversion makes."""
    _check_size(agent, conversion)
    others = _volumes(agent.resources - conversion.consumed)
    made = _volumes(conversion.converted)
    for role, volume in made:
        if (role, volume) in others or made.count((role, volume)) > 1:
            raise ConversionError(f"Role '{role}' has a persistent volume '{volume}' here already")
    for role, volume in _volumes(conversion.consumed):
        if (role, volume) in others:
            raise ConversionError(f"The persistent volume '{volume}' is larger than that")


def _volumes(resources: Resources) -> list[tuple[str, str]]:
    """Role and persistence id of each volume: together they name its directory."""
    found = ((kind.role, volume_id(kind)) for kind in resources.amounts)
    return [(role, volume) for role, volume in found if volume is not None]


def _check_size(agent: Agent, conversion: Conversion) -> None:
    """Reservations with ever new labels could split an agent without end."""
    changed = agent.resources - conversion.consumed + conversion.converted
    kept = (to_wire(changed, refined=True), agent.doomed)
    if len(codec.encode(kept)) > MAX_RESOURCE_BYTES:
        raise ConversionError("The agent's resources would be split too finely to be kept")


def _apply(state: State, agent: Agent, conversion: Conversion) -> None:
    changed = agent.resources - conversion.consumed + conversion.converted
    state.cluster.resize_agent(agent, changed)
    order = destruction.order_of(agent, conversion.consumed, conversion.converted)
    if order is not None:
        agent.doomed.append(order)
    state.effects.append(registry.save(agent))
    if order is not None:
        state.order(agent, order)


def convert_by_operator(state: State, command: ConvertResources) -> None:
    """Convert resources of an agent that nobody uses. Raises OperatorError."""
    agent = state.cluster.agents.get(command.agent_id)
    if agent is None:
        raise OperatorError(400, f"No agent found with ID {command.agent_id}")
    try:
        conversion = convert(command.operation, Actor(principal=command.principal))
        _check(agent, conversion)
    except ConversionError as error:
        raise OperatorError(400, f"Invalid {command.operation.type} Operation: {error}") from None
    if conversion.consumed not in agent.resources - agent.usage.used:
        raise OperatorError(409, f"The agent lacks unused {conversion.consumed - agent.free}")
    for offer_id in list(agent.offers):
        if conversion.consumed in agent.free:
            break
        offers.take_back(state, state.cluster.offers[offer_id], tell=True)
    _apply(state, agent, conversion)
    state.reallocate(agent.id)


# --- feedback ------------------------------------------------------------------------------------


def _answer(
    state: State,
    framework: Framework,
    agent_id: str,
    operation: Operation,
    outcome: OperationState,
    *,
    message: str | None = None,
    converted: list[Resource] | None = None,
) -> None:
    """Send the status of an operation that has an id; others are done, or not, in silence."""
    if operation.id is None:
        return
    number = state.new_id("operation")
    uuid = hashlib.blake2b(number.encode(), digest_size=16).digest()
    status = OperationStatus(
        operation_id=operation.id,
        state=outcome,
        message=message,
        converted_resources=converted or [],
        uuid=UUID(value=uuid),
        agent_id=AgentID(value=agent_id),
    )
    framework.operations[operation.id.value] = PendingStatus(status, RETRY_S)
    if len(framework.operations) > MAX_UNACKNOWLEDGED:
        del framework.operations[next(iter(framework.operations))]
    _send(state, framework, operation.id.value)


def drop_all(state: State, framework: Framework, operations: list[Operation], problem: str) -> None:
    """Refuse all operations of an ACCEPT whose offers cannot be used, launches among them.

    As in Mesos these statuses name no agent and need no acknowledgement.
    """
    launching.drop_all(state, framework, operations, problem)
    for operation in operations:
        if operation.id is None or operation.type in _LAUNCHES:
            continue
        if operation.id.value in framework.operations:
            continue  # an ACCEPT that came twice; the first one is answered
        status = OperationStatus(
            operation_id=operation.id,
            state=OperationState.ERROR,
            message=f"Operation attempted with invalid offers: {problem}",
        )
        _tell(state, framework, status)


def _send(state: State, framework: Framework, operation_id: str) -> None:
    pending = framework.operations[operation_id]
    _tell(state, framework, pending.status)
    key = (Timer.OPERATION_RETRY, f"{framework.id}/{operation_id}")
    state.timers.set(key, state.now + pending.retry_s)
    pending.retry_s = min(2 * pending.retry_s, MAX_RETRY_S)


def _tell(state: State, framework: Framework, status: OperationStatus) -> None:
    update = UpdateOperationStatus(status=status)
    event = Event(type=EventType.UPDATE_OPERATION_STATUS, update_operation_status=update)
    state.tell(framework, event)


def retry(state: State, name: str) -> None:
    """Send a status again that has not been acknowledged."""
    framework_id, _, operation_id = name.partition("/")
    framework = state.cluster.frameworks.get(framework_id)
    if framework is not None and operation_id in framework.operations:
        _send(state, framework, operation_id)


def acknowledge(state: State, framework: Framework, body: AcknowledgeOperationStatus) -> None:
    """A status need not be sent again."""
    pending = framework.operations.get(body.operation_id.value)
    if pending is not None and pending.status.uuid == UUID(value=body.uuid):
        del framework.operations[body.operation_id.value]
        state.timers.cancel((Timer.OPERATION_RETRY, f"{framework.id}/{body.operation_id.value}"))


def reconcile(state: State, framework: Framework, asked: list[ReconcileOperation]) -> None:
    """Tell the state of the operations named, or of all that are not acknowledged.

    These statuses are sent once and have no uuid.
    """
    known = framework.operations
    names = asked or [ReconcileOperation(operation_id=OperationID(value=name)) for name in known]
    for one in names:
        pending = known.get(one.operation_id.value)
        if pending is not None:
            _tell(state, framework, replace(pending.status, uuid=None))
            continue
        status = OperationStatus(
            operation_id=one.operation_id,
            state=_state_of_unknown(state, one),
            agent_id=one.agent_id,
            resource_provider_id=one.resource_provider_id,
        )
        _tell(state, framework, status)


def _state_of_unknown(state: State, asked: ReconcileOperation) -> OperationState:
    agent_id = asked.agent_id.value if asked.agent_id else ""
    if agent_id in state.recovered_agents:
        return OperationState.RECOVERING
    if agent_id in state.cluster.unreachable:
        return OperationState.UNREACHABLE
    if agent_id in state.gone:
        return OperationState.GONE_BY_OPERATOR
    return OperationState.UNKNOWN
