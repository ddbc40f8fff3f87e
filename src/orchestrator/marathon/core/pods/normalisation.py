"""From the pod that a client sent to the canonical one.

Source: PodNormalization.scala of Marathon 1.11.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app_parts import RANDOM_PORT, NetworkMode
from orchestrator.marathon.core.pods import residency
from orchestrator.marathon.core.pods.parts import PodContainer
from orchestrator.marathon.core.pods.pod import Pod


def canonical(pod: Pod, default_role: str) -> Pod:
    """The pod with all that follows from what was said; it has no version yet."""
    if all(network.mode is not NetworkMode.CONTAINER for network in pod.networks):
        pod = replace(pod, containers=[_with_host_ports(one) for one in pod.containers])
    pod = residency.settled(pod)
    scheduling = replace(
        pod.scheduling,
        upgrade=pod.upgrade_strategy,
        unreachable_strategy=pod.unreachable_strategy,
    )
    pod = replace(pod, scheduling=scheduling)
    return replace(
        pod, id=ids.canonical(pod.id), role=pod.role or default_role, version="", config_version=""
    )


def _with_host_ports(container: PodContainer) -> PodContainer:
    """On the host's network and behind a bridge, each endpoint has a port of the host."""
    endpoints = [
        replace(one, host_port=RANDOM_PORT) if one.host_port is None else one
        for one in container.endpoints
    ]
    return replace(container, endpoints=endpoints)
