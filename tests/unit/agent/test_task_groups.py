"""Task groups under the default executor: they start whole and end together."""

from __future__ import annotations

from tests.unit.agent.world import FRAMEWORK, World, executor_info, resources, task_info

from orchestrator.agent.core.messages import (
    Ended,
    ExecutorSubscribed,
    LaunchContainer,
    Started,
    TellExecutor,
)
from orchestrator.agent.core.task import Exit
from orchestrator.mesos import link
from orchestrator.mesos.executor import EventType
from orchestrator.mesos.types import ExecutorID, ExecutorInfo, TaskInfo, TaskState

DEFAULT = executor_info("DEFAULT", text="cpus:0.1;mem:32")
PARENT = "c1"


def member(name: str, text: str = "cpus:1;mem:32") -> TaskInfo:
    return task_info(name, text, executor=DEFAULT)


def a_group(*names: str) -> World:
    world = World().is_up()
    world.runs_in(DEFAULT, *(member(name) for name in names), is_group=True)
    return world


def running(*names: str) -> World:
    world = a_group(*names)
    for container_id in world.launched():
        world.starts(container_id)
    return world


def container(world: World, name: str) -> str:
    return world.task(name).id


def test_every_member_gets_a_container_below_that_of_the_executor() -> None:
    world = a_group("a", "b")
    containers = [launch.container for launch in world.of(LaunchContainer)]
    assert [one.task_id for one in containers] == ["a", "b"]
    assert {one.parent_id for one in containers} == {PARENT}
    assert {one.executor_id for one in containers} == {"e"}


def test_there_is_no_process_for_the_executor_itself() -> None:
    world = a_group("a", "b")
    assert PARENT not in world.launched()


def test_their_statuses_name_the_executor_and_the_nested_container() -> None:
    world = a_group("a")
    world.acknowledges_all()
    world.starts(container(world, "a"))
    (status,) = world.updates()
    assert status.executor_id == ExecutorID(value="e")
    assert status.container_status is not None
    assert status.container_status.container_id is not None
    assert status.container_status.container_id.parent is not None
    assert status.container_status.container_id.parent.value == PARENT


def test_a_member_that_fails_ends_the_others() -> None:
    world = running("a", "b", "c")
    world.ends(container(world, "b"), code=1)
    assert [id_ for id_, _ in world.killed()] == [container(world, "a"), container(world, "c")]
    world.ends(container(world, "a"), signal=15)
    assert world.task("a").state is TaskState.KILLED


def test_a_member_that_finishes_leaves_the_others_alone() -> None:
    world = running("a", "b")
    world.ends(container(world, "a"), code=0)
    assert world.killed() == []
    assert world.task("a").state is TaskState.FINISHED


def test_killing_one_member_kills_all() -> None:
    world = running("a", "b")
    world.kills("a")
    assert [id_ for id_, _ in world.killed()] == [container(world, "a"), container(world, "b")]


def test_another_group_of_the_same_executor_is_not_touched() -> None:
    world = running("a", "b")
    world.runs_in(DEFAULT, member("x"), is_group=True, launches=False)
    world.kills("a")
    assert container(world, "x") not in [id_ for id_, _ in world.killed()]


def test_a_group_that_does_not_fit_starts_not_even_in_part() -> None:
    world = World().is_up()
    wanted = [member("a"), member("b", "cpus:3.5;mem:32")]
    world.runs_in(DEFAULT, *wanted, is_group=True)
    assert world.launched() == []
    statuses = world.updates()
    assert [status.state for status in statuses] == [TaskState.ERROR, TaskState.ERROR]
    assert {status.reason for status in statuses} == {"REASON_TASK_GROUP_INVALID"}
    assert len(world.messages(link.ExecutorExited)) == 1


def test_the_executor_lasts_as_long_as_its_last_task() -> None:
    world = running("a", "b")
    world.ends(container(world, "a"), code=0)
    assert world.messages(link.ExecutorExited) == []
    assert str(world.agent.book.used) == "cpus:1.1; mem:64"
    world.ends(container(world, "b"), code=0)
    (exited,) = world.messages(link.ExecutorExited)
    assert (exited.executor_id.value, exited.status) == ("e", 0)
    assert not world.agent.book.used


def test_shutting_the_executor_down_kills_all_its_groups() -> None:
    world = running("a", "b")
    world.runs_in(DEFAULT, member("x"), is_group=True, launches=False)
    world.said(link.ShutdownExecutor(framework_id=FRAMEWORK, executor_id=ExecutorID(value="e")))
    assert len(world.killed()) == 3


def test_a_group_survives_a_restart_of_the_agent_with_its_executor() -> None:
    world = running("a", "b")
    again = world.crashes()
    ids = [container(world, "a"), container(world, "b")]
    again.recovers(*(Started(container_id=id_, pid=1) for id_ in ids))
    again.registers()
    assert again.killed() == []
    assert again.launched() == []
    assert [e.info.executor_id.value for e in again.agent.book.executors()] == ["e"]
    again.ends(container(again, "a"), code=1)
    assert [id_ for id_, _ in again.killed()] == [container(again, "b")]


def test_what_of_a_group_had_not_started_is_not_launched_when_another_of_it_has_ended() -> None:
    world = a_group("a", "b")
    world.starts(container(world, "a"))
    again = world.crashes()
    again.recovers(Ended(container_id=container(world, "a"), exit=Exit(signal=9)))
    assert again.launched() == []
    assert again.task("b").state is TaskState.KILLED


def test_a_custom_executor_gets_the_group_in_one_event() -> None:
    custom: ExecutorInfo = executor_info()
    world = World().is_up()
    tasks = [
        TaskInfo(
            name=name,
            task_id=member(name).task_id,
            agent_id=member(name).agent_id,
            resources=resources("cpus:1;mem:32"),
            executor=custom,
        )
        for name in ("a", "b")
    ]
    world.runs_in(custom, *tasks, is_group=True)
    world.starts(PARENT)
    world.happens(ExecutorSubscribed(container_id=PARENT, stream="s"))
    events = [effect.event for effect in world.of(TellExecutor)]
    assert [event.type for event in events] == [EventType.SUBSCRIBED, EventType.LAUNCH_GROUP]
    body = events[1].launch_group
    assert body is not None
    assert [task.name for task in body.task_group.tasks] == ["a", "b"]
