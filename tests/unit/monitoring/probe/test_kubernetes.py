"""Nodes of what an API server says, from its JSON."""

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitoring.probe.kubernetes import (
    a_pod,
    a_service,
    metadata,
    page,
    pods,
    read,
    services,
    status_of,
)
from tests.unit.monitoring.reports import report

from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.kubernetes import parsing
from orchestrator.monitoring.probe.kubernetes.joining import join, tag
from orchestrator.monitoring.probe.kubernetes.objects import Namespace, Pod, Service
from orchestrator.monitoring.probe.kubernetes.pages import PageError, read_page
from orchestrator.monitoring.probe.kubernetes.storage import Claim, Volume
from orchestrator.monitoring.probe.kubernetes.workloads import CronJob, Job, Workload
from orchestrator.monitoring.report import Limits, Node, Topology, check, codec

HIDING = Hiding()


def _pod_node(found: dict[str, Any]) -> Node:
    [pod] = pods(found)
    return parsing.pod_node(pod, "web1", ["uid-front"], HIDING)


def test_a_pod_says_what_it_is_and_what_it_is_of() -> None:
    node = _pod_node(a_pod("web-1-x", status_of("c1"), status_of("c2", "log")))
    assert (node.id, node.label, node.labels) == ("uid-web-1-x", "web-1-x", {"app": "web"})
    assert node.latest == {
        "state": "running", "health": "healthy", "ip": "10.1.0.5", "restarts": "4", "node": "web1",
        "namespace": "shop", "started_at": "1767225610.000", "created_at": "1767225600.000",
    }  # fmt: skip
    assert node.parents == {
        "host": ["web1"],
        "service": ["uid-front"],
        "namespace": ["shop"],
        "replica_set": ["uid-web-1"],
    }


def test_a_pod_has_no_metrics_so_that_those_of_its_containers_add_up() -> None:
    assert _pod_node(a_pod("web", status_of("c1"))).metrics == {}


def test_a_pod_that_does_not_run_says_why() -> None:
    waiting = status_of("", state={"waiting": {"reason": "CrashLoopBackOff"}})
    crashing = a_pod("web", waiting)
    crashing["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    latest = _pod_node(crashing).latest
    assert (latest["state"], latest["health"], latest["reason"]) == (
        "running", "unhealthy", "CrashLoopBackOff",
    )  # fmt: skip
    crashing["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    latest = _pod_node(crashing).latest
    assert (latest["state"], latest.get("health")) == ("terminating", None)


def test_a_service_has_its_cluster_wide_addresses_only() -> None:
    found = a_service("front", {"tier": "web", "app": "web"})
    found["spec"] |= {
        "type": "LoadBalancer",
        "clusterIPs": ["10.96.0.1", "fd00::1"],
        "externalIPs": ["192.168.1.1"],
        "ports": [
            {"port": 80, "targetPort": "http", "nodePort": 30080},
            {"port": 53, "protocol": "UDP"},
        ],
    }
    found["status"] = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "lb.example"}]}}
    node = parsing.service_node(services(found)[0], HIDING)
    assert node.addresses == [";10.96.0.1", ";fd00::1"]
    assert node.latest == {
        "type": "LoadBalancer", "ip": "10.96.0.1,fd00::1", "namespace": "shop",
        "ports": "30080:80->http/tcp,53->53/udp", "selector": "app=web,tier=web",
        "external_ip": "192.168.1.1,1.2.3.4,lb.example", "created_at": "1767225600.000",
    }  # fmt: skip


def test_a_headless_service_has_no_address() -> None:
    [service] = services(a_service("db", None, ip="None"))
    node = parsing.service_node(service, HIDING)
    assert (node.addresses, "ip" in node.latest) == ([], False)


