"""Health checks made by Marathon: from the first try to the replacement of an instance."""

from itertools import pairwise

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.apps.app_parts import HealthCheck
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.health.happenings import (
    HealthCheckAdded,
    HealthStatusChanged,
    UnhealthyInstanceKilled,
)
from orchestrator.marathon.core.health.probes import (
    Answer,
    Connected,
    HttpAnswer,
    HttpRequest,
    NoAnswer,
    Probe,
    TcpRequest,
)
from orchestrator.marathon.core.settings import Settings
from orchestrator.mesos.scheduler import CallType, Event, EventType, Update
from orchestrator.mesos.types import (
    AgentID,
    ContainerStatus,
    IPAddress,
    NetworkInfo,
    TaskID,
    TaskState,
    TaskStatus,
)

HTTP = {
    "protocol": "HTTP",
    "path": "/health",
    "gracePeriodSeconds": 30,
    "intervalSeconds": 10,
    "timeoutSeconds": 5,
    "maxConsecutiveFailures": 2,
}
GOOD, BAD = HttpAnswer(200), HttpAnswer(503)


def started(
    *checks: dict[str, object], settings: Settings | None = None, **fields: object
) -> Cluster:
    """A cluster whose app runs and has not been checked yet."""
    cluster = Cluster(settings)
    defaults = {"id": "/a", "cmd": "x", "instances": 1, "cpus": 0.1, "mem": 1.0}
    cluster.create(**(defaults | fields), healthChecks=list(checks or [HTTP]))
    for _ in range(1000):
        if not cluster.master.choices():
            break
        cluster.hear(cluster.master.do(cluster.master.choices()[0]))
    return cluster


def responding(cluster: Cluster, answer: Answer) -> None:
    cluster.responds = lambda probe: answer


def kills(cluster: Cluster) -> list[str]:
    return [c.kill.task_id.value for c in cluster.master.calls_of(CallType.KILL) if c.kill]


def probed_s(cluster: Cluster) -> list[float]:
    """When the next probes of 100 s are made, in seconds from now."""
    begun, times = cluster.now, []

    def note(probe: Probe) -> Answer:
        times.append(cluster.now - begun)
        return GOOD

    cluster.responds = note
    cluster.pass_time(100)
    return times


def test_an_instance_is_asked_at_its_host_and_host_port() -> None:
    cluster = started()
    cluster.pass_time(5)
    [probe] = cluster.probes
    [instance] = cluster.instances("/a")
    assert instance.place is not None
    assert probe.request == HttpRequest(instance.place.host, instance.host_ports[0], "/health")
    assert probe.timeout_s == 5.0


def test_a_named_port_number_is_asked_as_it_is() -> None:
    cluster = started(HTTP | {"port": 8123, "protocol": "HTTPS", "path": "up"})
    cluster.pass_time(5)
    request = cluster.probes[0].request
    assert isinstance(request, HttpRequest)
    assert (request.port, request.path, request.is_secure) == (8123, "/up", True)


def container(cluster: Cluster, *addresses: tuple[str, str]) -> None:
    """The task's container says which addresses it has."""
    [instance] = cluster.instances("/a")
    infos = [IPAddress(ip_address=ip, protocol=protocol) for ip, protocol in addresses]
    status = TaskStatus(
        task_id=TaskID(value=instance.task_id),
        state=TaskState.RUNNING,
        agent_id=AgentID(value=instance.place.agent_id if instance.place else ""),
        container_status=ContainerStatus(network_infos=[NetworkInfo(ip_addresses=infos)]),
    )
    cluster.hear(Event(type=EventType.UPDATE, update=Update(status=status)))


CONTAINER = {
    "networks": [{"mode": "container", "name": "dcos"}],
    "container": {"type": "MESOS", "portMappings": [{"containerPort": 80}]},
}


@pytest.mark.parametrize(("family", "host"), [("IPv4", "10.0.0.9"), ("IPv6", "fd00::9")])
def test_a_container_with_its_own_address_is_asked_there(family: str, host: str) -> None:
    check = HTTP | {"protocol": "TCP", "ipProtocol": family}
    cluster = started(check, **CONTAINER)  # type: ignore[arg-type]
    container(cluster, ("10.0.0.9", "IPv4"), ("fd00::9", "IPv6"))
    cluster.pass_time(5)
    assert cluster.probes[0].request == TcpRequest(host, 80, is_ipv6=family == "IPv6")


