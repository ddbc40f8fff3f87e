"""Asks for this machine's pods at each tick, and for what is above them more seldom.

What was seen last is told on for some minutes when the API server is away or refuses, beside the
reason: pods run on without it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, Final

from msgspec.structs import replace

from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.kernel.addresses import read_scopes
from orchestrator.monitoring.probe.kubernetes import joining, parsing
from orchestrator.monitoring.probe.kubernetes.api import Api, Resource
from orchestrator.monitoring.probe.kubernetes.controls import (
    CONTROLS,
    SCALED,
    KubernetesControls,
    controls_of,
)
from orchestrator.monitoring.probe.kubernetes.joining import Selectors
from orchestrator.monitoring.probe.kubernetes.listed import Listed
from orchestrator.monitoring.probe.kubernetes.objects import Namespace, Pod, Service
from orchestrator.monitoring.probe.kubernetes.server import Server
from orchestrator.monitoring.probe.kubernetes.storage import Claim, Volume
from orchestrator.monitoring.probe.kubernetes.workloads import CronJob, Job, Workload
from orchestrator.monitoring.probe.roles import Controller, Parts, Setup, Source
from orchestrator.monitoring.report import Node, Topology, control

Nodes = dict[Topology, list[Node]]
CLUSTER_S: Final = 30.0
SERVICES_S: Final = 120.0
_CACHED: Final = {"resourceVersion": "0"}
"""Of the server's memory, not its store: what every probe asks for must cost little."""
_SERVICES: Final = Resource("services")
_ABOVE: Final[tuple[tuple[Topology, Resource, type[Any], Callable[..., Node | None]], ...]] = (
    ("namespace", Resource("namespaces"), Namespace, parsing.namespace_node),
    ("deployment", Resource("deployments", "apps"), Workload, parsing.workload_node),
    ("replica_set", Resource("replicasets", "apps"), Workload, parsing.replica_set_node),
    ("daemon_set", Resource("daemonsets", "apps"), Workload, parsing.daemon_set_node),
    ("stateful_set", Resource("statefulsets", "apps"), Workload, parsing.workload_node),
    ("job", Resource("jobs", "batch"), Job, parsing.job_node),
    ("cron_job", Resource("cronjobs", "batch"), CronJob, parsing.cron_job_node),
    ("persistent_volume_claim", Resource("persistentvolumeclaims"), Claim, parsing.claim_node),
    ("persistent_volume", Resource("persistentvolumes"), Volume, parsing.volume_node),
)


def source(setup: Setup) -> Source:
    """The source. Raises ConfigError."""
    server = Server(setup.config, os.environ)
    asked = Kubernetes(setup, Api(server))
    controllers: dict[Topology, Controller] = {}
    if setup.config.controls and setup.config.kubernetes_controls:
        controls = KubernetesControls(server, asked)
        controllers = {topology: partial(controls.of_scaled, topology) for topology in SCALED}
        controllers["pod"] = controls.of_pod
    return Source(
        "kubernetes",
        reporter=asked,
        tagger=asked,
        ticker=asked,
        controllers=controllers,
        controls=CONTROLS if controllers else (),
        close=asked.close,
    )