@pytest.mark.parametrize(
    ("spec", "status", "state", "health"),
    [
        ({"replicas": 2}, {"replicas": 2, "readyReplicas": 2}, "running", "healthy"),
        ({"replicas": 2}, {"replicas": 2, "readyReplicas": 1}, "running", "unhealthy"),
        ({}, {}, "created", "unhealthy"),
        ({"replicas": 0}, {}, "exited", None),
        ({"replicas": 2, "paused": True}, {"readyReplicas": 2}, "paused", "healthy"),
    ],
)
def test_a_deployment_is_as_well_as_its_pods(
    spec: dict[str, Any], status: dict[str, Any], state: str, health: str | None
) -> None:
    spec = {**spec, "strategy": {"type": "RollingUpdate"}}
    [found] = read(Workload, {"metadata": metadata("web"), "spec": spec, "status": status})
    latest = parsing.workload_node(found, HIDING).latest
    assert (latest["state"], latest.get("health")) == (state, health)
    assert latest["instances_wanted"] == str(spec.get("replicas", 1))
    assert latest["instances_ready"] == str(status.get("readyReplicas", 0))
    assert latest["strategy"] == "RollingUpdate"


def test_a_daemon_set_counts_machines() -> None:
    status = {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberReady": 2}
    [found] = read(Workload, {"metadata": metadata("log"), "status": status})
    latest = parsing.daemon_set_node(found, HIDING).latest
    counts = latest["instances_wanted"], latest["instances"], latest["instances_ready"]
    assert (counts, latest["health"]) == (("3", "3", "2"), "unhealthy")


def test_replica_sets_kept_for_a_rollback_are_not_told() -> None:
    owner = {"kind": "Deployment", "name": "web", "uid": "uid-web"}
    owned = metadata("web-1", ownerReferences=[owner])
    new, old, alone = read(
        Workload,
        {"metadata": owned, "spec": {"replicas": 1}},
        {"metadata": owned, "spec": {"replicas": 0}},
        {"metadata": metadata("alone"), "spec": {"replicas": 0}},
    )
    node = parsing.replica_set_node(new, HIDING)
    assert node is not None
    assert node.parents["deployment"] == ["uid-web"]
    assert parsing.replica_set_node(old, HIDING) is None
    assert parsing.replica_set_node(alone, HIDING) is not None


@pytest.mark.parametrize(
    ("spec", "status", "state"),
    [
        ({}, {"active": 1}, "running"),
        ({}, {}, "waiting"),
        ({"suspend": True}, {}, "paused"),
        ({}, {"conditions": [{"type": "Complete", "status": "True"}]}, "succeeded"),
        ({}, {"conditions": [{"type": "Failed", "status": "True"}]}, "failed"),
    ],
)
def test_a_job_says_how_it_went(spec: dict[str, Any], status: dict[str, Any], state: str) -> None:
    owner = {"kind": "CronJob", "name": "nightly", "uid": "uid-nightly"}
    named = metadata("nightly-1", ownerReferences=[owner])
    [job] = read(Job, {"metadata": named, "spec": {"completions": 1, **spec}, "status": status})
    node = parsing.job_node(job, HIDING)
    assert (node.latest["state"], node.latest["completions_wanted"]) == (state, "1")
    assert node.parents["cron_job"] == ["uid-nightly"]


def test_a_cron_job_has_its_schedule() -> None:
    spec = {"schedule": "0 3 * * *", "suspend": False, "timeZone": None}
    status = {"active": [{"name": "x"}], "lastScheduleTime": "2026-01-01T00:00:00Z"}
    [found] = read(CronJob, {"metadata": metadata("nightly"), "spec": spec, "status": status})
    latest = parsing.cron_job_node(found, HIDING).latest
    assert (latest["schedule"], latest["state"], latest["active"]) == ("0 3 * * *", "running", "1")
    assert latest["last_scheduled_at"] == "1767225600.000"


def test_a_namespace_is_named_as_its_objects_name_it() -> None:
    found = {"metadata": metadata("shop", namespace=""), "status": {"phase": "Active"}}
    node = parsing.namespace_node(read(Namespace, found)[0], HIDING)
    assert (node.id, node.label, node.latest["state"], node.parents) == (
        "shop", "shop", "active", {},
    )  # fmt: skip


def test_a_pod_is_of_the_claims_of_its_volumes() -> None:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        {"name": "config", "configMap": {"name": "db"}},
    ]
    node = _pod_node(a_pod("db-0", volumes=volumes))
    assert node.parents["persistent_volume_claim"] == ["shop/data-db-0", "shop/db-0-scratch"]