def test_a_container_whose_address_is_not_known_fails_its_check() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0}, **CONTAINER)  # type: ignore[arg-type]
    cluster.pass_time(5)
    [instance] = cluster.instances("/a")
    assert instance.healthy is False
    assert "no address" in (
        cluster.marathon.state.health.health(instance.id, 0).last_failure_cause or ""
    )


def test_a_mapped_host_port_is_asked_at_the_host() -> None:
    mapping = {"containerPort": 80, "hostPort": 0}
    cluster = started(
        networks=[{"mode": "container/bridge"}],
        container={"type": "MESOS", "portMappings": [mapping]},
    )
    cluster.pass_time(5)
    [instance] = cluster.instances("/a")
    request = cluster.probes[0].request
    assert instance.place is not None
    assert (request.host, request.port) == (instance.place.host, instance.host_ports[0])


def test_the_first_check_comes_within_seconds_and_the_others_an_interval_apart() -> None:
    times = probed_s(started())
    assert 0 <= times[0] <= 5.1
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert steps == pytest.approx([10] * len(steps), abs=0.1)
    assert len(times) == 10


def test_the_checks_of_many_instances_are_spread_over_time() -> None:
    times = probed_s(started(instances=100))
    per_second = [sum(second <= at < second + 1 for at in times) for second in range(10, 90)]
    assert max(per_second) < 40


def test_an_unanswered_check_is_not_made_twice() -> None:
    cluster = started()
    cluster.pass_time(60)
    assert len(cluster.probes) == 1


def test_a_deployment_waits_until_every_instance_is_healthy() -> None:
    cluster = started(instances=2)
    cluster.pass_time(60)
    assert len(cluster.marathon.state.deployments) == 1
    for probe in cluster.probes:
        cluster.answer(probe, GOOD)
    assert not cluster.marathon.state.deployments


def test_a_rolling_update_replaces_nothing_with_what_is_not_healthy() -> None:
    cluster = started()
    responding(cluster, GOOD)
    cluster.pass_time(5)
    [old] = cluster.instances("/a")
    cluster.responds = lambda probe: GOOD if probe.key.task_id == old.task_id else BAD
    cluster.change(id="/a", cmd="new")
    for _ in range(6):
        for choice in cluster.master.choices():
            cluster.hear(cluster.master.do(choice))
        cluster.pass_time(2)
    assert old.id in {instance.id for instance in cluster.running("/a")}
    assert len(cluster.running("/a")) == 2


def test_an_instance_that_fails_too_often_is_killed_and_launched_again() -> None:
    cluster = started()
    responding(cluster, GOOD)
    cluster.pass_time(5)
    [instance] = cluster.instances("/a")
    responding(cluster, BAD)
    cluster.pass_time(20)
    assert kills(cluster) == []
    cluster.pass_time(10)
    assert kills(cluster) == [instance.task_id]
    cluster.report(instance.task_id, TaskState.KILLED)
    cluster.run()
    [again] = cluster.running("/a")
    assert (again.id, again.incarnation, again.healthy) == (instance.id, 2, None)


def test_the_story_of_an_unhealthy_instance_is_told() -> None:
    cluster = started()
    responding(cluster, GOOD)
    cluster.pass_time(5)
    cluster.published.clear()
    responding(cluster, BAD)
    cluster.pass_time(30)
    assert cluster.event_types() == [
        "failed_health_check_event",
        "health_status_changed_event",
        "instance_health_changed_event",
        "failed_health_check_event",
        "failed_health_check_event",
        "unhealthy_instance_kill_event",
    ]
    [changed] = [e for e in cluster.published if isinstance(e, HealthStatusChanged)]
    [killed] = [e for e in cluster.published if isinstance(e, UnhealthyInstanceKilled)]
    [instance] = cluster.instances("/a")
    assert (changed.alive, changed.instance_id) == (False, instance.id)
    assert (killed.reason, killed.task_id) == ("503 Service Unavailable", instance.task_id)


def test_an_instance_that_is_being_killed_is_not_checked_or_killed_once_more() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0})
    responding(cluster, BAD)
    cluster.pass_time(26)
    [instance] = cluster.instances("/a")
    assert kills(cluster) == [instance.task_id]
    cluster.report(instance.task_id, TaskState.KILLING)
    cluster.probes.clear()
    cluster.pass_time(50)
    assert cluster.probes == []
    assert cluster.event_types().count("unhealthy_instance_kill_event") == 1


def test_a_kill_that_was_lost_is_sent_again() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0})
    responding(cluster, BAD)
    cluster.pass_time(60)
    assert len(kills(cluster)) > 1


