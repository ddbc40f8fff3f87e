"""The environment of a task: who it is, where it is, and which ports are its own.

Programs rely on these names. Source: EnvironmentHelper.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.instance import Instance

_MAX_LABEL_VALUE_LENGTH = 512
_LABEL_PREFIX = "MARATHON_APP_LABEL_"


def container_ports(app: App, host_ports: Sequence[int | None], seed: str) -> list[int]:
    """The port that the process itself listens on, for each port of the app."""
    if app.uses_host_network:
        return [port or 0 for port in host_ports]
    taken = {m.container_port for m in app.port_mappings} | {p for p in host_ports if p}
    invented = _unused_ports(taken, crc32(seed.encode()))
    return [
        mapping.container_port or host_port or next(invented)
        for mapping, host_port in zip(app.port_mappings, host_ports, strict=True)
    ]


def _unused_ports(taken: set[int], seed: int) -> Iterator[int]:
    count = 65536 - 1025
    return (p for p in (1025 + (seed + i) % count for i in range(count)) if p not in taken)


def environment(
    app: App, instance: Instance, host: str, host_ports: Sequence[int | None]
) -> dict[str, str]:
    """Everything the process finds in its environment; what the app itself sets wins."""
    context = {
        "MESOS_TASK_ID": instance.task_id,
        "MARATHON_APP_ID": app.id,
        "MARATHON_APP_VERSION": app.version,
        "MARATHON_APP_RESOURCE_CPUS": str(float(app.cpus)),
        "MARATHON_APP_RESOURCE_MEM": str(float(app.mem)),
        "MARATHON_APP_RESOURCE_DISK": str(float(app.disk)),
        "MARATHON_APP_RESOURCE_GPUS": str(app.gpus),
        "HOST": host,
    }
    if app.container and app.container.docker:
        context["MARATHON_APP_DOCKER_IMAGE"] = app.container.docker.image
    ports = _ports_environment(app, host_ports, container_ports(app, host_ports, instance.id))
    own = {name: value for name, value in app.env.items() if isinstance(value, str)}
    return context | labels_environment(app.labels) | ports | own


def _ports_environment(
    app: App, host_ports: Sequence[int | None], inside: Sequence[int]
) -> dict[str, str]:
    if not host_ports:
        return {}
    requested = [m.container_port for m in app.port_mappings]
    names = [m.name for m in app.port_mappings]
    if app.uses_host_network:
        requested = [d.port for d in app.port_definitions or []]
        names = [d.name for d in app.port_definitions or []]
    effective = [host or port for host, port in zip(host_ports, inside, strict=True)]
    variables: dict[str, str] = {}
    for index, port in enumerate(effective):
        variables[f"PORT{index}"] = str(port)
        variables[f"PORT_{requested[index] or port}"] = str(port)
        if name := names[index]:
            variables[f"PORT_{name.upper()}"] = str(port)
    listed = [p for p, h, r in zip(effective, host_ports, requested, strict=True) if h or not r]
    if listed:
        variables["PORT"] = str(listed[0])
    return variables | {"PORTS": ",".join(str(port) for port in listed)}


def labels_environment(labels: dict[str, str]) -> dict[str, str]:
    """The labels that can be variables, each by itself and their names together."""
    limit = _MAX_LABEL_VALUE_LENGTH - len(_LABEL_PREFIX)
    usable = {
        re.sub(r"[^a-zA-Z0-9_]+", "_", key).upper(): value
        for key, value in labels.items()
        if len(key) < limit and len(value) < _MAX_LABEL_VALUE_LENGTH and "\0" not in value
    }
    variables = {_LABEL_PREFIX + key: value for key, value in usable.items()}
    return {"MARATHON_APP_LABELS": " ".join(usable)} | variables
