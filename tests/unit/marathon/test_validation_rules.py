"""Each rule over a whole app, with Marathon's path and words."""

from typing import Any

import pytest
from tests.unit.marathon.test_app_definitions import app, violations

DOCKER = {"type": "DOCKER", "docker": {"image": "nginx"}}
TWO_NETWORKS = [{"mode": "container", "name": "a"}, {"mode": "container", "name": "b"}]
BRIDGE = [{"mode": "container/bridge"}]
SINGLE = {"MARATHON_SINGLE_INSTANCE_APP": "true"}
NO_COMMAND = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
MIXED = (
    "May specify a single host network, single bridge network, or else 1-to-n container networks"
)
NEEDS_NAME = (
    "networkNames must be a single item list when hostPort is specified "
    "and more than 1 container network is defined"
)


def mesos(*mappings: dict[str, Any]) -> dict[str, Any]:
    return {"type": "MESOS", "portMappings": list(mappings)}


@pytest.mark.parametrize(
    ("fields", "path", "error"),
    [
        ({"cmd": None}, "/", NO_COMMAND),
        ({"cmd": "x", "args": ["y"]}, "/", NO_COMMAND),
        ({"container": {"type": "DOCKER"}}, "/container/docker", "not defined"),
        ({"networks": [{"mode": "host"}, *BRIDGE]}, "/networks", MIXED),
        ({"networks": [*BRIDGE, *BRIDGE]}, "/networks", MIXED),
        ({"networks": [{"mode": "host"}, *TWO_NETWORKS]}, "/networks", MIXED),
        (
            {"networks": [{"mode": "host", "name": "n"}]},
            "/networks",
            "Host networks may not have names or labels",
        ),
        (
            {"networks": [{"mode": "host", "labels": {"k": "v"}}]},
            "/networks",
            "Host networks may not have names or labels",
        ),
        (
            {"networks": [{"mode": "container/bridge", "name": "n"}]},
            "/networks",
            "Bridge networks may not have names",
        ),
        (
            {"networks": [TWO_NETWORKS[0], TWO_NETWORKS[0]]},
            "/networks",
            "Duplicate networks are not allowed",
        ),
        (
            {"networks": [{"mode": "container"}]},
            "/networks",
            "Network name must be specified when container network is selected.",
        ),
        (
            {"container": DOCKER, "networks": TWO_NETWORKS},
            "/",
            "may only specify a single container network when using the Docker container engine",
        ),
        (
            {"networks": TWO_NETWORKS, "container": mesos({"hostPort": 0})},
            "/container/portMappings(0)",
            NEEDS_NAME,
        ),
        (
            {"networks": TWO_NETWORKS, "container": mesos({"networkNames": ["a", "c"]})},
            "/container/portMappings(0)/networkNames(1)",
            "is not one of (a,b)",
        ),
        (
            {"networks": BRIDGE, "container": mesos({"name": "n"}, {"name": "n"})},
            "/container/portMappings",
            "Port names must be unique.",
        ),
        (
            {"networks": [{"mode": "host"}], "container": mesos({"containerPort": 80})},
            "/",
            "portMappings are not allowed with host-networking",
        ),
        (
            {"portDefinitions": [{"name": "n"}, {"name": "n"}]},
            "/portDefinitions",
            "Port names must be unique.",
        ),
        (
            {"portDefinitions": [{"port": 80}, {"port": 80}]},
            "/portDefinitions",
            "Ports must be unique.",
        ),
        ({"fetch": [{"uri": "http://h/a b"}]}, "/fetch(0)/uri", "URI has invalid syntax."),
        (
            {"labels": SINGLE, "instances": 2},
            "/",
            "Single instance app may only have one instance",
        ),
        (
            {"labels": SINGLE, "upgradeStrategy": {"minimumHealthCapacity": 0.5}},
            "/upgradeStrategy/minimumHealthCapacity",
            "got 0.5, expected 0.0",
        ),
        (
            {"labels": SINGLE, "upgradeStrategy": {"minimumHealthCapacity": 0}},
            "/upgradeStrategy/maximumOverCapacity",
            "got 1.0, expected 0.0",
        ),
        (
            {"unreachableStrategy": {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 4}},
            "/unreachableStrategy/inactiveAfterSeconds",
            "inactiveAfterSeconds (5) must be less or equal to expungeAfterSeconds, which is 4",
        ),
        (
            {"labels": {"DCOS_MIGRATION_API_VERSION": "v1"}},
            "/",
            "DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using "
            "DCOS_MIGRATION_API_VERSION",
        ),
        (
            {"resourceLimits": {"cpus": 0.5}},
            "/resourceLimits/cpus",
            "resource limit must be greater than or equal to requested resource (1.0)",
        ),
        ({"env": {"": "x"}}, "/env", "must not be empty"),
    ],
)
def test_a_broken_rule_is_named_where_it_is_broken(
    fields: dict[str, Any], path: str, error: str
) -> None:
    assert violations(**fields).get(path) == error


@pytest.mark.parametrize("name", ["Net", "a" * 64, "-a", "a b"])
def test_a_network_has_a_plain_name(name: str) -> None:
    networks = [{"mode": "container", "name": name}]
    assert "/networks(0)/name" in violations(networks=networks)


@pytest.mark.parametrize("wanted", ["/A", "/a/-b", "/a_b"])
def test_a_dependency_is_a_path(wanted: str) -> None:
    assert "regular expression" in violations(dependencies=[wanted])["/dependencies(0)"]


@pytest.mark.parametrize(
    "fields",
    [
        {"networks": TWO_NETWORKS},
        {"networks": TWO_NETWORKS, "container": mesos({"hostPort": 0, "networkNames": ["b"]})},
        {"networks": [{"mode": "container", "name": "my_net-1"}]},
        {"labels": SINGLE, "upgradeStrategy": dict.fromkeys(
            ("minimumHealthCapacity", "maximumOverCapacity"), 0)},
        {"unreachableStrategy": "disabled"},
        {"unreachableStrategy": {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 5}},
        {"fetch": [{"uri": "file:///a%20b.tgz"}, {"uri": "relative/path"}, {"uri": "http://ü/"}]},
        {"dependencies": ["../b", "/", "/c/tasks"]},
        {"portDefinitions": [{"port": 0}, {"port": 0}]},
        {"args": ["x"], "cmd": None},
        {"container": DOCKER, "cmd": None},
        {"container": {"type": "MESOS"}, "cmd": None},
    ],
)  # fmt: skip
def test_what_breaks_no_rule_is_accepted(fields: dict[str, Any]) -> None:
    assert app(**({"id": "/a", "cmd": "x"} | fields)).id == "/a"


@pytest.mark.parametrize("uri", ["a b", "http://h/%zz", "http:", ":x", 'a"b', "a\\b", "a{b}"])
def test_text_that_is_no_uri_is_refused(uri: str) -> None:
    assert "/fetch(0)/uri" in violations(fetch=[{"uri": uri}])
