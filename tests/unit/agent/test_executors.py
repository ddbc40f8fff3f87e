"""Custom executors: launched with their first task, told of tasks, waited for, and ended."""

from __future__ import annotations

import pytest
from msgspec import structs
from tests.unit.agent.world import FRAMEWORK, World, executor_info, framework, task_info

from orchestrator.agent.core.executors import MAX_UPDATES_A_TASK
from orchestrator.agent.core.messages import (
    CloseExecutorStream,
    Ended,
    ExecutorSaid,
    ExecutorStreamClosed,
    ExecutorSubscribed,
    ExecutorUpdated,
    ForgetContainer,
    LaunchContainer,
    LimitExceeded,
    LinkOpened,
    Observed,
    ResizeContainer,
    Started,
    TellExecutor,
)
from orchestrator.agent.core.task import Containerizer, Exit, Limitation
from orchestrator.mesos import link, resource_wire
from orchestrator.mesos.executor import Event, EventType
from orchestrator.mesos.types import ExecutorID, Scalar, TaskID, TaskInfo, TaskState, TaskStatus

E = ExecutorID(value="e")
CONTAINER = "c1"  # the executor's: ids are given out in order, tasks get the following ones


def by_executor(name: str = "t1", text: str = "cpus:1;mem:64") -> TaskInfo:
    return task_info(name, text, command=None, executor=executor_info())


def launched(*names: str) -> World:
    world = World().is_up()
    world.runs_in(executor_info(), *(by_executor(name) for name in names or ("t1",)))
    return world


def subscribed(*names: str) -> World:
    world = launched(*names)
    world.starts(CONTAINER)
    subscribes(world)
    return world


def subscribes(world: World, stream: str = "s1", **what: object) -> None:
    world.happens(ExecutorSubscribed(container_id=CONTAINER, stream=stream, **what))  # type: ignore[arg-type]


def update(
    name: str = "t1", state: TaskState = TaskState.RUNNING, uuid: bytes = b"u"
) -> TaskStatus:
    return TaskStatus(
        task_id=TaskID(value=name), state=state, uuid=uuid * 16, source="SOURCE_EXECUTOR"
    )


def tells(world: World, name: str = "t1", state: TaskState = TaskState.RUNNING) -> None:
    uuid = f"{name}{state}".encode()[-1:]
    world.happens(ExecutorUpdated(container_id=CONTAINER, status=update(name, state, uuid)))


def told(world: World) -> list[Event]:
    return [effect.event for effect in world.of(TellExecutor)]


def types(world: World) -> list[EventType]:
    return [event.type for event in told(world)]


def test_its_first_task_launches_it_and_is_told_when_it_subscribes() -> None:
    world = launched("t1", "t2")
    assert world.launched() == [CONTAINER]
    assert world.states() == []  # the tasks are still staging
    world.starts(CONTAINER)
    subscribes(world)
    assert types(world) == [EventType.SUBSCRIBED, EventType.LAUNCH, EventType.LAUNCH]
    welcome = told(world)[0].subscribed
    assert welcome is not None
    assert welcome.executor_info.executor_id == E
    assert welcome.framework_info.id == welcome.executor_info.framework_id == FRAMEWORK


def test_further_tasks_are_told_at_once_and_launch_nothing() -> None:
    world = subscribed()
    world.runs_in(executor_info(), by_executor("t2"), launches=False)
    assert types(world) == [EventType.LAUNCH]
    assert world.launched() == []


def test_its_resources_and_those_of_its_tasks_are_in_use_together() -> None:
    world = launched("t1", "t2")
    assert str(world.agent.book.used) == "cpus:3; mem:160"
    world.happens(Ended(container_id=CONTAINER, exit=Exit(code=0)))
    assert not world.agent.book.used


def test_what_it_tells_is_passed_on_and_acknowledged_to_it() -> None:
    world = subscribed()
    tells(world)
    assert world.states() == [TaskState.RUNNING]
    (status,) = world.updates()
    assert status.executor_id == E
    assert status.agent_id is not None
    assert types(world) == [EventType.ACKNOWLEDGED]


