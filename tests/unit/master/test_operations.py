"""Reservations and volumes: by frameworks on their offers, by operators on anything unused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator.master.core.commands import ConvertResources
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import scheduler
from orchestrator.mesos.resource_wire import from_wire
from orchestrator.mesos.scheduler import CallType, EventType, Operation, OperationType
from orchestrator.mesos.types import (
    UUID,
    DiskInfo,
    DiskPersistence,
    Label,
    Labels,
    OperationID,
    OperationState,
    OperationStatus,
    ReservationInfo,
    ReservationType,
    Resource,
    Scalar,
    Shared,
    ValueType,
    Volume,
    VolumeMode,
)

from .world import FakeFramework, World, task

WEB = ReservationInfo(type=ReservationType.DYNAMIC, role="web")


def amount(name: str, value: float, **fields: Any) -> Resource:
    return Resource(name=name, type=ValueType.SCALAR, scalar=Scalar(value=value), **fields)


def reserved(name: str, value: float, **fields: Any) -> Resource:
    return amount(name, value, reservations=[WEB], **fields)


def volume(value: float, id_: str = "v1") -> Resource:
    disk = DiskInfo(
        persistence=DiskPersistence(id=id_),
        volume=Volume(container_path="data", mode=VolumeMode.RW),
    )
    return reserved("disk", value, disk=disk)


def reserve(*resources: Resource, id_: str | None = "op") -> Operation:
    return Operation(
        type=OperationType.RESERVE,
        id=OperationID(value=id_) if id_ else None,
        reserve=scheduler.Reserve(resources=list(resources)),
    )


def unreserve(*resources: Resource) -> Operation:
    body = scheduler.Unreserve(resources=list(resources))
    return Operation(type=OperationType.UNRESERVE, id=OperationID(value="op"), unreserve=body)


def create(*volumes: Resource) -> Operation:
    body = scheduler.Create(volumes=list(volumes))
    return Operation(type=OperationType.CREATE, id=OperationID(value="op"), create=body)


def destroy(*volumes: Resource) -> Operation:
    body = scheduler.Destroy(volumes=list(volumes))
    return Operation(type=OperationType.DESTROY, id=OperationID(value="op"), destroy=body)


def web_framework(world: World, **fields: Any) -> FakeFramework:
    return world.framework(
        roles=["web"], capabilities=["MULTI_ROLE", "RESERVATION_REFINEMENT"], **fields
    )


def operate(framework: FakeFramework, *operations: Operation, refuse_s: float = 0.0) -> None:
    """Accept all open offers with these operations."""
    framework.call(
        CallType.ACCEPT,
        accept=scheduler.Accept(
            offer_ids=[o.id for o in framework.open_offers], operations=list(operations)
        ),
    )


def outcomes(framework: FakeFramework) -> list[OperationStatus]:
    return [
        e.update_operation_status.status
        for e in framework.of_type(EventType.UPDATE_OPERATION_STATUS)
        if e.update_operation_status
    ]


def agent_has(world: World, agent_id: str, *resources: Resource) -> bool:
    return from_wire(resources) in world.master.cluster.agents[agent_id].resources


def test_reserving_on_an_offer_makes_the_resources_the_roles() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    operate(framework, reserve(reserved("cpus", 1)))
    assert agent_has(world, agent.id, reserved("cpus", 1), amount("cpus", 3))
    (status,) = outcomes(framework)
    assert (status.state, status.operation_id) == (
        OperationState.FINISHED,
        OperationID(value="op"),
    )


def test_nothing_is_lost_or_won_by_converting() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    before = dict(world.master.cluster.totals)
    operate(framework, reserve(reserved("disk", 100), reserved("cpus", 1)), create(volume(60)))
    assert world.master.cluster.totals == before


def test_a_task_can_use_in_the_same_accept_what_was_reserved_and_created_in_it() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    wanted = task("t1", agent.id, "")
    wanted = type(wanted)(
        name="n", task_id=wanted.task_id, agent_id=wanted.agent_id, command=wanted.command,
        resources=[reserved("cpus", 1), volume(60)],
    )  # fmt: skip
    launch = Operation(type=OperationType.LAUNCH, launch=scheduler.Launch(task_infos=[wanted]))
    operate(
        framework, reserve(reserved("cpus", 1), reserved("disk", 60)), create(volume(60)), launch
    )
    assert agent.launched == ["t1"]


def test_what_is_reserved_is_offered_to_the_role_only() -> None:
    world = World()
    world.agent("cpus:1;mem:64")
    framework = web_framework(world)
    operate(framework, reserve(reserved("cpus", 1), reserved("mem", 64)))
    other = world.framework(role="batch")
    world.advance(10)
    assert other.offers == []
    assert framework.open_offers


def test_unreserving_gives_back_to_everybody() -> None:
    world = World()
    agent, framework = world.agent("cpus:1;mem:64"), web_framework(world)
    operate(framework, reserve(reserved("cpus", 1)))
    world.advance(5)
    operate(framework, unreserve(reserved("cpus", 1)))
    assert agent_has(world, agent.id, amount("cpus", 1))


def test_destroying_a_volume_leaves_its_reservation() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    operate(framework, reserve(reserved("disk", 60)), create(volume(60)), destroy(volume(60)))
    assert agent_has(world, agent.id, reserved("disk", 60))


def test_volumes_grow_and_shrink() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    grow = Operation(
        type=OperationType.GROW_VOLUME,
        grow_volume=scheduler.GrowVolume(volume=volume(60), addition=reserved("disk", 40)),
    )
    shrink = Operation(
        type=OperationType.SHRINK_VOLUME,
        shrink_volume=scheduler.ShrinkVolume(volume=volume(100), subtract=Scalar(value=70)),
    )
    operate(framework, reserve(reserved("disk", 100)), create(volume(60)), grow)
    assert agent_has(world, agent.id, volume(100))
    world.advance(5)
    operate(framework, shrink)
    assert agent_has(world, agent.id, volume(30), reserved("disk", 70))


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (reserve(reserved("cpus", 99)), "offers lack"),
        (reserve(amount("cpus", 1)), "not to be dynamically reserved"),
        (reserve(), "names no resources"),
        (
            reserve(
                amount(
                    "cpus",
                    1,
                    reservations=[ReservationInfo(type=ReservationType.DYNAMIC, role="other")],
                )
            ),
            "in role 'web'",
        ),
        (unreserve(amount("cpus", 1)), "not dynamically reserved"),
        (unreserve(volume(10)), "persistent volume 'v1' is still on it"),
        (create(reserved("disk", 10)), "'persistence' and 'volume'"),
        (create(volume(10, id_="a/b")), "cannot be a persistence id"),
        (create(volume(10)), "offers lack"),
        (destroy(reserved("disk", 10)), "not a persistent volume"),
        (
            Operation(
                type=OperationType.GROW_VOLUME,
                id=OperationID(value="op"),
                grow_volume=scheduler.GrowVolume(volume=volume(1), addition=amount("disk", 1)),
            ),
            "own kind",
        ),
        (
            Operation(
                type=OperationType.SHRINK_VOLUME,
                id=OperationID(value="op"),
                shrink_volume=scheduler.ShrinkVolume(volume=volume(1), subtract=Scalar(value=5)),
            ),
            "less than all of it",
        ),
        (Operation(type=OperationType.CREATE_DISK, id=OperationID(value="op")), "not an operation"),
    ],
)
def test_what_cannot_be_converted_is_an_error_with_a_reason(
    operation: Operation, reason: str
) -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    before = world.master.cluster.agents[agent.id].resources
    operate(framework, operation)
    (status,) = outcomes(framework)
    assert status.state is OperationState.ERROR
    assert reason in (status.message or "")
    assert world.master.cluster.agents[agent.id].resources == before


def test_the_principal_of_a_reservation_has_to_be_the_frameworks() -> None:
    world = World()
    world.agent()
    framework = web_framework(world, principal="me")
    operate(framework, reserve(reserved("cpus", 1)))
    assert "principal" in (outcomes(framework)[0].message or "")


def test_an_operation_without_an_id_is_done_in_silence() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    operate(framework, reserve(reserved("cpus", 1), id_=None))
    assert outcomes(framework) == []
    assert agent_has(world, agent.id, reserved("cpus", 1))


def test_an_agent_is_not_split_more_finely_than_can_be_kept() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    before = world.master.cluster.agents[agent.id].resources
    labels = Labels(labels=[Label(key="k", value="v" * 2**20)])
    info = ReservationInfo(type=ReservationType.DYNAMIC, role="web", labels=labels)
    operate(framework, reserve(amount("cpus", 1, reservations=[info])))
    (status,) = outcomes(framework)
    assert status.state is OperationState.ERROR
    assert status.message and "split too finely" in status.message
    assert world.master.cluster.agents[agent.id].resources == before


@pytest.mark.parametrize("id_", ["", "x" * 300, "a/b"])
def test_an_operation_whose_id_cannot_be_used_is_not_done(id_: str) -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    bad = Operation(
        type=OperationType.RESERVE,
        id=OperationID(value=id_),
        reserve=scheduler.Reserve(resources=[reserved("cpus", 1)]),
    )
    operate(framework, bad)
    assert outcomes(framework) == []
    assert agent_has(world, agent.id, amount("cpus", 4))


def test_a_status_is_sent_again_until_it_is_acknowledged() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    operate(framework, reserve(reserved("cpus", 1)))
    world.advance(30)
    assert len(outcomes(framework)) == 3
    assert len({s.uuid.value for s in outcomes(framework) if s.uuid}) == 1
    uuid = outcomes(framework)[0].uuid
    assert uuid
    framework.call(
        CallType.ACKNOWLEDGE_OPERATION_STATUS,
        acknowledge_operation_status=scheduler.AcknowledgeOperationStatus(
            uuid=uuid.value, operation_id=OperationID(value="op")
        ),
    )
    world.advance(1000)
    assert len(outcomes(framework)) == 3


def test_operations_are_reconciled() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    operate(framework, reserve(reserved("cpus", 1)))
    ask = scheduler.ReconcileOperations(
        operations=[
            scheduler.ReconcileOperation(operation_id=OperationID(value=name))
            for name in ("op", "never")
        ]
    )
    framework.call(CallType.RECONCILE_OPERATIONS, reconcile_operations=ask)
    known, unknown = outcomes(framework)[-2:]
    assert (known.state, known.uuid) == (OperationState.FINISHED, None)
    assert unknown.state is OperationState.UNKNOWN


def test_implicit_reconciliation_of_operations_tells_all_that_is_known_of_them() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    operate(framework, reserve(reserved("cpus", 1)))
    framework.call(
        CallType.RECONCILE_OPERATIONS, reconcile_operations=scheduler.ReconcileOperations()
    )
    first, again = outcomes(framework)
    assert first.agent_id and first.converted_resources
    assert again == msgspec.structs.replace(first, uuid=None)


def test_reservations_survive_the_agents_return_and_the_masters_restart() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    operate(framework, reserve(reserved("cpus", 1), reserved("disk", 60)), create(volume(60)))
    agent.disconnect()
    agent.again()
    assert agent_has(world, agent.id, reserved("cpus", 1), volume(60))
    again = world.restarted()
    back = agent.again(at=again)
    assert agent_has(again, back.id, reserved("cpus", 1), volume(60))


def test_reservations_that_no_longer_fit_what_an_agent_has_are_dropped() -> None:
    world = World()
    agent, framework = world.agent(), web_framework(world)
    operate(framework, reserve(reserved("cpus", 3)))
    agent.disconnect()
    from orchestrator.mesos.resource_wire import parse, to_wire

    agent.info = type(agent.info)(hostname="host", resources=to_wire(parse("cpus:2;mem:64")))
    agent.again()
    assert world.master.cluster.agents[agent.id].resources == parse("cpus:2;mem:64")


# --- operators -----------------------------------------------------------------------------------


def test_an_operator_reserves_what_is_offered_to_others() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    assert framework.open_offers
    world.operate(ConvertResources(agent.id, reserve(reserved("cpus", 4))))
    assert agent_has(world, agent.id, reserved("cpus", 4))
    assert framework.of_type(EventType.RESCIND)


@pytest.mark.parametrize(
    ("agent_id", "operation", "status"),
    [
        ("nobody", reserve(reserved("cpus", 1)), 400),
        (None, reserve(amount("cpus", 1)), 400),
        (None, reserve(reserved("cpus", 4)), 409),
    ],
)
def test_an_operator_is_told_why_not(
    agent_id: str | None, operation: Operation, status: int
) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    with pytest.raises(OperatorError) as refused:
        world.operate(ConvertResources(agent_id or agent.id, operation))
    assert refused.value.status == status
    assert refused.value.message


def test_statuses_carry_the_bytes_of_a_uuid() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    operate(framework, reserve(reserved("cpus", 1)))
    uuid = outcomes(framework)[0].uuid
    assert isinstance(uuid, UUID)
    assert len(uuid.value) == 16


def test_operations_on_offers_that_are_no_longer_valid_are_errors() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    offers = framework.open_offers
    framework.decline(*offers, refuse_s=0)
    operations = [reserve(reserved("cpus", 1)), reserve(reserved("cpus", 1), id_=None)]
    framework.call(
        CallType.ACCEPT,
        accept=scheduler.Accept(offer_ids=[o.id for o in offers], operations=operations),
    )
    (status,) = outcomes(framework)
    assert (status.operation_id, status.state) == (
        OperationID(value="op"),
        OperationState.ERROR,
    )
    assert status.uuid is None and "no longer valid" in (status.message or "")


def test_an_accept_that_comes_twice_does_not_make_an_error_of_what_was_done() -> None:
    world = World()
    world.agent()
    framework = web_framework(world)
    accept = scheduler.Accept(
        offer_ids=[o.id for o in framework.open_offers],
        operations=[reserve(reserved("cpus", 1))],
    )
    framework.call(CallType.ACCEPT, accept=accept)
    framework.call(CallType.ACCEPT, accept=accept)
    assert [status.state for status in outcomes(framework)] == [OperationState.FINISHED]


def test_a_persistence_id_is_used_once_by_a_role_on_an_agent() -> None:
    disk = DiskInfo(
        persistence=DiskPersistence(id="v1"),
        volume=Volume(container_path="elsewhere", mode=VolumeMode.RW),
    )
    elsewhere = msgspec.structs.replace(volume(64), disk=disk)
    world = World()
    agent, framework = world.agent(), web_framework(world)
    again, other = create(volume(64)), create(elsewhere)
    operate(framework, reserve(reserved("disk", 200)), create(volume(64)), again, other)
    assert [status.state.value for status in outcomes(framework)] == [
        "OPERATION_FINISHED",
        "OPERATION_FINISHED",
        "OPERATION_ERROR",
        "OPERATION_ERROR",
    ]
    assert "'v1' here already" in (outcomes(framework)[-1].message or "")
    assert agent_has(world, agent.id, volume(64), reserved("disk", 136))
    world.advance(60)
    operate(framework, destroy(volume(64)), other)
    assert agent_has(world, agent.id, elsewhere)


@pytest.mark.parametrize("can_share", [False, True])
def test_a_shared_volume_needs_a_framework_that_can_share(can_share: bool) -> None:
    capabilities = ["RESERVATION_REFINEMENT", "MULTI_ROLE", *["SHARED_RESOURCES"] * can_share]
    world = World()
    world.agent()
    framework = world.framework(roles=["web"], capabilities=capabilities)
    shared = msgspec.structs.replace(volume(64), shared=Shared())
    operate(framework, reserve(reserved("disk", 64), id_=None), create(shared))
    (status,) = outcomes(framework)
    assert status.state is (OperationState.FINISHED if can_share else OperationState.ERROR)