def test_only_so_many_unhealthy_instances_are_killed_at_once() -> None:
    cluster = started(
        HTTP | {"gracePeriodSeconds": 0},
        settings=Settings(user="nobody", kill_chunk_size=2),
        instances=5,
    )
    responding(cluster, BAD)
    cluster.pass_time(60)
    assert len(set(kills(cluster))) == 2
    responding(cluster, NoAnswer("still down"))
    cluster.report(kills(cluster)[0], TaskState.KILLED)
    assert len(set(kills(cluster))) == 3


def test_an_instance_that_recovers_before_its_turn_comes_is_not_killed() -> None:
    cluster = started(
        HTTP | {"gracePeriodSeconds": 0},
        settings=Settings(user="nobody", kill_chunk_size=1),
        instances=2,
    )
    responding(cluster, BAD)
    cluster.pass_time(60)
    [first] = set(kills(cluster))
    responding(cluster, GOOD)
    cluster.pass_time(20)
    cluster.report(first, TaskState.KILLED)
    assert set(kills(cluster)) == {first}


def test_an_unreachable_instance_is_neither_checked_nor_killed() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0}, unreachableStrategy="disabled")
    [instance] = cluster.instances("/a")
    cluster.report(instance.task_id, TaskState.UNREACHABLE)
    responding(cluster, BAD)
    cluster.pass_time(100)
    assert cluster.probes == []
    assert kills(cluster) == []
    cluster.report(instance.task_id, TaskState.RUNNING)
    cluster.pass_time(10)
    assert len(cluster.probes) == 1


def test_an_answer_that_comes_after_the_agent_was_lost_does_not_count() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0}, unreachableStrategy="disabled")
    cluster.pass_time(5)
    [instance] = cluster.instances("/a")
    cluster.report(instance.task_id, TaskState.UNREACHABLE)
    cluster.answer(cluster.probes[0], BAD)
    assert not cluster.marathon.state.health.of(instance.id)


def test_an_answer_for_an_earlier_launch_does_not_count() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0})
    cluster.pass_time(5)
    [instance] = cluster.instances("/a")
    cluster.report(instance.task_id, TaskState.FINISHED)
    for _ in range(3):
        cluster.pass_time(1)
        for choice in cluster.master.choices():
            cluster.hear(cluster.master.do(choice))
    assert cluster.running("/a")[0].incarnation == 2
    cluster.answer(cluster.probes[0], GOOD)
    assert cluster.instances("/a")[0].healthy is None


def test_all_checks_of_an_instance_have_to_pass() -> None:
    cluster = started(HTTP, HTTP | {"protocol": "TCP", "path": None} | {"gracePeriodSeconds": 0})
    cluster.pass_time(5)
    by_index = {probe.key.index: probe for probe in cluster.probes}
    cluster.answer(by_index[0], GOOD)
    assert cluster.instances("/a")[0].healthy is None
    cluster.answer(by_index[1], NoAnswer("refused"))
    assert cluster.instances("/a")[0].healthy is False
    cluster.pass_time(10)
    again = {probe.key.index: probe for probe in cluster.probes[2:]}
    cluster.answer(again[1], Connected())
    assert cluster.instances("/a")[0].healthy is True


def test_the_agents_check_counts_beside_marathons_own() -> None:
    command: dict[str, object] = {"protocol": "COMMAND", "command": {"value": "true"}}
    cluster = started(HTTP, command)
    responding(cluster, GOOD)
    cluster.pass_time(5)
    [instance] = cluster.instances("/a")
    assert instance.healthy is None
    assert cluster.master.tasks[instance.task_id].info.health_check is not None
    said_by_agent(cluster, True)
    assert cluster.instances("/a")[0].healthy is True


def said_by_agent(cluster: Cluster, healthy: bool, reason: str | None = None) -> None:
    [instance] = cluster.instances("/a")
    status = TaskStatus(
        task_id=TaskID(value=instance.task_id),
        state=TaskState.RUNNING,
        healthy=healthy,
        reason=reason,
    )
    cluster.hear(Event(type=EventType.UPDATE, update=Update(status=status)))


def test_what_the_agent_says_of_health_is_kept_like_marathons_own_results() -> None:
    cluster = started({"protocol": "COMMAND", "command": {"value": "true"}})
    [instance] = cluster.instances("/a")
    said_by_agent(cluster, True)
    assert cluster.instances("/a")[0].healthy is True
    said_by_agent(cluster, False)
    said_by_agent(cluster, False)
    assert cluster.instances("/a")[0].healthy is False
    health = cluster.marathon.state.health.health(instance.id, 0)
    assert (health.is_alive, health.consecutive_failures) == (False, 2)
    assert cluster.probes == []