def test_an_update_that_comes_twice_is_passed_on_once() -> None:
    world = subscribed()
    tells(world)
    tells(world)
    assert world.updates() == []
    assert types(world) == [EventType.ACKNOWLEDGED]


def test_updates_about_tasks_of_others_are_let_go() -> None:
    world = subscribed()
    world.runs(task_info("other", "cpus:0.5;mem:32"))
    tells(world, "other", TaskState.FINISHED)
    assert world.updates() == []
    assert not world.task("other").has_ended


def test_a_task_that_ended_frees_what_it_used_while_its_executor_lives_on() -> None:
    world = subscribed("t1", "t2")
    tells(world, "t1", TaskState.FINISHED)
    assert str(world.agent.book.used) == "cpus:2; mem:96"
    assert world.killed() == []


def test_a_kill_is_told_and_again_after_the_executor_was_away() -> None:
    world = subscribed()
    tells(world)
    world.kills()
    (event,) = told(world)
    assert event.type is EventType.KILL
    assert event.kill is not None
    assert event.kill.task_id.value == "t1"
    world.happens(ExecutorStreamClosed(stream="s1"))
    subscribes(world, "s2")
    assert types(world) == [EventType.SUBSCRIBED, EventType.KILL]


def test_a_task_killed_before_the_executor_came_never_reaches_it() -> None:
    world = launched("t1", "t2")
    world.kills("t1")
    (status,) = world.updates()
    assert (status.state, status.reason) == (
        TaskState.KILLED,
        "REASON_TASK_KILLED_DURING_LAUNCH",
    )
    world.starts(CONTAINER)
    subscribes(world)
    assert types(world) == [EventType.SUBSCRIBED, EventType.LAUNCH]


def test_an_executor_none_of_whose_tasks_is_left_before_it_came_is_ended() -> None:
    world = launched()
    world.kills()
    assert world.killed() == [(CONTAINER, 5.0)]


def test_when_it_ends_its_tasks_have_failed_and_the_master_hears_of_both() -> None:
    world = subscribed("t1", "t2")
    tells(world, "t1", TaskState.FINISHED)
    world.happens(Ended(container_id=CONTAINER, exit=Exit(code=3)))
    (status,) = world.updates()
    assert (status.task_id.value, status.state) == ("t2", TaskState.FAILED)
    assert status.reason == "REASON_EXECUTOR_TERMINATED"
    assert status.message == "Executor exited with status 3"
    (exited,) = world.messages(link.ExecutorExited)
    assert (exited.executor_id, exited.status) == (E, 3 << 8)
    assert world.of(ForgetContainer) != []


def test_one_that_cannot_be_started_tells_why() -> None:
    world = launched()
    world.ends(CONTAINER, started=False, problem="no such program")
    (status,) = world.updates()
    assert status.reason == "REASON_CONTAINER_LAUNCH_FAILED"
    assert status.message == "Executor could not be started: no such program"


def test_one_that_does_not_subscribe_in_time_is_ended_with_its_tasks() -> None:
    world = launched()
    world.starts(CONTAINER)
    world.passes(59.9)
    assert world.killed() == []
    world.passes(0.2)
    assert world.killed() == [(CONTAINER, 5.0)]
    world.ends(CONTAINER, signal=15)
    (status,) = world.updates()
    assert status.reason == "REASON_EXECUTOR_REGISTRATION_TIMEOUT"


def test_shutting_it_down_is_asked_for_first_and_then_enforced() -> None:
    world = subscribed()
    world.said(link.ShutdownExecutor(framework_id=FRAMEWORK, executor_id=E))
    assert types(world) == [EventType.SHUTDOWN]
    assert world.killed() == []
    world.passes(5.0)
    assert world.killed() == [(CONTAINER, 0.0)]


