"""Instances of pods: how the tasks of its containers make up one instance.

An instance is what its tasks are, the gravest first: a task that nobody can reach makes it
unreachable; a task that fails or is killed ends the others with it, which is ``Killing`` until the
last has ended; then the worst end is the instance's. A container that finishes well leaves the
others running. Source: conditionHierarchy and computeHealth of Instance.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.condition import TRANSITIONS, Condition
from orchestrator.marathon.core.instance import ContainerTask, Instance, Joined, Place
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.mesos.types import TaskStatus

_WORST_FIRST = (
    Condition.ERROR,
    Condition.FAILED,
    Condition.GONE,
    Condition.DROPPED,
    Condition.UNREACHABLE,
    Condition.KILLING,
    Condition.STARTING,
    Condition.STAGING,
    Condition.UNKNOWN,
    Condition.PROVISIONED,
    Condition.RUNNING,
    Condition.FINISHED,
    Condition.KILLED,
)
Tasks = Collection[ContainerTask]


def provisioned(
    instance: Instance, pod: Pod, place: Place, host_ports: Sequence[int | None], now: float
) -> Instance:
    """Launched on an offer; ``host_ports`` has one for each endpoint of the pod."""
    whole = instance.provisioned(place, [port for port in host_ports if port is not None], now)
    parts = dict(divided(pod, host_ports))
    tasks = {
        name: replace(
            task, condition=Condition.PROVISIONED, changed_at=now, host_ports=parts.get(name, [])
        )
        for name, task in instance.tasks.items()
    }
    return replace(whole, tasks=tasks)


def divided(pod: Pod, host_ports: Sequence[int | None]) -> Iterator[tuple[str, list[int | None]]]:
    """The ports of each container, by its name, out of those of the whole pod."""
    begin = 0
    for container in pod.containers:
        end = begin + len(container.endpoints)
        yield container.name, list(host_ports[begin:end])
        begin = end


def updated(instance: Instance, status: TaskStatus, now: float) -> Instance:
    """After a status of one of its tasks; the same object when nothing changed."""
    name = ids.container_of(status.task_id.value)
    old = instance.tasks.get(name)
    new = _after(old, status, now) if old else None
    if new is None or new == old:
        return instance
    tasks = instance.tasks | {name: new}
    condition = condition_of(tasks.values(), instance.condition)
    started = [task.started_at for task in tasks.values() if task.started_at is not None]
    return replace(
        instance,
        tasks=tasks,
        condition=condition,
        changed_at=now if condition is not instance.condition else instance.changed_at,
        started_at=min(started, default=None),
        healthy=health_of(tasks.values()),
    )


def condition_of(tasks: Tasks, before: Condition) -> Condition:
    """What the tasks make of an instance that was in the condition ``before``."""
    alive = [task.condition for task in tasks if not task.condition.is_terminal]
    if not alive:
        return min((task.condition for task in tasks), key=_WORST_FIRST.index)
    if Condition.UNREACHABLE in alive:
        is_given_up = before is Condition.UNREACHABLE_INACTIVE
        return Condition.UNREACHABLE_INACTIVE if is_given_up else Condition.UNREACHABLE
    if any(_takes_others_along(task) for task in tasks):
        return Condition.KILLING
    return min(alive, key=_WORST_FIRST.index)


def health_of(tasks: Tasks) -> bool | None:
    """Unhealthy if one task is; healthy once all that are checked are; None before."""
    running = [task for task in tasks if task.condition is Condition.RUNNING]
    if any(task.healthy is False for task in running):
        return False
    has_pending = len(running) < sum(task.condition is not Condition.FINISHED for task in tasks)
    checked = [task for task in running if task.is_checked]
    if has_pending or not all(task.healthy for task in checked):
        return None
    return True if any(task.healthy for task in running) else None


def is_falling_apart(instance: Instance) -> bool:
    """Whether a task has ended in a way that those that still run have to end too."""
    tasks = instance.tasks.values()
    return instance.condition.is_launched and any(map(_takes_others_along, tasks))


def _takes_others_along(task: ContainerTask) -> bool:
    return task.condition.is_terminal and task.condition is not Condition.FINISHED


def _after(task: ContainerTask, status: TaskStatus, now: float) -> ContainerTask:
    condition = TRANSITIONS.get(task.condition, {}).get(status.state, task.condition)
    has_changed = condition is not task.condition
    starts = condition is Condition.RUNNING and task.started_at is None
    return replace(
        task,
        condition=condition,
        changed_at=now if has_changed else task.changed_at,
        started_at=(status.timestamp or now) if starts else task.started_at,
        healthy=status.healthy if status.healthy is not None else task.healthy,
        message=status.message if has_changed else task.message,
        networks=_networks(status) or task.networks,
    )


def _networks(status: TaskStatus) -> list[Joined]:
    if status.container_status is None:
        return []
    return [
        Joined(name=info.name, addresses=[a.ip_address for a in info.ip_addresses if a.ip_address])
        for info in status.container_status.network_infos
    ]
