"""What agents, masters and Marathon say over HTTP; pure. Form: Mesos' and Marathon's own APIs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.report import Node, Topology, ids, keys

Nodes = dict[Topology, list[Node]]
_STATES = {"TASK_RUNNING": "running", "TASK_STAGING": "created", "TASK_STARTING": "created"}


class AgentContainer(msgspec.Struct):
    """One of an agent's /containers."""

    container_id: str = ""
    framework_id: str = ""
    source: str = ""
    """The task's id."""
    executor_id: str = ""


class Task(msgspec.Struct):
    """One task in a master's /state."""

    id: str
    name: str = ""
    framework_id: str = ""
    slave_id: str = ""
    state: str = ""


class Framework(msgspec.Struct):
    """One framework in a master's /state."""

    id: str
    name: str = ""
    active: bool = True
    tasks: list[Task] = []


class Slave(msgspec.Struct):
    """One agent in a master's /state."""

    id: str
    hostname: str = ""
    active: bool = True


class State(msgspec.Struct):
    """A master's /state."""

    frameworks: list[Framework] = []
    slaves: list[Slave] = []


class App(msgspec.Struct, rename="camel"):
    """One of Marathon's /v2/apps."""

    id: str
    instances: int = 0
    tasks_running: int = 0
    tasks_healthy: int = 0
    tasks_unhealthy: int = 0
    labels: dict[str, str] = {}


class Apps(msgspec.Struct):
    """Marathon's /v2/apps."""

    apps: list[App] = []


class MarathonTask(msgspec.Struct, rename="camel"):
    """One of Marathon's /v2/tasks."""

    id: str
    app_id: str = ""


class MarathonTasks(msgspec.Struct):
    """Marathon's /v2/tasks."""

    tasks: list[MarathonTask] = []


class Info(msgspec.Struct, rename="camel"):
    """Marathon's /v2/info."""

    framework_id: str | None = None


def task_of(container: AgentContainer) -> str:
    """The task's node; one without an own executor has its id from the executor."""
    return ids.mesos_task(container.framework_id, container.source or container.executor_id)


def cluster_nodes(state: State) -> Nodes:
    """Frameworks, agents and tasks of a cluster."""
    return {
        "mesos_framework": [
            Node(one.id, one.name[:512], {keys.STATE: _activity(one.active)})
            for one in state.frameworks
        ],
        "mesos_agent": [
            Node(one.id, one.hostname, {keys.STATE: _activity(one.active)}) for one in state.slaves
        ],
        "mesos_task": [
            Node(
                ids.mesos_task(framework.id, task.id),
                task.name[:512],
                {keys.STATE: _STATES.get(task.state, task.state.removeprefix("TASK_").lower())},
                parents={"mesos_framework": [framework.id], "mesos_agent": [task.slave_id]},
            )
            for framework in state.frameworks
            for task in framework.tasks
        ],
    }


def app_nodes(
    apps: Iterable[App], tasks: Iterable[MarathonTask], framework_id: str, hiding: Hiding
) -> Nodes:
    """Marathon's apps, and which of them each task is of."""
    return {
        "marathon_app": [
            Node(
                app.id,
                app.id,
                {
                    keys.STATE: "running" if app.tasks_running else "created",
                    keys.HEALTH: _health(app),
                    keys.INSTANCES_WANTED: str(app.instances),
                },
                labels=hiding.labels(app.labels),
            )
            for app in apps
        ],
        "mesos_task": [
            Node(ids.mesos_task(framework_id, task.id), parents={"marathon_app": [task.app_id]})
            for task in tasks
            if framework_id and task.app_id
        ],
    }


def _activity(is_active: bool) -> str:
    return "running" if is_active else "exited"


def _health(app: App) -> str:
    if app.tasks_unhealthy:
        return "unhealthy"
    return "healthy" if app.tasks_healthy else "unknown"
