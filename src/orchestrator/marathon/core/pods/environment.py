"""The environment of a pod's containers: who they are, and where the pod's endpoints are.

What Marathon says of a container wins over what the pod sets, but for secrets, which are as for
apps. Source: taskContextEnv and endpointEnvVars of TaskGroupBuilder.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.pods.parts import PodContainer
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.tasks.task_environment import labels_environment


def environment(
    pod: Pod,
    container: PodContainer,
    instance: Instance,
    host: str,
    host_ports: Sequence[int | None],
) -> dict[str, str]:
    """All that a container finds but for secrets; ``host_ports`` are those of the whole pod."""
    resources = container.resources
    context = {
        "HOST": host,
        "MESOS_TASK_ID": ids.task_id(instance.id, instance.incarnation, container.name),
        "MESOS_EXECUTOR_ID": ids.executor_id(instance.id, instance.incarnation),
        "MARATHON_APP_ID": pod.id,
        "MARATHON_APP_VERSION": pod.version,
        "MARATHON_CONTAINER_ID": container.name,
        "MARATHON_CONTAINER_RESOURCE_CPUS": str(float(resources.cpus)),
        "MARATHON_CONTAINER_RESOURCE_MEM": str(float(resources.mem)),
        "MARATHON_CONTAINER_RESOURCE_DISK": str(float(resources.disk)),
        "MARATHON_CONTAINER_RESOURCE_GPUS": str(resources.gpus),
    }
    given = {k: v for k, v in pod.variables(container).items() if isinstance(v, str)}
    labels = labels_environment(pod.labels | container.labels)
    return given | context | labels | _endpoints(pod, host_ports)


def _endpoints(pod: Pod, host_ports: Sequence[int | None]) -> dict[str, str]:
    """Every endpoint of the pod: where to listen, and the ports on both sides."""
    found: dict[str, int | None] = {}
    for endpoint, host_port in zip(pod.endpoints, host_ports, strict=True):
        name = re.sub(r"[^A-Z0-9_]+", "_", endpoint.name.upper())
        inside = endpoint.port_inside(host_port, is_on_host=pod.uses_host_network)
        found[f"ENDPOINT_{name}"] = inside or None
        found[f"EP_HOST_{name}"] = host_port
        found[f"EP_CONTAINER_{name}"] = endpoint.container_port
    return {name: str(port) for name, port in found.items() if port is not None}
