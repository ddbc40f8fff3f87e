"""Operators' calls: those that read are answered, those that change become commands."""

from __future__ import annotations

import pytest

from orchestrator.master.core import commands, gauges, v1_answers, v1_commands
from orchestrator.master.core.commands import OperatorCommand
from orchestrator.master.core.errors import OperatorError
from orchestrator.master.core.messages import Operated
from orchestrator.mesos import codec, operator, protobuf, scheduler
from orchestrator.mesos.operator import Call, CallType, Duration, Response, ResponseType
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.types import DrainConfig, DrainInfo, DrainState, DurationInfo, TaskState

from .test_maintenance import HOST, WHEN, plan
from .world import World

READING = [
    CallType.GET_HEALTH,
    CallType.GET_FLAGS,
    CallType.GET_STATE,
    CallType.GET_AGENTS,
    CallType.GET_FRAMEWORKS,
    CallType.GET_EXECUTORS,
    CallType.GET_OPERATIONS,
    CallType.GET_TASKS,
    CallType.GET_ROLES,
    CallType.GET_WEIGHTS,
    CallType.GET_MASTER,
    CallType.GET_MAINTENANCE_STATUS,
    CallType.GET_MAINTENANCE_SCHEDULE,
    CallType.GET_QUOTA,
]
OF_THE_PROCESS = {
    CallType.UNKNOWN,
    CallType.SUBSCRIBE,
    CallType.GET_VERSION,
    CallType.GET_METRICS,
    CallType.GET_LOGGING_LEVEL,
    CallType.SET_LOGGING_LEVEL,
    CallType.LIST_FILES,
    CallType.READ_FILE,
}
CHANGES: dict[str, dict[str, object]] = {
    "reserve_resources": {"agent_id": {"value": "S"}, "resources": []},
    "unreserve_resources": {"agent_id": {"value": "S"}, "resources": []},
    "create_volumes": {"agent_id": {"value": "S"}, "volumes": []},
    "destroy_volumes": {"agent_id": {"value": "S"}, "volumes": []},
    "grow_volume": {
        "agent_id": {"value": "S"},
        "volume": {"name": "disk", "type": "SCALAR"},
        "addition": {"name": "disk", "type": "SCALAR"},
    },
    "shrink_volume": {
        "agent_id": {"value": "S"},
        "volume": {"name": "disk", "type": "SCALAR"},
        "subtract": {"value": 1},
    },
    "update_maintenance_schedule": {"schedule": {}},
    "start_maintenance": {"machines": [{"hostname": "h"}]},
    "stop_maintenance": {"machines": [{"hostname": "h"}]},
    "drain_agent": {"agent_id": {"value": "S"}, "mark_gone": True},
    "deactivate_agent": {"agent_id": {"value": "S"}},
    "reactivate_agent": {"agent_id": {"value": "S"}},
    "mark_agent_gone": {"agent_id": {"value": "S"}},
    "teardown": {"framework_id": {"value": "F"}},
    "update_quota": {"quota_configs": [{"role": "r", "limits": {"cpus": {"value": 1.5}}}]},
    "set_quota": {
        "quota_request": {
            "role": "r",
            "guarantee": [{"name": "mem", "type": "SCALAR", "scalar": {"value": 64}}],
        }
    },
    "remove_quota": {"role": "r"},
    "update_weights": {"weight_infos": [{"role": "r", "weight": 2}]},
}


def call(field: str, body: object) -> Call:
    return codec.decode(Call, codec.encode({"type": field.upper(), field: body}))


def answer(world: World, type_: CallType) -> Response:
    found = v1_answers.answer(world.master.state, type_)
    assert found is not None
    return found


def busy_world() -> World:
    world = World()
    agent, framework = world.agent(), world.framework(role="web", capabilities=["PARTITION_AWARE"])
    framework.launch("t", "gone")
    agent.report(framework.id, "t", TaskState.RUNNING)
    agent.report(framework.id, "gone", TaskState.FAILED)
    framework.acknowledge(framework.statuses[-1])
    return world


def test_every_call_is_answered_changed_by_or_left_to_the_process() -> None:
    changing = {CallType(field.upper()) for field in CHANGES}
    assert {*READING} | changing | OF_THE_PROCESS == set(CallType)


@pytest.mark.parametrize("type_", READING)
def test_a_reading_call_is_answered_in_both_forms(type_: CallType) -> None:
    found = answer(busy_world(), type_)
    assert found.type is ResponseType(type_.value)
    assert codec.decode(Response, codec.encode(found)) == found
    assert protobuf.decode(Response, protobuf.encode(found)) == found


def test_agents_are_shown_with_what_is_allocated_by_role() -> None:
    world = busy_world()
    agents = answer(world, CallType.GET_AGENTS).get_agents
    assert agents
    (agent,) = agents.agents
    assert agent.active
    assert {r.allocation_info.role for r in agent.allocated_resources if r.allocation_info} == {
        "web"
    }
    cpus = [r.scalar.value for r in agent.allocated_resources if r.name == "cpus" and r.scalar]
    assert cpus == [1.0]


def test_a_draining_agent_says_so() -> None:
    world = World()
    agent = world.agent()
    world.master.cluster.agents[agent.id].drain = DrainInfo(
        state=DrainState.DRAINED, config=DrainConfig()
    )
    world.master.cluster.agents[agent.id].is_deactivated = True
    agents = answer(world, CallType.GET_AGENTS).get_agents
    assert agents
    assert agents.agents[0].deactivated
    assert not agents.agents[0].active
    assert agents.agents[0].drain_info


