"""From a client's JSON to a pod: defaults, spellings, refusals."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.marathon.cluster import container

from orchestrator.marathon.core.apps.app_update import read
from orchestrator.marathon.core.pods import normalisation, validation
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import InvalidObject, WrongShape

DOCUMENTS = Path(__file__).parents[4] / "shared" / "data" / "marathon"


def pod(**fields: object) -> Pod:
    given = {"id": "/p", "containers": [container("one")], **fields}
    parsed = read(Pod, json.dumps(given).encode())
    validation.check(parsed, "*")
    return normalisation.canonical(parsed, "*")


def violations(**fields: object) -> dict[str, str]:
    with pytest.raises(InvalidObject) as refusal:
        pod(**fields)
    return {violation.path: violation.error for violation in refusal.value.violations}


def shown(of: Pod) -> dict[str, Any]:
    return dict(msgspec.json.decode(msgspec.json.encode(of.shown())))


LIKE_NOTHING = {"fieldName": "a", "operator": "LIKE"}


def endpoint(**fields: object) -> dict[str, object]:
    return {"name": "web", **fields}


def test_what_is_left_out_has_marathons_defaults() -> None:
    assert shown(pod().stamped("v", None)) == {
        "id": "/p",
        "version": "v",
        "containers": [
            {
                "name": "one",
                "exec": {"command": {"shell": "one"}},
                "resources": {"cpus": 0.1, "mem": 32.0, "disk": 0.0, "gpus": 0},
            }
        ],
        "scaling": {"kind": "fixed", "instances": 1},
        "scheduling": {
            "backoff": {"backoff": 1.0, "backoffFactor": 1.15, "maxLaunchDelay": 300.0},
            "upgrade": {"minimumHealthCapacity": 1.0, "maximumOverCapacity": 1.0},
            "killSelection": "YOUNGEST_FIRST",
            "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
        },
        "executorResources": {"cpus": 0.1, "mem": 32.0, "disk": 10.0},
        "role": "*",
    }


def test_what_was_shown_is_accepted_again_and_means_the_same() -> None:
    first = pod(
        labels={"a": "b"},
        environment={"X": "1"},
        volumes=[{"name": "data"}],
        networks=[{"mode": "container", "name": "net"}],
        containers=[
            container(
                "one",
                endpoints=[endpoint(containerPort=80, protocol=["tcp", "udp"])],
                healthCheck={"http": {"endpoint": "web", "path": "/"}},
                volumeMounts=[{"name": "data", "mountPath": "/data", "readOnly": True}],
                lifecycle={"killGracePeriodSeconds": 2.5},
                resourceLimits={"cpus": 2},
            )
        ],
    ).stamped("v1", None)
    assert pod(**shown(first)).stamped("v2", first) == first


def test_an_instance_needs_the_sum_of_its_parts() -> None:
    small = {"cpus": 0.1, "mem": 32, "disk": 1}
    of = pod(containers=[container("one", resources=small), container("two", resources=small)])
    assert (of.cpus, of.mem, of.disk) == (0.3, 96, 12)


def test_a_version_that_the_client_sends_is_not_taken_over() -> None:
    assert pod(version="2020-01-01T00:00:00.000Z", configVersion="x").version == ""


@pytest.mark.parametrize("mode", ["host", "container/bridge"])
def test_endpoints_get_a_host_port_where_there_is_no_network_of_their_own(mode: str) -> None:
    of = pod(networks=[{"mode": mode}], containers=[container("one", endpoints=[endpoint()])])
    assert of.host_ports == [0]


def test_endpoints_on_a_container_network_need_no_host_port() -> None:
    network = {"mode": "container", "name": "net"}
    endpoints = [endpoint(containerPort=80)]
    of = pod(networks=[network], containers=[container("one", endpoints=endpoints)])
    assert of.host_ports == [None]


def test_words_of_fixed_sets_may_be_in_any_case() -> None:
    image = {"kind": "docker", "id": "nginx"}
    check = {"http": {"endpoint": "web", "scheme": "https"}}
    one = container("one", image=image, endpoints=[endpoint()], healthCheck=check)
    (health_check,) = pod(containers=[one]).health_checks
    assert health_check.http
    assert health_check.http.scheme.value == "HTTPS"


def test_the_number_of_instances_is_no_part_of_the_configuration() -> None:
    first = pod().stamped("v1", None)
    more = pod(scaling={"kind": "fixed", "instances": 5}).stamped("v2", first)
    other = pod(user="me").stamped("v3", more)
    assert [p.version for p in (first, more, other)] == ["v1", "v2", "v3"]
    assert [p.config_version for p in (first, more, other)] == ["v1", "v1", "v3"]


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"id": "p"}, "/id", "Path needs to be absolute"),
        ({"id": "/"}, "/id", "at least one path element"),
        ({"id": "/UPPER"}, "/id", "must fully match regular expression"),
        ({"user": ""}, "/user", "must not be empty"),
        ({"environment": {"1A": "x"}}, "/environment", "must not begin with a number"),
        ({"environment": {"A": "\0"}}, "/environment/A", "a value that a process can have"),
        ({"role": "other"}, "/role", "is not one of (*)"),
        ({"containers": [container("a"), container("a")]}, "/containers", "must be unique"),
        ({"volumes": [{"name": "v"}]}, "/volumes(0)", "referenced by at least one container"),
        ({"networks": [{"mode": "container"}]}, "/networks", "Network name must be specified"),
        ({"networks": [{"mode": "host"}, {"mode": "host"}]}, "/networks", "a single host network"),
        ({"networks": [{"mode": "host", "name": "x"}]}, "/networks", "may not have names"),
        ({"scaling": {"kind": "fixed", "instances": 10**6}}, "/scaling/instances", "not be more"),
        (
            {"scheduling": {"placement": {"acceptedResourceRoles": ["gold"]}}},
            "/acceptedResourceRoles",
            "can only contain * and *",
        ),
        (
            {
                "scheduling": {
                    "placement": {"constraints": [{"fieldName": "a", "operator": "LIKE"}]}
                }
            },
            "/scheduling/placement/constraints(0)",
            "require a non-empty, regular expression",
        ),
        (
            {"scheduling": {"unreachableStrategy": {"inactiveAfterSeconds": 1}}},
            "/scheduling/unreachableStrategy",
            "must be less than",
        ),
    ],
)
def test_a_pod_that_makes_no_sense_is_refused_with_the_place(
    fields: dict[str, object], path: str, words: str
) -> None:
    assert words in violations(**fields)[path]


HOST = [{"mode": "host"}]
NET = [{"mode": "container", "name": "net"}]
TWO_NETS = [*NET, {"mode": "container", "name": "other"}]


@pytest.mark.parametrize(
    ("fields", "networks", "path", "words"),
    [
        ({"exec": {"command": {"shell": "x", "argv": ["y"]}}}, HOST, "exec/command", "never both"),
        ({"exec": None}, HOST, "exec", "must be set where there is no image"),
        (
            {"endpoints": [endpoint(containerPort=1)]},
            HOST,
            "endpoints(0)/containerPort",
            "host-mode",
        ),
        ({"endpoints": [endpoint()]}, NET, "endpoints(0)/containerPort", "is required"),
        (
            {"endpoints": [endpoint(networkNames=["x"])]},
            HOST,
            "endpoints(0)/networkNames",
            "one of",
        ),
        ({"endpoints": [endpoint(protocol=["tcp", "tcp"])]}, HOST, "endpoints(0)/protocol", "Dupl"),
        (
            {"endpoints": [endpoint(containerPort=1, hostPort=0)]},
            TWO_NETS,
            "endpoints(0)",
            "must be a single item list",
        ),
        ({"healthCheck": {}}, HOST, "healthCheck", "Only one of http, tcp, or command"),
        (
            {"healthCheck": {"tcp": {"endpoint": "nowhere"}}},
            HOST,
            "healthCheck/tcp/endpoint",
            "contained in the container endpoints",
        ),
        (
            {"healthCheck": {"exec": {"command": {"shell": "x"}}, "intervalSeconds": 5}},
            HOST,
            "healthCheck/timeoutSeconds",
            "got 20, expected less than 5",
        ),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
            HOST,
            "volumeMounts(0)/name",
            "should exist",
        ),
        ({"resourceLimits": {"mem": 1}}, HOST, "resourceLimits/mem", "greater than or equal"),
    ],
)
def test_a_container_that_makes_no_sense_is_refused_with_the_place(
    fields: dict[str, object], networks: list[object], path: str, words: str
) -> None:
    found = violations(containers=[container("one", **fields)], networks=networks)
    assert words in found[f"/containers(0)/{path}"]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"containerPort": 1}, {"name": "b", "containerPort": 1}, "container ports must be unique"),
        ({"hostPort": 1}, {"name": "b", "hostPort": 1}, "host ports must be unique"),
        ({}, {}, "endpoint names must be unique"),
    ],
)
def test_endpoints_are_unique_across_containers(
    first: dict[str, object], second: dict[str, object], words: str
) -> None:
    containers = [
        container("one", endpoints=[endpoint(**first)]),
        container("two", endpoints=[endpoint(**second)]),
    ]
    assert words in violations(containers=containers)["/"]


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        ({"containers": [container("one")]}, "/id", "error.path.missing"),
        ({"id": "/p"}, "/containers", "error.path.missing"),
        (
            {"id": "/p", "containers": [{"name": "a"}]},
            "/containers(0)/resources",
            "error.path.missing",
        ),
        ({"id": "/p", "containers": "x"}, "/containers", "error.expected.jsarray"),
        (
            {"id": "/p", "containers": [container("one")], "scaling": {"kind": "elastic"}},
            "/scaling/kind",
            "error.unknown.enum.literal",
        ),
    ],
)
def test_json_of_another_shape_is_refused_as_such(
    body: dict[str, object], path: str, error: str
) -> None:
    with pytest.raises(WrongShape) as refusal:
        read(Pod, json.dumps(body).encode())
    (violation,) = refusal.value.violations
    assert (violation.path, violation.error) == (path, error)


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="Marathon's documents are not at hand")
def test_marathons_own_example_is_accepted_but_for_its_timeout() -> None:
    document = json.loads((DOCUMENTS / "pod.json").read_text())
    assert violations(**document) == {
        "/containers(0)/healthCheck/timeoutSeconds": "got 20, expected less than 2"
    }