def test_a_claim_is_of_the_volume_that_it_was_given() -> None:
    spec = {
        "volumeName": "pv-7",
        "storageClassName": "fast",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    status = {"phase": "Bound", "capacity": {"storage": "2Gi"}}
    [found] = read(Claim, {"metadata": metadata("data-db-0"), "spec": spec, "status": status})
    node = parsing.claim_node(found, HIDING)
    assert (node.id, node.label) == ("shop/data-db-0", "data-db-0")
    assert node.parents == {"persistent_volume": ["pv-7"], "namespace": ["shop"]}
    del node.latest["created_at"]
    assert node.latest == {
        "state": "bound", "requested": "1Gi", "capacity": "2Gi", "storage_class": "fast",
        "access_modes": "ReadWriteOnce", "namespace": "shop",
    }  # fmt: skip


def test_a_claim_that_waits_is_of_no_volume() -> None:
    claim = {"metadata": metadata("data"), "spec": {}, "status": {"phase": "Pending"}}
    node = parsing.claim_node(read(Claim, claim)[0], HIDING)
    assert (node.latest["state"], node.parents) == ("pending", {"namespace": ["shop"]})


def test_a_volume_is_named_as_claims_name_it() -> None:
    spec = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
        "persistentVolumeReclaimPolicy": "Retain",
    }
    status = {"phase": "Failed", "reason": "RecyclerFailed"}
    named = metadata("pv-7", namespace="")
    node = parsing.volume_node(
        read(Volume, {"metadata": named, "spec": spec, "status": status})[0], HIDING
    )
    del node.latest["created_at"]
    assert (node.id, node.parents) == ("pv-7", {})
    assert node.latest == {
        "state": "failed", "reason": "RecyclerFailed", "reclaim_policy": "Retain",
        "capacity": "2Gi", "access_modes": "ReadWriteOnce,ReadOnlyMany",
    }  # fmt: skip


def test_secrets_in_labels_are_hidden() -> None:
    found = a_pod("web")
    found["metadata"]["labels"]["api-token"] = "abc"
    assert _pod_node(found).labels["api-token"] == "***"


def test_what_is_too_long_for_a_report_is_cut() -> None:
    found = a_pod("web")
    found["metadata"]["labels"] = {f"{n}{'l' * 300}": "v" * 5000 for n in range(200)}
    found["status"]["reason"] = "r" * 5000
    node = _pod_node(found)
    assert msgspec.json.decode(msgspec.json.encode(node), type=Node) == node


@pytest.mark.parametrize(
    "named",
    [
        {"name": "a"},
        {"uid": "a"},
        {"name": "a", "uid": ""},
        {"name": "a", "uid": "x" * 513},
        {"name": "a", "uid": "line\nbreak"},
        {"name": "a\x00", "uid": "a"},
        {"name": "a", "uid": "a", "namespace": "\x1b[0m"},
        {"name": 5, "uid": "a"},
        {"name": "a", "uid": "a", "labels": {"a": 5}},
        {"name": "a", "uid": "a", "labels": "none"},
    ],
)
def test_an_object_that_makes_no_sense_hides_no_others(named: dict[str, Any]) -> None:
    found = read_page(page({"metadata": named}, None, 7, [], a_pod("web"), next="more"), Pod)
    assert [pod.metadata.name for pod in found.objects] == ["web"]
    assert (found.refused, found.next) == (4, "more")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>Sign in</html>",
        b"{}",
        b'{"kind": "Status", "message": "no"}',
        b'{"items": [{"metadata": {"name": "a"',
        b'{"items": {}}',
        b"\xff\xfe",
        b'{"items": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_list_is_a_sentence(data: bytes) -> None:
    with pytest.raises(PageError, match="the API server answers with something else: "):
        read_page(data, Pod)


