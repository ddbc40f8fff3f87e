"""Containers as these tests need them: a network, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.agent.core.task import Container, Containerizer
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerInfo,
    Label,
    Labels,
    NetworkInfo,
    NetworkPortMapping,
)


def container(
    container_id: str,
    *networks: NetworkInfo,
    resources: str = "ports:[31000-31009]",
    hostname: str | None = None,
    parent_id: str | None = None,
) -> Container:
    """A container that wants these networks."""
    return Container(
        id=container_id,
        containerizer=Containerizer.MESOS,
        framework_id="F",
        framework_user="root",
        agent_id="S0",
        executor_id=f"task-{container_id}",
        task_id=f"task-{container_id}",
        parent_id=parent_id,
        command=CommandInfo(value="true"),
        info=ContainerInfo(type="MESOS", network_infos=list(networks), hostname=hostname),
        resources=resource_wire.to_wire(resource_wire.parse(resources)),
    )


def joins(
    name: str = "mesos-bridge",
    ports: Sequence[tuple[int, int]] = (),
    labels: dict[str, str] | None = None,
) -> NetworkInfo:
    """A network by name; ``ports`` are pairs of host port and container port."""
    given = [Label(key=key, value=value) for key, value in (labels or {}).items()]
    return NetworkInfo(
        name=name,
        labels=Labels(labels=given) if given else None,
        port_mappings=[NetworkPortMapping(host_port=h, container_port=c) for h, c in ports],
    )


def names(directory: Path, pattern: str = "*") -> list[str]:
    """What is in a directory."""
    return sorted(path.name for path in directory.glob(pattern))


def exists(path: str | Path) -> bool:
    """Whether something is there."""
    return Path(path).exists()