def test_a_reconciliation_that_repeats_a_failure_is_no_failure_more() -> None:
    cluster = started({"protocol": "COMMAND", "command": {"value": "true"}})
    [instance] = cluster.instances("/a")
    for _ in range(3):
        said_by_agent(cluster, False, "REASON_RECONCILIATION")
    assert cluster.marathon.state.health.health(instance.id, 0).consecutive_failures == 1


def test_after_a_restart_the_agents_word_comes_with_the_reconciliation() -> None:
    cluster = started(HTTP, {"protocol": "COMMAND", "command": {"value": "true"}})
    responding(cluster, GOOD)
    cluster.pass_time(5)
    said_by_agent(cluster, True)
    cluster.restart()
    assert cluster.instances("/a")[0].healthy is None
    said_by_agent(cluster, True, "REASON_RECONCILIATION")
    cluster.pass_time(20)
    assert cluster.instances("/a")[0].healthy is True


def test_two_checks_by_the_agent_are_too_many() -> None:
    command: dict[str, object] = {"protocol": "COMMAND", "command": {"value": "true"}}
    with pytest.raises(Exception, match="not valid"):
        started(command, HTTP, command)


def test_after_a_restart_health_is_unknown_and_nothing_is_killed_for_that() -> None:
    cluster = started()
    responding(cluster, GOOD)
    cluster.pass_time(1000)
    cluster.responds = lambda probe: None
    cluster.restart()
    [instance] = cluster.instances("/a")
    assert instance.healthy is None
    assert instance.condition is Condition.RUNNING
    cluster.pass_time(100)
    assert kills(cluster) == []
    responding(cluster, GOOD)
    cluster.answer(cluster.probes[-1], GOOD)
    assert cluster.instances("/a")[0].healthy is True


def test_after_a_restart_the_first_checks_are_spread_over_the_interval() -> None:
    cluster = started(instances=100)
    responding(cluster, GOOD)
    cluster.pass_time(1000)
    cluster.restart()
    times = probed_s(cluster)
    assert sum(at < 5 for at in times) < 80
    assert sum(at <= 10.1 for at in times) == 100


def test_checks_are_added_with_an_app_and_removed_with_it() -> None:
    from orchestrator.marathon.core.effects import DeleteApp

    cluster = started()
    responding(cluster, GOOD)
    cluster.pass_time(5)
    [added] = [e for e in cluster.published if isinstance(e, HealthCheckAdded)]
    assert isinstance(added.health_check, HealthCheck)
    assert added.health_check.path == "/health"
    assert "remove_health_check_event" not in cluster.event_types()
    cluster.ask(DeleteApp("/a"))
    cluster.run()
    assert cluster.event_types().count("remove_health_check_event") == 1


def test_a_new_version_brings_its_checks_and_the_old_ones_go_with_the_last_instance() -> None:
    cluster = started()
    responding(cluster, GOOD)
    cluster.pass_time(5)
    cluster.published.clear()
    cluster.change(id="/a", healthChecks=[HTTP | {"path": "/other"}])
    assert "add_health_check_event" in cluster.event_types()
    assert "remove_health_check_event" not in cluster.event_types()
    cluster.run()
    assert cluster.event_types().count("remove_health_check_event") == 1


def test_a_deployment_says_which_check_fails_and_how() -> None:
    cluster = started(HTTP | {"gracePeriodSeconds": 0})
    responding(cluster, NoAnswer("Connection refused"))
    cluster.pass_time(5)
    [sentence] = cluster.waiting_for()
    assert "waits for 1 instance to become healthy again" in sentence
    assert sentence.endswith("has failed 1 time: Connection refused")


def test_a_deployment_tells_of_failures_that_do_not_count_yet() -> None:
    cluster = started()
    responding(cluster, BAD)
    cluster.pass_time(5)
    [sentence] = cluster.waiting_for()
    assert "waits for 1 instance to become healthy;" in sentence
    assert sentence.endswith("fails in its grace period: 503 Service Unavailable")
    responding(cluster, HttpAnswer(404))
    cluster.pass_time(30)
    assert cluster.waiting_for()[0].endswith(": 404 Not Found")
    assert "grace" not in cluster.waiting_for()[0]


def test_intervals_of_no_time_at_all_are_a_second() -> None:
    cluster = started(HTTP | {"intervalSeconds": 0})
    assert len(probed_s(cluster)) == pytest.approx(100, abs=2)
