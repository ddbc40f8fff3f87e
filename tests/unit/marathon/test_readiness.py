"""Readiness checks: deployments wait for them, and nothing else does."""

from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.effects import RestartApp
from orchestrator.marathon.core.health.probes import (
    HttpAnswer,
    HttpRequest,
    NoAnswer,
    NotTried,
    Purpose,
)
from orchestrator.marathon.core.health.readiness_book import LastResponse
from orchestrator.mesos.types import TaskState

CHECK = {"portName": "web", "path": "ready", "intervalSeconds": 10, "timeoutSeconds": 4}
PORTS = [{"port": 0, "name": "admin"}, {"port": 0, "name": "web"}]
READY, BUSY = HttpAnswer(200, "text/plain", "fine"), HttpAnswer(503, "text/plain", "warming up")


def started(instances: int = 1, **check: object) -> Cluster:
    """An app whose tasks run and have not answered yet."""
    cluster = Cluster()
    cluster.create(
        id="/a",
        cmd="x",
        instances=instances,
        cpus=0.1,
        portDefinitions=PORTS,
        readinessChecks=[CHECK | check],
    )
    run_tasks(cluster)
    return cluster


def run_tasks(cluster: Cluster) -> None:
    for _ in range(3):  # with time between them, to ask for offers again
        while choices := cluster.master.choices():
            cluster.hear(cluster.master.do(choices[0]))
        cluster.pass_time(0.3)


def test_a_task_is_asked_as_soon_as_it_runs_at_the_named_port() -> None:
    cluster = started()
    [probe] = cluster.probes
    [instance] = cluster.instances("/a")
    assert instance.place is not None
    assert probe.request == HttpRequest(instance.place.host, instance.host_ports[1], "/ready")
    assert (probe.key.purpose, probe.timeout_s) == (Purpose.READINESS, 4.0)


def test_a_deployment_is_done_when_every_task_is_ready() -> None:
    cluster = started(2)
    first, second = cluster.probes
    cluster.answer(first, READY)
    assert cluster.marathon.state.deployments
    cluster.answer(second, READY)
    assert not cluster.marathon.state.deployments


def test_a_task_that_is_not_ready_is_asked_again_after_the_interval() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], BUSY)
    cluster.pass_time(9.9)
    assert len(cluster.probes) == 1
    cluster.pass_time(0.1)
    assert len(cluster.probes) == 2


def test_an_answer_outdates_what_was_written_of_the_app() -> None:
    cluster = started()
    dirty = cluster.marathon.state.dirty
    before = dirty.revision_of("/a")
    cluster.answer(cluster.probes[0], BUSY)
    assert dirty.revision_of("/a") > before


def test_the_codes_that_mean_ready_can_be_chosen() -> None:
    cluster = started(httpStatusCodesForReady=[503])
    cluster.answer(cluster.probes[0], BUSY)
    assert not cluster.marathon.state.deployments


def test_no_codes_are_the_usual_ones() -> None:
    cluster = started(httpStatusCodesForReady=[])
    cluster.answer(cluster.probes[0], READY)
    assert not cluster.marathon.state.deployments


def test_a_rolling_update_ends_no_old_task_before_a_new_one_is_ready() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], READY)
    [old] = cluster.instances("/a")
    cluster.change(id="/a", cmd="new")
    run_tasks(cluster)
    cluster.answer(cluster.probes[-1], BUSY)
    run_tasks(cluster)
    assert len(cluster.running("/a")) == 2
    cluster.pass_time(10)
    cluster.answer(cluster.probes[-1], READY)
    run_tasks(cluster)
    assert old.id not in {i.id for i in cluster.running("/a")}
    assert not cluster.marathon.state.deployments


def test_outside_of_deployments_nobody_is_asked() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], READY)
    cluster.report(cluster.instances("/a")[0].task_id, TaskState.FINISHED)
    cluster.run()
    cluster.pass_time(100)
    assert len(cluster.probes) == 1
    assert len(cluster.running("/a")) == 1


