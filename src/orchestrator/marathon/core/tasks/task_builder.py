"""The task that Mesos is asked to launch for an instance.

Source: TaskBuilder.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Container,
    DockerContainer,
    NetworkMode,
    PortDefinition,
    PortMapping,
)
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.matching import Match
from orchestrator.marathon.core.tasks import task_parts
from orchestrator.marathon.core.tasks.task_checks import check_info, health_check
from orchestrator.marathon.core.tasks.task_environment import container_ports, environment
from orchestrator.mesos.resource_wire import to_wire
from orchestrator.mesos.types import (
    AgentID,
    CommandInfo,
    ContainerInfo,
    DiscoveryInfo,
    DockerInfo,
    DockerPortMapping,
    DurationInfo,
    Environment,
    Image,
    KillPolicy,
    Label,
    Labels,
    MesosInfo,
    NetworkInfo,
    NetworkPortMapping,
    Offer,
    Parameter,
    Port,
    Ports,
    TaskID,
    TaskInfo,
    TTYInfo,
)

BRIDGE_NAME = "mesos-bridge"
_DOCKER_NETWORKS = {
    NetworkMode.HOST: "HOST",
    NetworkMode.BRIDGE: "BRIDGE",
    NetworkMode.CONTAINER: "USER",
}


def build(app: App, instance: Instance, offer: Offer, match: Match, role: str) -> TaskInfo:
    """The task for the instance's next launch; ``role`` is the one the offer was made to."""
    ports = container_ports(app, match.host_ports, instance.id)
    command = _command(app, environment(app, instance, offer.hostname, match.host_ports))
    container = _container(app, instance, match.host_ports)
    executor = None
    if app.has_custom_executor:
        extra = to_wire(match.executor, role=role)
        executor = task_parts.executor(app, instance.task_id, command, container, extra)
    return TaskInfo(
        name=ids.hostname(app.id),
        task_id=TaskID(value=instance.task_id),
        agent_id=AgentID(value=offer.agent_id.value),
        resources=to_wire(match.resources - match.executor, role=role),
        executor=executor,
        command=None if executor else command,
        container=None if executor else container,
        health_check=health_check(app, ports),
        check=check_info(app, ports),
        kill_policy=_kill_policy(app),
        labels=labels_of(app.labels),
        discovery=_discovery(app, match.host_ports, ports),
        limits=task_parts.limits(app.resource_limits),
    )


def _command(app: App, variables: dict[str, str]) -> CommandInfo:
    uses_shell = bool(app.cmd) and not app.args
    program = app.args[0] if app.args and app.container is None else None
    return CommandInfo(
        shell=uses_shell,
        value=app.cmd if uses_shell else program,
        arguments=list(app.args),
        environment=Environment(variables=task_parts.variables(variables, app.env, app.secrets)),
        uris=task_parts.uris_of(app.fetch),
        user=app.user,
    )


def _container(
    app: App, instance: Instance, host_ports: Sequence[int | None]
) -> ContainerInfo | None:
    if app.container is None and not app.tty:
        return None
    container = app.container or Container(type="MESOS")
    mapped = _mapped(app, host_ports)
    docker = container.docker
    is_docker = container.type == "DOCKER"
    return ContainerInfo(
        type=container.type,
        docker=_docker(app, container, instance, mapped) if is_docker else None,
        mesos=None if is_docker else MesosInfo(image=_image(app, docker) if docker else None),
        volumes=task_parts.volumes(container.volumes, app.secrets),
        network_infos=_network_infos(app, mapped, is_docker),
        linux_info=task_parts.linux_info(container),
        tty_info=TTYInfo() if app.tty else None,
    )


def _image(app: App, docker: DockerContainer) -> Image:
    is_cached = not docker.force_pull_image
    return task_parts.image(docker.image, docker.pull_config, app.secrets, is_cached=is_cached)


def _mapped(app: App, host_ports: Sequence[int | None]) -> list[tuple[PortMapping, int, int]]:
    """Each mapping with a host port, that port, and the container's port."""
    return [
        (mapping, host_port, mapping.container_port or host_port)
        for mapping, host_port in zip(app.port_mappings, host_ports, strict=False)
        if host_port is not None
    ]


def _docker(
    app: App,
    container: Container,
    instance: Instance,
    mapped: Sequence[tuple[PortMapping, int, int]],
) -> DockerInfo | None:
    docker = container.docker
    if docker is None:
        return None
    label = Parameter(key="label", value=f"MESOS_TASK_ID={instance.task_id}")
    return DockerInfo(
        image=docker.image,
        network=_DOCKER_NETWORKS[app.networks[0].mode],
        port_mappings=[
            DockerPortMapping(host_port=host_port, container_port=inside, protocol=protocol)
            for mapping, host_port, inside in mapped
            for protocol in mapping.protocol.split(",")
        ],
        privileged=docker.privileged,
        parameters=[*(Parameter(key=p.key, value=p.value) for p in docker.parameters), label],
        force_pull_image=docker.force_pull_image,
    )


def _network_infos(
    app: App, mapped: Sequence[tuple[PortMapping, int, int]], is_docker: bool
) -> list[NetworkInfo]:
    if app.uses_host_network or (is_docker and app.networks[0].mode is NetworkMode.BRIDGE):
        return []
    mappings = [
        NetworkPortMapping(host_port=host_port, container_port=inside, protocol=protocol)
        for mapping, host_port, inside in mapped
        for protocol in mapping.protocol.split(",")
    ]
    return [
        NetworkInfo(
            name=BRIDGE_NAME if network.mode is NetworkMode.BRIDGE else network.name,
            labels=labels_of(network.labels),
            port_mappings=[] if is_docker else mappings,
        )
        for network in app.networks
    ]


def _kill_policy(app: App) -> KillPolicy | None:
    if app.task_kill_grace_period_seconds is None:
        return None
    nanoseconds = app.task_kill_grace_period_seconds * 1_000_000_000
    return KillPolicy(grace_period=DurationInfo(nanoseconds=nanoseconds))


def labels_of(labels: dict[str, str]) -> Labels | None:
    """Labels in Mesos' form; None if there are none."""
    if not labels:
        return None
    return Labels(labels=[Label(key=key, value=value) for key, value in labels.items()])


def _discovery(app: App, host_ports: Sequence[int | None], inside: Sequence[int]) -> DiscoveryInfo:
    specs: Sequence[PortDefinition | PortMapping] = app.port_mappings
    if app.uses_host_network:
        specs = app.port_definitions or []
    ports = []
    for spec, host_port, container_port in zip(specs, host_ports, inside, strict=True):
        labels = dict(spec.labels)
        if not app.uses_host_network:
            labels["network-scope"] = "container" if host_port is None else "host"
        ports += [
            Port(
                number=host_port or container_port,
                name=spec.name,
                protocol=protocol,
                labels=labels_of(labels),
            )
            for protocol in spec.protocol.split(",")
        ]
    return DiscoveryInfo(
        visibility="FRAMEWORK", name=ids.hostname(app.id), ports=Ports(ports=ports)
    )
