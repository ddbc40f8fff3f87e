"""Asks for this machine's pods at each tick, and for what is above them more seldom.

What was seen last is told on for some minutes when the API server is away or refuses, beside the
reason: pods run on without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, Final

from orchestrator.monitoring.probe.http.client import HttpError
from orchestrator.monitoring.probe.kernel.addresses import read_scopes
from orchestrator.monitoring.probe.kubernetes import joining, parsing
from orchestrator.monitoring.probe.kubernetes.api import Api, Resource
from orchestrator.monitoring.probe.kubernetes.listed import Listed
from orchestrator.monitoring.probe.kubernetes.objects import Namespace, Pod, Service
from orchestrator.monitoring.probe.kubernetes.parsing import Nodes
from orchestrator.monitoring.probe.kubernetes.server import Server
from orchestrator.monitoring.probe.kubernetes.workloads import CronJob, Job, Workload
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Node, Topology

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
)


def source(setup: Setup) -> Source:
    """The source. Raises ConfigError."""
    asked = Kubernetes(setup, Api(Server(setup.config, os.environ)))
    return Source("kubernetes", reporter=asked, tagger=asked, ticker=asked, close=asked.close)


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
        self._services: dict[str, Listed[Service, Service]] = {}
        """By namespace; of all namespaces under the empty name."""
        self._above = self._cluster_lists() if config.kubernetes_cluster else {}
        self._problem = ""
        self._nodes: Nodes = {}
        self._joined = joining.join(())
        self._scopes = read_scopes(setup.host_id, config.sys)

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    async def tick(self, now: float) -> None:
        """Ask for pods, and for what else it is time for; one that is away is not asked on."""
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
        for listed in self._lists():
            listed.forget_old(now)
        self._build()

    def report(self, now: float) -> Parts:
        """What the API server said last."""
        del now
        return Parts(nodes=self._nodes, problems=list(dict.fromkeys(self._problems())))

    def tag(self, parts: Parts, now: float) -> None:
        """Join containers, endpoints and addresses with the pods."""
        del now
        joining.tag(parts.nodes, self._joined, lambda ip: self._scopes.of(ip, 0))

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
        if self._above:
            self._services.setdefault("", Listed(_SERVICES, Service, _itself, period_s=CLUSTER_S))
            return
        wanted = {pod.metadata.namespace for pod in self._pods.made}
        self._services = {name: one for name, one in self._services.items() if name in wanted}
        for name in wanted - self._services.keys():
            self._services[name] = Listed(
                _SERVICES, Service, _itself, period_s=SERVICES_S, namespace=name, query=_CACHED
            )

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
        setup, pods = self._setup, self._pods.made
        services = [service for listed in self._services.values() for service in listed.made]
        selectors = joining.Selectors(services)
        self._joined = joining.join(pods)
        self._scopes = read_scopes(setup.host_id, setup.config.sys)
        nodes = parsing.above(pods)
        nodes["pod"] = [
            parsing.pod_node(pod, setup.host_id, selectors.services_of(pod), setup.hiding)
            for pod in pods
        ]
        for topology, listed in self._above.items():
            nodes.setdefault(topology, []).extend(node for node in listed.made if node is not None)
        if self._above:
            nodes["service"] = [parsing.service_node(one, setup.hiding) for one in services]
        self._nodes = nodes

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
