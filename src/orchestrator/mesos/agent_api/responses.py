"""What operators are answered by an agent."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.operator import (
    Files,
    Flags,
    GetOperations,
    GetVersion,
    Health,
    LoggingLevel,
    Metrics,
    ReadFile,
)
from orchestrator.mesos.operator.state import Explicit
from orchestrator.mesos.types import (
    AgentInfo,
    ContainerID,
    ContainerStatus,
    DrainConfig,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    Message,
    Task,
    TaskResourceLimitation,
    TaskState,
    TimeInfo,
)


class ResponseType(StrEnum):
    """The kinds of answer; calls that change something are answered without a body."""

    UNKNOWN = "UNKNOWN"
    GET_HEALTH = "GET_HEALTH"
    GET_FLAGS = "GET_FLAGS"
    GET_VERSION = "GET_VERSION"
    GET_METRICS = "GET_METRICS"
    GET_LOGGING_LEVEL = "GET_LOGGING_LEVEL"
    LIST_FILES = "LIST_FILES"
    READ_FILE = "READ_FILE"
    GET_STATE = "GET_STATE"
    GET_CONTAINERS = "GET_CONTAINERS"
    GET_FRAMEWORKS = "GET_FRAMEWORKS"
    GET_EXECUTORS = "GET_EXECUTORS"
    GET_OPERATIONS = "GET_OPERATIONS"
    GET_TASKS = "GET_TASKS"
    GET_AGENT = "GET_AGENT"
    GET_RESOURCE_PROVIDERS = "GET_RESOURCE_PROVIDERS"
    WAIT_NESTED_CONTAINER = "WAIT_NESTED_CONTAINER"
    WAIT_CONTAINER = "WAIT_CONTAINER"


class ResourceStatistics(Message):
    """What a container uses, as far as this agent measures it; times in seconds."""

    timestamp: float
    processes: int | None = None
    threads: int | None = None
    cpus_user_time_secs: float | None = None
    cpus_system_time_secs: float | None = None
    cpus_limit: float | None = None
    cpus_nr_periods: int | None = None
    cpus_nr_throttled: int | None = None
    cpus_throttled_time_secs: float | None = None
    mem_total_bytes: int | None = None
    mem_limit_bytes: int | None = None
    mem_file_bytes: int | None = None
    mem_anon_bytes: int | None = None
    mem_cache_bytes: int | None = None
    mem_rss_bytes: int | None = None
    mem_swap_bytes: int | None = None
    disk_limit_bytes: int | None = None
    disk_used_bytes: int | None = None


class Container(Message):
    """A container; a session has its parent in its id."""

    container_id: ContainerID
    framework_id: FrameworkID | None = None
    executor_id: ExecutorID | None = None
    executor_name: str | None = None
    container_status: ContainerStatus | None = None
    resource_statistics: ResourceStatistics | None = None


class GetContainers(Explicit):
    """The containers that run."""

    containers: list[Container] = []


class Framework(Message):
    """A framework with tasks here."""

    framework_info: FrameworkInfo


class GetFrameworks(Explicit):
    """Frameworks present and past."""

    frameworks: list[Framework] = []
    completed_frameworks: list[Framework] = []


class Executor(Message):
    """An executor."""

    executor_info: ExecutorInfo


class GetExecutors(Explicit):
    """Executors present and past."""

    executors: list[Executor] = []
    completed_executors: list[Executor] = []


class GetTasks(Explicit):
    """Tasks by how far they are: ``terminated`` have ended, and an update of theirs is on its way.

    ``completed`` are over.
    """

    pending_tasks: list[Task] = []
    queued_tasks: list[Task] = []
    launched_tasks: list[Task] = []
    terminated_tasks: list[Task] = []
    completed_tasks: list[Task] = []


class GetState(Message):
    """The whole state."""

    get_tasks: GetTasks | None = None
    get_executors: GetExecutors | None = None
    get_frameworks: GetFrameworks | None = None


class GetAgent(Message):
    """The agent itself."""

    agent_info: AgentInfo | None = None
    drain_config: DrainConfig | None = None
    estimated_drain_start_time: TimeInfo | None = None


class GetResourceProviders(Message):
    """Resource providers: this agent has none, which an empty message says in both forms."""


class WaitContainer(Message):
    """How a container ended; ``exit_status`` is as waitpid(2) tells it."""

    exit_status: int | None = None
    state: TaskState | None = None
    reason: str | None = None
    limitation: TaskResourceLimitation | None = None
    message: str | None = None


class Response(Message):
    """The answer to one call."""

    type: ResponseType = ResponseType.UNKNOWN
    get_health: Health | None = None
    get_flags: Flags | None = None
    get_version: GetVersion | None = None
    get_metrics: Metrics | None = None
    get_logging_level: LoggingLevel | None = None
    list_files: Files | None = None
    read_file: ReadFile | None = None
    get_state: GetState | None = None
    get_containers: GetContainers | None = None
    get_frameworks: GetFrameworks | None = None
    get_executors: GetExecutors | None = None
    get_operations: GetOperations | None = None
    get_tasks: GetTasks | None = None
    get_agent: GetAgent | None = None
    get_resource_providers: GetResourceProviders | None = None
    wait_nested_container: WaitContainer | None = None
    wait_container: WaitContainer | None = None
