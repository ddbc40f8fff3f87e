"""What operators are answered."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.operator.calls import QuotaConfig
from orchestrator.mesos.operator.state import (
    Explicit,
    GetAgents,
    GetExecutors,
    GetFrameworks,
    GetOperations,
    GetRoles,
    GetState,
    GetTasks,
    GetWeights,
)
from orchestrator.mesos.types import (
    FrameworkID,
    MachineID,
    MaintenanceSchedule,
    MasterInfo,
    Message,
    Resource,
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
    GET_AGENTS = "GET_AGENTS"
    GET_FRAMEWORKS = "GET_FRAMEWORKS"
    GET_EXECUTORS = "GET_EXECUTORS"
    GET_OPERATIONS = "GET_OPERATIONS"
    GET_TASKS = "GET_TASKS"
    GET_ROLES = "GET_ROLES"
    GET_WEIGHTS = "GET_WEIGHTS"
    GET_MASTER = "GET_MASTER"
    GET_MAINTENANCE_STATUS = "GET_MAINTENANCE_STATUS"
    GET_MAINTENANCE_SCHEDULE = "GET_MAINTENANCE_SCHEDULE"
    GET_QUOTA = "GET_QUOTA"


class Health(Explicit):
    """Whether the master is well."""

    healthy: bool


class Flag(Message):
    """A setting and its value."""

    name: str
    value: str | None = None


class Flags(Explicit):
    """All settings."""

    flags: list[Flag] = []


class VersionInfo(Message):
    """Which build this is."""

    version: str
    build_date: str | None = None
    build_time: float | None = None
    build_user: str | None = None
    git_sha: str | None = None
    git_branch: str | None = None
    git_tag: str | None = None


class GetVersion(Message):
    """See VersionInfo."""

    version_info: VersionInfo


class Metric(Message):
    """A figure by Mesos' name."""

    name: str
    value: float | None = None


class Metrics(Explicit):
    """All figures."""

    metrics: list[Metric] = []


class LoggingLevel(Message):
    """glog's verbosity: 0 to 9."""

    level: int


class FileInfo(Message):
    """One entry of a directory."""

    path: str
    nlink: int | None = None
    size: int | None = None
    mtime: TimeInfo | None = None
    mode: int | None = None
    uid: str | None = None
    gid: str | None = None


class Files(Explicit):
    """The entries of a directory."""

    file_infos: list[FileInfo] = []


class ReadFile(Message):
    """A part of a file, and how large the whole is."""

    size: int
    data: bytes


class GetMaster(Message):
    """This master; times in seconds since the epoch."""

    master_info: MasterInfo | None = None
    start_time: float | None = None
    elected_time: float | None = None


class InverseOfferStatus(Message):
    """How a framework answered an inverse offer: ACCEPT, DECLINE or UNKNOWN."""

    status: str
    framework_id: FrameworkID
    timestamp: TimeInfo


class DrainingMachine(Message):
    """A machine that is to go down."""

    id: MachineID
    statuses: list[InverseOfferStatus] = []


class ClusterStatus(Explicit):
    """The machines that are not simply up."""

    draining_machines: list[DrainingMachine] = []
    down_machines: list[MachineID] = []


class GetMaintenanceStatus(Message):
    """See ClusterStatus."""

    status: ClusterStatus


class GetMaintenanceSchedule(Message):
    """The schedule."""

    schedule: MaintenanceSchedule


class QuotaInfo(Message):
    """A guarantee in the form before 1.9."""

    role: str | None = None
    principal: str | None = None
    guarantee: list[Resource] = []


class QuotaStatus(Explicit):
    """All quota, in both forms."""

    infos: list[QuotaInfo] = []
    configs: list[QuotaConfig] = []


class GetQuota(Message):
    """See QuotaStatus."""

    status: QuotaStatus


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
    get_agents: GetAgents | None = None
    get_frameworks: GetFrameworks | None = None
    get_executors: GetExecutors | None = None
    get_operations: GetOperations | None = None
    get_tasks: GetTasks | None = None
    get_roles: GetRoles | None = None
    get_weights: GetWeights | None = None
    get_master: GetMaster | None = None
    get_maintenance_status: GetMaintenanceStatus | None = None
    get_maintenance_schedule: GetMaintenanceSchedule | None = None
    get_quota: GetQuota | None = None
