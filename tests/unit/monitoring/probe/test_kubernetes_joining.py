"""Which container is of which pod, which pod of which services, and whose an address is."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.monitoring.probe.kubernetes import a_pod, a_service, pods, services, status_of

from orchestrator.monitoring.probe.kubernetes.joining import Selectors, join, tag
from orchestrator.monitoring.report import Node, Topology

Nodes = dict[Topology, list[Node]]


def _routed(ip: str) -> str:
    return ""


def _tagged(
    found: list[dict[str, Any]], nodes: Nodes, scope_of: Callable[[str], str] = _routed
) -> Nodes:
    nodes["pod"] = [Node(one["metadata"]["uid"]) for one in found]
    tag(nodes, join(pods(*found)), scope_of)
    return nodes


def _services_of(labels: dict[str, str] | None, *selectors: dict[str, str] | None) -> list[str]:
    found = a_pod("web")
    found["metadata"]["labels"] = labels
    made = [a_service(f"s{n}", one) for n, one in enumerate(selectors)]
    elsewhere = a_service("elsewhere", {"app": "web"})
    elsewhere["metadata"]["namespace"] = "other"
    return Selectors(services(*reversed(made), elsewhere)).services_of(pods(found)[0])


def test_a_pod_is_of_the_services_that_select_all_of_it_by_name() -> None:
    labels = {"app": "web", "tier": "front"}
    found = _services_of(labels, {"app": "web"}, labels, {"app": "web", "tier": "back"})
    assert found == ["uid-s0", "uid-s1"]


@pytest.mark.parametrize("selector", [None, {}])
def test_a_service_without_a_selector_selects_nothing(selector: dict[str, str] | None) -> None:
    assert _services_of({"app": "web"}, selector) == []
    assert _services_of(None, {"app": "web"}) == []


def test_a_container_is_found_by_its_id_and_named_as_its_pod_names_it() -> None:
    [node] = _tagged([a_pod("web", status_of("c1"))], {"container": [Node("c1", "nginx c1")]})[
        "container"
    ]
    assert node.parents == {"pod": ["uid-web"]}
    assert (node.label, node.latest) == ("main", {"engine": "containerd", "image": "nginx:1"})
    assert node.metrics == {"restarts": 2.0}
    assert node.labels["io.kubernetes.pod.namespace"] == "shop"


def test_what_the_engine_has_said_stays() -> None:
    latest = {"engine": "docker", "image": "nginx@sha"}
    told = Node("c1", "k8s_main", latest, {"restarts": 0.0, "cpu_percent": 1.0}, {"host": ["web1"]})
    [node] = _tagged([a_pod("web", status_of("c1"))], {"container": [told]})["container"]
    assert (node.label, node.latest) == ("k8s_main", latest)
    assert node.metrics == {"restarts": 2.0, "cpu_percent": 1.0}
    assert node.parents == {"host": ["web1"], "pod": ["uid-web"]}


def test_a_container_is_found_by_docker_s_label() -> None:
    pause = Node("pause", labels={"io.kubernetes.pod.uid": "uid-web"})
    others = [Node("other", labels={"io.kubernetes.pod.uid": "gone"}), Node("plain")]
    nodes = _tagged([a_pod("web")], {"container": [pause, *others]})["container"]
    assert [node.parents for node in nodes] == [{"pod": ["uid-web"]}, {}, {}]


def test_a_pod_from_a_file_has_another_uid_in_labels_than_at_the_server() -> None:
    found = a_pod("etcd", status_of("c1"))
    found["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "hash"}
    pause = Node("pause", labels={"io.kubernetes.pod.uid": "hash"})
    [node] = _tagged([found], {"container": [pause]})["container"]
    assert node.parents == {"pod": ["uid-etcd"]}


def test_the_address_is_of_the_only_container_that_runs() -> None:
    done = status_of("init", "prepare", state={"terminated": {"reason": "Completed"}})
    nodes = _tagged(
        [a_pod("web", status_of("c1"), done)], {"container": [Node("c1"), Node("init")]}
    )
    assert [node.addresses for node in nodes["container"]] == [[";10.1.0.5"], []]
    assert nodes["pod"][0].addresses == []


@pytest.mark.parametrize("seen", [[], ["c1", "c2"]])
def test_the_address_is_of_the_pod_if_there_are_several_or_none_is_seen(seen: list[str]) -> None:
    found = a_pod("web", status_of("c1"), *([status_of("c2", "log")] if seen else []))
    nodes = _tagged([found], {"container": [Node(id) for id in seen]})
    assert [node.addresses for node in nodes["container"]] == [[] for _ in seen]
    assert nodes["pod"][0].addresses == [";10.1.0.5"]


def test_an_address_of_a_bridge_is_known_here_by_another_name_as_well() -> None:
    nodes = _tagged([a_pod("web")], {}, lambda ip: "web1")
    assert nodes["pod"][0].addresses == [";10.1.0.5", "web1;10.1.0.5"]


def test_a_pod_in_the_machine_s_network_does_not_have_its_address() -> None:
    listener = Node("web1:4026;0.0.0.0;9100", parents={"container": ["c1"]})
    nodes = _tagged(
        [a_pod("exporter", status_of("c1"), ip="192.168.1.1", hostNetwork=True)],
        {"container": [Node("c1")], "endpoint": [listener]},
    )
    assert nodes["container"][0].addresses == nodes["pod"][0].addresses == []
    assert [node.id for node in nodes["endpoint"]] == [listener.id, ";192.168.1.1;9100"]


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed", ""])
def test_a_pod_that_does_not_run_has_no_address(phase: str) -> None:
    found = a_pod("web", status_of("c1"))
    found["status"]["phase"] = phase
    nodes = _tagged([found], {"container": [Node("c1")]})
    assert nodes["container"][0].addresses == nodes["pod"][0].addresses == []


def test_listeners_are_told_at_the_address_of_their_pod() -> None:
    found = a_pod("web", status_of("c1"), status_of("c2", "log"))
    found["status"]["podIPs"] = [{"ip": "10.1.0.5"}, {"ip": "fd00::5"}]
    parents: dict[Topology, list[str]] = {"container": ["c2"], "process": ["web1;7"]}
    endpoints = [
        Node("web1:9;0.0.0.0;80", parents=parents),
        Node("web1:9;::;81", parents=parents),
        Node("web1:9;127.0.0.1;82", parents=parents),
        Node("web1;10.1.0.5;83", parents=parents),
        Node("web1:1;0.0.0.0;22", parents={"process": ["web1;1"]}),
        Node("nonsense", parents=parents),
    ]
    nodes = _tagged([found], {"container": [Node("c1"), Node("c2")], "endpoint": list(endpoints)})[
        "endpoint"
    ]
    assert {node.id for node in nodes[len(endpoints) :]} == {
        ";10.1.0.5;80", ";10.1.0.5;81", ";fd00::5;81", ";10.1.0.5;83",
    }  # fmt: skip
    assert all(node.parents == parents for node in nodes[len(endpoints) :])


def test_nothing_is_joined_where_nothing_is() -> None:
    nodes: Nodes = {}
    tag(nodes, join(()), _routed)
    assert not any(nodes.values())


def test_the_traffic_of_a_pod_is_told_once_by_the_first_container_that_has_any() -> None:
    found = a_pod("web", *(status_of(f"c{n}", f"name{n}") for n in range(3)))
    traffic = {"network_received_bytes_per_s": 7.0, "network_sent_bytes_per_s": 5.0}
    nodes = _tagged(
        [found],
        {
            "container": [
                Node("c2", metrics={"cpu_percent": 2.0, **traffic}),
                Node("c1", metrics={"cpu_percent": 1.0, **traffic}),
                Node("c0"),
                Node("other", metrics=traffic),
            ]
        },
    )["container"]
    restarts = {"restarts": 2.0}
    assert {node.id: node.metrics for node in nodes} == {
        "c0": restarts,
        "c1": {"cpu_percent": 1.0, **traffic, **restarts},
        "c2": {"cpu_percent": 2.0, **restarts},
        "other": traffic,
    }


def _process(number: int, name: str, container: str) -> Node:
    return Node(f"web1;{number}", name, parents={"host": ["web1"], "container": [container]})


def test_a_container_that_only_keeps_a_pod_s_namespaces_is_left_out() -> None:
    nodes = _tagged(
        [a_pod("web", status_of("c1"))],
        {
            "container": [Node("c1"), Node("c2")],
            "process": [_process(7, "nginx", "c1"), _process(8, "pause", "c2")],
        },
    )
    assert [node.id for node in nodes["container"]] == ["c1"]
    assert [node.parents for node in nodes["process"]] == [
        {"host": ["web1"], "container": ["c1"]},
        {"host": ["web1"]},
    ]


@pytest.mark.parametrize("others", [[], ["sh"]])
def test_a_program_of_that_name_may_be_what_a_pod_is_for(others: list[str]) -> None:
    names = ["pause", *others]
    nodes = _tagged(
        [a_pod("web", status_of("c1"))] if not others else [],
        {
            "container": [Node("c1")],
            "process": [_process(number, name, "c1") for number, name in enumerate(names)],
        },
    )
    assert [node.id for node in nodes["container"]] == ["c1"]
    assert {node.parents["container"][0] for node in nodes["process"]} == {"c1"}
