"""Failures of tasks, agents, masters and of Marathon itself."""

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import DeleteApp, KillInstances, ResetDelay
from orchestrator.marathon.core.refusals import Unknown
from orchestrator.marathon.core.settings import Settings
from orchestrator.marathon.core.stored_format import StateError
from orchestrator.mesos.scheduler import CallType, Error, Event, EventType, Update
from orchestrator.mesos.types import TaskID, TaskState, TaskStatus


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", instances=2)
    cluster.run()
    return cluster


def only_task(cluster: Cluster) -> str:
    return cluster.instances("/a")[0].task_id


@pytest.mark.parametrize("state", [s for s in TaskState if s.is_terminal])
def test_an_instance_whose_task_ends_is_launched_again(cluster: Cluster, state: TaskState) -> None:
    cluster.report(only_task(cluster), state)
    cluster.run()
    assert len(cluster.running("/a")) == 2


def test_a_failed_instance_waits_for_its_delay(cluster: Cluster) -> None:
    cluster.report(only_task(cluster), TaskState.FAILED)
    cluster.hear(cluster.master.offer())
    assert len(cluster.running("/a")) == 1
    cluster.pass_time(1)
    cluster.run()
    assert len(cluster.running("/a")) == 2


def test_the_delay_grows_with_every_failure(cluster: Cluster) -> None:
    lengths = []
    for _ in range(4):
        cluster.report(only_task(cluster), TaskState.FAILED)
        lengths.append(cluster.delay_of("/a").length_s)
        cluster.run()
    assert lengths == pytest.approx([1, 1.15, 1.15**2, 1.15**3])


def test_a_task_killed_from_outside_adds_no_delay(cluster: Cluster) -> None:
    cluster.report(only_task(cluster), TaskState.KILLED)
    assert cluster.marathon.state.delays.of("/a") is None


def test_a_delay_can_be_reset(cluster: Cluster) -> None:
    cluster.report(only_task(cluster), TaskState.FAILED)
    cluster.pass_time(0.5)
    cluster.ask(ResetDelay("/a"))
    cluster.hear(cluster.master.offer())
    assert any(i.condition is Condition.PROVISIONED for i in cluster.instances("/a"))


def test_only_an_app_that_waits_has_a_delay_to_reset(cluster: Cluster) -> None:
    with pytest.raises(Unknown):
        cluster.ask(ResetDelay("/a"))


def test_a_changed_configuration_knows_no_earlier_failures(cluster: Cluster) -> None:
    cluster.report(only_task(cluster), TaskState.FAILED)
    cluster.change(id="/a", cmd="y")
    assert cluster.marathon.lifecycle.is_delayed(cluster.marathon.state.apps["/a"]) is None


def test_every_update_with_a_uuid_is_acknowledged(cluster: Cluster) -> None:
    before = len(cluster.master.acknowledged)
    cluster.report(only_task(cluster), TaskState.FAILED)
    assert len(cluster.master.acknowledged) == before + 1


def test_the_last_failure_is_remembered(cluster: Cluster) -> None:
    cluster.report(only_task(cluster), TaskState.FAILED)
    assert cluster.marathon.state.failures["/a"].state == "TASK_FAILED"


def test_an_unreachable_instance_is_replaced_and_killed_when_it_returns(
    cluster: Cluster,
) -> None:
    task_id = only_task(cluster)
    cluster.report(task_id, TaskState.UNREACHABLE)
    cluster.run()
    assert len(cluster.running("/a")) == 2
    cluster.report(task_id, TaskState.RUNNING)
    assert cluster.master.tasks[task_id].is_killed


def test_an_unreachable_instance_may_have_time_to_come_back(cluster: Cluster) -> None:
    strategy = {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 120}
    cluster.change(id="/a", unreachableStrategy=strategy)
    cluster.run()
    task_id = only_task(cluster)
    cluster.report(task_id, TaskState.UNREACHABLE)
    cluster.pass_time(59)
    assert len(cluster.instances("/a")) == 2
    cluster.report(task_id, TaskState.RUNNING)
    cluster.pass_time(300)
    assert len(cluster.running("/a")) == 2
    assert len(cluster.master.tasks) == 2


def test_an_inactive_instance_is_replaced_before_it_is_given_up(cluster: Cluster) -> None:
    strategy = {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 120}
    cluster.change(id="/a", unreachableStrategy=strategy)
    cluster.run()
    cluster.report(only_task(cluster), TaskState.UNREACHABLE)
    cluster.pass_time(61)
    conditions = [i.condition for i in cluster.instances("/a")]
    assert conditions.count(Condition.UNREACHABLE_INACTIVE) == 1
    assert len(conditions) == 3
    cluster.pass_time(61)
    assert len(cluster.instances("/a")) == 2


