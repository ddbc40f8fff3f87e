"""A Mesos task as the body of the Engine's ``POST /containers/create``.

The rules for command, network, ports and volumes are those of src/docker/docker.cpp (Apache Mesos);
each is in a module of its own, and this puts them together. What a task asks for and would not get
is refused in one sentence, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.agent.adapters.docker import limits, networks, parameters, volumes
from orchestrator.agent.adapters.docker.body import JSON, SANDBOX, Draft, SpecError
from orchestrator.agent.adapters.docker.limits import LimitSettings
from orchestrator.agent.adapters.docker.networks import Joining
from orchestrator.agent.adapters.policy import Policy
from orchestrator.agent.core.task import Container
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import ContainerInfo, DockerInfo, Message, WindowSize

__all__ = ["JSON", "SANDBOX", "SpecError"]

LABEL_CONTAINER = "MESOS_CONTAINER_ID"
LABEL_AGENT = "MESOS_AGENT_WORK_DIR"
# What the Engine keeps of a container's output, until it is in the sandbox: two files of so much.
LOG_FILE_BYTES = 128 * 1024 * 1024
LOG_CONFIG: JSON = {
    "Type": "json-file",
    "Config": {"max-size": str(LOG_FILE_BYTES), "max-file": "2"},
}


class Places(Message):
    """Where things of the task lie on the host.

    ``secrets`` has the file of each secret volume, by its path in the container.
    """

    sandbox: str
    work_dir: str
    secrets: Mapping[str, str] = {}


class Rules(Message):
    """What the operator has set for all containers."""

    policy: Policy = Policy()
    limits: LimitSettings = LimitSettings()


class Spec(Message):
    """All that the Engine has to be asked for, to make one container."""

    name: str
    image: str
    body: JSON
    joining: list[Joining] = []
    window: WindowSize | None = None
    force_pull: bool = False


def name_of(container_id: str) -> str:
    """What the container is called in the Engine."""
    return f"mesos-{container_id}"


def of(container: Container, environment: Mapping[str, str], places: Places, rules: Rules) -> Spec:
    """The whole request. Raises SpecError."""
    info, docker = _infos(container)
    resources = resource_wire.from_wire(container.resources)
    draft = Draft(docker.image, resources, places.sandbox, rules.policy)
    draft.config |= _command(container)
    draft.config["Env"] = [f"{name}={value}" for name, value in environment.items()]
    draft.config["Labels"] = _labels(container, places.work_dir)
    draft.host["LogConfig"] = {**LOG_CONFIG, "Config": dict(LOG_CONFIG["Config"])}
    limits.apply(draft, container.limits, rules.limits)
    joining = networks.apply(draft, info, docker)
    _add_volumes(draft, container, info, docker, places)
    _isolate(draft, info, docker)
    parameters.apply(draft, docker.parameters)
    return Spec(
        name=name_of(container.id),
        image=docker.image,
        body=draft.finished(),
        joining=joining,
        window=info.tty_info.window_size if info.tty_info else None,
        force_pull=bool(docker.force_pull_image),
    )


def _infos(container: Container) -> tuple[ContainerInfo, DockerInfo]:
    info = container.info
    if info is None or info.docker is None or not info.docker.image:
        raise SpecError("The container is of type DOCKER but names no image")
    return info, info.docker


def _labels(container: Container, work_dir: str) -> dict[str, str]:
    task = {"MESOS_TASK_ID": container.task_id} if container.task_id is not None else {}
    return task | {
        "MESOS_EXECUTOR_ID": container.executor_id,
        "MESOS_FRAMEWORK_ID": container.framework_id,
        LABEL_CONTAINER: container.id,
        LABEL_AGENT: work_dir,
    }


def _command(container: Container) -> JSON:
    """A shell command replaces the image's entry point; anything else is given to it."""
    command = container.command
    if command is None:
        return {}
    if command.shell and command.value is not None:
        return {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", command.value]}
    words = [*([command.value] if command.value is not None else []), *command.arguments]
    return {"Cmd": words} if words else {}


def _add_volumes(
    draft: Draft, container: Container, info: ContainerInfo, docker: DockerInfo, places: Places
) -> None:
    if docker.volume_driver:
        draft.host["VolumeDriver"] = docker.volume_driver
    for volume in info.volumes:
        volumes.add(draft, volume, docker.volume_driver, places.secrets)
    for resource in container.resources:
        volumes.add_persistent(draft, resource, places.work_dir)


def _isolate(draft: Draft, info: ContainerInfo, docker: DockerInfo) -> None:
    if docker.privileged:
        draft.demand("The field 'privileged'")
        draft.host["Privileged"] = True
    if info.hostname:
        draft.config["Hostname"] = info.hostname
    if info.tty_info is not None:
        draft.config |= {"Tty": True, "OpenStdin": True}
    if info.rlimit_info is not None:
        limits.apply_rlimits(draft, info.rlimit_info)
    if info.linux_info is not None:
        limits.apply_linux(draft, info.linux_info)