def test_a_task_that_was_ready_is_not_asked_by_a_later_deployment() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], READY)
    cluster.change(id="/a", instances=2)
    run_tasks(cluster)
    assert len({probe.key.task_id for probe in cluster.probes}) == 2
    assert len(cluster.probes) == 2


def test_a_task_that_was_never_asked_is_asked_by_the_next_deployment() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], READY)
    cluster.report(cluster.instances("/a")[0].task_id, TaskState.FINISHED)
    cluster.run()
    cluster.change(id="/a", instances=2)
    run_tasks(cluster)
    assert len(cluster.probes) == 3


def test_a_deployment_that_ends_has_its_tasks_asked_no_more() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], BUSY)
    [deployment] = cluster.marathon.state.deployments.values()
    cluster.marathon.deployer.cancel(deployment, "enough")
    cluster.pass_time(100)
    assert len(cluster.probes) == 1
    assert cluster.marathon.state.readiness.of(cluster.instances("/a")) == []


def test_the_next_launch_of_a_task_is_asked_anew() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], BUSY)
    cluster.report(cluster.instances("/a")[0].task_id, TaskState.FAILED)
    cluster.pass_time(1)
    run_tasks(cluster)
    assert cluster.probes[0].key.task_id != cluster.probes[1].key.task_id
    cluster.answer(cluster.probes[0], READY)
    assert cluster.marathon.state.deployments
    cluster.answer(cluster.probes[1], READY)
    assert not cluster.marathon.state.deployments


def test_after_a_restart_of_marathon_the_question_is_asked_again() -> None:
    cluster = started()
    cluster.restart()
    assert len(cluster.probes) == 2
    cluster.answer(cluster.probes[1], READY)
    assert not cluster.marathon.state.deployments


def test_what_was_ready_before_a_restart_of_marathon_is_still() -> None:
    cluster = started(2)
    cluster.answer(cluster.probes[0], READY)
    cluster.restart()
    assert [p.key.task_id for p in cluster.probes[2:]] == [cluster.probes[1].key.task_id]


def test_the_last_response_is_kept_where_it_is_wanted() -> None:
    cluster = started(preserveLastResponse=True)
    assert cluster.probes[0].request.wants_body  # type: ignore[union-attr]
    cluster.answer(cluster.probes[0], BUSY)
    [result] = cluster.marathon.state.readiness.of(cluster.instances("/a"))
    assert (result.name, result.ready) == ("readinessCheck", False)
    assert result.last_response == LastResponse(
        status=503, content_type="text/plain", body="warming up"
    )


def test_a_task_that_does_not_answer_is_shown_as_a_timeout_of_the_gateway() -> None:
    cluster = started(preserveLastResponse=True)
    cluster.answer(cluster.probes[0], NoAnswer("Connection refused"))
    [result] = cluster.marathon.state.readiness.of(cluster.instances("/a"))
    assert result.last_response is not None
    assert result.last_response.status == 504
    assert result.last_response.body.endswith("/ready: Connection refused")


def test_a_try_that_could_not_be_made_is_made_again() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], NotTried("too many open files"))
    cluster.pass_time(10)
    assert len(cluster.probes) == 2


def test_a_deployment_says_what_the_readiness_check_was_answered() -> None:
    cluster = started(preserveLastResponse=True)
    cluster.answer(cluster.probes[0], BUSY)
    [sentence] = cluster.waiting_for()
    assert "waits for 1 instance to become ready" in sentence
    assert sentence.endswith("was answered 503")


def test_a_deployment_says_why_a_readiness_check_was_not_answered() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], NoAnswer("Connection refused"))
    assert cluster.waiting_for()[0].endswith("was not answered: Connection refused")


def test_a_restart_of_the_app_waits_for_its_new_tasks_to_be_ready() -> None:
    cluster = started()
    cluster.answer(cluster.probes[0], READY)
    cluster.ask(RestartApp("/a"))
    run_tasks(cluster)
    assert cluster.marathon.state.deployments
    cluster.answer(cluster.probes[-1], READY)
    run_tasks(cluster)
    assert not cluster.marathon.state.deployments
