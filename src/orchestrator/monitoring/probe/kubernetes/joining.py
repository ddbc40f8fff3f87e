"""What belongs together: pods and services, containers and pods, addresses and their owners; pure.

An address leads to one thing in the app, and what is below a pod is found by its containers. So the
address of a pod belongs to its container if one runs in it, and to the pod if there are several;
whichever of them listens on a port is told apart. A pod in the machine's network has no address of
its own, nor has one that has ended: its address may be another's by now.

Engines keep a pod's namespaces by a container more, of which pods do not speak. It is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from msgspec.structs import replace

from orchestrator.monitoring.probe.kubernetes.objects import ContainerStatus, Pod, Service
from orchestrator.monitoring.report import Node, Topology, ids, keys

_MIRROR: Final = "kubernetes.io/config.mirror"
_POD_UID: Final = "io.kubernetes.pod.uid"
_SANDBOX: Final = "pause"
"""The only program in a container that keeps namespaces, whichever engine made it."""
_TRAFFIC: Final = {"network_received_bytes_per_s", "network_sent_bytes_per_s"}
_MAX_PARENTS = 64
_MAX_ADDRESSES = 256
Pair = tuple[str, str]


class Selectors:
    """Services by what they select."""

    def __init__(self, services: Iterable[Service]) -> None:
        """Each is found by one of its labels, so that few are compared with a pod."""
        self._by_label: dict[tuple[str, Pair], list[Service]] = {}
        for service in services:
            selector = service.spec.selector
            if selector:
                key = (service.metadata.namespace, min(selector.items()))
                self._by_label.setdefault(key, []).append(service)

    def services_of(self, pod: Pod) -> list[str]:
        """Ids of the services of a pod, by name: views take the first."""
        labels = (pod.metadata.labels or {}).items()
        namespace = pod.metadata.namespace
        found = {
            (service.metadata.name, service.metadata.uid)
            for label in labels
            for service in self._by_label.get((namespace, label), ())
            if (service.spec.selector or {}).items() <= labels
        }
        return [uid for _, uid in sorted(found)][:_MAX_PARENTS]


class Placed(NamedTuple):
    """A container as its pod knows it."""

    pod: Pod
    status: ContainerStatus
    engine: str


class Joined(NamedTuple):
    """The pods of this machine, ready to be found."""

    containers: Mapping[str, Placed]
    """By the engine's id."""
    pods: Mapping[str, Pod]
    """By uid, and by what the kubelet calls those that it has from files."""
    sole: Mapping[str, str]
    """The one container that runs in a pod, by the pod's uid."""

    def pod_of(self, container: Node) -> Pod | None:
        """The pod of a container, if it is of one."""
        placed = self.containers.get(container.id)
        return placed.pod if placed else self.pods.get(container.labels.get(_POD_UID, ""))


def join(pods: Iterable[Pod]) -> Joined:
    """Make it."""
    containers: dict[str, Placed] = {}
    by_uid: dict[str, Pod] = {}
    sole: dict[str, str] = {}
    for pod in pods:
        by_uid[pod.metadata.uid] = pod
        mirror = (pod.metadata.annotations or {}).get(_MIRROR)
        if mirror:
            by_uid[mirror] = pod
        running = []
        for status in pod.containers:
            engine, _, id = status.id.rpartition("://")
            if id:
                containers[id] = Placed(pod, status, engine)
                running += [id] if status.state.running is not None else []
        if len(running) == 1:
            sole[pod.metadata.uid] = running[0]
    return Joined(containers, by_uid, sole)


def tag(nodes: dict[Topology, list[Node]], joined: Joined, scope_of: Callable[[str], str]) -> None:
    """Add to containers, pods and endpoints what they have to do with each other, in place.

    ``scope_of`` says among whom an address of this machine means something (``report.ids``).
    """
    _leave_out_sandboxes(nodes, joined)
    containers = nodes.get("container", [])
    of: dict[str, Pod] = {}
    for at, node in enumerate(containers):
        pod = joined.pod_of(node)
        if pod is not None:
            of[node.id] = pod
            containers[at] = _in_pod(node, pod, joined.containers.get(node.id))
    _tell_traffic_once(containers, joined)
    addresses = {uid: _addresses(pod, scope_of) for uid, pod in joined.pods.items()}
    given = _give_to_containers(containers, joined, addresses)
    pods = nodes.get("pod", [])
    for at, node in enumerate(pods):
        if node.id not in given:
            pods[at] = replace(node, addresses=addresses.get(node.id, []))
    _add_endpoints(nodes.get("endpoint", []), of, scope_of)