def test_a_number_that_nothing_counts_makes_no_sense() -> None:
    for number in (-1, 2**63, 10**400):
        found = read_page(page(a_pod("web", status_of("c1", restartCount=number))), Pod)
        assert (found.objects, found.refused) == ([], 1)


def test_an_empty_list_is_null() -> None:
    assert read_page(b'{"items": null, "metadata": {}}', Service).objects == []


_text = st.text(max_size=6) | st.sampled_from(
    ["Running", "containerd://c1", "10.1.0.5", "fe80::1%a\n", "fd00::1", "\n", "x" * 9000]
)
_any = st.none() | st.integers() | _text | st.lists(_text, max_size=2)
_owner = st.fixed_dictionaries({"kind": st.just("Job"), "name": _text, "uid": _text})
_state: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"waiting": st.just({}), "running": st.just({})}
)
_container = st.fixed_dictionaries(
    {"name": _text, "containerID": _text, "image": _text, "state": _state},
    optional={"restartCount": st.integers()},
)
_metadata = st.fixed_dictionaries(
    {"name": _text, "uid": _text},
    optional={
        "namespace": _text,
        "labels": st.dictionaries(_text, _text, max_size=3),
        "creationTimestamp": _text,
        "ownerReferences": st.lists(_owner, max_size=2),
    },
)
_status = st.fixed_dictionaries(
    {"phase": _text},
    optional={
        "reason": _text,
        "podIP": _text,
        "podIPs": st.lists(st.builds(lambda ip: {"ip": ip}, _text), max_size=2),
        "startTime": _text,
        "containerStatuses": st.lists(_container, max_size=2),
    },
)
_spec = st.fixed_dictionaries(
    {},
    optional={
        "clusterIP": _text,
        "externalIPs": st.lists(_text, max_size=2),
        "selector": st.dictionaries(_text, _text, max_size=2),
        "ports": st.lists(st.builds(lambda port: {"port": port}, st.integers()), max_size=2),
        "hostNetwork": st.booleans(),
        "volumeName": _text,
        "volumes": st.lists(
            st.builds(lambda name: {"persistentVolumeClaim": {"claimName": name}}, _text),
            max_size=2,
        ),
    },
)
_object = st.fixed_dictionaries(
    {"metadata": _metadata}, optional={"spec": _spec | _any, "status": _status | _any}
)


@given(st.lists(_object | _any, max_size=4))
def test_whatever_the_server_says_the_app_takes_the_report(objects: list[Any]) -> None:
    found = read_page(page(*objects), Pod).objects
    listener = Node("web1:1;0.0.0.0;80", parents={"container": ["c1"]})
    nodes: dict[Topology, list[Node]] = {
        "host": [Node("web1")],
        "container": [Node("c1")],
        "endpoint": [listener],
        "service": [
            parsing.service_node(one, HIDING) for one in read_page(page(*objects), Service).objects
        ],
        "pod": [parsing.pod_node(pod, "web1", [], HIDING) for pod in found],
        "persistent_volume_claim": [
            parsing.claim_node(one, HIDING) for one in read_page(page(*objects), Claim).objects
        ],
        "persistent_volume": [
            parsing.volume_node(one, HIDING) for one in read_page(page(*objects), Volume).objects
        ],
    }
    tag(nodes, join(found), lambda ip: "" if ipaddress.ip_address(ip).is_private else "web1")
    once = {kind: list({node.id: node for node in some}.values()) for kind, some in nodes.items()}
    said = report("web1", nodes=once)
    check(codec.decode(codec.encode(said)), said.taken_at, Limits())
