"""POST /v2/apps: what is refused, with which path and which words.

Source: AppValidation, NetworkValidation and the RAML types of Marathon 1.11.
"""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ABSENT,
    ANY,
    Exactly,
    holding,
    like,
)
from tests.conformance.marathon.rules import Json, Rule
from tests.conformance.marathon.served import Served

POST = "POST /v2/apps"
SMALL = {"id": "/{id}", "cmd": "sleep 100", "instances": 0}
DOCKER = {"type": "DOCKER", "docker": {"image": "busybox"}}
BRIDGE = [{"mode": "container/bridge"}]
HTTP = {"protocol": "HTTP", "path": "/"}


def _body(fields: Json) -> Json:
    return {key: value for key, value in (SMALL | fields).items() if value is not ABSENT}


def _invalid(name: str, fields: Json, path: str, error: Json) -> Rule:
    """A whole app that could not run."""
    says = {"message": "Object is not valid", "details": holding({
        "path": path, "errors": holding(error)})}  # fmt: skip
    return Rule(name, POST, 422, body=_body(fields), says=says)


def _misread(name: str, fields: Json, path: str, error: str) -> Rule:
    """JSON that is no app."""
    says = Exactly(message="Invalid JSON", details=holding(
        {"path": path, "errors": holding(error)}))  # fmt: skip
    return Rule(name, POST, 422, body=_body(fields), says=says)


