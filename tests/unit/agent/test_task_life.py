"""One task from launch to its last acknowledgement."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import FRAMEWORK, World, framework, task_info, task_of

from orchestrator.agent.core.messages import (
    ForgetContainer,
    Halt,
    HaltReason,
    LaunchContainer,
    Send,
    Started,
)
from orchestrator.agent.core.task import (
    MOVES,
    SHOWN,
    Condition,
    Goal,
    Task,
)
from orchestrator.mesos import link
from orchestrator.mesos.types import (
    CheckInfo,
    CommandInfo,
    ContainerInfo,
    DockerInfo,
    DurationInfo,
    ExecutorID,
    ExecutorInfo,
    HealthCheck,
    KillPolicy,
    TaskState,
)
from orchestrator.runtime.machine import Save

SECOND = 1_000_000_000


def a_task(condition: Condition) -> Task:
    return replace(task_of(task_info()), condition=condition)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Condition, Condition)))
def test_a_condition_moves_only_as_the_table_allows(before: Condition, after: Condition) -> None:
    forward = {
        (Condition.STAGED, Condition.RUNNING),
        (Condition.STAGED, Condition.ENDED),
        (Condition.RUNNING, Condition.ENDED),
    }
    assert a_task(before).can_become(after) is ((before, after) in forward)
    assert set(MOVES) == set(Condition)


@pytest.mark.parametrize("goal", Goal)
@pytest.mark.parametrize("condition", [c for c in Condition if c is not Condition.ENDED])
def test_every_living_task_shows_a_state_that_is_not_terminal(
    condition: Condition, goal: Goal
) -> None:
    assert not SHOWN[condition, goal].is_terminal


def task_in(condition: Condition, goal: Goal) -> World:
    world = World().is_up()
    world.runs(task_info())
    if condition is not Condition.STAGED:
        world.starts()
    if goal is Goal.STOP:
        world.kills()
    if condition is Condition.ENDED:
        world.ends()
    return world


@pytest.mark.parametrize("event", ["starts", "ends", "kills", "runs again"])
@pytest.mark.parametrize("goal", Goal)
@pytest.mark.parametrize("condition", Condition)
def test_whatever_happens_in_whatever_state_is_one_step_forward_or_nothing(
    condition: Condition, goal: Goal, event: str
) -> None:
    world = task_in(condition, goal)
    before = world.task()
    match event:
        case "starts":
            world.starts()
        case "ends":
            world.ends(code=1)
        case "kills":
            world.kills()
        case _:
            world.runs(task_info())
    after = world.task()
    assert after.condition is before.condition or before.can_become(after.condition)
    assert (before.goal, after.goal) != (Goal.STOP, Goal.RUN)
    assert after.updates[: len(before.updates)] == before.updates
    assert len(after.updates) <= len(before.updates) + 1
    if after == before:
        assert world.of(Save) == []


def test_a_launch_is_checkpointed_before_it_is_ordered() -> None:
    world = World().is_up()
    effects = world.runs(task_info())
    kinds = [type(effect) for effect in effects]
    assert kinds.index(LaunchContainer) > max(i for i, k in enumerate(kinds) if k is Save)
    assert world.states() == [TaskState.STARTING]


def test_updates_come_in_order_and_one_at_a_time() -> None:
    world = World().is_up()
    world.runs(task_info())
    (starting,) = world.updates()
    world.starts()
    assert world.updates() == []
    world.ends(code=0)
    assert world.updates() == []
    world.acknowledges(starting)
    (running,) = world.updates()
    world.acknowledges(running)
    (finished,) = world.updates()
    assert [running.state, finished.state] == [TaskState.RUNNING, TaskState.FINISHED]


def test_an_update_says_where_the_task_runs() -> None:
    world = World().is_up()
    world.runs(task_info())
    world.acknowledges(world.updates()[0])
    world.starts(pid=4711)
    (running,) = world.updates()
    assert running.container_status is not None
    assert running.container_status.executor_pid == 4711
    assert running.container_status.network_infos[0].ip_addresses[0].ip_address == "10.0.0.1"
    assert running.source == "SOURCE_EXECUTOR"
    assert running.timestamp == world.now


@pytest.mark.parametrize(
    ("how", "state", "message"),
    [
        ({"code": 0}, TaskState.FINISHED, "Command exited with status 0"),
        ({"code": 3}, TaskState.FAILED, "Command exited with status 3"),
        ({"signal": 9}, TaskState.FAILED, "Command terminated with signal Killed"),
        ({"signal": 15}, TaskState.FAILED, "Command terminated with signal Terminated"),
        (
            {"problem": "nobody saw it"},
            TaskState.FAILED,
            "Command ended, exit status unknown because nobody saw it",
        ),
        (
            {"problem": "no such file: x", "started": False},
            TaskState.FAILED,
            "Command could not be started: no such file: x",
        ),
        (
            {"code": 137, "out_of_memory": True},
            TaskState.FAILED,
            "Command exited with status 137 after it exceeded its memory limit",
        ),
    ],
)
def test_the_last_update_says_how_the_task_ended(
    how: dict[str, Any], state: TaskState, message: str
) -> None:
    world = World().is_up()
    world.runs(task_info())
    world.ends(**how)
    last = world.task().updates[-1]
    assert (last.state, last.message) == (state, message)
    if state is TaskState.FAILED:
        assert last.reason is not None


@pytest.mark.parametrize("how", [{"code": 0}, {"code": 143}, {"signal": 15}, {"problem": "x"}])
def test_a_task_that_was_killed_is_killed_however_it_ends(how: dict[str, Any]) -> None:
    world = task_in(Condition.RUNNING, Goal.STOP)
    world.ends(**how)
    assert world.task().state is TaskState.KILLED


def test_a_kill_before_the_start_says_so() -> None:
    world = task_in(Condition.STAGED, Goal.STOP)
    world.ends(started=False)
    last = world.task().updates[-1]
    assert last.state is TaskState.KILLED
    assert last.reason == "REASON_TASK_KILLED_DURING_LAUNCH"


def test_the_grace_is_the_kills_own_then_the_tasks_then_three_seconds() -> None:
    policy = KillPolicy(grace_period=DurationInfo(nanoseconds=7 * SECOND))
    world = World().is_up()
    world.runs(task_info("a"), task_info("b", kill_policy=policy))
    world.kills("a")
    assert world.killed() == [("c1", 3.0)]
    world.kills("b")
    assert world.killed() == [("c2", 7.0)]
    world.kills("b", grace_ns=2 * SECOND)
    assert world.killed() == [("c2", 2.0)]


@pytest.mark.parametrize(
    ("later", "grace", "left"),
    [(1, 60, 19), (1, 20, 19), (3, 5, 2), (5, 5, 0), (8, 5, 0), (8, 0, 0)],
)
def test_a_second_kill_can_only_shorten_the_grace_which_began_with_the_first(
    later: float, grace: int, left: float
) -> None:
    world = task_in(Condition.RUNNING, Goal.RUN)
    world.kills(grace_ns=20 * SECOND)
    world.now += later
    world.kills(grace_ns=grace * SECOND)
    assert world.killed() == [("c1", left)]


def test_what_is_left_of_a_grace_is_known_after_a_restart() -> None:
    world = task_in(Condition.RUNNING, Goal.RUN)
    world.kills(grace_ns=20 * SECOND)
    again = world.crashes()
    again.now += 5
    again.recovers(Started(container_id="c1", pid=77))
    assert again.killed() == [("c1", 15.0)]
    again.kills(grace_ns=6 * SECOND)
    assert again.killed() == [("c1", 1.0)]


def test_killing_is_told_to_frameworks_that_know_it() -> None:
    world = World().is_up()
    world.runs(task_info(), of=framework("TASK_KILLING_STATE"))
    world.starts()
    world.acknowledges_all()
    world.kills()
    assert world.states() == [TaskState.KILLING]


def test_the_kill_of_an_unknown_task_is_answered_to_a_known_framework_only() -> None:
    world = World().is_up()
    assert world.kills("nobody") == []
    world.runs(task_info())
    world.kills("nobody")
    (lost,) = world.updates()
    assert (lost.state, lost.reason) == (TaskState.LOST, "REASON_EXECUTOR_TERMINATED")
    world.acknowledges(lost)
    world.runs(task_info("t2"), of=framework("PARTITION_AWARE"))
    world.kills("nobody")
    assert world.states() == [TaskState.DROPPED]


def test_a_task_is_forgotten_once_its_last_update_is_acknowledged() -> None:
    world = World().is_up()
    world.runs(task_info())
    world.starts()
    world.ends(code=0)
    assert [type(e) for e in world.effects] == [Save, ForgetContainer]
    world.acknowledges_all()
    assert len(world.agent.book) == 0
    assert set(world.disk) == {"agent"}


def test_a_wrong_acknowledgement_changes_nothing() -> None:
    world = World().is_up()
    world.runs(task_info())
    before = world.task()
    one = link.Acknowledgement(framework_id=FRAMEWORK, task_id=before.info.task_id, uuid=b"another")
    assert world.said(link.Acknowledgements(acknowledgements=[one])) == []
    assert world.task() == before


def test_a_task_that_does_not_fit_is_an_error_with_the_reason() -> None:
    world = World().is_up()
    world.runs(task_info("a", "cpus:3"), task_info("b", "cpus:2"))
    assert world.launched() == ["c1"]
    last = world.task("b").updates[-1]
    assert (last.state, last.reason) == (TaskState.ERROR, "REASON_TASK_INVALID")
    assert last.message == (
        "The task uses cpus:2 but only cpus:1; mem:256; ports:[31000-31009] is available"
    )
    assert last.container_status is None


def test_resources_that_the_master_reserved_meanwhile_are_counted_by_name() -> None:
    world = World().is_up()
    world.runs(task_info("a", "cpus(db):3"), task_info("b", "cpus(db):2"), task_info("c", "cpus:1"))
    assert world.launched() == ["c1", "c3"]
    assert "cpus(db):2" in (world.task("b").updates[-1].message or "")


def test_what_an_ended_task_used_is_free_before_it_is_acknowledged() -> None:
    world = World().is_up()
    world.runs(task_info("a", "cpus:4"))
    world.ends()
    world.runs(task_info("b", "cpus:4"))
    assert world.launched() == ["c2"]


DOCKER = ContainerInfo(type="DOCKER", docker=DockerInfo(image="i"))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"command": None}, "The task has no command"),
        ({"command": CommandInfo()}, "The command is a shell command without a value"),
        ({"command": CommandInfo(shell=False)}, "The command has neither a value nor arguments"),
        (
            {"executor": ExecutorInfo(executor_id=ExecutorID(value="e"))},
            "The task names an executor but came as a command",
        ),
        ({"container": DOCKER}, "No Docker here"),
        (
            {"health_check": HealthCheck(type="TCP")},
            "Task uses invalid health check: Expecting 'tcp' to be set for TCP health check",
        ),
        (
            {"check": CheckInfo(type="TCP"), "command": None, "container": DOCKER},
            "Task uses invalid check: Expecting 'tcp' to be set for TCP check",
        ),
        (
            {"container": ContainerInfo(type="APPC")},
            "This agent does not know containers of type APPC",
        ),
    ],
)
def test_what_the_agent_cannot_do_is_refused_in_one_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    world = World().is_up()
    world.runs(task_info(**fields))
    assert world.launched() == []
    (update,) = world.updates()
    assert update.state in (TaskState.ERROR, TaskState.FAILED)
    assert update.message == sentence


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "x" * 300])
def test_a_task_id_that_cannot_name_a_directory_is_an_error(name: str) -> None:
    world = World().is_up()
    world.runs(task_info(name))
    assert world.states() == [TaskState.ERROR]


def test_a_removed_framework_leaves_nothing_and_is_told_nothing() -> None:
    world = World().is_up()
    world.runs(task_info("a"), task_info("b"))
    world.starts("c1")
    world.ends("c2")
    world.said(link.ShutdownFramework(framework_id=FRAMEWORK))
    assert world.killed() == [("c1", 3.0)]
    world.ends("c1", signal=15)
    assert world.of(Send) == []
    assert [f.container_id for f in world.of(ForgetContainer)] == ["c1"]
    assert set(world.disk) == {"agent"}


def test_a_removed_frameworks_resources_are_free_at_once_as_the_master_believes() -> None:
    world = World().is_up()
    world.runs(task_info("a", "cpus:4"))
    world.said(link.ShutdownFramework(framework_id=FRAMEWORK))
    other = framework(id_=FRAMEWORK.__class__(value="F-0001"))
    world.runs(task_info("a", "cpus:4"), of=other)
    assert world.launched() == ["c2"]


def test_shutting_down_its_executor_kills_a_task() -> None:
    world = task_in(Condition.RUNNING, Goal.RUN)
    world.said(link.ShutdownExecutor(framework_id=FRAMEWORK, executor_id=ExecutorID(value="t1")))
    assert world.killed() == [("c1", 3.0)]
    world.ends(signal=15)
    assert world.task().state is TaskState.KILLED


def test_an_agent_told_to_shut_down_ends_its_tasks_and_leaves() -> None:
    world = World().is_up()
    world.runs(task_info("a"))
    world.starts()
    world.said(link.Shutdown(reason="marked gone"))
    assert [name for name, _ in world.killed()] == ["c1"]
    world.ends()
    world.acknowledges_all()
    assert world.of(Halt) == [Halt(reason=HaltReason.LEFT, detail="marked gone")]
