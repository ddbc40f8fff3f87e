"""The task group that Mesos is asked to launch for an instance of a pod.

The containers are tasks under one default executor, which has the pod's networks. Each part gets
its own share of what was taken from the offer; ports go to the containers that listen on them, so
that an agent that looks after ports knows whose they are. Source: TaskGroupBuilder.scala of
Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.disks import persistence_id
from orchestrator.marathon.core.placement.matching import Match
from orchestrator.marathon.core.placement.taking import Left, take_ports, take_scalar
from orchestrator.marathon.core.pods import checks
from orchestrator.marathon.core.pods.containers import container_info, linux_info, networks
from orchestrator.marathon.core.pods.environment import environment
from orchestrator.marathon.core.pods.instance import divided
from orchestrator.marathon.core.pods.parts import (
    Endpoint,
    ExecutorResources,
    PodContainer,
    PodResources,
)
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.tasks import task_parts
from orchestrator.marathon.core.tasks.task_builder import labels_of
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.resources import Resources, to_milli
from orchestrator.mesos.scheduler import LaunchGroup
from orchestrator.mesos.types import (
    AgentID,
    CommandInfo,
    ContainerInfo,
    DiscoveryInfo,
    DurationInfo,
    Environment,
    ExecutorID,
    ExecutorInfo,
    KillPolicy,
    Offer,
    Port,
    Ports,
    TaskGroupInfo,
    TaskID,
    TaskInfo,
)

_NANOSECONDS = 1_000_000_000


def build(pod: Pod, instance: Instance, offer: Offer, match: Match, role: str) -> LaunchGroup:
    """The group for the instance's next launch; ``role`` is the one the offer was made to."""
    shares = _shares(pod, match)
    executor = ExecutorInfo(
        executor_id=ExecutorID(value=ids.executor_id(instance.id, instance.incarnation)),
        type="DEFAULT",
        framework_id=offer.framework_id,
        resources=to_wire(next(shares) + _volumes(match), role=role),
        container=ContainerInfo(
            type="MESOS",
            network_infos=networks(pod, match.host_ports),
            linux_info=linux_info(pod.linux_info, pod),
        ),
        labels=labels_of(pod.labels),
    )
    ports = dict(divided(pod, match.host_ports))
    tasks = [
        replace(
            _task(pod, container, instance, offer, ports[container.name]),
            resources=to_wire(share, role=role),
            command=_command(
                pod,
                container,
                environment(pod, container, instance, offer.hostname, match.host_ports),
            ),
        )
        for container, share in zip(pod.containers, shares, strict=True)
    ]
    return LaunchGroup(executor=executor, task_group=TaskGroupInfo(tasks=tasks))


def _shares(pod: Pod, match: Match) -> Iterator[Resources]:
    """What the executor gets, then each container, out of what was taken from the offer."""
    left = dict(match.resources.amounts)
    parts: list[tuple[ExecutorResources | PodResources, Sequence[int | None]]]
    ports = dict(divided(pod, match.host_ports))
    parts = [(pod.executor_resources, ())]
    parts += [(container.resources, ports[container.name]) for container in pod.containers]
    for wanted, own_ports in parts:
        yield _taken(left, wanted, own_ports)


def _volumes(match: Match) -> Resources:
    """The persistent volumes, which are the executor's: so all containers can have them."""
    return match.resources.where(lambda kind: persistence_id(kind) is not None)


def _taken(
    left: Left, wanted: ExecutorResources | PodResources, ports: Sequence[int | None]
) -> Resources:
    taken: Left = {}
    gpus = wanted.gpus if isinstance(wanted, PodResources) else 0
    amounts = {"cpus": wanted.cpus, "mem": wanted.mem, "disk": wanted.disk, "gpus": gpus}
    for name, amount in amounts.items():
        taken |= take_scalar(left, name, to_milli(amount)) or {}
    if (found := take_ports(left, ports, seed=0)) is not None:  # all of them are numbers by now
        taken |= found[0]
    return Resources(taken)


def _task(
    pod: Pod,
    container: PodContainer,
    instance: Instance,
    offer: Offer,
    host_ports: Sequence[int | None],
) -> TaskInfo:
    """A container's task, but for its resources and its command."""
    inside = {
        endpoint.name: endpoint.port_inside(port, is_on_host=pod.uses_host_network)
        for endpoint, port in zip(container.endpoints, host_ports, strict=True)
    }
    return TaskInfo(
        name=container.name,
        task_id=TaskID(value=ids.task_id(instance.id, instance.incarnation, container.name)),
        agent_id=AgentID(value=offer.agent_id.value),
        container=container_info(pod, container),
        health_check=checks.health_check(container.health_check, inside),
        check=checks.check_info(container.check, inside),
        kill_policy=_kill_policy(container),
        labels=labels_of(container.labels),
        discovery=_discovery(pod, container, host_ports),
        limits=task_parts.limits(container.resource_limits),
    )


def _command(pod: Pod, container: PodContainer, variables: Mapping[str, str]) -> CommandInfo:
    """Without a command the image says what to run."""
    exec_ = container.exec
    asked = checks.command(exec_.command) if exec_ else CommandInfo(shell=False)
    if exec_ and container.image and not asked.shell and not exec_.override_entrypoint:
        asked = replace(asked, value=None)  # the image's entry point gets these arguments
    return replace(
        asked,
        user=container.user or pod.user,
        environment=Environment(
            variables=task_parts.variables(variables, pod.variables(container), pod.secrets)
        ),
        uris=task_parts.uris_of(container.artifacts),
    )


def _kill_policy(container: PodContainer) -> KillPolicy | None:
    grace_s = container.lifecycle.kill_grace_period_seconds if container.lifecycle else None
    if grace_s is None:
        return None
    return KillPolicy(grace_period=DurationInfo(nanoseconds=int(grace_s * _NANOSECONDS)))


def _discovery(
    pod: Pod, container: PodContainer, host_ports: Sequence[int | None]
) -> DiscoveryInfo:
    ports = [
        published
        for endpoint, port in zip(container.endpoints, host_ports, strict=True)
        for published in _published(pod, endpoint, port)
    ]
    name = ids.hostname(pod.id)
    return DiscoveryInfo(visibility="FRAMEWORK", name=name, ports=Ports(ports=ports))


def _published(pod: Pod, endpoint: Endpoint, host_port: int | None) -> Iterator[Port]:
    """One port for each protocol, and for each network where the host has none for it."""
    number = host_port or endpoint.container_port or 0
    scopes: list[dict[str, str]] = [{}] if pod.uses_host_network else [{"network-scope": "host"}]
    if host_port is None:
        names = endpoint.network_names or [one.name for one in pod.networks if one.name]
        scopes = [{"network-scope": "container", "network-name": name} for name in names]
    for protocol in endpoint.protocols:
        for scope in scopes:
            labels = labels_of(endpoint.labels | scope)
            yield Port(number=number, name=endpoint.name, protocol=protocol, labels=labels)
