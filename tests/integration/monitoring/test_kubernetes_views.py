"""From an API server and two machines to views: pods, services and deployments with what is in
them, and who talks to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.monitoring.kubernetes_api import KubernetesApi, kubernetes_api
from tests.support.certificates import Tls
from tests.unit.monitoring.probe.kubernetes import a_pod, a_service, metadata, status_of

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.kubernetes.source import source
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.probe.survey import Identity, Survey
from orchestrator.monitoring.render.details import details
from orchestrator.monitoring.render.live import LiveView
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.views import VIEWS
from orchestrator.monitoring.report import Connection, Node, Report, Topology

NOW = 1000.0
FRONT, BACK = "uid-front-1-a", "uid-back-1-b"
Nodes = dict[Topology, list[Node]]


class Machine:
    """Stands in for the sources that see containers, listeners and connections."""

    def __init__(self, nodes: Nodes, *connections: Connection) -> None:
        self._nodes = nodes
        self._connections = list(connections)

    def report(self, now: float) -> Parts:
        return Parts(nodes=self._nodes, connections=self._connections)


def _container(id: str, host: str) -> Nodes:
    """One that only its cgroup is known of, with one process."""
    metrics = {"cpu_percent": 5.0}
    return {
        "container": [Node(id, f"sh {id}", {}, metrics, parents={"host": [host]})],
        "process": [Node(f"{host};7", "sh", parents={"host": [host], "container": [id]})],
    }


def _owned(name: str, kind: str, owner: str, **spec: Any) -> dict[str, Any]:
    owners = [{"kind": kind, "name": owner, "uid": f"uid-{owner}"}]
    return {"metadata": metadata(name, ownerReferences=owners), "spec": {"replicas": 1, **spec}}


def _pod_on(host: str, name: str, replica_set: str, ip: str, container: str) -> dict[str, Any]:
    pod = a_pod(name, status_of(container), ip=ip)
    pod["spec"]["nodeName"] = host
    owner = {"kind": "ReplicaSet", "name": replica_set, "uid": f"uid-{replica_set}"}
    pod["metadata"] |= {"ownerReferences": [owner], "labels": {"app": replica_set[:-2]}}
    return pod


def _fill(api: KubernetesApi) -> None:
    api.lists = {
        "/api/v1/pods": [
            _pod_on("web1", "front-1-a", "front-1", "10.1.1.5", "c1"),
            _pod_on("web2", "back-1-b", "back-1", "10.1.2.5", "c2"),
        ],
        "/api/v1/services": [
            a_service("front", {"app": "front"}, "10.96.0.1"),
            a_service("back", {"app": "back"}, "10.96.0.2"),
        ],
        "/api/v1/namespaces": [{"metadata": metadata("shop", namespace="")}],
        "/apis/apps/v1/replicasets": [
            _owned("front-1", "Deployment", "front"),
            _owned("back-1", "Deployment", "back"),
        ],
        "/apis/apps/v1/deployments": [
            {"metadata": metadata("front"), "spec": {"replicas": 1}},
            {"metadata": metadata("back"), "spec": {"replicas": 1}},
        ],
    }


class Seen:
    """What two probes have told, the first of them also of the cluster."""

    def __init__(self, api: KubernetesApi, tls: Tls, token: Path) -> None:
        self.picture = Picture()
        self.api = api
        self._settings: dict[str, Any] = {
            "kubernetes": api.url,
            "kubernetes_ca_file": tls.ca,
            "kubernetes_token_file": str(token),
        }

    async def take(self, host: str, machine: Machine, *, is_of_cluster: bool = False) -> Report:
        """A report of one machine."""
        config = ProbeConfig(**self._settings, kubernetes_cluster=is_of_cluster)
        table = ProcessTable()
        kubernetes = source(Setup(config, host, Hiding(), table))
        assert kubernetes.ticker is not None
        assert kubernetes.close is not None
        await kubernetes.ticker.tick(NOW)
        kubernetes.close()
        identity = Identity(host, "first", 1.0, host)
        survey = Survey(identity, table, [Source("machine", reporter=machine), kubernetes])
        report = survey.take(NOW)
        table.close()
        assert report.problems == []
        self.picture.put(report)
        return report

    def view(self, name: str) -> LiveView:
        """A view of it."""
        live = LiveView(VIEWS[name])
        live.refresh(self.picture)
        return live


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[Seen]:
    tls, token = Tls(tmp_path), tmp_path / "token"
    token.write_text("first-token")
    async with kubernetes_api(tls) as api:
        _fill(api)
        yield Seen(api, tls, token)


def _opened(target: str) -> Connection:
    return Connection(source=";10.1.1.5;", target=target, source_process="web1;7", bytes_sent=9)


async def _two_machines(seen: Seen, target: str) -> None:
    await seen.take("web1", Machine(_container("c1", "web1"), _opened(target)), is_of_cluster=True)
    there = Connection(
        source=";10.1.1.5;", target=";10.1.2.5;8080", target_process="web2;7", bytes_sent=9
    )
    await seen.take("web2", Machine(_container("c2", "web2"), there))


async def test_what_is_above_containers_has_them_as_members(seen: Seen) -> None:
    await _two_machines(seen, ";10.1.2.5;8080")
    for view, ids in (
        ("pods", {FRONT, BACK}),
        ("services", {"uid-front", "uid-back"}),
        ("replica-sets", {"uid-front-1", "uid-back-1"}),
        ("deployments", {"uid-front", "uid-back"}),
    ):
        cards = seen.view(view).cards
        assert {
            id: (card.members, card.metrics["cpu_percent"]) for id, card in cards.items()
        } == dict.fromkeys(ids, (1, 5.0))
    shop = seen.view("namespaces").cards["shop"]
    assert (shop.label, shop.members) == ("shop", 2)
    assert {card.label for card in seen.view("containers").cards.values()} == {"main"}


async def test_each_level_names_what_is_in_it(seen: Seen) -> None:
    await _two_machines(seen, ";10.1.2.5;8080")
    for view, id, child in (
        ("deployments", "uid-front", "front-1"),
        ("replica-sets", "uid-front-1", "front-1-a"),
        ("services", "uid-front", "front-1-a"),
        ("pods", FRONT, "main"),
    ):
        found = details(seen.view(view), seen.picture, id)
        assert found is not None
        assert child in [one.label for one in found.children]


async def test_a_connection_between_pods_is_one_in_every_view(seen: Seen) -> None:
    await _two_machines(seen, ";10.1.2.5;8080")
    for view, pair in (
        ("containers", ("c1", "c2")),
        ("pods", (FRONT, BACK)),
        ("services", ("uid-front", "uid-back")),
        ("deployments", ("uid-front", "uid-back")),
    ):
        assert {one: flow.connections for one, flow in seen.view(view).edges.items()} == {pair: 1}


async def test_a_connection_to_a_pod_is_known_by_its_address_alone(seen: Seen) -> None:
    await seen.take("web2", Machine(_container("c2", "web2")))
    machine = Machine(_container("c1", "web1"), _opened(";10.1.2.5;9999"))
    await seen.take("web1", machine, is_of_cluster=True)
    assert list(seen.view("containers").edges) == [("c1", "c2")]
    assert list(seen.view("pods").edges) == [(FRONT, BACK)]


async def test_a_connection_to_the_address_of_a_service_is_one_to_the_service(seen: Seen) -> None:
    machine = Machine(_container("c1", "web1"), _opened(";10.96.0.2;80"))
    await seen.take("web1", machine, is_of_cluster=True)
    assert list(seen.view("services").edges) == [("uid-front", "uid-back")]


async def test_of_several_containers_in_a_pod_the_one_that_listens_is_meant(seen: Seen) -> None:
    pod = seen.api.lists["/api/v1/pods"][1]
    pod["status"]["containerStatuses"].append(status_of("c3", "log"))
    listener = Node("web2:9;0.0.0.0;9000", parents={"container": ["c3"]})
    nodes = _container("c2", "web2")
    nodes["container"].append(Node("c3", parents={"host": ["web2"]}))
    await seen.take("web2", Machine({**nodes, "endpoint": [listener]}))
    machine = Machine(_container("c1", "web1"), _opened(";10.1.2.5;9000"))
    await seen.take("web1", machine, is_of_cluster=True)
    assert list(seen.view("containers").edges) == [("c1", "c3")]
    assert list(seen.view("pods").edges) == [(FRONT, BACK)]


async def test_a_volume_has_its_claim_and_that_the_pod_which_mounts_it(seen: Seen) -> None:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    seen.api.lists["/api/v1/pods"][1]["spec"]["volumes"] = [volume]
    seen.api.lists["/api/v1/persistentvolumeclaims"] = [
        {"metadata": metadata("data"), "spec": {"volumeName": "pv-7"}}
    ]
    seen.api.lists["/api/v1/persistentvolumes"] = [{"metadata": metadata("pv-7", namespace="")}]
    await _two_machines(seen, ";10.1.2.5;8080")
    for view, id, child in (
        ("persistent-volumes", "pv-7", "data"),
        ("persistent-volume-claims", "shop/data", "back-1-b"),
    ):
        live = seen.view(view)
        assert live.cards[id].members == 1
        found = details(live, seen.picture, id)
        assert found is not None
        assert [one.label for one in found.children] == [child]


async def test_without_a_probe_for_the_cluster_there_are_pods(seen: Seen) -> None:
    await seen.take("web1", Machine(_container("c1", "web1")))
    assert seen.view("pods").cards[FRONT].members == 1
    for view in ("services", "deployments", "replica-sets", "namespaces"):
        assert seen.view(view).cards == {}
