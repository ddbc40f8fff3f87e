"""Pods, their instances and containers as Marathon shows them.

Source: podStatus.raml, instance.raml, PodStatusConversion.scala and AppInfoBaseData.podStatus of
Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from orchestrator.marathon.adapters.api.pod_status import (
    AgentInfo,
    ContainerStatus,
    EndpointStatus,
    InstanceState,
    NetworkStatus,
    PodInstanceState,
    PodInstanceStatus,
    PodState,
    PodStatus,
    ShownInstance,
    StatusCondition,
    TerminatedContainer,
    Termination,
    TerminationHistory,
)
from orchestrator.marathon.core import ids, timestamps
from orchestrator.marathon.core.apps.app_parts import UnreachableEnabled
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.instance import ContainerTask, Instance
from orchestrator.marathon.core.pods.parts import ExecutorResources, PodContainer, PodResources
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.state import State
from orchestrator.mesos.resources import MILLI, to_milli

_STATES = {
    Condition.SCHEDULED: PodInstanceState.PENDING,
    Condition.PROVISIONED: PodInstanceState.PENDING,
    Condition.STAGING: PodInstanceState.STAGING,
    Condition.STARTING: PodInstanceState.STAGING,
    Condition.RUNNING: PodInstanceState.STABLE,
    Condition.UNREACHABLE: PodInstanceState.DEGRADED,
    Condition.UNREACHABLE_INACTIVE: PodInstanceState.DEGRADED,
}
_NOT_YET_CHECKED = (
    Condition.SCHEDULED,
    Condition.PROVISIONED,
    Condition.STAGING,
    Condition.STARTING,
)
_UNREACHABLE = "pod instance has become unreachable"
_UNHEALTHY = "at least one container is not healthy"


def status(state: State, pod: Pod, now: float) -> PodStatus:
    """A pod with all that runs for it."""
    instances = [
        instance_status(instance, state.spec_of(instance))
        for instance in state.instances_of(pod.id)
        if instance.condition is not Condition.SCHEDULED or _was_placed(instance)
    ]
    stable = sum(one.status is PodInstanceState.STABLE for one in instances)
    shown_now = timestamps.render(now)
    since = max((one.status_since for one in instances), default=shown_now)
    return PodStatus(
        id=pod.id,
        spec=pod.shown(),
        status=PodState.STABLE if stable >= pod.instances else PodState.DEGRADED,
        status_since=since,
        instances=instances,
        termination_history=[_termination(one) for one in state.history.of(pod.id)],
        last_updated=shown_now,
        last_changed=since,
    )


def _was_placed(instance: Instance) -> bool:
    """Whether it has run before, or waits for what is reserved for it."""
    return instance.incarnation > 1 or instance.place is not None


def instance_status(instance: Instance, spec: RunSpec | None) -> PodInstanceStatus:
    """An instance with its containers; ``spec`` is the definition that it runs."""
    pod = spec if isinstance(spec, Pod) else None
    containers = []
    if instance.condition.is_launched:
        containers = [
            _container_status(instance, name, task, pod.container(name) if pod else None, pod)
            for name, task in instance.tasks.items()
        ]
    state, message = _instance_state(instance, containers)
    since, place = timestamps.render(instance.changed_at), instance.place
    reservation = instance.reservation
    return PodInstanceStatus(
        id=instance.id,
        status=state,
        status_since=since,
        message=message,
        agent_hostname=place.host if place else None,
        agent_id=place.agent_id if place else None,
        agent_region=place.region if place else None,
        agent_zone=place.zone if place else None,
        resources=_sum(pod, [one.resources for one in containers if one.resources]),
        networks=_networks(instance.tasks.values()),
        containers=containers,
        spec_reference=f"/v2/pods{instance.app_id}::versions/{instance.version}",
        local_volumes=reservation.volumes if reservation else [],
        last_updated=since,
        last_changed=since,
        role=reservation.role if reservation else pod.role if pod else "*",
    )


def killed(instance: Instance, spec: RunSpec | None) -> ShownInstance:
    """An instance that is being ended."""
    place = instance.place
    agent = None
    if place is not None:
        agent = AgentInfo(
            host=place.host, agent_id=place.agent_id, region=place.region, zone=place.zone
        )
    return ShownInstance(
        instance_id=instance.id,
        state=InstanceState(
            condition=instance.condition.value,
            since=timestamps.render(instance.changed_at),
            active_since=_moment(instance.started_at),
            healthy=instance.healthy,
            goal=instance.goal.value,
        ),
        agent_info=agent,
        run_spec_version=instance.version,
        unreachable_strategy=(
            spec.unreachable_strategy if isinstance(spec, Pod) else UnreachableEnabled()
        ),
    )


def _container_status(
    instance: Instance,
    name: str,
    task: ContainerTask,
    container: PodContainer | None,
    pod: Pod | None,
) -> ContainerStatus:
    since = timestamps.render(task.started_at or instance.staged_at or task.changed_at)
    has_ended = task.condition.is_terminal
    healthy = _health(task, container, since)
    return ContainerStatus(
        name=name,
        status=task.condition.task_state,
        status_since=since,
        message=None if has_ended else task.message or None,
        conditions=[healthy] if healthy else [],
        container_id=ids.task_id(instance.id, instance.incarnation, name),
        endpoints=[] if has_ended or not container else list(_endpoints(task, container)),
        resources=None if has_ended or not container else container.resources,
        termination=Termination(message=task.message) if has_ended else None,
        last_updated=since,
        last_changed=timestamps.render(task.changed_at),
    )


def _endpoints(task: ContainerTask, container: PodContainer) -> Iterator[EndpointStatus]:
    check = container.health_check
    target = (check.http or check.tcp) if check else None
    for endpoint, port in zip(container.endpoints, task.host_ports, strict=False):
        is_checked = target is not None and target.endpoint == endpoint.name
        yield EndpointStatus(
            name=endpoint.name,
            allocated_host_port=port,
            healthy=task.healthy if is_checked else None,
        )


def _health(
    task: ContainerTask, container: PodContainer | None, since: str
) -> StatusCondition | None:
    has_check = container is not None and container.health_check is not None
    if not has_check or task.condition in _NOT_YET_CHECKED:
        return None
    word = "unreported" if task.healthy is None else "reported"
    return StatusCondition(
        name="healthy",
        value="true" if task.healthy else "false",
        reason=f"health-{word}-by-mesos",
        last_changed=since,
        last_updated=since,
    )


def _instance_state(
    instance: Instance, containers: Sequence[ContainerStatus]
) -> tuple[PodInstanceState, str | None]:
    state = _STATES.get(instance.condition, PodInstanceState.TERMINAL)
    if state is PodInstanceState.DEGRADED:
        return state, _UNREACHABLE
    is_unhealthy = any(one.value == "false" for status in containers for one in status.conditions)
    if state is PodInstanceState.STABLE and is_unhealthy:
        return PodInstanceState.DEGRADED, _UNHEALTHY
    return state, None


def _sum(pod: Pod | None, parts: Sequence[PodResources]) -> PodResources:
    wholes: list[PodResources | ExecutorResources] = [*parts]
    if pod is not None:
        wholes.append(pod.executor_resources)
    return PodResources(
        cpus=sum(to_milli(part.cpus) for part in wholes) / MILLI,
        mem=sum(to_milli(part.mem) for part in wholes) / MILLI,
        disk=sum(to_milli(part.disk) for part in wholes) / MILLI,
        gpus=sum(part.gpus for part in parts),
    )


def _networks(tasks: Iterable[ContainerTask]) -> list[NetworkStatus]:
    """Each network once, with the addresses that any container has there."""
    merged: dict[str | None, NetworkStatus] = {}
    for joined in (one for task in tasks for one in task.networks):
        known = merged.get(joined.name) or NetworkStatus(name=joined.name)
        addresses = list(dict.fromkeys([*known.addresses, *joined.addresses]))
        merged[joined.name] = replace(known, addresses=addresses)
    return list(merged.values())


def _termination(instance: Instance) -> TerminationHistory:
    started = instance.started_at or instance.staged_at or instance.scheduled_at
    failed = [one for one in instance.tasks.values() if one.condition is instance.condition]
    return TerminationHistory(
        instance_id=instance.id,
        started_at=timestamps.render(started),
        terminated_at=timestamps.render(instance.changed_at),
        message=next((one.message for one in failed if one.message), None),
        containers=[
            TerminatedContainer(
                container_id=ids.task_id(instance.id, instance.incarnation, name),
                last_known_state=task.condition.task_state,
                termination=Termination(message=task.message),
            )
            for name, task in instance.tasks.items()
        ],
    )


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else timestamps.render(seconds)
