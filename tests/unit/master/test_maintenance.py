"""Maintenance: schedules, inverse offers, machines down and up."""

from __future__ import annotations

import time

import pytest

from orchestrator.master.core.commands import (
    StartMaintenance,
    StopMaintenance,
    UpdateMaintenanceSchedule,
)
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.machines import Machines
from orchestrator.mesos import link, scheduler
from orchestrator.mesos.scheduler import CallType, EventType
from orchestrator.mesos.types import (
    DurationInfo,
    Filters,
    InverseOffer,
    MachineID,
    MaintenanceSchedule,
    MaintenanceWindow,
    TaskState,
    TimeInfo,
    Unavailability,
)

from .world import FakeFramework, World, running, task

HOST = MachineID(hostname="host")
WHEN = Unavailability(start=TimeInfo(nanoseconds=10**18), duration=DurationInfo(nanoseconds=1))


def plan(*machines: MachineID) -> UpdateMaintenanceSchedule:
    window = MaintenanceWindow(machine_ids=list(machines), unavailability=WHEN)
    return UpdateMaintenanceSchedule(MaintenanceSchedule(windows=[window]))


def asked(framework: FakeFramework) -> list[InverseOffer]:
    return [
        one
        for e in framework.of_type(EventType.INVERSE_OFFERS)
        if e.inverse_offers
        for one in e.inverse_offers.inverse_offers
    ]


def answer(
    framework: FakeFramework, inverse: InverseOffer, type_: CallType, refuse_s: float = 100
) -> None:
    body = scheduler.InverseOfferAnswer(
        inverse_offer_ids=[inverse.id], filters=Filters(refuse_seconds=refuse_s)
    )
    framework.call(type_, **{type_.value.lower(): body})


def test_offers_of_a_scheduled_machine_say_when_it_goes_down() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    assert framework.open_offers[0].unavailability is None
    world.operate(plan(HOST))
    assert framework.of_type(EventType.RESCIND)
    assert framework.open_offers[0].unavailability == WHEN


def test_frameworks_with_tasks_there_are_asked_to_leave_and_no_others() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(name="a")
    bystander = world.framework(name="b")
    framework.launch("t1")
    world.operate(plan(HOST))
    (inverse,) = asked(framework)
    assert inverse.agent_id and inverse.agent_id.value == agent.id
    assert inverse.unavailability == WHEN
    assert asked(bystander) == []


@pytest.mark.parametrize("type_", [CallType.ACCEPT_INVERSE_OFFERS, CallType.DECLINE_INVERSE_OFFERS])
def test_answers_are_kept_for_operators(type_: CallType) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    answer(framework, asked(framework)[0], type_)
    kept, _ = world.master.state.answers[framework.id, agent.id]
    assert type_.value.startswith(kept)


def test_who_still_has_tasks_is_asked_again_when_the_filter_ends() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    answer(framework, asked(framework)[0], CallType.DECLINE_INVERSE_OFFERS)
    for seconds, times in ((60, 1), (39, 1), (1, 2)):
        world.advance(seconds)
        agent.say(link.Pong())
        assert len(asked(framework)) == times


def test_each_framework_has_the_filter_of_its_own_answer() -> None:
    world = World()
    agent = world.agent()
    patient, other = world.framework(name="a"), world.framework(name="b")
    patient.accept(patient.open_offers, [task("t1", agent.id)], refuse_s=0)
    patient.decline(*patient.open_offers)
    other.launch("t2")
    world.operate(plan(HOST))
    answer(patient, asked(patient)[0], CallType.ACCEPT_INVERSE_OFFERS)
    answer(other, asked(other)[0], CallType.DECLINE_INVERSE_OFFERS, refuse_s=10)
    world.advance(10)
    world.framework(name="c")
    assert (len(asked(patient)), len(asked(other))) == (1, 2)


def test_who_launches_on_a_machine_that_will_go_down_is_asked_to_leave() -> None:
    world = World()
    world.agent()
    world.operate(plan(HOST))
    framework = world.framework()
    framework.launch("t1")
    assert len(asked(framework)) == 1


def test_who_has_tasks_on_an_agent_that_comes_back_is_asked_to_leave() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    again = world.restarted()
    back = FakeFramework(again, world.master.cluster.frameworks[framework.id].info)
    agent.again([running("t1", framework.id, agent.id)], [back.info], at=again)
    assert len(asked(back)) == 1


def test_reviving_lets_a_framework_be_asked_again() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    answer(framework, asked(framework)[0], CallType.DECLINE_INVERSE_OFFERS)
    framework.call(CallType.REVIVE)
    assert len(asked(framework)) == 2


