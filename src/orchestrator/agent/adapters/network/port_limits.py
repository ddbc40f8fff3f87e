"""What the watch of ports needs to know of the agent: whose ports, whose processes, which words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from orchestrator.agent.adapters.isolation.cgroups import Cgroups
from orchestrator.agent.core.messages import LimitExceeded
from orchestrator.agent.core.task import Container, Limitation, Task
from orchestrator.mesos.types import Resource

REASON = "REASON_CONTAINER_LIMITATION"


def with_ports(running: Iterable[Container], tasks: Iterable[Task]) -> list[Container]:
    """The containers with all ports that may be listened on there: an executor's are its tasks'."""
    inside: dict[str, list[Resource]] = defaultdict(list)
    for task in tasks:
        if task.containerizer is None and task.parent_id is not None:
            inside[task.parent_id] += task.info.resources
    return [replace(one, resources=[*one.resources, *inside[one.id]]) for one in running]


def members(cgroups: Cgroups, running: Iterable[Container]) -> dict[str, list[int]]:
    """The processes of each container, by its cgroup."""
    found = {}
    for one in running:
        roster = cgroups.placement(one.id).roster
        found[one.id] = _pids(Path(roster)) if roster is not None else []
    return found


def _pids(cgroup: Path) -> list[int]:
    try:
        return [int(line) for line in (cgroup / "cgroup.procs").read_text().split()]
    except OSError:  # it has ended meanwhile
        return []


def exceeded(container_id: str, message: str) -> LimitExceeded:
    """What the core is told of a stray."""
    return LimitExceeded(
        container_id=container_id, limitation=Limitation(reason=REASON, message=message)
    )
