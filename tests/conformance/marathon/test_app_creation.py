"""POST /v2/apps: what is created, with which defaults, and in which form.

Source: AppsResource.create, AppNormalization and app.raml of Marathon 1.11.
"""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ABSENT,
    ANY,
    NUMBER,
    UUID,
    VERSION,
    Exactly,
    like,
)
from tests.conformance.marathon.rules import Json, Rule, app, pod
from tests.conformance.marathon.served import Served

POST = "POST /v2/apps"
SMALL = {"id": "/{id}", "cmd": "sleep 100", "instances": 0}
DOCKER = {"type": "DOCKER", "docker": {"image": "busybox"}}
BRIDGE = [{"mode": "container/bridge"}]
HTTP = {"protocol": "HTTP", "path": "/"}


def _created(name: str, fields: Json, says: Json, **more: Json) -> Rule:
    return Rule(name, POST, 201, body=_body(fields), says=says, **more)


def _body(fields: Json) -> Json:
    return {key: value for key, value in (SMALL | fields).items() if value is not ABSENT}


def _default(field: str, value: Json) -> Rule:
    return _created(f"{field} is {value!r} by default", {"instances": 0}, {field: value})


ANSWER = [
    _created("the answer is the app with its deployment", {},
             {"id": "/{id}", "deployments": [Exactly(id=UUID)]}),
    _created("the answer has counts of nothing", {},
             {"tasksStaged": 0, "tasksRunning": 0, "tasksHealthy": 0, "tasksUnhealthy": 0}),
    _created("the list of tasks is empty", {}, {"tasks": [], "lastTaskFailure": ABSENT}),
    _created("the answer has a version", {},
             {"version": VERSION, "versionInfo": {"lastScalingAt": VERSION}}),
    _created("the deployment is in a header", {}, {"deployments": [{"id": "{deployment}"}]},
             bears={"Marathon-Deployment-Id": UUID}),
    _created("Location is the id", {}, ANY, bears={"Location": like(".*/{id}")}),
    _created("the answer is JSON", {}, ANY, bears={"Content-Type": "application/json"}),
    _created("a relative id is of the root", {"id": "{id}"}, {"id": "/{id}"}),
    _created("a version that is sent is not heeded", {"version": "2014-03-01T23:29:30.158Z"},
             {"version": like("20[2-9].*")}),
    _created("what Marathon only shows may be sent", {"tasksRunning": 3, "tasks": []},
             {"tasksRunning": 0}),
    _created("an unknown field is passed over", {"colour": "red"}, {"colour": ABSENT}),
    Rule("an app that exists is a conflict", POST, 409, body=SMALL, given=[app()],
         says=Exactly(message="An app with id [/{id}] already exists.")),
    Rule("a body that is no JSON is refused", POST, 400, body=b"{\"id\"",
         says=Exactly(message="Invalid JSON", details=ANY)),
    Rule("an empty body is refused", POST, 400, body=b"", says={"message": ANY, "details": ANY}),
    Rule("a list is no app", POST, 422, body=[],
         says=Exactly(message="Invalid JSON", details=[
             Exactly(path="/", errors=["error.expected.jsobject"])])),
    Rule("another content type is unsupported", POST, 415, body=b"id=x", says={"message": ANY},
         headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Rule("who takes no JSON gets none", POST, 406, body=SMALL, headers={"Accept": "text/html"},
         says={"message": ANY}),
    Rule("the id of a pod is taken", POST, 422, body=SMALL, given=[pod()],
         says={"message": "Object is not valid", "details": [
             {"errors": ["Applications and Pods may not share the same id"]}]}),
]  # fmt: skip

DEFAULTS = [
    Rule("an app has one instance by default", POST, 201, body={"id": "/{id}", "cmd": "sleep 1"},
         says={"instances": 1}),
    _default("cpus", 1),
    _default("mem", 128),
    _default("disk", 0),
    _default("gpus", 0),
    _default("executor", ""),
    _default("backoffSeconds", 1),
    _default("backoffFactor", 1.15),
    _default("maxLaunchDelaySeconds", 300),
    _default("requirePorts", False),
    _default("killSelection", "YOUNGEST_FIRST"),
    _default("labels", Exactly()),
    _default("role", "*"),
    _default("networks", [Exactly(mode="host")]),
    _default("upgradeStrategy", Exactly(minimumHealthCapacity=1, maximumOverCapacity=1)),
    _default("unreachableStrategy", Exactly(inactiveAfterSeconds=0, expungeAfterSeconds=0)),
    _created("a host network has one port by default", {}, {"portDefinitions": [
        {"name": "default", "port": NUMBER, "protocol": "tcp"}]}),
    _created("a container network has one mapping by default",
             {"networks": BRIDGE, "container": {"type": "MESOS"}},
             {"portDefinitions": ABSENT, "container": {"portMappings": [
                 {"name": "default", "containerPort": 0, "hostPort": 0, "servicePort": NUMBER}]}}),
    _created("what is empty is not shown", {}, {"args": ABSENT, "env": ABSENT, "fetch": ABSENT,
             "constraints": ABSENT, "healthChecks": ABSENT, "dependencies": ABSENT,
             "container": ABSENT, "secrets": ABSENT, "user": ABSENT}),
    _created("a health check has its defaults", {"healthChecks": [HTTP]}, {"healthChecks": [{
        "protocol": "HTTP", "path": "/", "gracePeriodSeconds": 300, "intervalSeconds": 60,
        "timeoutSeconds": 20, "maxConsecutiveFailures": 3, "delaySeconds": 15, "portIndex": 0,
        "ipProtocol": "IPv4", "ignoreHttp1xx": False}]}),
    _created("a health check of several ports is of the first by default",
             {"ports": [0, 0], "healthChecks": [HTTP]}, {"healthChecks": [{"portIndex": 0}]}),
    _created("a health check without a protocol is HTTP", {"healthChecks": [{}]},
             {"healthChecks": [{"protocol": "HTTP"}]}),
    _created("a readiness check has its defaults",
             {"readinessChecks": [{"portName": "default"}]}, {"readinessChecks": [{
                 "name": "readinessCheck", "protocol": "HTTP", "path": "/", "intervalSeconds": 30,
                 "timeoutSeconds": 10, "httpStatusCodesForReady": [200],
                 "preserveLastResponse": False}]}),
    _created("a Docker container has its defaults", {"container": DOCKER}, {"container": {
        "type": "DOCKER", "volumes": [], "docker": {
            "image": "busybox", "privileged": False, "forcePullImage": False, "parameters": []}}}),
    _created("an artifact has its defaults", {"fetch": [{"uri": "http://h/a.bin"}]}, {"fetch": [{
        "uri": "http://h/a.bin", "extract": True, "executable": False, "cache": False}]}),
]  # fmt: skip

NORMALISED = [
    _created("uris become fetch", {"uris": ["http://h/a.tgz"]},
             {"uris": ABSENT, "fetch": [{"uri": "http://h/a.tgz", "extract": True}]}),
    _created("uris of what is no archive are not extracted", {"uris": ["http://h/a.bin"]},
             {"fetch": [{"extract": False}]}),
    _created("ports become portDefinitions", {"ports": [9001, 9002]},
             {"ports": ABSENT, "portDefinitions": [{"port": 9001}, {"port": 9002}]}),
    _created("no ports are no portDefinitions", {"ports": []}, {"portDefinitions": []}),
    _created("a port of 0 becomes a service port", {"ports": [0]},
             {"portDefinitions": [{"port": NUMBER}]}),
    _created("docker.network HOST becomes the host network",
             {"container": DOCKER | {"docker": {"image": "i", "network": "HOST"}}},
             {"networks": [{"mode": "host"}], "container": {"docker": {"network": ABSENT}}}),
    _created("docker.network BRIDGE becomes the bridge",
             {"container": DOCKER | {"docker": {"image": "i", "network": "BRIDGE"}}},
             {"networks": [{"mode": "container/bridge"}]}),
    _created("docker.network USER becomes a container network",
             {"container": DOCKER | {"docker": {"image": "i", "network": "USER"}},
              "ipAddress": {"networkName": "n"}},
             {"networks": [{"mode": "container", "name": "n"}], "ipAddress": ABSENT}),
    _created("docker.portMappings become those of the container",
             {"container": DOCKER | {"docker": {"image": "i", "network": "BRIDGE", "portMappings": [
                 {"containerPort": 80, "hostPort": 0}]}}},
             {"container": {"docker": {"portMappings": ABSENT},
                            "portMappings": [{"containerPort": 80, "hostPort": 0}]}}),
    _created("ipAddress becomes a container network",
             {"ipAddress": {"networkName": "n", "labels": {"a": "b"}}},
             {"networks": [Exactly(mode="container", name="n", labels={"a": "b"})],
              "container": {"type": "MESOS"}}),
    _created("ports of ipAddress/discovery become mappings",
             {"ipAddress": {"networkName": "n", "discovery": {"ports": [
                 {"number": 80, "name": "http", "protocol": "tcp"}]}}},
             {"container": {"portMappings": [{"containerPort": 80, "name": "http"}]}}),
    _created("a dependency becomes absolute", {"dependencies": ["other"]},
             {"dependencies": ["/other"]}),
    _created("a constraint is kept as it is", {"constraints": [["hostname", "UNIQUE"]]},
             {"constraints": [["hostname", "UNIQUE"]]}),
    _created("a mapping of the bridge has a host port",
             {"networks": BRIDGE, "container": DOCKER | {"portMappings": [{"containerPort": 80}]}},
             {"container": {"portMappings": [
                 {"containerPort": 80, "hostPort": 0, "protocol": "tcp", "labels": ANY}]}}),
    _created("a mapping of a container network has none",
             {"networks": [{"mode": "container", "name": "n"}],
              "container": {"type": "MESOS", "portMappings": [{"containerPort": 80}]}},
             {"container": {"portMappings": [{"hostPort": ABSENT}]}}),
    _created("a network without a mode is a container's",
             {"networks": [{"name": "n"}], "container": {"type": "MESOS"}},
             {"networks": [{"mode": "container", "name": "n"}]}),
    _created("unreachableStrategy may be disabled", {"unreachableStrategy": "disabled"},
             {"unreachableStrategy": "disabled"}),
    _created("an environment variable is a text", {"env": {"A": "b"}}, {"env": Exactly(A="b")}),
    _created("a limit may be unlimited", {"resourceLimits": {"cpus": "unlimited", "mem": 256}},
             {"resourceLimits": Exactly(cpus="unlimited", mem=256)}),
]  # fmt: skip

RULES = [*ANSWER, *DEFAULTS, *NORMALISED]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
