"""Deployments with a deadline."""

import itertools
from typing import Any

import pytest
from tests.unit.marathon.cluster import Cluster, update

from orchestrator.marathon.core.deployment.plan import DeadlineWish, Deployment, OnDeadline
from orchestrator.marathon.core.effects import (
    CancelDeployment,
    ChangeApps,
    Command,
    CreateApp,
    DeleteApp,
    Deployed,
    Request,
)
from orchestrator.marathon.core.events import DeploymentFailed
from orchestrator.marathon.core.settings import Settings

TOO_BIG: dict[str, Any] = {"cpus": 1000.0}
_TOKENS = itertools.count(10_000)


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.create(id="/a", cmd="old")
    cluster.run()
    return cluster


def ask(cluster: Cluster, command: Command, wish: DeadlineWish) -> Deployment:
    token = next(_TOKENS)
    cluster.perform(cluster.marathon.handle(Request(token, command, wish), cluster.now))
    outcome = cluster.replies[token]
    assert isinstance(outcome, Deployed)
    return outcome.deployment


def change(cluster: Cluster, then: OnDeadline | None = None, **fields: object) -> Deployment:
    command = ChangeApps([update(id="/a", **fields)])
    return ask(cluster, command, DeadlineWish(60.0, then))


def failures(cluster: Cluster) -> list[DeploymentFailed]:
    return [event for event in cluster.published if isinstance(event, DeploymentFailed)]


def test_a_deployment_that_is_done_in_time_is_left_alone(cluster: Cluster) -> None:
    change(cluster, cmd="new")
    cluster.run()
    cluster.pass_time(100)
    assert cluster.marathon.state.apps["/a"].cmd == "new"
    assert not failures(cluster)


def test_a_deployment_that_is_late_is_rolled_back(cluster: Cluster) -> None:
    [before] = cluster.instances("/a")
    late = change(cluster, cmd="new", **TOO_BIG)
    cluster.pass_time(59.9)
    assert late.id in cluster.marathon.state.deployments
    cluster.pass_time(0.1)
    cluster.run()
    assert cluster.marathon.state.apps["/a"].cmd == "old"
    assert [instance.id for instance in cluster.running("/a")] == [before.id]


def test_it_is_told_why_the_deployment_failed(cluster: Cluster) -> None:
    late = change(cluster, cmd="new", **TOO_BIG)
    cluster.hear(cluster.master.offer())
    cluster.pass_time(60)
    [failed] = failures(cluster)
    assert failed.id == late.id
    assert "not done within 60 s" in failed.reason
    assert "had too few cpus" in failed.reason


def test_a_late_deployment_can_be_cancelled_instead(cluster: Cluster) -> None:
    change(cluster, OnDeadline.CANCEL, cmd="new", **TOO_BIG)
    cluster.pass_time(60)
    assert not cluster.marathon.state.deployments
    assert cluster.marathon.state.apps["/a"].cmd == "new"
    assert len(failures(cluster)) == 1


def test_a_new_app_that_is_late_is_gone_again() -> None:
    cluster = Cluster()
    ask(cluster, CreateApp(update(id="/a", cmd="x", **TOO_BIG)), DeadlineWish(60.0))
    cluster.pass_time(60)
    cluster.run()
    assert not cluster.marathon.state.apps
    assert not cluster.instances("/a")


def test_a_rollback_never_has_a_deadline(cluster: Cluster) -> None:
    cluster.marathon.state.settings = Settings(user="nobody", deployment_deadline_s=10.0)
    cluster.change(id="/a", cmd="new", **TOO_BIG)
    cluster.pass_time(10)
    for deployment in cluster.marathon.state.deployments.values():
        assert deployment.deadline is None
    cluster.pass_time(1000)
    assert len(failures(cluster)) == 1


def test_a_rollback_that_a_client_asks_for_has_no_deadline_either(cluster: Cluster) -> None:
    late = change(cluster, cmd="new", **TOO_BIG)
    undoing = ask(cluster, CancelDeployment(late.id), DeadlineWish(5.0))
    assert undoing.deadline is None


def test_the_setting_is_for_all_who_say_nothing() -> None:
    settings = Settings(user="nobody", deployment_deadline_s=10.0, on_deadline=OnDeadline.CANCEL)
    cluster = Cluster(settings)
    cluster.create(id="/a", cmd="x", **TOO_BIG)
    cluster.pass_time(10)
    assert not cluster.marathon.state.deployments
    assert "/a" in cluster.marathon.state.apps


def test_a_client_may_do_without_the_deadline_of_the_setting() -> None:
    cluster = Cluster(Settings(user="nobody", deployment_deadline_s=10.0))
    ask(cluster, CreateApp(update(id="/a", cmd="x", **TOO_BIG)), DeadlineWish(0.0))
    cluster.pass_time(1000)
    assert len(cluster.marathon.state.deployments) == 1


def test_without_a_setting_or_a_wish_there_is_no_deadline(cluster: Cluster) -> None:
    cluster.change(id="/a", cmd="new", **TOO_BIG)
    cluster.pass_time(100_000)
    assert len(cluster.marathon.state.deployments) == 1


def test_a_deadline_outlives_a_restart_of_marathon(cluster: Cluster) -> None:
    change(cluster, cmd="new", **TOO_BIG)
    cluster.pass_time(30)
    cluster.restart()
    cluster.pass_time(30)
    cluster.run()
    assert cluster.marathon.state.apps["/a"].cmd == "old"


def test_a_deadline_that_passed_while_marathon_was_gone_is_acted_on(cluster: Cluster) -> None:
    change(cluster, cmd="new", **TOO_BIG)
    cluster.now += 1000
    cluster.restart()
    cluster.pass_time(0.1)
    cluster.run()
    assert cluster.marathon.state.apps["/a"].cmd == "old"


def test_an_app_that_is_deleted_too_slowly_comes_back(cluster: Cluster) -> None:
    ask(cluster, DeleteApp("/a"), DeadlineWish(60.0))
    cluster.pass_time(60)
    cluster.run()
    assert len(cluster.running("/a")) == 1


def test_who_asks_what_a_deployment_waits_for_is_told_of_its_deadline(cluster: Cluster) -> None:
    change(cluster, cmd="new", **TOO_BIG)
    assert cluster.waiting_for()[-1] == (
        "the deployment will be rolled back if it is not done by 2023-11-14T22:14:20.000Z"
    )


def test_a_delay_of_launches_is_told_with_its_end(cluster: Cluster) -> None:
    from orchestrator.mesos.types import TaskState

    cluster.report(cluster.instances("/a")[0].task_id, TaskState.FAILED)
    cluster.change(id="/a", instances=2)
    [sentence] = cluster.waiting_for()
    delay = "launches are delayed until 2023-11-14T22:13:21.000Z, as one failed (TASK_FAILED: )"
    assert delay in sentence


def test_what_was_stored_before_there_were_deadlines_and_readiness_can_still_be_read(
    cluster: Cluster,
) -> None:
    cluster.change(id="/a", cmd="new", **TOO_BIG)
    for key, value in cluster.disk.items():
        assert b"deadline" not in value, key
        assert b"passedReadiness" not in value, key
        assert b"readinessChecks" not in value, key
    cluster.restart()
    assert len(cluster.marathon.state.deployments) == 1
