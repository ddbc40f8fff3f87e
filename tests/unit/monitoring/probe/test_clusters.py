"""What Mesos and Marathon say, and names, from recorded JSON."""

import msgspec
from tests.unit.monitoring.reports import report

from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.mesos import parsing
from orchestrator.monitoring.probe.names.source import addresses_of
from orchestrator.monitoring.report import Connection, codec

STATE = b"""{"slaves": [{"id": "S1", "hostname": "web1", "active": true, "other": 1}],
"frameworks": [{"id": "F1", "name": "marathon", "active": true, "tasks": [
{"id": "t1", "name": "web", "framework_id": "F1", "slave_id": "S1", "state": "TASK_RUNNING"}]}]}"""
APPS = b"""{"apps": [{"id": "/web", "instances": 2, "tasksRunning": 1, "tasksHealthy": 1,
"tasksUnhealthy": 0, "labels": {"a": "b"}}]}"""


def test_tasks_belong_to_their_framework_and_agent() -> None:
    nodes = parsing.cluster_nodes(msgspec.json.decode(STATE, type=parsing.State))
    [task] = nodes["mesos_task"]
    assert (task.id, task.label, task.latest["state"]) == ("F1;t1", "web", "running")
    assert task.parents == {"mesos_framework": ["F1"], "mesos_agent": ["S1"]}
    assert [node.label for node in nodes["mesos_agent"]] == ["web1"]


def test_apps_have_their_tasks() -> None:
    apps = msgspec.json.decode(APPS, type=parsing.Apps).apps
    tasks = [parsing.MarathonTask("t1", "/web"), parsing.MarathonTask("t2")]
    nodes = parsing.app_nodes(apps, tasks, "F1", Hiding())
    assert nodes["marathon_app"][0].latest["health"] == "healthy"
    [task] = nodes["mesos_task"]
    assert (task.id, task.parents) == ("F1;t1", {"marathon_app": ["/web"]})
    assert parsing.app_nodes(apps, tasks, "", Hiding())["mesos_task"] == []


def test_what_an_app_has_too_much_of_or_hides_is_not_told() -> None:
    labels = {"HAPROXY_0_BACKEND": "x" * 9000, "DB_PASSWORD": "hunter2", "": "nobody's"}
    labels |= {f"n{n}": "" for n in range(200)}
    nodes = parsing.app_nodes([parsing.App("/web", labels=labels)], [], "F1", Hiding())
    [app] = codec.decode(codec.encode(report("a", nodes=nodes))).nodes["marathon_app"]
    assert app.labels["HAPROXY_0_BACKEND"] == "x" * 4096
    assert "hunter2" not in app.labels["DB_PASSWORD"]


def test_a_container_without_an_executor_of_its_own_is_its_task() -> None:
    container = parsing.AgentContainer("c", "F1", executor_id="t1")
    assert parsing.task_of(container) == "F1;t1"


def test_only_addresses_of_the_cluster_have_names() -> None:
    connections = [
        Connection(";10.0.0.1;", ";8.8.8.8;443"),
        Connection("host:4026;127.0.0.1;", "host;172.17.0.2;80"),
    ]
    assert addresses_of(connections) == {"10.0.0.1", "8.8.8.8"}
