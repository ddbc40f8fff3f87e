"""Nodes of what an API server says; pure.

The id of a namespace, a volume or a claim is its name, by which others name it; that of every other
object is its uid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from orchestrator.monitoring.probe.docker.parsing import moment
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.kubernetes.objects import (
    Condition,
    Namespace,
    Object,
    Pod,
    Service,
    ServicePort,
    addresses,
)
from orchestrator.monitoring.probe.kubernetes.pages import MAX_ID, is_id
from orchestrator.monitoring.probe.kubernetes.storage import Claim, Volume
from orchestrator.monitoring.probe.kubernetes.workloads import CronJob, Job, Workload
from orchestrator.monitoring.report import Node, Topology, ids, keys

_MAX_PARENTS = 64
_OWNERS: Final[Mapping[str, Topology]] = {
    "Deployment": "deployment",
    "ReplicaSet": "replica_set",
    "DaemonSet": "daemon_set",
    "StatefulSet": "stateful_set",
    "Job": "job",
    "CronJob": "cron_job",
}


def pod_node(pod: Pod, host_id: str, services: list[str], hiding: Hiding) -> Node:
    """A pod, with the ids of its services; whose its addresses are is said elsewhere.

    It has no metrics: those of its containers add up in views as long as it has none of its own.
    """
    status = pod.status
    latest = {
        keys.STATE: pod_state(pod),
        keys.HEALTH: _pod_health(pod),
        keys.REASON: _pod_reason(pod),
        keys.IP: ",".join(pod.ips),
        keys.STARTED_AT: moment(status.start_time or ""),
        keys.RESTARTS: str(sum(one.restart_count for one in pod.containers)),
        "node": pod.spec.node_name,
        "host_network": "true" if pod.spec.host_network else "",
    }
    parents: dict[Topology, list[str]] = {"host": [host_id]}
    if services:
        parents["service"] = services
    if claims := [_claim_id(pod, name) for name in pod.claims if name.isprintable()]:
        parents["persistent_volume_claim"] = claims[:_MAX_PARENTS]
    return _node(pod, latest, hiding, parents)


def pod_state(pod: Pod) -> str:
    """Its phase in lower case, or terminating."""
    if pod.metadata.deletion_timestamp:
        return "terminating"
    return pod.status.phase.lower() or "unknown"


def service_node(service: Service, hiding: Hiding) -> Node:
    """A service; it has its cluster-wide addresses, as others may be those of machines."""
    spec = service.spec
    own = addresses([spec.cluster_ip, *(spec.cluster_ips or ())])
    ingress = service.status.load_balancer.ingress or ()
    external = [*(spec.external_ips or ()), *(one.ip or one.hostname for one in ingress)]
    selector = sorted((spec.selector or {}).items())
    latest = {
        "type": spec.type,
        keys.IP: ",".join(own),
        keys.PORTS: ",".join(map(_port, spec.ports or ())),
        "external_ip": ",".join(external),
        "external_name": spec.external_name,
        "selector": ",".join(f"{name}={value}" for name, value in selector),
    }
    return _node(service, latest, hiding, addresses=[ids.address("", ip) for ip in own[:256]])


def workload_node(found: Workload, hiding: Hiding) -> Node:
    """A deployment or stateful set."""
    status = found.status
    wanted = 1 if found.spec.replicas is None else found.spec.replicas
    return _replicated(found, wanted, status.replicas, status.ready_replicas, hiding)


def daemon_set_node(found: Workload, hiding: Hiding) -> Node:
    """A daemon set."""
    status = found.status
    wanted = status.desired_number_scheduled or 0
    return _replicated(found, wanted, status.current_number_scheduled, status.number_ready, hiding)


def replica_set_node(found: Workload, hiding: Hiding) -> Node | None:
    """A replica set; None if it is only kept for a deployment to be rolled back to."""
    is_old = found.spec.replicas == 0 and not found.status.replicas and bool(owners_of(found))
    return None if is_old else workload_node(found, hiding)


def job_node(job: Job, hiding: Hiding) -> Node:
    """A job."""
    spec, status = job.spec, job.status
    latest = {
        keys.STATE: _job_state(job),
        keys.STARTED_AT: moment(status.start_time or ""),
        "completed_at": moment(status.completion_time or ""),
        "completions_wanted": "" if spec.completions is None else str(spec.completions),
        "active": str(status.active),
        "succeeded": str(status.succeeded),
        "failed": str(status.failed),
    }
    return _node(job, latest, hiding)


def cron_job_node(found: CronJob, hiding: Hiding) -> Node:
    """A cron job."""
    spec, status = found.spec, found.status
    active = len(status.active or ())
    latest = {
        keys.STATE: "paused" if spec.suspend else "running" if active else "waiting",
        "schedule": spec.schedule,
        "time_zone": spec.time_zone or "",
        "last_scheduled_at": moment(status.last_schedule_time or ""),
        "active": str(active),
    }
    return _node(found, latest, hiding)


def namespace_node(found: Namespace, hiding: Hiding) -> Node:
    """A namespace."""
    node = _node(found, {keys.STATE: found.status.phase.lower()}, hiding)
    return replace(node, id=found.metadata.name)


def claim_node(claim: Claim, hiding: Hiding) -> Node:
    """A claim, below the volume that it has been given."""
    spec, status = claim.spec, claim.status
    latest = {
        keys.STATE: status.phase.lower(),
        "requested": (spec.resources.requests or {}).get("storage", ""),
        **_storage(spec.storage_class_name, spec.access_modes, status.capacity),
    }
    parents: dict[Topology, list[str]] = {}
    if is_id(spec.volume_name):
        parents["persistent_volume"] = [spec.volume_name]
    node = _node(claim, latest, hiding, parents)
    return replace(node, id=_claim_id(claim, claim.metadata.name))


def volume_node(volume: Volume, hiding: Hiding) -> Node:
    """A persistent volume."""
    spec, status = volume.spec, volume.status
    latest = {
        keys.STATE: status.phase.lower(),
        keys.REASON: status.reason,
        "reclaim_policy": spec.persistent_volume_reclaim_policy,
        **_storage(spec.storage_class_name, spec.access_modes, spec.capacity),
    }
    return replace(_node(volume, latest, hiding), id=volume.metadata.name)


def owners_of(found: Object) -> dict[Topology, list[str]]:
    """Whom it was made by, as far as there are nodes for it."""
    owners: dict[Topology, list[str]] = {}
    for owner in found.metadata.owner_references or ():
        topology = _OWNERS.get(owner.kind)
        if topology is not None and is_id(owner.uid):
            owners.setdefault(topology, []).append(owner.uid)
    return {topology: found[:_MAX_PARENTS] for topology, found in owners.items()}


def _node(
    found: Object,
    latest: Mapping[str, str],
    hiding: Hiding,
    parents: Mapping[Topology, list[str]] = {},
    **more: Any,
) -> Node:
    metadata = found.metadata
    every = {
        **latest,
        keys.NAMESPACE: metadata.namespace,
        keys.CREATED_AT: moment(metadata.creation_timestamp or ""),
    }
    return Node(
        metadata.uid,
        metadata.name,
        {name: value[:4096] for name, value in every.items() if value},
        parents={**parents, **_in(metadata.namespace), **owners_of(found)},
        labels=hiding.labels(metadata.labels),
        **more,
    )


def _in(namespace: str) -> dict[Topology, list[str]]:
    return {"namespace": [namespace]} if namespace else {}


def _claim_id(found: Object, name: str) -> str:
    """Of a claim in the namespace of an object: a pod knows no more of its claims."""
    return f"{found.metadata.namespace}/{name}"[:MAX_ID]


def _storage(
    storage_class: str | None, modes: list[str] | None, capacity: dict[str, str] | None
) -> dict[str, str]:
    return {
        "storage_class": storage_class or "",
        "access_modes": ",".join(modes or ()),
        "capacity": (capacity or {}).get("storage", ""),
    }


def _pod_health(pod: Pod) -> str:
    """Whether it may be sent requests; what has ended is neither well nor ill."""
    if pod_state(pod) != "running":
        return ""
    return "healthy" if _holds(pod.status.conditions, "Ready") else "unhealthy"


def _pod_reason(pod: Pod) -> str:
    """Why it is not as it should be: CrashLoopBackOff, ImagePullBackOff, Evicted."""
    states = [one.state for one in pod.containers]
    waiting = (state.waiting.reason for state in states if state.waiting is not None)
    return pod.status.reason or next((reason for reason in waiting if reason), "")


def _replicated(found: Workload, wanted: int, there: int, ready: int, hiding: Hiding) -> Node:
    spec = found.spec
    strategy = spec.strategy or spec.update_strategy
    state = "running" if ready else "created" if wanted else "exited"
    latest = {
        keys.STATE: "paused" if spec.paused else state,
        keys.HEALTH: "" if not wanted else "healthy" if ready >= wanted else "unhealthy",
        keys.INSTANCES_WANTED: str(wanted),
        keys.INSTANCES: str(there),
        keys.INSTANCES_READY: str(ready),
        "strategy": strategy.type if strategy is not None else "",
    }
    return _node(found, latest, hiding)


def _job_state(job: Job) -> str:
    for condition, state in (("Complete", "succeeded"), ("Failed", "failed")):
        if _holds(job.status.conditions, condition):
            return state
    if job.spec.suspend:
        return "paused"
    return "running" if job.status.active else "waiting"


def _holds(conditions: list[Condition] | None, type: str) -> bool:
    return any(one.type == type and one.status == "True" for one in conditions or ())


def _port(port: ServicePort) -> str:
    """``80->8080/tcp``, with the machines' port in front if there is one."""
    target = port.port if port.target_port in (None, "", 0) else port.target_port
    outside = f"{port.node_port}:" if port.node_port else ""
    return f"{outside}{port.port}->{target}/{port.protocol.lower()}"
