"""The probe and a real API server, with the role and the token that the documents give it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.monitoring.kubernetes_api import documented
from tests.support import eventually
from tests.support.kube_apiserver import ApiServer, api_server, missing
from tests.unit.monitoring.probe.kubernetes import status_of

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.kubernetes.source import CLUSTER_S, source
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Asked, ControlFailedError, Parts, Setup, Source
from orchestrator.monitoring.report import Topology

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(bool(missing()), reason=str(missing())),
]
CORE, APPS, BATCH = "/api/v1", "/apis/apps/v1", "/apis/batch/v1"
SHOP, ACCOUNT = f"{CORE}/namespaces/shop", f"{CORE}/namespaces/orchestrator/serviceaccounts"
ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/orchestrator-probe"
OLD = (
    "cronjobs.batch of Kubernetes are not seen: the API server has no cronjobs.batch of version v1"
)
"""Is said of the release that is tried here."""
CONTAINERS = {"containers": [{"name": "main", "image": "nginx:1"}]}
WEB = {
    "selector": {"matchLabels": {"app": "web"}},
    "template": {"metadata": {"labels": {"app": "web"}}, "spec": CONTAINERS},
}


class Asking:
    """The source of the machine web1, as it is asked again and again."""

    def __init__(self, made: Source) -> None:
        self._made = made
        self._now = 1000.0

    async def look(self) -> Parts:
        """What it tells after it has asked for everything."""
        assert self._made.ticker is not None
        assert self._made.reporter is not None
        self._now += CLUSTER_S
        await self._made.ticker.tick(self._now)
        return self._made.reporter.report(self._now)

    async def labels(self, topology: Topology) -> list[str]:
        return [node.label for node in (await self.look()).nodes[topology]]

    async def problems(self) -> list[str]:
        return [one for one in (await self.look()).problems if one != OLD]

    async def control(self, topology: Topology, label: str, what: str) -> str:
        """Ask for one of a node, as it was told last."""
        assert self._made.reporter is not None
        nodes = self._made.reporter.report(self._now).nodes[topology]
        [node] = (one for one in nodes if one.label == label)
        answer = await self._made.controllers[topology](Asked(node.id, what, {}))
        if answer.stream is not None:
            await answer.stream(Nobody())
        return answer.result


class Nobody:
    """A terminal that nobody leaves."""

    on_resize: Callable[[int, int], Any] | None = None

    async def write(self, data: bytes, channel: str = "stdout") -> None:
        """Shows nothing."""

    async def read(self) -> bytes:
        await asyncio.Event().wait()
        return b""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """With the documented role and account, and a shop."""
    async with api_server(tmp_path) as server:
        await server.make(f"{CORE}/namespaces", {"metadata": {"name": "shop"}})
        for made in documented():
            await server.make(_path(made), made)
        yield server


def _path(made: dict[str, Any]) -> str:
    group, metadata = made["apiVersion"], made["metadata"]
    base = f"/api/{group}" if group == "v1" else f"/apis/{group}"
    inside = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{base}{inside}/{made['kind'].lower()}s"


@pytest.fixture
async def asking(server: ApiServer, tmp_path: Path) -> AsyncIterator[Asking]:
    await _give_token(server, tmp_path / "token")
    config = ProbeConfig(
        kubernetes=server.url,
        kubernetes_ca_file=server.ca,
        kubernetes_token_file=str(tmp_path / "token"),
        kubernetes_node="web1",
        kubernetes_cluster=True,
        kubernetes_controls=True,
    )
    made = source(Setup(config, "web1", Hiding(), ProcessTable()))
    yield Asking(made)
    assert made.close is not None
    made.close()


async def _give_token(server: ApiServer, file: Path) -> None:
    made = await server.make(f"{ACCOUNT}/probe/token", {"spec": {"expirationSeconds": 600}})
    await asyncio.to_thread(file.write_text, made["status"]["token"])


async def _run_pod(server: ApiServer, name: str, **spec: Any) -> Any:
    """A pod of web1 that runs."""
    body = {
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"nodeName": "web1", **CONTAINERS, **spec},
    }
    await server.make(f"{SHOP}/pods", body)
    return await server.say(
        f"{SHOP}/pods/{name}",
        phase="Running",
        podIP="10.1.0.5",
        conditions=[{"type": "Ready", "status": "True"}],
        containerStatuses=[status_of("c1", ready=True, imageID="")],
    )


async def test_all_kinds_of_objects_are_told(server: ApiServer, asking: Asking) -> None:
    ports = [{"port": 80, "targetPort": "http"}]
    service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}}
    await server.make(f"{SHOP}/services", service)
    for kind, spec in (("deployments", {"replicas": 2}), ("statefulsets", {"serviceName": "web"})):
        body = {"metadata": {"name": "web"}, "spec": {**WEB, **spec}}
        await server.make(f"{APPS}/namespaces/shop/{kind}", body)
    job = {"template": {"spec": {**CONTAINERS, "restartPolicy": "Never"}}}
    await server.make(f"{BATCH}/namespaces/shop/jobs", {"metadata": {"name": "j"}, "spec": job})
    storage = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": "pv-7",
    }
    claim = {"metadata": {"name": "data"}, "spec": storage}
    await server.make(f"{SHOP}/persistentvolumeclaims", claim)
    disk = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "2Gi"},
        "hostPath": {"path": "/x"},
    }
    await server.make(f"{CORE}/persistentvolumes", {"metadata": {"name": "pv-7"}, "spec": disk})
    await _run_pod(
        server, "web-1", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    )
    said = await asking.look()
    assert said.problems == [OLD]
    told = {kind: {node.label for node in nodes} for kind, nodes in said.nodes.items()}
    assert told == {
        "pod": {"web-1"},
        "service": {"kubernetes", "web"},
        "namespace": {
            "default",
            "kube-node-lease",
            "kube-public",
            "kube-system",
            "orchestrator",
            "shop",
        },
        "deployment": {"probe-cluster", "web"},
        "replica_set": set(),
        "daemon_set": {"probe"},
        "stateful_set": {"web"},
        "job": {"j"},
        "cron_job": set(),
        "persistent_volume_claim": {"data"},
        "persistent_volume": {"pv-7"},
    }
    [pod] = said.nodes["pod"]
    assert pod.latest["health"] == "healthy"
    [of_service] = (one.id for one in said.nodes["service"] if one.label == "web")
    assert pod.parents == {
        "host": ["web1"],
        "service": [of_service],
        "namespace": ["shop"],
        "persistent_volume_claim": ["shop/data"],
    }
    [found] = said.nodes["persistent_volume_claim"]
    assert found.parents == {"namespace": ["shop"], "persistent_volume": ["pv-7"]}


async def test_a_long_list_comes_in_pages(server: ApiServer, asking: Asking) -> None:
    spec = {"ports": [{"port": 80}], "clusterIP": "None"}
    names = [f"s-{number:04}" for number in range(1100)]
    for name in names:
        await server.make(f"{SHOP}/services", {"metadata": {"name": name}, "spec": spec})
    assert await asking.labels("service") == ["kubernetes", *names]


async def test_what_the_role_lacks_is_named(server: ApiServer, asking: Asking) -> None:
    _, role = await server.ask("GET", ROLE)
    fewer = {**role, "rules": [rule for rule in role["rules"] if "jobs" not in rule["resources"]]}
    assert await asking.problems() == []
    status, kept = await server.ask("PUT", ROLE, fewer)
    assert status == 200

    async def is_named() -> bool:
        return await asking.problems() == [
            f"{name}.batch of Kubernetes are not seen: "
            f"the account's role lacks the verb list on {name}.batch"
            for name in ("jobs", "cronjobs")
        ]

    await eventually(is_named, interval_s=0.2)
    await server.ask("PUT", ROLE, {**kept, "rules": role["rules"]})

    async def is_well() -> bool:
        return not await asking.problems()

    await eventually(is_well, interval_s=0.2)


async def test_a_token_that_is_no_longer_good_is_named_until_there_is_another(
    server: ApiServer, asking: Asking, tmp_path: Path
) -> None:
    assert await asking.problems() == []
    await server.ask("DELETE", f"{ACCOUNT}/probe")
    why = f"Kubernetes is not seen: {server.url} does not take the token in {tmp_path / 'token'}"

    async def is_named() -> bool:
        return await asking.problems() == [why]

    await eventually(is_named, interval_s=0.2)  # it remembers for ten seconds whom it let in
    account = next(one for one in documented() if one["kind"] == "ServiceAccount")
    await server.make(ACCOUNT, account)
    await _give_token(server, tmp_path / "token")
    assert await asking.problems() == []


async def test_a_server_that_was_killed_is_missed_and_seen_again(
    server: ApiServer, asking: Asking
) -> None:
    await _run_pod(server, "web-1")
    assert await asking.labels("pod") == ["web-1"]
    server.kill()
    said = await asking.look()
    assert [node.label for node in said.nodes["pod"]] == ["web-1"]
    [problem] = said.problems
    assert problem.startswith("Kubernetes is not seen: 127.0.0.1:")
    await server.start()
    assert await asking.labels("pod") == ["web-1"]
    assert await asking.problems() == []


@pytest.mark.parametrize("topology", ["deployment", "stateful_set"])
async def test_what_has_replicas_is_scaled(
    server: ApiServer, asking: Asking, topology: Topology
) -> None:
    path = f"{APPS}/namespaces/shop/{topology.replace('_', '')}s"
    spec = {**WEB, "serviceName": "web"} if topology == "stateful_set" else WEB
    await server.make(path, {"metadata": {"name": "web"}, "spec": {**spec, "replicas": 1}})
    await asking.look()
    assert await asking.control(topology, "web", "scale_up") == "2"
    assert (await server.ask("GET", f"{path}/web"))[1]["spec"]["replicas"] == 2
    for wanted in ("1", "0"):
        assert await asking.control(topology, "web", "scale_down") == wanted
    with pytest.raises(ControlFailedError, match="it has 0 replicas already"):
        await asking.control(topology, "web", "scale_down")


async def test_only_the_pod_that_was_meant_is_removed(server: ApiServer, asking: Asking) -> None:
    await _run_pod(server, "web-1")
    await asking.look()
    at_once = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
    await server.ask("DELETE", f"{SHOP}/pods/web-1", at_once)
    await _run_pod(server, "web-1")
    with pytest.raises(ControlFailedError, match="it has been changed meanwhile"):
        await asking.control("pod", "web-1", "remove")
    await asking.look()
    await asking.control("pod", "web-1", "remove")
    [pod] = (await asking.look()).nodes["pod"]
    assert pod.latest["state"] == "terminating"


async def test_a_log_that_the_server_cannot_get_is_told(server: ApiServer, asking: Asking) -> None:
    await server.make(f"{CORE}/nodes", {"metadata": {"name": "web1"}})
    await _run_pod(server, "web-1")
    await asking.look()
    with pytest.raises(ControlFailedError, match="the API server refuses: no preferred addresses"):
        await asking.control("pod", "web-1", "logs")