def test_a_disabled_unreachable_strategy_waits_for_ever(cluster: Cluster) -> None:
    cluster.change(id="/a", unreachableStrategy="disabled")
    cluster.run()
    cluster.report(only_task(cluster), TaskState.UNREACHABLE)
    cluster.pass_time(10_000)
    assert len(cluster.instances("/a")) == 2


def test_a_kill_is_repeated_until_the_task_has_ended(cluster: Cluster) -> None:
    cluster.ask(KillInstances([cluster.instances("/a")[0].id]))
    cluster.pass_time(25)
    assert len(cluster.master.calls_of(CallType.KILL)) == 3


def test_a_task_that_nobody_knows_is_killed(cluster: Cluster) -> None:
    status = TaskStatus(task_id=TaskID(value="b.instance-1._app.1"), state=TaskState.RUNNING)
    cluster.hear(Event(type=EventType.UPDATE, update=Update(status=status)))
    kill = cluster.master.calls_of(CallType.KILL)[-1].kill
    assert kill is not None
    assert kill.task_id == status.task_id


def test_the_end_of_a_task_that_nobody_knows_is_told(cluster: Cluster) -> None:
    status = TaskStatus(task_id=TaskID(value="b.instance-1._app.1"), state=TaskState.FAILED)
    cluster.hear(Event(type=EventType.UPDATE, update=Update(status=status)))
    assert cluster.event_types()[-1] == "unknown_instance_terminated_event"


def test_a_launch_that_never_reports_is_given_up(cluster: Cluster) -> None:
    cluster.change(id="/a", instances=3)
    cluster.hear(cluster.master.offer())
    stuck = next(i for i in cluster.instances("/a") if i.condition is Condition.PROVISIONED)
    cluster.pass_time(301)
    assert cluster.master.tasks[stuck.task_id].is_killed
    cluster.run()
    assert len(cluster.running("/a")) == 3


def test_no_launch_is_given_up_while_there_is_no_master_to_tell(cluster: Cluster) -> None:
    cluster.change(id="/a", instances=3)
    cluster.hear(cluster.master.offer())
    cluster.lose_master()
    cluster.pass_time(3600)
    assert not any(task.is_killed for task in cluster.master.tasks.values())
    assert "scheduler_disconnected_event" in cluster.event_types()


def test_offers_are_suppressed_while_nothing_waits(cluster: Cluster) -> None:
    assert cluster.master.is_suppressed
    cluster.report(only_task(cluster), TaskState.KILLED)
    cluster.pass_time(1)
    assert not cluster.master.is_suppressed


def test_an_offer_that_nobody_needs_is_declined_for_long(cluster: Cluster) -> None:
    cluster.hear(cluster.master.offer())
    decline = cluster.master.calls_of(CallType.DECLINE)[-1].decline
    assert decline is not None
    assert decline.filters is not None
    assert decline.filters.refuse_seconds == 120
    assert not cluster.master.offers


def test_revives_are_no_closer_than_allowed(cluster: Cluster) -> None:
    before = len(cluster.master.calls_of(CallType.REVIVE))
    for _ in range(20):
        cluster.report(only_task(cluster), TaskState.KILLED)
        cluster.hear(cluster.master.offer())
    assert len(cluster.master.calls_of(CallType.REVIVE)) <= before + 1


def test_after_a_restart_nothing_is_killed_and_nothing_launched(cluster: Cluster) -> None:
    tasks, launches = dict(cluster.master.tasks), dict(cluster.master.launches)
    cluster.restart()
    cluster.run()
    assert (cluster.master.tasks, cluster.master.launches) == (tasks, launches)
    assert not any(task.is_killed for task in tasks.values())


def test_after_a_restart_marathon_asks_for_its_tasks_and_then_for_all(cluster: Cluster) -> None:
    cluster.restart()
    asked = [c.reconcile for c in cluster.master.calls_of(CallType.RECONCILE) if c.reconcile]
    assert [len(reconcile.tasks) for reconcile in asked[-2:]] == [2, 0]


def test_a_task_that_ended_while_marathon_was_away_is_replaced(cluster: Cluster) -> None:
    cluster.master.report(only_task(cluster), TaskState.FAILED)
    cluster.restart()
    cluster.run()
    assert len(cluster.running("/a")) == 2