class Kubernetes:
    """Reporter of pods and what is above them; tells of containers which pod they are of."""

    period_s = 15.0

    def __init__(self, setup: Setup, api: Api) -> None:
        config = setup.config
        self._setup = setup
        self._api = api
        self._node = config.kubernetes_node or os.environ.get("NODE_NAME") or setup.host_id.lower()
        here = {"fieldSelector": f"spec.nodeName={self._node}", **_CACHED}
        self._pods: Listed[Pod, Pod] = Listed(Resource("pods"), Pod, _itself, query=here)
        self._services: dict[str, Listed[Service, tuple[Service, Node]]] = {}
        """By namespace; of all namespaces under the empty name."""
        self._above = self._cluster_lists() if config.kubernetes_cluster else {}
        self._has_controls = config.controls and config.kubernetes_controls
        self._asking = asyncio.Lock()
        self._problem = ""
        self._nodes: Nodes = {}
        self._joined = joining.join(())
        self._scopes = read_scopes(setup.host_id, config.sys)

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    async def tick(self, now: float) -> None:
        """Ask for pods, and for what else it is time for; one that is away is not asked on."""
        async with self._asking:
            await self._ask(now)
            for listed in self._lists():
                listed.forget_old(now)
            self._build()

    async def look_anew(self, topology: Topology) -> None:
        """Something of a kind was changed: the next report shows it."""
        if topology in self._above:
            self._above[topology].asked_at = 0.0
        await self.tick(time.time())

    def pod(self, uid: str) -> Pod | None:
        """A pod that was told."""
        return next((pod for pod in self._pods.made if pod.metadata.uid == uid), None)

    def scaled(self, topology: Topology, uid: str) -> Node | None:
        """What was told that has replicas."""
        found = self._nodes.get(topology, ())
        return next((node for node in found if node.id == uid), None)

    def report(self, now: float) -> Parts:
        """What the API server said last."""
        del now
        return Parts(nodes=self._nodes, problems=list(dict.fromkeys(self._problems())))

    def tag(self, parts: Parts, now: float) -> None:
        """Join containers, endpoints and addresses with the pods."""
        del now
        joining.tag(parts.nodes, self._joined, lambda ip: self._scopes.of(ip, 0))

    async def _ask(self, now: float) -> None:
        self._problem = ""
        try:
            self._api.begin()
            if self._setup.config.kubernetes_pods:
                await self._pods.ask(self._api, now)
        except HttpError as error:
            self._problem = f"Kubernetes is not seen: {error}"
            self._api.close()
        else:
            await self._ask_above(now)

    async def _ask_above(self, now: float) -> None:
        """Those that waited longest come first, so that one which hangs holds up no other twice."""
        self._note_namespaces()
        due = [listed for listed in self._others() if listed.is_due(now)]
        for listed in sorted(due, key=lambda listed: listed.asked_at):
            try:
                await listed.ask(self._api, now)
            except HttpError:
                self._api.close()
                return

    def _note_namespaces(self) -> None:
        """Services are asked for where this machine has pods; of the cluster all of them."""
        known = self._services
        if self._above:
            wanted, period_s, query = {""}, CLUSTER_S, {}
        else:
            wanted = {pod.metadata.namespace for pod in self._pods.made} - {""}
            period_s, query = SERVICES_S, _CACHED
        self._services = {
            name: known.get(name)
            or Listed(
                _SERVICES, Service, self._service, period_s=period_s, namespace=name, query=query
            )
            for name in wanted
        }

    def _cluster_lists(self) -> dict[Topology, Listed[Any, Node | None]]:
        hiding = self._setup.hiding
        return {
            topology: Listed(resource, kind, partial(make, hiding=hiding), period_s=CLUSTER_S)
            for topology, resource, kind, make in _ABOVE
        }

    def _others(self) -> Iterable[Listed[Any, Any]]:
        return chain(self._services.values(), self._above.values())

    def _lists(self) -> Iterable[Listed[Any, Any]]:
        return chain((self._pods,), self._others())

    def _build(self) -> None:
        pods, setup = self._pods.made, self._setup
        services = [told for listed in self._services.values() for told in listed.made]
        selectors = Selectors(service for service, _ in services)
        self._joined = joining.join(pods)
        self._scopes = read_scopes(setup.host_id, setup.config.sys)
        nodes: Nodes = {"pod": [self._pod_node(pod, selectors) for pod in pods]}
        for topology, listed in self._above.items():
            nodes[topology] = [node for node in listed.made if node is not None]
        if self._above:
            nodes["service"] = [node for _, node in services]
        if self._has_controls:
            for topology in SCALED.keys() & nodes.keys():
                nodes[topology] = [
                    replace(node, controls=[control.SCALE_UP, control.SCALE_DOWN])
                    for node in nodes[topology]
                ]
        self._nodes = nodes

    def _service(self, found: Service) -> tuple[Service, Node]:
        return found, parsing.service_node(found, self._setup.hiding)

    def _pod_node(self, pod: Pod, selectors: Selectors) -> Node:
        setup = self._setup
        node = parsing.pod_node(pod, setup.host_id, selectors.services_of(pod), setup.hiding)
        return replace(node, controls=controls_of(pod)) if self._has_controls else node

    def _problems(self) -> Iterator[str]:
        if self._problem:
            yield self._problem
            return
        pods = self._pods
        if pods.asked_at and not (pods.made or pods.problem or self._above):
            yield (
                f"Kubernetes has no pods on the node {self._node!r}: "
                "say with --kubernetes-node what this machine is called there"
            )
        for listed in self._lists():
            if listed.problem:
                yield listed.problem


def _itself(found: Any) -> Any:
    return found
