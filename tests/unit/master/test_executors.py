"""Executors on the master's books, and groups that are launched whole or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator.master.core.commands import MarkAgentGone
from orchestrator.mesos import link, scheduler
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.scheduler import CallType, EventType
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerInfo,
    DockerInfo,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    Image,
    MesosInfo,
    Resource,
    TaskGroupInfo,
    TaskInfo,
    TaskState,
    ValueType,
)

from .world import FakeAgent, FakeFramework, World, running, task


def executor(kind: str = "CUSTOM", name: str = "e", **fields: Any) -> ExecutorInfo:
    if kind == "CUSTOM":
        fields.setdefault("command", CommandInfo(value="my-executor"))
    fields.setdefault("resources", to_wire(parse(fields.pop("text", "cpus:0.5;mem:50"))))
    return ExecutorInfo(executor_id=ExecutorID(value=name), type=kind, **fields)


def small(name: str, agent: FakeAgent, info: ExecutorInfo | None = None, **fields: Any) -> TaskInfo:
    return task(name, agent.id, command=None, executor=info or executor(), **fields)


def members(agent: FakeAgent, *names: str, **fields: Any) -> list[TaskInfo]:
    return [task(name, agent.id, **fields) for name in names]


def start() -> tuple[World, FakeAgent, FakeFramework]:
    world = World()
    return world, world.agent(), world.framework()


def launch(framework: FakeFramework, *tasks: TaskInfo) -> None:
    framework.accept(framework.open_offers[-1:], list(tasks), refuse_s=0.0)


def launch_group(
    framework: FakeFramework, tasks: list[TaskInfo], info: ExecutorInfo | None = None
) -> None:
    group = scheduler.LaunchGroup(
        executor=info or executor("DEFAULT"), task_group=TaskGroupInfo(tasks=tasks)
    )
    operation = scheduler.Operation(type=scheduler.OperationType.LAUNCH_GROUP, launch_group=group)
    offers = [offer.id for offer in framework.open_offers[-1:]]
    body = scheduler.Accept(offer_ids=offers, operations=[operation])
    framework.call(CallType.ACCEPT, accept=body)


def used(world: World, agent: FakeAgent) -> float:
    return world.master.cluster.agents[agent.id].usage.used.scalar("cpus")


def orders(agent: FakeAgent) -> list[link.RunInExecutor]:
    return agent.messages(link.RunInExecutor)


def ends(framework: FakeFramework, agent: FakeAgent, status: int = 256) -> None:
    agent.say(
        link.ExecutorExited(
            framework_id=FrameworkID(value=framework.id),
            executor_id=ExecutorID(value="e"),
            status=status,
        )
    )


def test_the_first_task_of_an_executor_pays_for_it() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent))
    assert used(world, agent) == 1.5
    (order,) = orders(agent)
    assert order.launches_executor
    assert order.executor.framework_id == FrameworkID(value=framework.id)
    assert order.executor.resources[0].allocation_info is not None


def test_the_next_one_does_not() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent))
    launch(framework, small("t2", agent))
    assert used(world, agent) == 2.5
    assert [order.launches_executor for order in orders(agent)] == [True, False]


def test_tasks_that_would_fit_only_without_their_executor_are_refused() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent, resources="cpus:4;mem:100"))
    (status,) = framework.statuses
    assert status.state is TaskState.ERROR
    assert "more resources" in (status.message or "")
    assert used(world, agent) == 0


def test_an_executor_lasts_until_its_agent_says_that_it_ended() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent))
    agent.report(framework.id, "t1", TaskState.FINISHED)
    assert used(world, agent) == 0.5
    ends(framework, agent)
    assert used(world, agent) == 0
    failure = framework.of_type(EventType.FAILURE)[0].failure
    assert failure is not None
    assert failure.executor_id is not None
    assert (failure.executor_id.value, failure.status) == ("e", 256)


def test_what_an_executor_used_is_offered_again() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent))
    agent.report(framework.id, "t1", TaskState.FINISHED)
    ends(framework, agent)
    world.advance(1.0)
    offered = sum(r.scalar.value for o in framework.open_offers for r in o.resources
                  if r.name == "cpus" and r.scalar)  # fmt: skip
    assert offered == 4


def test_an_executor_changed_under_its_name_is_refused() -> None:
    _, agent, framework = start()
    launch(framework, small("t1", agent))
    changed = executor(command=CommandInfo(value="another"))
    launch(framework, small("t2", agent, changed))
    (status,) = framework.statuses
    assert "not compatible with existing ExecutorInfo" in (status.message or "")


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (executor("DEFAULT"), "'ExecutorInfo.type' must be 'CUSTOM'"),
        (executor(command=None), "'ExecutorInfo.command' must be set"),
        (executor(name=".."), "disallowed as ExecutorID"),
        (executor(framework_id=FrameworkID(value="other")), "invalid FrameworkID"),
        (
            executor(data=b"", resources=[Resource(name="cpus", type=ValueType.SCALAR)]),
            "invalid resources",
        ),
        (executor(data=b"x" * 300_000), "must not be larger"),
    ],
)
def test_executors_that_cannot_be_are_refused_with_a_reason(
    info: ExecutorInfo, sentence: str
) -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent, info))
    (status,) = framework.statuses
    assert (status.state, status.reason) == (TaskState.ERROR, "REASON_TASK_INVALID")
    assert sentence in (status.message or "")
    assert used(world, agent) == 0


# --- groups --------------------------------------------------------------------------------------


def test_a_group_is_sent_whole_to_one_executor() -> None:
    world, agent, framework = start()
    launch_group(framework, members(agent, "a", "b"))
    (order,) = orders(agent)
    assert order.is_group
    assert [t.task_id.value for t in order.tasks] == ["a", "b"]
    assert used(world, agent) == 2.5
    tasks = world.master.cluster.frameworks[framework.id].tasks
    assert {one.executor_id for one in tasks.values()} == {"e"}


def test_of_a_group_that_does_not_fit_nothing_is_launched() -> None:
    world, agent, framework = start()
    launch_group(framework, members(agent, "a", "b", "c", "d"))
    assert orders(agent) == []
    assert used(world, agent) == 0
    assert {s.reason for s in framework.statuses} == {"REASON_TASK_GROUP_INVALID"}
    assert len(framework.statuses) == 4


DOCKER = ContainerInfo(type="DOCKER", docker=DockerInfo(image="i"))
WITH_IMAGE = ContainerInfo(type="MESOS", mesos=MesosInfo(image=Image(type="DOCKER")))


@pytest.mark.parametrize(
    ("names", "info", "fields", "sentence"),
    [
        ("aa", executor("DEFAULT"), {}, "must have different IDs"),
        ("", executor("DEFAULT"), {}, "has 1 to 1000 tasks"),
        ("a", executor("DEFAULT"), {"container": DOCKER}, "Docker ContainerInfo is not supported"),
        ("a", executor("DEFAULT"), {"command": None}, "'TaskInfo.command' must be set"),
        ("a", executor("DEFAULT"), {"executor": executor()}, "is different from executor 'e'"),
        ("a", executor("DEFAULT", text="cpus:0.001;mem:50"), {}, "uses less CPUs"),
        ("a", executor("DEFAULT", text="cpus:1;mem:10"), {}, "uses less memory"),
        ("a", executor("UNKNOWN"), {}, "'ExecutorInfo.type' must be set"),
        ("a", executor("DEFAULT", command=CommandInfo(value="x")), {}, "must not be set"),
        ("a", executor("DEFAULT", container=DOCKER), {}, "Docker ContainerInfo is not supported"),
        ("a", executor("DEFAULT", container=WITH_IMAGE), {}, "image' must not be set"),
    ],
)
def test_groups_that_cannot_be_are_refused_with_a_reason(
    names: str, info: ExecutorInfo, fields: dict[str, Any], sentence: str
) -> None:
    world, agent, framework = start()
    launch_group(framework, members(agent, *names, **fields), info)
    assert orders(agent) == []
    assert used(world, agent) == 0
    for status in framework.statuses:
        assert sentence in (status.message or "")
    assert len(framework.statuses) == len(names)


# --- agents and frameworks that go and come back -------------------------------------------------


def as_reported(framework: FakeFramework, name: str = "e") -> ExecutorInfo:
    info = executor("DEFAULT", name, text="cpus:0.5;mem:50")
    return msgspec.structs.replace(
        info,
        framework_id=FrameworkID(value=framework.id),
        resources=to_wire(parse("cpus:0.5;mem:50"), role="*", refined=True),
    )


def reregister(
    agent: FakeAgent, framework: FakeFramework, *executors: ExecutorInfo, at: World | None = None
) -> FakeAgent:
    info = framework.info
    info = msgspec.structs.replace(info, id=FrameworkID(value=framework.id))
    tasks = [running("a", framework.id, agent.id)]
    return agent.again(tasks, [info], executors=list(executors), at=at)


def test_a_new_master_learns_of_executors_from_their_agents() -> None:
    _, agent, framework = start()
    launch_group(framework, members(agent, "a"))
    other = World()
    again = reregister(agent, framework, as_reported(framework), at=other)
    assert used(other, again) == 1.5
    (known,) = other.master.cluster.agents[again.id].executors.values()
    assert (known.executor_id, known.role) == ("e", "*")


def test_an_executor_that_an_agent_comes_back_without_is_over() -> None:
    world, agent, framework = start()
    launch_group(framework, members(agent, "a"))
    agent.disconnect()
    again = reregister(agent, framework)
    assert used(world, again) == 1.0
    assert framework.of_type(EventType.FAILURE)[-1].failure is not None


def test_one_that_it_comes_back_with_is_charged_once() -> None:
    world, agent, framework = start()
    launch_group(framework, members(agent, "a"))
    agent.disconnect()
    again = reregister(agent, framework, as_reported(framework))
    assert used(world, again) == 1.5


def test_a_framework_that_is_over_leaves_no_executor_behind() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent))
    agent.report(framework.id, "t1", TaskState.FINISHED)
    framework.call(CallType.TEARDOWN)
    assert used(world, agent) == 0
    assert len(agent.messages(link.ShutdownFramework)) == 1
    assert world.master.cluster.agents[agent.id].executors == {}


def test_an_agent_that_is_gone_takes_its_executors_along() -> None:
    world, agent, framework = start()
    launch(framework, small("t1", agent))
    world.operate(MarkAgentGone(agent.id))
    of_framework = world.master.cluster.frameworks[framework.id]
    assert of_framework.executors == {}
    assert sum(usage.used.milli("cpus") for usage in of_framework.usage.values()) == 0


def test_a_framework_that_fails_over_is_made_known_where_only_its_executor_is() -> None:
    _, agent, framework = start()
    launch(framework, small("t1", agent))
    status = agent.report(framework.id, "t1", TaskState.FINISHED)
    framework.acknowledge(status)
    framework.again(name="renamed")
    (update,) = agent.messages(link.UpdateFramework)
    assert update.framework.name == "renamed"


def test_offers_name_the_framework_s_executors_on_the_agent() -> None:
    world, agent, framework = start()
    other = world.agent()
    framework.decline(*[o for o in framework.open_offers if o.agent_id.value == other.id])
    framework.accept(framework.open_offers[-1:], [small("t1", agent)], refuse_s=0.0)
    (offer,) = framework.open_offers
    assert offer.executor_ids == [ExecutorID(value="e")]
    framework.decline(offer)
    bystander = world.framework(name="other")
    assert [o.executor_ids for o in bystander.open_offers] == [[], []]
