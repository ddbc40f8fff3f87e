"""What older Marathons called things: translated where it can be, else refused."""

from typing import Any

import pytest
from tests.unit.marathon.test_app_definitions import app, violations

from orchestrator.marathon.core.apps.app_parts import NetworkMode


def docker(kind: str = "DOCKER", **fields: Any) -> dict[str, Any]:
    return {"container": {"type": kind, "docker": {"image": "nginx"} | fields}}


def networks(**fields: Any) -> list[tuple[str, str | None, dict[str, str]]]:
    made = app(id="/a", cmd="x", **fields)
    return [(n.mode.value, n.name, n.labels) for n in made.networks]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (docker(network="HOST"), ("host", None, {})),
        (docker(network="BRIDGE"), ("container/bridge", None, {})),
        (
            docker(network="USER") | {"ipAddress": {"networkName": "n", "labels": {"k": "v"}}},
            ("container", "n", {"k": "v"}),
        ),
        (
            docker(network="BRIDGE") | {"ipAddress": {"networkName": "n", "labels": {"k": "v"}}},
            ("container/bridge", None, {"k": "v"}),
        ),
        (docker(network="HOST") | {"ipAddress": {}}, ("host", None, {})),
        ({"ipAddress": {"networkName": "n"}}, ("container", "n", {})),
        ({"ipAddress": {"networkName": "mesos-bridge"}}, ("container/bridge", None, {})),
    ],
)
def test_old_networks_become_new_ones(fields: dict[str, Any], expected: object) -> None:
    assert networks(**fields) == [expected]


def test_the_old_network_is_not_shown_any_more() -> None:
    made = app(id="/a", cmd="x", **docker(network="BRIDGE", portMappings=[{"containerPort": 80}]))
    assert made.container
    assert made.container.docker
    assert (made.container.docker.network, made.container.docker.port_mappings) == (None, None)
    assert [mapping.container_port for mapping in made.port_mappings] == [80]


def test_port_definitions_of_a_container_become_mappings() -> None:
    definitions = [{"port": 0}, {"port": 0}]
    made = app(
        id="/a", cmd="x", portDefinitions=definitions, networks=[{"mode": "container/bridge"}]
    )
    assert (len(made.port_mappings), made.port_definitions) == (2, None)


def test_ports_that_are_required_count_only_on_the_host_network() -> None:
    fields: dict[str, Any] = {"id": "/a", "cmd": "x", "requirePorts": True}
    assert app(**fields).require_ports
    assert not app(**fields, networks=[{"mode": "container/bridge"}]).require_ports


def test_the_path_of_a_uri_says_whether_it_is_an_archive() -> None:
    uris = ["http://h/a.zip?token=x", "http://h/a.jar#b.zip", "http://h/a.tar.xz"]
    fetch = app(id="/a", cmd="x", uris=uris).fetch
    assert [artifact.extract for artifact in fetch] == [True, False, True]


def test_a_health_check_without_a_port_goes_to_the_first() -> None:
    checks = [{"protocol": "MESOS_HTTP"}]
    made = app(id="/a", cmd="x", healthChecks=checks)
    assert [check.port_index for check in made.health_checks] == [0]
    with_port = app(id="/a", cmd="x", healthChecks=[checks[0] | {"port": 80}])
    assert [check.port_index for check in with_port.health_checks] == [None]


def test_a_command_has_no_port() -> None:
    checks = [{"protocol": "COMMAND", "command": {"value": "true"}}]
    assert app(id="/a", cmd="x", healthChecks=checks).health_checks[0].port_index is None


@pytest.mark.parametrize(
    "fields",
    [
        {"healthChecks": [{"protocol": "MESOS_HTTP"}]},
        {"uris": ["http://h/a.zip"]},
        {"ports": [0, 0]},
        docker(network="BRIDGE", portMappings=[{"containerPort": 80}]),
        {"ipAddress": {"networkName": "n", "discovery": {"ports": [{"number": 1, "name": "p"}]}}},
    ],
)
def test_the_same_definition_again_is_no_change(fields: dict[str, Any]) -> None:
    first = app(id="/a", cmd="x", **fields)
    assert app(first, cmd="x", **fields) == first


@pytest.mark.parametrize(
    ("fields", "path", "error"),
    [
        ({"storeUrls": ["http://h/a"]}, "/storeUrls", "is not supported any more: use fetch"),
        (docker(credential={"principal": "p"}), "/container/docker/credential", "must be empty"),
        (docker("MESOS", network="BRIDGE"), "/container/docker/network", "must be empty"),
        (docker("MESOS", parameters=[{"key": "k", "value": "v"}]),
         "/container/docker/parameters", "must be empty"),
        (docker("MESOS", portMappings=[{}]), "/container/docker/portMappings", "must be empty"),
        (docker(network="NONE"), "/container/docker/network",
         "unsupported docker network type NONE"),
        (docker(network="HOST") | {"networks": [{"mode": "host"}]}, "/",
         "must not specify both container.docker.network and networks"),
        ({"ipAddress": {}, "networks": [{"mode": "host"}]}, "/",
         "must not specify both networks and ipAddress"),
        (docker(network="USER") | {"ipAddress": {"networkName": "n", "discovery": {}}},
         "/ipAddress", "ipAddress/discovery is not allowed for Docker containers"),
        ({"ipAddress": {"discovery": {"ports": [{"number": 1, "name": "p"}]}},
          "container": {"type": "MESOS", "portMappings": [{}]}}, "/",
         "container.portMappings and ipAddress.discovery.ports must not both be set"),
        ({"ipAddress": {}, "ports": [1]}, "/", "cannot specify both an IP address and port"),
        ({"ports": [80, 80]}, "/", "ports must be unique"),
        ({"ports": [80], "portDefinitions": []}, "/",
         "cannot specify both ports and port definitions"),
        ({"uris": ["x"], "fetch": [{"uri": "y"}]}, "/uris",
         "may not be set in conjunction with fetch"),
        ({"uris": ["ok", "a b"]}, "/uris(1)", "URI has invalid syntax."),
    ],
)  # fmt: skip
def test_contradictions_are_refused(fields: dict[str, Any], path: str, error: str) -> None:
    assert violations(**fields)[path] == error


def test_ports_and_the_definitions_they_became_may_stand_together() -> None:
    definitions = [{"port": 0, "name": "http"}]
    made = app(id="/a", cmd="x", ports=[0], portDefinitions=definitions)
    assert [d.name for d in made.port_definitions or []] == ["http"]
    assert all(network.mode is NetworkMode.HOST for network in made.networks)