MISREAD = [
    _misread("an app has to have an id", {"id": ABSENT}, "/id", "error.path.missing"),
    _misread("an id is a text", {"id": 5}, "/id", "error.expected.jsstring"),
    _misread("a command is a text", {"cmd": 5}, "/cmd", "error.expected.jsstring"),
    _misread("args are a list", {"args": "x"}, "/args", "error.expected.jsarray"),
    _misread("instances are a number", {"instances": "1"}, "/instances",
             "error.expected.jsnumber"),
    _misread("cpus are a number", {"cpus": "1"}, "/cpus", "error.expected.jsnumber"),
    _misread("mem is a number", {"mem": {}}, "/mem", "error.expected.jsnumber"),
    _misread("cpus are not negative", {"cpus": -1}, "/cpus", "error.min"),
    _misread("mem is not negative", {"mem": -1}, "/mem", "error.min"),
    _misread("disk is not negative", {"disk": -1}, "/disk", "error.min"),
    _misread("gpus are not negative", {"gpus": -1}, "/gpus", "error.min"),
    _misread("instances are not negative", {"instances": -1}, "/instances", "error.min"),
    _misread("env is an object", {"env": []}, "/env", "error.expected.jsobject"),
    _misread("labels are an object", {"labels": []}, "/labels", "error.expected.jsobject"),
    _misread("a label is a text", {"labels": {"a": 1}}, "/labels/a", "error.expected.jsstring"),
    _misread("constraints are a list", {"constraints": "x"}, "/constraints",
             "error.expected.jsarray"),
    _misread("requirePorts is a boolean", {"requirePorts": "x"}, "/requirePorts",
             "error.expected.jsboolean"),
    _misread("a port is a number", {"ports": ["x"]}, "/ports(0)", "error.expected.jsnumber"),
    _misread("a port is not more than 65535", {"portDefinitions": [{"port": 65536}]},
             "/portDefinitions(0)/port", "error.max"),
    _misread("a killSelection is one that is known", {"killSelection": "x"}, "/killSelection",
             "error.unknown.enum.literal"),
    _misread("the backoff factor is 1 at least", {"backoffFactor": 0.5}, "/backoffFactor",
             "error.min"),
    _misread("the health capacity is 1 at most",
             {"upgradeStrategy": {"minimumHealthCapacity": 2, "maximumOverCapacity": 1}},
             "/upgradeStrategy/minimumHealthCapacity", "error.max"),
    _misread("the over capacity is 1 at most",
             {"upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 2}},
             "/upgradeStrategy/maximumOverCapacity", "error.max"),
    _misread("an artifact has to have a URI", {"fetch": [{}]}, "/fetch(0)/uri",
             "error.path.missing"),
    _misread("a protocol is one that is known", {"healthChecks": [{"protocol": "SMTP"}]},
             "/healthChecks(0)/protocol", "error.unknown.enum.literal"),
    _misread("a container is of a known type", {"container": {"type": "LXC"}}, "/container/type",
             "error.unknown.enum.literal"),
    _misread("a host volume has a path",
             {"container": {"type": "MESOS", "volumes": [
                 {"containerPath": "a", "hostPath": "", "mode": "RO"}]}},
             "/container/volumes(0)/hostPath", "error.minLength"),
    _misread("an image has to be named", {"container": {"type": "DOCKER", "docker": {}}},
             "/container/docker/image", "error.path.missing"),
]  # fmt: skip

INVALID = [
    _invalid("an id of capitals is refused", {"id": "/{id}/A"}, "/id",
             like("must fully match regular expression .*")),
    _invalid("an id of spaces is refused", {"id": "/{id}/a b"}, "/id",
             like("must fully match regular expression .*")),
    _invalid("an id that begins with a dash is refused", {"id": "/{id}/-a"}, "/id",
             like("must fully match regular expression .*")),
    _invalid("the root is no app", {"id": "/"}, "/id",
             "Path must contain at least one path element"),
    *[_invalid(f"an id that ends with {word} is refused", {"id": f"/{{id}}/{word}"}, "/id",
               like("must not end with any of the following reserved keywords: .*"))
      for word in ("restart", "tasks", "versions")],
    _invalid("an app has to do something", {"cmd": ABSENT}, "/",
             "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."),
    _invalid("cmd and args exclude each other", {"args": ["x"]}, "/",
             "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."),
    _invalid("a Docker container has to have an image", {"container": {"type": "DOCKER"}},
             "/container/docker", "not defined"),
    _invalid("a URI has to be one", {"fetch": [{"uri": "http://h/a b"}]}, "/fetch(0)/uri",
             "URI has invalid syntax."),
    _invalid("uris and fetch exclude each other",
             {"uris": ["http://h/a"], "fetch": [{"uri": "http://h/b"}]}, "/uris",
             "may not be set in conjunction with fetch"),
    _invalid("ports are unique", {"ports": [9001, 9001]}, "/", "ports must be unique"),
    _invalid("ports of definitions are unique",
             {"portDefinitions": [{"port": 9001}, {"port": 9001}]}, "/portDefinitions",
             "Ports must be unique."),
    _invalid("names of ports are unique",
             {"portDefinitions": [{"port": 0, "name": "a"}, {"port": 0, "name": "a"}]},
             "/portDefinitions", "Port names must be unique."),
    _invalid("names of mappings are unique",
             {"networks": BRIDGE, "container": {"type": "MESOS", "portMappings": [
                 {"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]}},
             "/container/portMappings", "Port names must be unique."),
    _invalid("ports and portDefinitions have to agree",
             {"ports": [1], "portDefinitions": [{"port": 2}]}, "/",
             "cannot specify both ports and port definitions"),
    _invalid("networks and ipAddress exclude each other",
             {"networks": [{"mode": "host"}], "ipAddress": {}}, "/",
             "must not specify both networks and ipAddress"),
    _invalid("networks and docker.network exclude each other",
             {"networks": BRIDGE, "container": DOCKER | {"docker": {
                 "image": "i", "network": "BRIDGE"}}}, "/",
             "must not specify both container.docker.network and networks"),
    _invalid("ipAddress and ports exclude each other",
             {"ipAddress": {"networkName": "n"}, "ports": [9001]}, "/",
             "cannot specify both an IP address and port"),
    _invalid("host networks have no names", {"networks": [{"mode": "host", "name": "n"}]},
             "/networks", "Host networks may not have names or labels"),
    _invalid("bridges have no names",
             {"networks": [{"mode": "container/bridge", "name": "n"}]},
             "/networks", "Bridge networks may not have names"),
    _invalid("a container network has a name",
             {"networks": [{"mode": "container"}]}, "/networks",
             "Network name must be specified when container network is selected."),
    _invalid("kinds of networks are not mixed",
             {"networks": [{"mode": "host"}, {"mode": "container", "name": "n"}]}, "/networks",
             "May specify a single host network, single bridge network, or else 1-to-n "
             "container networks"),
    _invalid("a network is joined once",
             {"networks": [{"mode": "container", "name": "n"}, {"mode": "container", "name": "n"}]},
             "/networks", "Duplicate networks are not allowed"),
    _invalid("Docker joins one container network",
             {"container": DOCKER, "networks": [
                 {"mode": "container", "name": "a"}, {"mode": "container", "name": "b"}]}, "/",
             "may only specify a single container network when using the Docker container engine"),
    _invalid("a host port on several networks names one",
             {"networks": [{"mode": "container", "name": "a"}, {"mode": "container", "name": "b"}],
              "container": {"type": "MESOS", "portMappings": [
                  {"containerPort": 80, "hostPort": 0}]}}, "/container/portMappings(0)",
             "networkNames must be a single item list when hostPort is specified and more than 1 "
             "container network is defined"),
    _invalid("a mapping names a network of the app",
             {"networks": [{"mode": "container", "name": "a"}],
              "container": {"type": "MESOS", "portMappings": [
                  {"containerPort": 80, "networkNames": ["c"]}]}},
             "/container/portMappings(0)/networkNames(0)", "is not one of (a)"),
    _invalid("a host network has no mappings",
             {"networks": [{"mode": "host"}],
              "container": {"type": "MESOS", "portMappings": [{"containerPort": 80}]}}, "/",
             "portMappings are not allowed with host-networking"),
    _invalid("a health check names a port there is",
             {"healthChecks": [HTTP | {"portIndex": 3}]}, "/healthChecks(0)",
             "Health check port indices must address an element of the ports array or container "
             "port mappings."),
    _invalid("one health check of Mesos at most",
             {"healthChecks": [{"protocol": "MESOS_HTTP", "path": "/"},
                               {"protocol": "MESOS_TCP"}]}, "/",
             "AppDefinition can contain at most one Mesos health check"),
    _invalid("a readiness check names a port there is",
             {"readinessChecks": [{"portName": "x"}]}, "/readinessChecks(0)/portName",
             "No port definition reference for portName x"),
    _invalid("a constraint has a known operator", {"constraints": [["hostname", "NEAR"]]},
             "/constraints(0)", ANY),
    _invalid("LIKE has to have a value", {"constraints": [["hostname", "LIKE"]]},
             "/constraints(0)", ANY),
    _invalid("GROUP_BY has a number", {"constraints": [["hostname", "GROUP_BY", "x"]]},
             "/constraints(0)", ANY),
    _invalid("UNIQUE has no value", {"constraints": [["hostname", "UNIQUE", "x"]]},
             "/constraints(0)", ANY),
    _invalid("a single instance app has one", {"instances": 2, "labels": {
        "MARATHON_SINGLE_INSTANCE_APP": "true"}}, "/",
             "Single instance app may only have one instance"),
    _invalid("secrets are a feature", {"secrets": {"a": {"source": "b"}}}, "/secrets",
             "Feature secrets is not enabled. Enable with --enable_features secrets)"),
    _invalid("GPUs are a feature", {"gpus": 1}, "/",
             "Feature gpu_resources is not enabled. Enable with --enable_features gpu_resources)"),
    _invalid("a limit is not below the request", {"cpus": 2, "resourceLimits": {"cpus": 1}},
             "/resourceLimits/cpus",
             "resource limit must be greater than or equal to requested resource (2.0)"),
    _invalid("accepted roles are not empty", {"acceptedResourceRoles": []},
             "/acceptedResourceRoles", "must not be empty"),
    _invalid("a role has to be one the app may have", {"role": "other"}, "/role", ANY),
    _invalid("inactive is not after expunged",
             {"unreachableStrategy": {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 1}},
             "/unreachableStrategy/inactiveAfterSeconds", ANY),
    _invalid("a persistent volume lies in the sandbox",
             {"role": "x", "container": {"type": "MESOS", "volumes": [
                 {"containerPath": "/a/b", "mode": "RW", "persistent": {"size": 1}}]}},
             "/container/volumes(0)/containerPath", 'value must not contain "/"'),
    _invalid("only mounts have a maxSize",
             {"role": "x", "container": {"type": "MESOS", "volumes": [
                 {"containerPath": "a", "mode": "RW", "persistent": {
                     "size": 1, "maxSize": 2}}]}},
             "/container/volumes(0)/persistent", "Only mount volumes can have maxSize"),
]  # fmt: skip

RULES = [*MISREAD, *INVALID]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