def test_inverse_offers_are_rescinded_when_the_schedule_changes() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    world.operate(UpdateMaintenanceSchedule(MaintenanceSchedule()))
    assert len(framework.of_type(EventType.RESCIND_INVERSE_OFFER)) == 1


def test_a_framework_that_subscribes_again_is_asked_again() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    assert len(asked(framework.again())) == 1


def test_a_machine_that_goes_down_loses_its_agents() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    world.operate(StartMaintenance([HOST]))
    assert agent.messages(link.Shutdown)
    assert framework.statuses[-1].state is TaskState.LOST
    assert not world.master.cluster.agents


@pytest.mark.parametrize("after_restart", [False, True])
def test_no_agent_registers_from_a_machine_that_is_down(after_restart: bool) -> None:
    world = World()
    world.operate(plan(HOST))
    world.operate(StartMaintenance([HOST]))
    if after_restart:
        world = world.restarted()
    assert "maintenance" in world.agent().messages(link.Refused)[0].reason


def test_an_agent_that_was_away_when_its_machine_went_down_is_told_to_end_with_its_tasks() -> None:
    world = World()
    agent = world.agent()
    world.operate(plan(HOST))
    agent.disconnect()
    world.operate(StartMaintenance([HOST]))
    assert "maintenance" in agent.again().messages(link.Shutdown)[0].reason
    world.operate(StopMaintenance([HOST]))
    assert agent.again().messages(link.Shutdown)


def test_a_machine_that_is_up_again_is_no_longer_scheduled() -> None:
    world = World()
    world.operate(plan(HOST, MachineID(hostname="other")))
    world.operate(StartMaintenance([HOST]))
    world.operate(StopMaintenance([HOST]))
    assert world.agent().messages(link.Registered)
    (window,) = world.master.state.schedule.windows
    assert window.machine_ids == [MachineID(hostname="other")]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (plan(HOST, HOST), "more than once"),
        (plan(MachineID()), "empty"),
        (plan(), "empty"),
        (StartMaintenance([HOST]), "not part of a schedule"),
        (StopMaintenance([HOST]), "not in DOWN mode"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    command: UpdateMaintenanceSchedule, reason: str
) -> None:
    with pytest.raises(OperatorError, match=reason):
        World().operate(command)


def test_a_machine_that_is_down_stays_in_the_schedule() -> None:
    world = World()
    world.operate(plan(HOST))
    world.operate(StartMaintenance([HOST]))
    with pytest.raises(OperatorError, match="deactivated"):
        world.operate(UpdateMaintenanceSchedule(MaintenanceSchedule()))
    with pytest.raises(OperatorError, match="not in DRAINING"):
        world.operate(StartMaintenance([HOST]))


def test_machines_are_found_by_address_too() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    world.operate(plan(MachineID(ip="127.0.0.1")))
    assert framework.open_offers[0].unavailability == WHEN


def test_the_answers_of_a_framework_go_with_it() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.launch("t1")
    world.operate(plan(HOST))
    answer(framework, asked(framework)[0], CallType.DECLINE_INVERSE_OFFERS)
    framework.call(CallType.TEARDOWN)
    assert not world.master.state.answers


@pytest.mark.parametrize(
    ("machine", "is_it"),
    [
        (MachineID(hostname="HOST"), True),
        (MachineID(hostname="host", ip="127.0.0.1"), True),
        (MachineID(hostname="", ip="127.0.0.1"), True),
        (MachineID(hostname="host", ip=""), True),
        (MachineID(hostname="host", ip="127.0.0.2"), False),
        (MachineID(hostname="other", ip="127.0.0.1"), False),
    ],
)
def test_what_is_left_out_of_a_machine_matches_all(machine: MachineID, is_it: bool) -> None:
    assert Machines([(machine, 1)]).at("host", "127.0.0.1") == (1 if is_it else None)


def test_the_first_window_counts() -> None:
    machines = Machines([(MachineID(ip="127.0.0.1"), 1), (HOST, 2), (HOST, 3)])
    assert machines.at("host", "127.0.0.1") == 1
    assert machines.at("host", "127.0.0.2") == 2


def test_offers_no_longer_say_what_is_no_longer_planned() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    world.operate(plan(HOST))
    world.operate(UpdateMaintenanceSchedule(MaintenanceSchedule()))
    assert framework.open_offers[0].unavailability is None


def test_a_schedule_of_many_machines_is_soon_gone_through() -> None:
    world = World()
    world.agent()
    machines = [MachineID(hostname=f"h{n}") for n in range(50_000)]
    began = time.process_time()
    world.operate(plan(*machines))
    world.operate(StartMaintenance(machines))
    world.operate(StopMaintenance(machines))
    assert time.process_time() - began < 10  # compared one by one they took minutes