def test_new_tasks_for_one_that_is_ending_are_dropped() -> None:
    world = subscribed()
    world.said(link.ShutdownExecutor(framework_id=FRAMEWORK, executor_id=E))
    world.runs_in(
        executor_info(), by_executor("t2"), launches=False, of=framework("PARTITION_AWARE")
    )
    (status,) = world.updates()
    assert (status.state, status.message) == (TaskState.DROPPED, "The executor is ending")


def test_tasks_for_one_that_has_just_ended_are_dropped() -> None:
    world = subscribed()
    world.ends(CONTAINER, code=0)
    world.runs_in(executor_info(), by_executor("t2"), launches=False)
    assert world.states() == [TaskState.LOST]
    assert world.launched() == []


def test_one_that_is_refused_is_given_back() -> None:
    world = World().is_up()
    world.runs_in(executor_info(text="cpus:4;mem:32"), by_executor())
    assert world.states() == [TaskState.ERROR]
    assert len(world.messages(link.ExecutorExited)) == 1
    assert world.agent.book.executors() == []


def test_messages_go_both_ways_while_it_listens() -> None:
    world = subscribed()
    world.happens(ExecutorSaid(container_id=CONTAINER, data=b"up"))
    (up,) = world.messages(link.ExecutorToFramework)
    assert (up.executor_id, up.data) == (E, b"up")
    down = link.FrameworkToExecutor(framework_id=FRAMEWORK, executor_id=E, data=b"down")
    world.said(down)
    (event,) = told(world)
    assert event.message is not None
    assert event.message.data == b"down"
    world.happens(ExecutorStreamClosed(stream="s1"))
    world.said(down)
    assert told(world) == []


def test_a_second_stream_takes_the_place_of_the_first() -> None:
    world = subscribed()
    tells(world)
    subscribes(world, "s2")
    assert world.of(CloseExecutorStream) == [CloseExecutorStream(stream="s1")]
    assert {effect.stream for effect in world.of(TellExecutor)} == {"s2"}
    world.happens(ExecutorStreamClosed(stream="s1"))  # late
    world.kills()
    assert types(world) == [EventType.KILL]


def test_a_flood_of_updates_ends_it() -> None:
    world = subscribed()
    for number in range(MAX_UPDATES_A_TASK + 1):
        status = update(uuid=b"")
        unlike = TaskStatus(
            task_id=status.task_id,
            state=TaskState.RUNNING,
            uuid=number.to_bytes(16, "big"),
            source="SOURCE_EXECUTOR",
        )
        world.happens(ExecutorUpdated(container_id=CONTAINER, status=unlike))
    assert types(world) == [EventType.SHUTDOWN]


def test_a_framework_that_is_gone_takes_its_executor_along() -> None:
    world = subscribed()
    tells(world)
    world.said(link.ShutdownFramework(framework_id=FRAMEWORK))
    assert types(world) == [EventType.SHUTDOWN]
    world.ends(CONTAINER, code=0)
    assert world.updates() == []
    assert world.messages(link.ExecutorExited) == []
    assert len(world.agent.book) == 0
    assert world.agent.book.executors() == []
    assert not any(key.startswith(("tasks/", "executors/", "frameworks/")) for key in world.disk)


def test_leaving_waits_for_executors_too() -> None:
    world = subscribed()
    world.said(link.Shutdown(reason="gone"))
    assert types(world) == [EventType.SHUTDOWN]
    assert world.messages(link.Leaving) == []
    world.ends(CONTAINER, code=0)
    world.acknowledges_all()
    assert len(world.messages(link.Leaving)) == 1


# --- after a restart of the agent ----------------------------------------------------------------


def restarted(world: World) -> World:
    again = world.crashes()
    again.happens(
        Observed(
            containerizer=Containerizer.MESOS,
            containers=(Started(container_id=CONTAINER, pid=77),),
        )
    )
    again.happens(Observed(containerizer=Containerizer.DOCKER, containers=()))
    return again


