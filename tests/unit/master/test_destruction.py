"""An agent is told to delete the data of destroyed volumes, until it has."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from orchestrator.master.core.commands import ConvertResources
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import link, scheduler
from orchestrator.mesos.resource_wire import parse, to_wire
from orchestrator.mesos.scheduler import Operation, OperationType
from orchestrator.mesos.types import (
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    OperationState,
    TaskGroupInfo,
    TaskState,
)

from .test_operations import (
    agent_has,
    create,
    destroy,
    outcomes,
    reserve,
    reserved,
    volume,
    web_framework,
)
from .test_operations import (
    operate as operate_now,
)
from .world import FakeAgent, FakeFramework, World, task


def ready() -> tuple[World, FakeAgent, FakeFramework]:
    """An agent with a volume of 60 that nobody uses, and who may destroy it."""
    world = World()
    agent, framework = world.agent(), web_framework(world)
    operate_now(framework, reserve(reserved("disk", 100), reserved("cpus", 1)), create(volume(60)))
    return world, agent, framework


def operate(framework: FakeFramework, *operations: Operation) -> None:
    """Convert what is offered once the filter of the last answer is over."""
    framework.world.advance(6)
    operate_now(framework, *operations)


def launch(agent: FakeAgent) -> Operation:
    """A task with the volume."""
    wanted = replace(task("t1", agent.id), resources=[reserved("cpus", 1), volume(60)])
    return Operation(type=OperationType.LAUNCH, launch=scheduler.Launch(task_infos=[wanted]))


def orders(agent: FakeAgent) -> list[tuple[int, list[str]]]:
    return [
        (o.number, [v.disk.persistence.id for v in o.volumes if v.disk and v.disk.persistence])
        for o in agent.messages(link.DestroyVolumes)
    ]


def test_only_what_ends_a_volume_is_told() -> None:
    _, agent, framework = ready()
    grown = scheduler.GrowVolume(volume=volume(60), addition=reserved("disk", 20))
    operate(framework, Operation(type=OperationType.GROW_VOLUME, grow_volume=grown))
    assert orders(agent) == []
    operate(framework, destroy(volume(80)))
    assert orders(agent) == [(1, ["v1"])]
    (order,) = agent.messages(link.DestroyVolumes)
    assert order.volumes[0].reservations[-1].role == "web"


def test_an_operator_destroys_with_the_data_too() -> None:
    world, agent, _ = ready()
    world.operate(ConvertResources(agent.id, destroy(volume(60))))
    assert orders(agent) == [(1, ["v1"])]


def test_the_order_is_there_before_a_task_with_a_new_volume_of_the_name() -> None:
    _, agent, framework = ready()
    operate(framework, destroy(volume(60)), create(volume(60)), launch(agent))
    sent = [type(m) for m in framework.world.messages[agent.link]]
    assert sent.index(link.DestroyVolumes) < sent.index(link.RunTasks)


def test_a_volume_in_use_cannot_be_destroyed() -> None:
    world, agent, framework = ready()
    operate(framework, launch(agent))
    with pytest.raises(OperatorError):
        world.operate(ConvertResources(agent.id, destroy(volume(60))))
    operate(framework, destroy(volume(60)))
    assert outcomes(framework)[-1].state is OperationState.ERROR
    assert orders(agent) == []
    agent.report(framework.id, "t1", TaskState.FINISHED)
    world.operate(ConvertResources(agent.id, destroy(volume(60))))
    assert orders(agent) == [(1, ["v1"])]


def launch_group(agent: FakeAgent) -> Operation:
    """Two tasks whose executor has the volume."""
    own = to_wire(parse("cpus:0.1;mem:32"))
    executor = ExecutorInfo(
        executor_id=ExecutorID(value="e"), type="DEFAULT", resources=[*own, volume(60)]
    )
    tasks = [task(name, agent.id) for name in ("t1", "t2")]
    group = scheduler.LaunchGroup(executor=executor, task_group=TaskGroupInfo(tasks=tasks))
    return Operation(type=OperationType.LAUNCH_GROUP, launch_group=group)


def test_a_volume_of_an_executor_is_in_use_until_the_executor_has_ended() -> None:
    world, agent, framework = ready()
    operate(framework, launch_group(agent))
    (order,) = agent.messages(link.RunInExecutor)
    assert [one.disk for one in order.executor.resources if one.disk] == [volume(60).disk]
    for name in ("t1", "t2"):
        with pytest.raises(OperatorError):
            world.operate(ConvertResources(agent.id, destroy(volume(60))))
        agent.report(framework.id, name, TaskState.FINISHED)
    with pytest.raises(OperatorError):
        world.operate(ConvertResources(agent.id, destroy(volume(60))))
    ended = link.ExecutorExited(
        framework_id=FrameworkID(value=framework.id), executor_id=ExecutorID(value="e"), status=0
    )
    agent.say(ended)
    world.operate(ConvertResources(agent.id, destroy(volume(60))))
    assert orders(agent) == [(1, ["v1"])]


def test_a_part_of_a_volume_cannot_be_destroyed() -> None:
    world, agent, framework = ready()
    operate(framework, destroy(volume(20)))
    assert outcomes(framework)[-1].state is OperationState.ERROR
    assert orders(agent) == []
    assert agent_has(world, agent.id, volume(60))


def test_what_an_agent_has_not_carried_out_it_is_told_again_and_nothing_else() -> None:
    world, agent, framework = ready()
    operate(framework, destroy(volume(60)))
    operate(framework, create(volume(50, "v2")))
    operate(framework, destroy(volume(50, "v2")))
    agent.say(link.VolumesDestroyed(number=1))
    agent.disconnect()
    assert orders(agent.again(destroyed=1)) == [(2, ["v2"])]
    assert orders(agent.again(destroyed=2)) == []  # the answer was lost with the link
    assert orders(agent.again(destroyed=2, at=world.restarted())) == []


def test_a_master_that_starts_anew_goes_on_telling() -> None:
    world, agent, _ = ready()
    agent.disconnect()
    world.operate(ConvertResources(agent.id, destroy(volume(60))))
    again = agent.again(at=world.restarted())
    assert orders(again) == [(1, ["v1"])]
    again.say(link.VolumesDestroyed(number=1))
    assert orders(again.again(at=again.world.restarted(), destroyed=1)) == []


def test_numbers_go_on_where_the_agent_is() -> None:
    _, agent, framework = ready()
    operate(framework, destroy(volume(60)))
    agent.say(link.VolumesDestroyed(number=1))
    operate(framework, create(volume(60)), destroy(volume(60)))
    assert [number for number, _ in orders(agent)] == [1, 2]
    forgetful = World()
    again = agent.again(at=forgetful, destroyed=2)  # the registry was lost
    assert orders(again) == []
    other = web_framework(forgetful)
    operate(other, reserve(reserved("disk", 100)), create(volume(60)), destroy(volume(60)))
    assert orders(again) == [(3, ["v1"])]


def test_an_agent_of_an_older_version_is_told_nothing() -> None:
    _, agent, framework = ready()
    agent.disconnect()
    old = agent.again(destroyed=None)
    operate(framework, destroy(volume(60)))
    assert outcomes(framework)[-1].state is OperationState.FINISHED
    assert orders(old) == []
