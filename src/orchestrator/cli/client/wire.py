"""What the client reads of Marathon's and Mesos' answers; everything else in them is ignored."""

from __future__ import annotations

import msgspec


class _Marathon(msgspec.Struct, frozen=True, rename="camel"):
    """Marathon names its fields in camelCase."""


class HealthCheckResult(_Marathon, frozen=True):
    """The last result of one health check of one task."""

    alive: bool = False


class MarathonTask(_Marathon, frozen=True):
    """A task as Marathon shows it."""

    id: str
    app_id: str = ""
    host: str | None = None
    ports: list[int] | None = None
    state: str = ""
    version: str | None = None
    started_at: str | None = None
    health_check_results: list[HealthCheckResult] | None = None


class VersionInfo(_Marathon, frozen=True):
    """When an app was last changed in a way that needs new tasks."""

    last_config_change_at: str = ""


class DeploymentRef(_Marathon, frozen=True):
    """A deployment in progress, by id."""

    id: str


class DockerInfo(_Marathon, frozen=True):
    """The image of an app."""

    image: str = ""


class Container(_Marathon, frozen=True):
    """How an app is contained."""

    docker: DockerInfo | None = None


class TaskFailure(_Marathon, frozen=True):
    """Why the last task that failed did so."""

    message: str = ""
    host: str = ""
    state: str = ""
    timestamp: str = ""


class App(_Marathon, frozen=True):
    """An app with its counts."""

    id: str
    instances: int = 0
    cpus: float = 0.0
    mem: float = 0.0
    cmd: str | None = None
    args: list[str] | None = None
    container: Container | None = None
    health_checks: list[object] | None = None
    version: str = ""
    version_info: VersionInfo | None = None
    tasks: list[MarathonTask] | None = None
    tasks_running: int = 0
    tasks_staged: int = 0
    tasks_healthy: int = 0
    tasks_unhealthy: int = 0
    deployments: list[DeploymentRef] | None = None
    last_task_failure: TaskFailure | None = None


class AppAnswer(_Marathon, frozen=True):
    """GET /v2/apps/{id}."""

    app: App


class Apps(_Marathon, frozen=True):
    """GET /v2/apps."""

    apps: list[App]


class Tasks(_Marathon, frozen=True):
    """GET /v2/tasks and /v2/apps/{id}/tasks."""

    tasks: list[MarathonTask]


class Change(_Marathon, frozen=True):
    """What Marathon answers when it starts a deployment; creating an app answers with the app."""

    version: str = ""
    deployment_id: str = ""
    deployments: list[DeploymentRef] | None = None

    @property
    def deployment(self) -> str:
        """The id of the deployment, in whichever form it came."""
        return self.deployment_id or (self.deployments[0].id if self.deployments else "")


class Action(_Marathon, frozen=True):
    """One thing a deployment does now."""

    action: str = ""
    app: str = ""
    pod: str = ""


class Deployment(_Marathon, frozen=True):
    """A deployment in progress."""

    id: str
    version: str = ""
    affected_apps: list[str] = []
    affected_pods: list[str] = []
    current_step: int = 0
    total_steps: int = 0
    current_actions: list[Action] = []


class QueueDelay(_Marathon, frozen=True):
    """How long an app is held back after failures."""

    time_left_seconds: float = 0.0
    overdue: bool = True


class Reject(_Marathon, frozen=True):
    """How often offers were refused for one reason."""

    reason: str = ""
    declined: int = 0


class OfferSummary(_Marathon, frozen=True):
    """Why offers were not taken."""

    reject_summary_last_offers: list[Reject] = []


class QueueItem(_Marathon, frozen=True):
    """An app that waits for instances to be launched."""

    app: App | None = None
    count: int = 0
    delay: QueueDelay | None = None
    processed_offers_summary: OfferSummary | None = None


class Queue(_Marathon, frozen=True):
    """GET /v2/queue."""

    queue: list[QueueItem]


class Amounts(msgspec.Struct, frozen=True):
    """Scalar resources, as Mesos writes them."""

    cpus: float = 0.0
    mem: float = 0.0
    disk: float = 0.0


class Agent(msgspec.Struct, frozen=True):
    """An agent in the master's /slaves; ``pid`` is "slave(1)@ip:port"."""

    id: str
    hostname: str = ""
    pid: str = ""
    active: bool = True
    resources: Amounts = Amounts()
    used_resources: Amounts = Amounts()


class Agents(msgspec.Struct, frozen=True):
    """GET /slaves of the master."""

    slaves: list[Agent]


class ContainerID(msgspec.Struct, frozen=True, omit_defaults=True):
    """A container, with the one that it is in."""

    value: str
    parent: ContainerID | None = None


class MesosContainerStatus(msgspec.Struct, frozen=True):
    """What an agent says of a task's container."""

    container_id: ContainerID | None = None


class MesosStatus(msgspec.Struct, frozen=True):
    """One of a task's statuses."""

    container_status: MesosContainerStatus | None = None


class MesosTask(msgspec.Struct, frozen=True):
    """A task in the master's /tasks."""

    id: str
    slave_id: str = ""
    framework_id: str = ""
    executor_id: str = ""
    state: str = ""
    statuses: list[MesosStatus] = []

    @property
    def container_id(self) -> ContainerID | None:
        """Its container, once an agent has named one."""
        known = (one.container_status for one in self.statuses if one.container_status)
        return next((one.container_id for one in known if one.container_id), None)


class MesosTasks(msgspec.Struct, frozen=True):
    """GET /tasks of the master."""

    tasks: list[MesosTask]


class Executor(msgspec.Struct, frozen=True):
    """Who runs a task on an agent; ``directory`` is the sandbox."""

    id: str
    directory: str = ""


class AgentFramework(msgspec.Struct, frozen=True):
    """A framework on an agent."""

    id: str
    executors: list[Executor] = []
    completed_executors: list[Executor] = []


class AgentState(msgspec.Struct, frozen=True):
    """GET /state of an agent."""

    frameworks: list[AgentFramework] = []
    completed_frameworks: list[AgentFramework] = []


class FileRead(msgspec.Struct, frozen=True):
    """GET /files/read of an agent: text at an offset, or the file's size when asked with -1."""

    offset: int
    data: str = ""
