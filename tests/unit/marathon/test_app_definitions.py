"""From a client's JSON to an app: spellings, defaults, refusals."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.marathon.cluster import update

from orchestrator.marathon.core.apps import normalisation, validation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_update import AppUpdate, read
from orchestrator.marathon.core.refusals import InvalidObject, NotJson, WrongShape

DOCUMENTS = Path(__file__).parents[4] / "shared" / "data" / "marathon"


def app(existing: App | None = None, **fields: object) -> App:
    parsed = read(AppUpdate, json.dumps(fields).encode())
    complete = normalisation.complete(str(fields.get("id", "/a")), parsed, existing, "*")
    validation.check(complete, ["*"])
    return complete


def violations(**fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidObject) as refusal:
        app(**({"id": "/a", "cmd": "x"} | fields))
    return {violation.path: violation.error for violation in refusal.value.violations}


def shown(of: App) -> dict[str, object]:
    return dict(msgspec.json.decode(msgspec.json.encode(of)))


def test_what_is_left_out_has_marathons_defaults() -> None:
    fields = shown(app(id="/a", cmd="x").stamped("v", None))
    assert fields == {
        "id": "/a",
        "cmd": "x",
        "instances": 1,
        "cpus": 1.0,
        "mem": 128.0,
        "disk": 0.0,
        "gpus": 0,
        "executor": "",
        "networks": [{"mode": "host"}],
        "portDefinitions": [{"port": 0, "protocol": "tcp", "name": "default", "labels": {}}],
        "requirePorts": False,
        "backoffSeconds": 1,
        "backoffFactor": 1.15,
        "maxLaunchDelaySeconds": 300,
        "upgradeStrategy": {"minimumHealthCapacity": 1.0, "maximumOverCapacity": 1.0},
        "killSelection": "YOUNGEST_FIRST",
        "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
        "labels": {},
        "role": "*",
        "version": "v",
        "versionInfo": {"lastScalingAt": "v", "lastConfigChangeAt": "v"},
    }


def test_an_app_reads_back_as_it_was_written() -> None:
    container = {"type": "DOCKER", "docker": {"image": "nginx", "network": "BRIDGE"}}
    whole = app(id="/a", container=container, env={"A": "b"}, constraints=[["hostname", "UNIQUE"]])
    assert msgspec.json.decode(msgspec.json.encode(whole), type=App) == whole


def test_uris_become_files_to_fetch() -> None:
    fetch = app(id="/a", cmd="x", uris=["http://h/a.tgz", "http://h/b.jar"]).fetch
    assert [(f.uri, f.extract) for f in fetch] == [
        ("http://h/a.tgz", True),
        ("http://h/b.jar", False),
    ]


def test_ports_become_port_definitions() -> None:
    definitions = app(id="/a", cmd="x", ports=[0, 8080]).port_definitions
    assert [d.port for d in definitions or []] == [0, 8080]


def test_no_ports_may_be_asked_for() -> None:
    assert app(id="/a", cmd="x", ports=[]).host_ports == []
    assert app(id="/a", cmd="x", portDefinitions=[]).host_ports == []


def test_dockers_old_network_becomes_a_network_with_mappings() -> None:
    docker = {"image": "nginx", "network": "BRIDGE", "portMappings": [{"containerPort": 80}]}
    modern = app(id="/a", container={"type": "DOCKER", "docker": docker})
    assert [n.mode.value for n in modern.networks] == ["container/bridge"]
    assert [(m.container_port, m.host_port) for m in modern.port_mappings] == [(80, 0)]
    assert modern.port_definitions is None


def test_a_bridge_without_mappings_gets_one() -> None:
    container = {"type": "DOCKER", "docker": {"image": "nginx"}}
    bridged = app(id="/a", container=container, networks=[{"mode": "container/bridge"}])
    assert len(bridged.port_mappings) == 1


def test_an_old_ip_address_becomes_a_container_network() -> None:
    address = {"networkName": "net", "discovery": {"ports": [{"number": 80, "name": "http"}]}}
    modern = app(id="/a", cmd="x", ipAddress=address)
    assert [n.name for n in modern.networks] == ["net"]
    assert [m.name for m in modern.port_mappings] == ["http"]


def test_an_update_changes_only_what_it_names() -> None:
    before = app(id="/a", cmd="x", cpus=2, labels={"k": "v"})
    after = app(before, instances=4)
    assert (after.cmd, after.cpus, after.labels, after.instances) == ("x", 2, {"k": "v"}, 4)


def test_null_is_the_same_as_absent() -> None:
    assert app(id="/a", cmd="x", container=None, args=None, env=None) == app(id="/a", cmd="x")


def test_unknown_fields_are_ignored() -> None:
    assert app(id="/a", cmd="x", tasksRunning=3, nonsense=[1]) == app(id="/a", cmd="x")


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"cpus": "many"}, "/cpus", "error.expected.jsnumber"),
        ({"cmd": 5}, "/cmd", "error.expected.jsstring"),
        ({"args": "x"}, "/args", "error.expected.jsarray"),
        ({"labels": []}, "/labels", "error.expected.jsobject"),
        ({"requirePorts": 1}, "/requirePorts", "error.expected.jsboolean"),
        ({"ports": [1, "x"]}, "/ports(1)", "error.expected.jsnumber"),
        ({"env": {"A": "x", "B": 1, "C": "y"}}, "/env/B", "error.expected.jsstring"),
        ({"env": {"A": {"secret": 1}}}, "/env/A/secret", "error.expected.jsstring"),
        (
            {"labels": {str(n): "x" for n in range(50)} | {"k": []}},
            "/labels/k",
            "error.expected.jsstring",
        ),
        (
            {"networks": [{"labels": {"a": "b", "c": 1}}]},
            "/networks(0)/labels/c",
            "error.expected.jsstring",
        ),
        ({"fetch": [{}]}, "/fetch(0)/uri", "error.path.missing"),
        ({"killSelection": "RANDOM"}, "/killSelection", "error.unknown.enum.literal"),
    ],
)
def test_a_wrong_type_is_answered_with_its_path_and_marathons_code(
    fields: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(WrongShape) as refusal:
        app(id="/a", **fields)
    assert [(v.path, v.error) for v in refusal.value.violations] == [(path, code)]


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"cpus": 0}, "/cpus", "error.min"),
        ({"instances": -1}, "/instances", "error.min"),
        ({"backoffFactor": 0.5}, "/backoffFactor", "error.min"),
        ({"cmd": ""}, "/cmd", "error.minLength"),
        (
            {"upgradeStrategy": {"maximumOverCapacity": 2}},
            "/upgradeStrategy/maximumOverCapacity",
            "error.max",
        ),
        ({"portDefinitions": [{"port": 70000}]}, "/portDefinitions(0)/port", "error.max"),
        ({"portDefinitions": [{"name": "A B"}]}, "/portDefinitions(0)/name", "error.pattern"),
        ({"fetch": [{"uri": "x" * 2000}]}, "/fetch(0)/uri", "error.maxLength"),
    ],
)
def test_a_value_out_of_bounds_is_answered_with_marathons_code_and_a_sentence(
    fields: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(WrongShape) as refusal:
        app(**({"id": "/a", "cmd": "x"} | fields))
    (where, found), (_, sentence) = [(v.path, v.error) for v in refusal.value.violations]
    assert (where, found) == (path, code)
    assert sentence.startswith("expected ")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"cmd": None}, "/"),
        ({"args": ["x"]}, "/"),
        ({"role": "web"}, "/role"),
        ({"constraints": [["hostname"]]}, "/constraints(0)"),
        ({"constraints": [["hostname", "NEAR"]]}, "/constraints(0)"),
        ({"acceptedResourceRoles": ["web"]}, "/acceptedResourceRoles"),
        ({"env": {"": "x"}}, "/env"),
        ({"env": {"A": "\0"}}, "/env/A"),
        ({"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}, "instances": 2}, "/"),
        ({"instances": 10**6}, "/instances"),
        ({"ports": [80, 80]}, "/"),
        ({"ports": [80], "portDefinitions": [{"port": 81}]}, "/"),
        ({"portDefinitions": [{"port": 80}, {"port": 80}]}, "/portDefinitions"),
        ({"portDefinitions": [{"name": "a"}, {"name": "a"}]}, "/portDefinitions"),
        ({"uris": ["x"], "fetch": [{"uri": "y"}]}, "/uris"),
        ({"container": {"type": "DOCKER"}}, "/container/docker"),
        ({"container": {"type": "MESOS", "volumes": [{"containerPath": "/x"}]}},
         "/container/volumes(0)/hostPath"),
        ({"networks": [{"mode": "host"}, {"mode": "container/bridge"}]}, "/networks"),
        ({"networks": [{"mode": "container"}]}, "/networks"),
        ({"healthChecks": [{"protocol": "COMMAND"}]}, "/healthChecks(0)/command"),
        ({"healthChecks": [{"protocol": "HTTP", "portIndex": 1}]}, "/healthChecks(0)"),
        ({"readinessChecks": [{}]}, "/readinessChecks(0)/portName"),
        (
            {"readinessChecks": [{"portName": "default", "intervalSeconds": 10}]},
            "/readinessChecks(0)/timeoutSeconds",
        ),
        ({"readinessChecks": [{"portName": "default"}] * 2}, "/readinessChecks"),
        ({"healthChecks": [{"protocol": "MESOS_TCP", "portIndex": 3}]}, "/healthChecks(0)"),
        ({"check": {}}, "/check"),
        ({"check": {"tcp": {"portIndex": 7}}}, "/check"),
        ({"resourceLimits": {"cpus": 0.5}}, "/resourceLimits/cpus"),
        ({"ipAddress": {}, "networks": [{"mode": "host"}]}, "/"),
        ({"ipAddress": {}, "ports": [1]}, "/"),
    ],
)  # fmt: skip
def test_an_app_that_cannot_run_is_refused_where_it_is_wrong(
    fields: dict[str, object], path: str
) -> None:
    assert path in violations(**fields)


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"id":', b"", b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_json_are_told_apart(body: bytes) -> None:
    with pytest.raises((NotJson, WrongShape)):
        read(AppUpdate, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "/a", "cpus": NaN}',
        b'{"id": "/a", "cpus": Infinity}',
        b'{"id": "/a", "cpus": 1e999}',
        b'{"id": "/a", "cpus": 0x10}',
        b"{'id': '/a'}",
        b'{"id": "/a",}',
        b'{"id": "/a" /* no */}',
        b'{"id": "\\ud800"}',
    ],
)
def test_what_only_looks_like_json_is_refused(body: bytes) -> None:
    with pytest.raises((NotJson, WrongShape, InvalidObject)):
        read(AppUpdate, body)


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    assert read(AppUpdate, b'{"id": "/a", "cpus": 1, "cpus": 2}').cpus == 2


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 30, "1e30", "2147483648"])
def test_a_number_that_no_field_holds_is_refused(number: str) -> None:
    for field in ("instances", "cpus", "backoffSeconds"):
        body = f'{{"id": "/a", "{field}": {number}}}'.encode()
        with pytest.raises((NotJson, WrongShape, InvalidObject)):
            read(AppUpdate, body)


def test_deep_nesting_is_refused() -> None:
    deep: object = "x"
    for _ in range(100):
        deep = [deep]
    with pytest.raises(NotJson):
        read(AppUpdate, json.dumps({"id": "/a", "args": deep}).encode())


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    assert read(AppUpdate, b'{"instances": 2.0, "cpus": 1}') == update(instances=2, cpus=1.0)


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="Marathon's documents are not at hand")
class TestMarathonsOwnDocuments:
    def load(self, name: str) -> object:
        return json.loads((DOCUMENTS / name).read_text())

    @pytest.mark.parametrize("name", ["app-simple.json", "app-check-http-example.json"])
    def test_an_app_is_accepted(self, name: str) -> None:
        document = self.load(name)
        assert isinstance(document, dict)
        assert app(**document).id == document["id"] or document["id"] == "http-index-test"

    def test_several_apps_are_accepted(self) -> None:
        documents = self.load("apps_create.json")
        assert isinstance(documents, list)
        assert [app(**document).instances for document in documents] == [2, 2]

    def test_an_app_as_it_was_shown_by_an_older_version_is_accepted(self) -> None:
        listed = self.load("app_list.json")
        assert isinstance(listed, dict)
        document = {k: v for k, v in listed["apps"][0].items() if k not in ("version",)}
        assert [d.port for d in app(**document).port_definitions or []] == [10013, 10015]

    def test_the_app_of_every_field_is_read_and_refused_for_what_it_contains(self) -> None:
        document = self.load("app.json")
        assert isinstance(document, dict)
        old_or_unsupported = ("ipAddress", "readinessChecks", "healthChecks")
        fields = {k: v for k, v in document.items() if k not in old_or_unsupported}
        assert violations(**fields)["/env/PASSWORD/secret"] == "references an undefined secret"
