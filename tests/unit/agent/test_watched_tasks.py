"""Tasks with checks and deadlines: what is told of them, and when they are ended."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import World, executor_info, framework, task_info

from orchestrator.agent.core.checking.probe import (
    CommandExited,
    HttpAnswered,
    Outcome,
    Probe,
    ProbeFailed,
)
from orchestrator.agent.core.messages import (
    KillContainer,
    Observed,
    Probed,
    RunProbe,
    Started,
    StopProbes,
)
from orchestrator.agent.core.task import Cause, Containerizer, Goal
from orchestrator.agent.core.watching import MAX_PENDING
from orchestrator.mesos.types import (
    CheckInfo,
    CheckStatusInfo,
    CommandCheck,
    CommandCheckStatus,
    CommandInfo,
    DurationInfo,
    HealthCheck,
    HTTPCheck,
    KillPolicy,
    TaskInfo,
    TaskState,
    TaskStatus,
)
from orchestrator.runtime.machine import Save

SECOND = 1_000_000_000
GOOD, BAD = HttpAnswered(status_code=200), ProbeFailed(reason="HTTP request failed: x")
HEALTH = HealthCheck(
    type="HTTP",
    http=HTTPCheck(port=80),
    delay_seconds=0,
    interval_seconds=10,
    grace_period_seconds=0,
    consecutive_failures=2,
)
CHECK = CheckInfo(
    type="COMMAND",
    command=CommandCheck(command=CommandInfo(value="true")),
    delay_seconds=0,
    interval_seconds=10,
)
CHECKED = "REASON_TASK_CHECK_STATUS_UPDATED"
HEALTH_CHECKED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"


def running(info: TaskInfo, *capabilities: str) -> World:
    world = World().is_up()
    world.runs(info, of=framework(*capabilities))
    world.starts()
    world.acknowledges_all()
    return world


def begins(world: World, seconds: float = 0) -> Probe:
    """The one try that is begun until then."""
    world.passes(seconds)
    (probe,) = (effect.probe for effect in world.of(RunProbe))
    return probe


def ends(world: World, probe: Probe, outcome: Outcome) -> list[object]:
    result = Probed(
        container_id=probe.container_id,
        purpose=probe.purpose,
        number=probe.number,
        outcome=outcome,
    )
    return world.happens(result)


def tries(world: World, *outcomes: Outcome) -> list[TaskStatus]:
    """Each try as it comes, and all updates but those of killing."""
    told = []
    for outcome in outcomes:
        ends(world, begins(world, 10), outcome)
        told += [status for status in world.updates() if status.state is TaskState.RUNNING]
        last = list(world.effects)
        world.acknowledges_all()
        world.effects = last
    return told


def check_status(code: int | None) -> CheckStatusInfo:
    return CheckStatusInfo(type="COMMAND", command=CommandCheckStatus(exit_code=code))


def test_health_is_told_as_an_update_of_the_running_task() -> None:
    world = running(task_info(health_check=HEALTH))
    (healthy,) = tries(world, GOOD)
    assert (healthy.state, healthy.healthy) == (TaskState.RUNNING, True)
    assert (healthy.reason, healthy.source) == (HEALTH_CHECKED, "SOURCE_EXECUTOR")
    assert healthy.message is None
    assert healthy.container_status is not None
    (unhealthy,) = tries(world, BAD)
    assert (unhealthy.healthy, unhealthy.message) == (False, "HTTP request failed: x")
    assert unhealthy.timestamp == world.now


def test_health_is_checkpointed_before_it_is_told() -> None:
    world = running(task_info(health_check=HEALTH))
    ends(world, begins(world), GOOD)
    assert isinstance(world.effects[0], Save)


def test_a_try_without_news_costs_no_save() -> None:
    world = running(task_info(health_check=HEALTH))
    tries(world, GOOD)
    assert ends(world, begins(world, 10), GOOD) == []


def test_a_task_that_fails_its_health_check_is_killed_within_its_own_grace() -> None:
    policy = KillPolicy(grace_period=DurationInfo(nanoseconds=7 * SECOND))
    world = running(task_info(health_check=HEALTH, kill_policy=policy))
    assert [status.healthy for status in tries(world, BAD, BAD)] == [False, False]
    assert world.killed() == [("c1", 7.0)]
    assert world.task().cause is Cause.UNHEALTHY


def test_a_task_killed_by_its_health_check_ends_as_killed_and_unhealthy() -> None:
    world = running(task_info(health_check=HEALTH), "TASK_KILLING_STATE")
    ends(world, begins(world), BAD)
    world.acknowledges_all()
    ends(world, begins(world, 10), BAD)
    killing = world.task().updates[-1]
    assert (killing.state, killing.healthy) == (TaskState.KILLING, None)
    world.ends(signal=15)
    last = world.task().updates[-1]
    assert (last.state, last.reason, last.healthy) == (TaskState.KILLED, None, False)
    assert last.message == "Command terminated with signal Terminated"


def test_a_task_that_ends_by_itself_while_unhealthy_is_not_called_killed() -> None:
    world = running(task_info(health_check=HEALTH))
    tries(world, BAD)
    world.ends(code=1)
    last = world.task().updates[-1]
    assert (last.state, last.healthy) == (TaskState.FAILED, None)


def test_the_status_of_a_check_is_in_every_update() -> None:
    world = World().is_up()
    world.runs(task_info(check=CHECK, health_check=HEALTH))
    world.starts()
    assert [update.check_status for update in world.task().updates] == [check_status(None)] * 2
    world.acknowledges_all()
    world.passes(0)
    check, health = (effect.probe for effect in world.of(RunProbe))
    ends(world, check, CommandExited(code=3))
    (checked,) = world.updates()
    assert (checked.reason, checked.check_status) == (CHECKED, check_status(3))
    assert checked.healthy is None
    world.acknowledges_all()
    ends(world, health, GOOD)
    (healthy,) = world.updates()
    assert (healthy.healthy, healthy.check_status) == (True, check_status(3))
    world.acknowledges_all()
    world.ends()
    assert world.task().updates[-1].check_status == check_status(3)


def test_a_check_keeps_what_the_health_check_had_found() -> None:
    world = running(task_info(check=CHECK, health_check=HEALTH))
    world.passes(0)
    check, health = (effect.probe for effect in world.of(RunProbe))
    ends(world, health, GOOD)
    world.acknowledges_all()
    ends(world, check, CommandExited(code=0))
    (checked,) = world.updates()
    assert (checked.healthy, checked.reason) == (True, CHECKED)


def test_a_kill_stops_what_is_being_tried_and_its_result_is_ignored() -> None:
    world = running(task_info(health_check=HEALTH))
    probe = begins(world)
    world.kills()
    assert world.of(StopProbes) == [StopProbes(container_id="c1")]
    assert ends(world, probe, BAD) == []
    assert [e for e in world.passes(100) if isinstance(e, RunProbe)] == []


def test_a_task_that_has_ended_is_not_tried_any_more() -> None:
    world = running(task_info(health_check=HEALTH, check=CHECK))
    world.passes(0)
    world.ends()
    assert world.of(StopProbes) == [StopProbes(container_id="c1")]
    assert [e for e in world.passes(100) if isinstance(e, RunProbe)] == []


def test_a_task_that_was_killed_before_it_started_is_not_tried() -> None:
    world = World().is_up()
    world.runs(task_info(health_check=HEALTH))
    world.kills()
    world.starts()
    assert [e for e in world.passes(100) if isinstance(e, RunProbe)] == []


def test_updates_nobody_acknowledges_stay_few_and_the_newest_is_among_them() -> None:
    world = World().is_up()
    world.runs(task_info(check=CHECK))
    world.starts()
    for code in range(100):
        ends(world, begins(world, 10), CommandExited(code=code))
    task = world.task()
    assert len(task.updates) == MAX_PENDING
    assert task.updates[0].state is TaskState.STARTING
    assert task.updates[-1].check_status == check_status(99)
    assert task.latest == task.updates[-1]


# --- executors -----------------------------------------------------------------------------------


def a_group(**fields: Any) -> World:
    """Members a, which the fields are of, and b of the default executor c1: c3 and c4."""
    default = executor_info("DEFAULT", text="cpus:0.1;mem:32")
    one = task_info("a", "cpus:1;mem:32", executor=default, **fields)
    other = task_info("b", "cpus:1;mem:32", executor=default)
    world = World().is_up()
    world.runs_in(default, one, other, is_group=True)
    for container_id in world.launched():
        world.starts(container_id)
    world.acknowledges_all()
    return world


def test_an_unhealthy_member_of_a_group_takes_the_others_with_it() -> None:
    world = a_group(health_check=HEALTH)
    one, other = world.task("a").id, world.task("b").id
    tries(world, BAD, BAD)
    assert world.killed() == [(one, 3.0)]
    world.ends(one, signal=15)
    assert world.killed() == [(other, 3.0)]
    world.ends(other, signal=15)
    ends_ = [world.task(name).updates[-1] for name in ("a", "b")]
    assert [(last.state, last.healthy) for last in ends_] == [(TaskState.KILLED, False)] * 2


def test_an_overdue_member_of_a_group_fails_and_the_others_are_killed() -> None:
    world = a_group(max_completion_time=DurationInfo(nanoseconds=30 * SECOND))
    one, other = world.task("a").id, world.task("b").id
    world.passes(30)
    assert world.killed() == [(one, 0.0)]
    world.ends(one, signal=9)
    world.ends(other, signal=15)
    ends_ = [world.task(name).updates[-1] for name in ("a", "b")]
    assert [(last.state, last.reason) for last in ends_] == [
        (TaskState.FAILED, "REASON_MAX_COMPLETION_TIME_REACHED"),
        (TaskState.KILLED, None),
    ]


def test_the_tasks_of_a_frameworks_own_executor_are_left_to_that() -> None:
    custom = executor_info()
    world = World().is_up()
    world.runs_in(custom, task_info("a", executor=custom, health_check=HEALTH))
    world.starts("c1")
    assert [e for e in world.passes(50) if isinstance(e, RunProbe)] == []


# --- maximum completion time ---------------------------------------------------------------------


def limited(seconds: float, kill_policy: KillPolicy | None = None) -> TaskInfo:
    limit = DurationInfo(nanoseconds=int(seconds * SECOND))
    return task_info(max_completion_time=limit, kill_policy=kill_policy)


def test_a_task_that_takes_too_long_is_killed_at_once_and_fails_with_the_reason() -> None:
    policy = KillPolicy(grace_period=DurationInfo(nanoseconds=60 * SECOND))
    world = running(limited(30, kill_policy=policy), "TASK_KILLING_STATE")
    assert [e for e in world.passes(29.9) if isinstance(e, KillContainer)] == []
    world.passes(0.2)
    assert world.killed() == [("c1", 0.0)]
    assert world.updates() == []
    world.ends(signal=9)
    last = world.task().updates[-1]
    assert (last.state, last.reason) == (TaskState.FAILED, "REASON_MAX_COMPLETION_TIME_REACHED")
    assert last.source == "SOURCE_EXECUTOR"


@pytest.mark.parametrize("how", [{"code": 0}, {"problem": "nobody saw it"}])
def test_however_an_overdue_task_ends_it_was_overdue(how: dict[str, Any]) -> None:
    world = running(limited(30))
    world.passes(31)
    world.ends(**how)
    assert world.task().updates[-1].reason == "REASON_MAX_COMPLETION_TIME_REACHED"


def test_the_time_counts_from_when_the_task_runs() -> None:
    world = World().is_up()
    world.runs(limited(30))
    world.passes(100)
    world.starts()
    assert [e for e in world.passes(29) if isinstance(e, KillContainer)] == []
    world.passes(1)
    assert world.killed() == [("c1", 0.0)]


def test_a_task_that_is_being_killed_keeps_its_grace_and_is_killed() -> None:
    world = running(limited(30))
    world.passes(29)
    world.kills()
    assert [e for e in world.passes(10) if isinstance(e, KillContainer)] == []
    world.ends(signal=15)
    assert world.task().state is TaskState.KILLED


def test_no_time_at_all_is_no_limit() -> None:
    world = running(limited(0))
    assert [e for e in world.passes(1e6) if isinstance(e, KillContainer)] == []


# --- restarts ------------------------------------------------------------------------------------


def test_a_restarted_agent_checks_on_where_it_was() -> None:
    world = running(task_info(health_check=HEALTH))
    tries(world, BAD)
    again = world.crashes()
    assert [e for e in again.passes(60) if isinstance(e, RunProbe)] == []
    again.now -= 60
    again.recovers(Started(container_id="c1", pid=77))
    ends(again, begins(again), BAD)
    assert again.killed() == [("c1", 3.0)]


def test_a_restarted_agent_does_not_tell_again_what_is_known() -> None:
    world = running(task_info(check=CHECK))
    ends(world, begins(world), CommandExited(code=3))
    again = world.crashes()
    again.recovers(Started(container_id="c1", pid=77))
    assert ends(again, begins(again, 10), CommandExited(code=3)) == []


def test_a_task_that_ended_meanwhile_is_not_tried() -> None:
    world = running(task_info(health_check=HEALTH))
    again = world.crashes()
    again.recovers()
    assert [e for e in again.passes(60) if isinstance(e, RunProbe)] == []


def test_a_containerizer_that_comes_back_starts_no_second_check() -> None:
    world = running(task_info(health_check=HEALTH))
    begins(world)
    started = Started(container_id="c1", pid=77)
    world.happens(Observed(containerizer=Containerizer.MESOS, containers=(started,)))
    assert [e for e in world.passes(60) if isinstance(e, RunProbe)] == []


def test_the_deadline_holds_over_a_restart() -> None:
    world = running(limited(30))
    again = world.crashes()
    again.now += 10
    again.recovers(Started(container_id="c1", pid=77))
    again.passes(19)
    assert again.task().goal is Goal.RUN
    again.passes(1)
    assert again.killed() == [("c1", 0.0)]
    last = again.crashes()
    last.recovers(Started(container_id="c1", pid=77))
    assert last.killed() == [("c1", 0.0)]
    last.ends(signal=9)
    assert last.task().updates[-1].reason == "REASON_MAX_COMPLETION_TIME_REACHED"


def test_a_deadline_that_passed_without_an_agent_is_kept_at_once() -> None:
    world = running(limited(30))
    again = world.crashes()
    again.now += 1000
    again.recovers(Started(container_id="c1", pid=77))
    again.passes(0)
    assert again.killed() == [("c1", 0.0)]


def test_a_task_of_an_older_agent_is_checked_too() -> None:
    world = running(task_info(health_check=replace(HEALTH, delay_seconds=5)))
    key = "tasks/c1"
    world.disk[key] = world.disk[key].replace(b'"started_at":1000.0', b'"started_at":null')
    again = world.crashes()
    again.recovers(Started(container_id="c1", pid=77))
    assert begins(again, 5).number == 1