def _leave_out_sandboxes(nodes: dict[Topology, list[Node]], joined: Joined) -> None:
    """Their processes are told on, as the machine's."""
    programs: dict[str, list[int]] = {}
    processes = nodes.get("process", [])
    for at, node in enumerate(processes):
        for container in node.parents.get("container", ()):
            programs.setdefault(container, []).append(at)
    sandboxes = {
        container: found[0]
        for container, found in programs.items()
        if container not in joined.containers
        and [processes[at].label for at in found] == [_SANDBOX]
    }
    for at in sandboxes.values():
        parents = {kind: ids for kind, ids in processes[at].parents.items() if kind != "container"}
        processes[at] = replace(processes[at], parents=parents)
    containers = nodes.get("container", [])
    containers[:] = [node for node in containers if node.id not in sandboxes]


def _in_pod(node: Node, pod: Pod, placed: Placed | None) -> Node:
    """What an engine that was asked has said itself stays."""
    metadata = pod.metadata
    labels = {
        "io.kubernetes.pod.namespace": metadata.namespace[:4096],
        "io.kubernetes.pod.name": metadata.name,
    }
    node = replace(
        node,
        parents={**node.parents, "pod": [metadata.uid]},
        labels={**{name: value for name, value in labels.items() if value}, **node.labels},
    )
    if placed is None:
        return node
    status = placed.status
    metrics = {**node.metrics, "restarts": float(status.restart_count)}
    if keys.ENGINE in node.latest:
        return replace(node, metrics=metrics)
    told = {keys.ENGINE: placed.engine[:4096], keys.IMAGE: status.image[:512]}
    latest = {**node.latest, **{name: value for name, value in told.items() if value}}
    return replace(node, label=status.name[:512] or node.label, latest=latest, metrics=metrics)


def _tell_traffic_once(containers: list[Node], joined: Joined) -> None:
    """A pod's containers have one network: the first of them tells what went over it."""
    told: dict[str, str] = {}
    measured = {node.id for node in containers if node.metrics.keys() & _TRAFFIC}
    for id, placed in joined.containers.items():
        if id in measured:
            told.setdefault(placed.pod.metadata.uid, id)
    tellers = set(told.values())
    for at, node in enumerate(containers):
        if node.id in joined.containers and node.id not in tellers:
            metrics = {name: node.metrics[name] for name in node.metrics.keys() - _TRAFFIC}
            containers[at] = replace(node, metrics=metrics)


def _addresses(pod: Pod, scope_of: Callable[[str], str]) -> list[str]:
    """As the cluster knows them, and as this machine does if they are of a bridge of its own."""
    if pod.spec.host_network or pod.status.phase != "Running":
        return []
    found = [ids.address(scope, ip) for ip in pod.ips for scope in ("", scope_of(ip))]
    return list(dict.fromkeys(found))[:_MAX_ADDRESSES]


def _give_to_containers(
    containers: list[Node], joined: Joined, addresses: Mapping[str, list[str]]
) -> set[str]:
    """Pods whose addresses their only container has now."""
    owners = {container: uid for uid, container in joined.sole.items()}
    given = set()
    for at, node in enumerate(containers):
        uid = owners.get(node.id)
        if uid is not None and addresses[uid]:
            own = list(dict.fromkeys([*node.addresses, *addresses[uid]]))[:_MAX_ADDRESSES]
            containers[at] = replace(node, addresses=own)
            given.add(uid)
    return given


def _add_endpoints(
    endpoints: list[Node], pods: Mapping[str, Pod], scope_of: Callable[[str], str]
) -> None:
    """Listeners in pods, at the addresses by which others connect to them."""
    known = {node.id for node in endpoints}
    for node in list(endpoints):
        parts, port = ids.parse_endpoint(node.id), node.id.rpartition(ids.SEPARATOR)[2]
        pod = next((pods[id] for id in node.parents.get("container", ()) if id in pods), None)
        if parts is None or pod is None or pod.status.phase != "Running":
            continue
        for ip in pod.ips:
            if _is_reached(parts.ip, ip):
                for scope in dict.fromkeys(("", scope_of(ip))):
                    id = f"{ids.address(scope, ip)}{ids.SEPARATOR}{port}"
                    if id not in known:
                        known.add(id)
                        endpoints.append(replace(node, id=id))


def _is_reached(listening: str, ip: str) -> bool:
    """Whether who listens on the one address, or on all, is reached at the other."""
    return listening in (ip, "::") or (listening == "0.0.0.0" and ":" not in ip)