def test_tasks_are_shown_by_what_became_of_them() -> None:
    tasks = answer(busy_world(), CallType.GET_TASKS).get_tasks
    assert tasks
    assert [t.task_id.value for t in tasks.tasks] == ["t"]
    assert [t.task_id.value for t in tasks.completed_tasks] == ["gone"]
    assert tasks.tasks[0].statuses[-1].state is TaskState.RUNNING


def test_quota_is_shown_in_both_forms() -> None:
    world = World()
    world.agent()
    quota = v1_commands.command_of(call("set_quota", CHANGES["set_quota"]))
    assert quota is not None
    world.feed(Operated(1, quota))
    shown = answer(world, CallType.GET_QUOTA).get_quota
    assert shown
    (info,), (config,) = shown.status.infos, shown.status.configs
    assert info.guarantee == to_wire(parse("mem:64"))
    assert config.guarantees == config.limits
    assert config.limits["mem"].value == 64


def test_who_is_asked_to_leave_and_what_they_say_is_shown() -> None:
    world = World()
    world.agent()
    framework = world.framework()
    framework.launch("t")
    world.operate(plan(HOST))
    frameworks = answer(world, CallType.GET_FRAMEWORKS).get_frameworks
    assert frameworks
    (inverse,) = frameworks.frameworks[0].inverse_offers
    assert inverse.unavailability == WHEN
    body = scheduler.InverseOfferAnswer(inverse_offer_ids=[inverse.id])
    framework.call(scheduler.CallType.ACCEPT_INVERSE_OFFERS, accept_inverse_offers=body)
    shown = answer(world, CallType.GET_MAINTENANCE_STATUS).get_maintenance_status
    assert shown
    (machine,) = shown.status.draining_machines
    assert machine.id == HOST
    assert [(one.status, one.framework_id.value) for one in machine.statuses] == [
        ("ACCEPT", framework.id)
    ]


def test_figures_have_mesos_names_and_know_quota() -> None:
    world = busy_world()
    quota = v1_commands.command_of(call("set_quota", CHANGES["set_quota"]))
    assert quota is not None
    world.operate(quota)
    figures = gauges.snapshot(world.master.state)
    assert figures["allocator/mesos/quota/roles/r/resources/mem/guarantee"] == 64
    assert figures["allocator/mesos/quota/roles/r/resources/mem/limit"] == 64
    assert figures["allocator/mesos/resources/cpus/total"] == 4
    assert figures["allocator/mesos/resources/cpus/offered_or_allocated"] >= 1
    assert figures["master/tasks_running"] == 1
    assert figures["master/messages_register_slave"] == 1
    assert figures["registrar/log/recovered"] == 1


@pytest.mark.parametrize("field", CHANGES)
def test_a_changing_call_becomes_a_command(field: str) -> None:
    made = call(field, CHANGES[field])
    assert made.problem() is None
    assert isinstance(v1_commands.command_of(made), OperatorCommand)
    assert v1_commands.command_of(protobuf.decode(Call, protobuf.encode(made)))


def test_a_drain_is_told_its_grace_in_any_form() -> None:
    for grace in ("10mins", "600s", {"seconds": 600}, "600secs", "0.5hrs"):
        made = call("drain_agent", {"agent_id": {"value": "S"}, "max_grace_period": grace})
        command = v1_commands.command_of(made)
        assert isinstance(command, commands.DrainAgent)
        seconds = 1800 if grace == "0.5hrs" else 600
        assert command.max_grace_period == DurationInfo(nanoseconds=seconds * 10**9)


@pytest.mark.parametrize("text", ["", "soon", "10", "10 parsecs", "-5s", "1e9s", "9" * 30 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="is not a duration"):
        v1_commands.duration(text)


def test_no_duration_is_none() -> None:
    assert v1_commands.duration(None) is None
    assert v1_commands.duration(Duration(nanos=5)) == DurationInfo(nanoseconds=5)


@pytest.mark.parametrize(
    ("field", "body", "why"),
    [
        ("grow_volume", {**CHANGES["grow_volume"], "agent_id": None}, "agent_id"),
        ("set_quota", {"quota_request": {"role": "r"}}, "empty"),
        ("set_quota", {"quota_request": {"guarantee": []}}, "role"),
        (
            "set_quota",
            {"quota_request": {"role": "r", "guarantee": [{"name": "ports", "type": "RANGES"}]}},
            "scalars",
        ),
        ("update_weights", {"weight_infos": [{"weight": 1}]}, "role must be named"),
        ("update_weights", {"weight_infos": [{"role": "r", "weight": 1}] * 2}, "twice"),
        (
            "update_quota",
            {"quota_configs": [{"role": "r", "limits": {"cpus": {"value": -1}}}]},
            "cannot have the value",
        ),
        (
            "update_quota",
            {"quota_configs": [{"role": "r", "limits": {"cpus": {"value": "NaN"}}}]},
            "cannot have the value",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(field: str, body: object, why: str) -> None:
    with pytest.raises(OperatorError, match=why) as refusal:
        v1_commands.command_of(call(field, body))
    assert refusal.value.status == 400


def test_a_call_without_its_field_has_a_problem() -> None:
    for field in CHANGES:
        problem = Call(type=CallType(field.upper())).problem()
        assert problem == f"Expecting '{field}' to be present"
    assert Call(type=CallType.GET_METRICS).problem() is None
    assert Call(type=CallType.GET_STATE).problem() is None


def test_a_command_that_cannot_be_carried_out_is_refused_once() -> None:
    world = World()
    made = call("teardown", CHANGES["teardown"])
    command = v1_commands.command_of(made)
    assert command == commands.TeardownFramework("F")
    assert isinstance(made, operator.Call)
    world.feed(Operated(1, command))
    assert world.master.cluster.completed == {}