def test_an_executor_that_comes_back_goes_on() -> None:
    world = subscribed("t1", "t2")
    tells(world, "t1")
    again = restarted(world)
    subscribes(again, "s2", unacknowledged_updates=(update("t1", TaskState.RUNNING, b"G"),))
    assert EventType.LAUNCH in types(again)  # t2, which it says nothing of
    again.passes(0)
    again.happens(LinkOpened())
    (registered,) = again.registration().executors
    assert (registered.executor_id, registered.framework_id) == (E, FRAMEWORK)
    again.passes(10.0)
    assert again.killed() == []


def test_a_task_it_says_it_has_is_not_launched_again() -> None:
    world = subscribed("t1")
    again = restarted(world)
    subscribes(again, "s2", unacknowledged_tasks=(by_executor("t1"),))
    assert types(again) == [EventType.SUBSCRIBED]


def test_an_executor_that_does_not_come_back_is_ended() -> None:
    again = restarted(subscribed())
    again.passes(1.9)
    assert again.killed() == []
    again.passes(0.2)
    assert again.killed() == [(CONTAINER, 5.0)]
    again.ends(CONTAINER, signal=9)
    assert again.task().latest is not None
    assert again.task().latest.reason == "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"  # type: ignore[union-attr]


def test_an_executor_that_ended_meanwhile_takes_its_tasks_along() -> None:
    again = subscribed().crashes()
    again.recovers()
    assert again.task().state is TaskState.FAILED
    assert again.agent.book.executors() == []


def test_one_whose_launch_was_lost_is_launched_again() -> None:
    again = launched().crashes()
    again.recovers()
    assert again.launched() == [CONTAINER]


@pytest.mark.parametrize("has_started", [False, True])
def test_one_that_was_to_end_is_told_again(has_started: bool) -> None:
    world = subscribed()
    world.said(link.ShutdownExecutor(framework_id=FRAMEWORK, executor_id=E))
    again = world.crashes()
    facts = (Started(container_id=CONTAINER, pid=77),) if has_started else ()
    again.recovers(*facts)
    killed = [container for container, _ in again.killed()]
    assert killed == ([CONTAINER] if has_started else [])
    assert (again.agent.book.executors() == []) is not has_started


# --- what it may use ---------------------------------------------------------------------------


def resized(world: World) -> list[str]:
    found = world.of(ResizeContainer)
    return [str(resource_wire.from_wire(effect.container.resources)) for effect in found]


def test_its_container_may_use_what_it_and_its_tasks_were_given() -> None:
    world = launched("t1", "t2")
    assert resized(world) == ["cpus:3; mem:160"]
    world.starts(CONTAINER)
    subscribes(world)
    tells(world, "t1", TaskState.FINISHED)
    assert resized(world) == ["cpus:2; mem:96"]


def test_a_limit_of_one_task_makes_one_for_all() -> None:
    task = structs.replace(by_executor(), limits={"mem": Scalar(value=100)})
    world = World().is_up()
    world.runs_in(executor_info(), task, by_executor("t2"))
    (resize,) = world.of(ResizeContainer)
    assert resize.container.limits == {"mem": Scalar(value=32 + 100 + 64)}


def test_an_agent_that_launches_it_again_counts_its_tasks() -> None:
    again = launched("t1").crashes()
    again.recovers()
    (launch,) = again.of(LaunchContainer)
    assert str(resource_wire.from_wire(launch.container.resources)) == "cpus:2; mem:96"


def test_one_that_breaks_a_limit_is_ended_at_once_and_its_tasks_are_told_which() -> None:
    world = subscribed("t1", "t2")
    limitation = Limitation(reason="REASON_CONTAINER_LIMITATION_DISK", message="Too much")
    world.happens(LimitExceeded(container_id=CONTAINER, limitation=limitation))
    assert world.killed() == [(CONTAINER, 0.0)]
    world.ends(CONTAINER, signal=9)
    for name in ("t1", "t2"):
        last = world.task(name).updates[-1]
        assert (last.state, last.reason) == (TaskState.FAILED, limitation.reason)
        assert last.limitation is not None