def test_a_deployment_goes_on_after_a_restart(cluster: Cluster) -> None:
    cluster.change(id="/a", cmd="y")
    cluster.hear(cluster.master.offer())
    cluster.restart()
    cluster.run()
    assert {t.info.command.value for t in cluster.master.tasks.values() if t.info.command} == {"y"}
    assert len(cluster.running("/a")) == 2


def test_a_deletion_goes_on_after_a_restart(cluster: Cluster) -> None:
    cluster.ask(DeleteApp("/a"))
    cluster.restart()
    cluster.run()
    assert not cluster.master.tasks


def test_reconciliation_is_repeated(cluster: Cluster) -> None:
    before = len(cluster.master.calls_of(CallType.RECONCILE))
    cluster.pass_time(1200)
    assert len(cluster.master.calls_of(CallType.RECONCILE)) >= before + 4


def test_a_marathon_whose_framework_was_removed_stops(cluster: Cluster) -> None:
    message = Error(message="Framework has been removed")
    cluster.hear(Event(type=EventType.ERROR, error=message))
    assert "--renew-framework-id" in (cluster.aborted or "")
    assert cluster.disk["framework"] == b"framework"


def test_it_begins_anew_if_told_to() -> None:
    cluster = Cluster(Settings(user="nobody", renew_framework_id=True))
    cluster.create(id="/a", cmd="x", instances=2)
    cluster.run()
    message = Error(message="Framework has been removed")
    cluster.hear(Event(type=EventType.ERROR, error=message))
    assert cluster.marathon.subscription().framework_id is None
    cluster.master.tasks.clear()
    cluster.connect()
    cluster.run()
    assert len(cluster.running("/a")) == 2


def test_instances_without_the_id_of_their_framework_are_not_launched_anew(
    cluster: Cluster,
) -> None:
    del cluster.disk["framework"]
    with pytest.raises(StateError, match="--renew-framework-id"):
        cluster.restart()


def test_the_second_reconciliation_comes_after_the_initial_delay_then_at_intervals() -> None:
    settings = Settings(
        user="nobody", reconciliation_initial_delay_s=7.0, reconciliation_interval_s=100.0
    )
    cluster = Cluster(settings)
    seen = []
    for _ in range(250):
        before = len(cluster.master.calls_of(CallType.RECONCILE))
        cluster.pass_time(1)
        seen.append(len(cluster.master.calls_of(CallType.RECONCILE)) - before)
    assert [second for second, count in enumerate(seen, start=1) if count] == [7, 107, 207]


def test_reconciliation_asks_about_every_task_and_then_for_all(cluster: Cluster) -> None:
    cluster.restart()
    explicit, implicit = cluster.master.calls_of(CallType.RECONCILE)[-2:]
    assert explicit.reconcile is not None
    assert implicit.reconcile is not None
    asked = {task.task_id.value for task in explicit.reconcile.tasks}
    assert asked == {instance.task_id for instance in cluster.instances("/a")}
    assert implicit.reconcile.tasks == []


def test_the_last_failure_is_still_known_to_the_next_leader(cluster: Cluster) -> None:
    cluster.report(only_task(cluster), TaskState.FAILED)
    cluster.restart()
    assert cluster.marathon.state.failures["/a"].state == "TASK_FAILED"
    cluster.ask(DeleteApp("/a"))
    cluster.run()
    assert not [key for key in cluster.disk if key.startswith("failures")]


def test_a_marathon_that_was_taken_over_ends(cluster: Cluster) -> None:
    cluster.hear(Event(type=EventType.ERROR, error=Error(message="Framework failed over")))
    assert cluster.aborted is not None


def test_marathon_subscribes_as_the_framework_that_it_was(cluster: Cluster) -> None:
    cluster.restart()
    framework_id = cluster.marathon.subscription().framework_id
    assert framework_id is not None
    assert framework_id.value == "framework"


def test_many_tasks_are_reconciled_in_calls_of_a_bounded_size(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.marathon.core.marathon.MAX_RECONCILED", 2)
    cluster.change(id="/a", instances=5)
    cluster.run()
    before = len(cluster.master.calls_of(CallType.RECONCILE))
    cluster.pass_time(600)
    calls = cluster.master.calls_of(CallType.RECONCILE)[before:]
    asked = [len(call.reconcile.tasks) for call in calls[:4] if call.reconcile]
    assert asked == [2, 2, 1, 0]
