"""What is asked for: the names of containers, and commands that can be run beside a task."""

from __future__ import annotations

from orchestrator.agent.adapters.sessions.running import Command
from orchestrator.agent.core.task import Container
from orchestrator.mesos.agent_api import LaunchContainer
from orchestrator.mesos.calls import OperatorError
from orchestrator.mesos.types import ContainerID, ContainerInfo, LinuxInfo


def key_of(id_: ContainerID) -> str:
    """A container's id in one piece, outermost first: Mesos' own notation."""
    return f"{key_of(id_.parent)}.{id_.value}" if id_.parent is not None else id_.value


def not_found(id_: ContainerID) -> OperatorError:
    """How a container is refused that nobody knows."""
    return OperatorError(404, f"Container {key_of(id_)} cannot be found")


def is_named(container: Container, id_: ContainerID) -> bool:
    """Whether an id is the container's, with its task group's."""
    return (id_.parent.value if id_.parent is not None else None) == container.parent_id


def command_of(wanted: LaunchContainer) -> Command:
    """What to run, if it can be run beside a task. Raises OperatorError."""
    info = wanted.command
    if info is None or (info.value is None and not info.arguments):
        raise OperatorError(400, "There is no command to run")
    if info.uris:
        raise OperatorError(400, "URIs are not fetched for a command beside a task")
    container = wanted.container
    if container is not None and (name := _unsupported(container)) is not None:
        sentence = f"The provided ContainerInfo is not supported: '{name}' is the task's own"
        raise OperatorError(400, sentence)
    if wanted.resources or wanted.limits:
        raise OperatorError(400, "A command beside a task has no resources but the task's")
    return Command(info=info, tty=container.tty_info if container is not None else None)


def _unsupported(container: ContainerInfo) -> str | None:
    shared = LinuxInfo(share_cgroups=True)
    for name in container.__struct_fields__:
        value = getattr(container, name)
        is_fine = name in ("type", "tty_info") or (name == "linux_info" and value in (None, shared))
        if not is_fine and value not in (None, [], ""):
            return name
    return None
