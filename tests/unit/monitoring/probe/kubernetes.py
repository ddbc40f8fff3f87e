"""What an API server says, for the tests: objects as small as they may be."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.monitoring.probe.kubernetes.objects import Pod, Service
from orchestrator.monitoring.probe.kubernetes.pages import Kind, read_page


def metadata(name: str, **more: Any) -> dict[str, Any]:
    """Of an object; its uid is made of its name."""
    return {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **more,
    }


def status_of(id: str, name: str = "main", **more: Any) -> dict[str, Any]:
    """Of a container that runs."""
    return {
        "name": name,
        "containerID": f"containerd://{id}",
        "image": "nginx:1",
        "restartCount": 2,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        **more,
    }


def a_pod(
    name: str, *containers: dict[str, Any], ip: str = "10.1.0.5", **more: Any
) -> dict[str, Any]:
    """A pod that runs on web1, as part of the shop."""
    return {
        "metadata": metadata(
            name,
            labels={"app": "web"},
            ownerReferences=[{"kind": "ReplicaSet", "name": "web-1", "uid": "uid-web-1"}],
        ),
        "spec": {"nodeName": "web1", **more},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": "2026-01-01T00:00:10Z",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": list(containers),
        },
    }


def a_service(name: str, selector: dict[str, str] | None, ip: str = "10.96.0.1") -> dict[str, Any]:
    """A service with one port."""
    return {
        "metadata": metadata(name),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": ip,
            "clusterIPs": [ip],
            "selector": selector,
            "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}],
        },
        "status": {"loadBalancer": {}},
    }


def page(*objects: Any, next: str = "") -> bytes:
    """A page of a list."""
    return msgspec.json.encode({"items": list(objects), "metadata": {"continue": next}})


def read(kind: type[Kind], *objects: Any) -> list[Kind]:
    """Objects as they are read."""
    found = read_page(page(*objects), kind)
    assert found.refused == 0
    return found.objects


def pods(*objects: Any) -> list[Pod]:
    """Pods as they are read."""
    return read(Pod, *objects)


def services(*objects: Any) -> list[Service]:
    """Services as they are read."""
    return read(Service, *objects)
