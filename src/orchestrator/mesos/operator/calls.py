"""What operators call."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.types import (
    AgentID,
    DurationInfo,
    FrameworkID,
    MachineID,
    MaintenanceSchedule,
    Message,
    Resource,
    Scalar,
)


class CallType(StrEnum):
    """The calls an operator can make."""

    UNKNOWN = "UNKNOWN"
    GET_HEALTH = "GET_HEALTH"
    GET_FLAGS = "GET_FLAGS"
    GET_VERSION = "GET_VERSION"
    GET_METRICS = "GET_METRICS"
    GET_LOGGING_LEVEL = "GET_LOGGING_LEVEL"
    SET_LOGGING_LEVEL = "SET_LOGGING_LEVEL"
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
    UPDATE_WEIGHTS = "UPDATE_WEIGHTS"
    GET_MASTER = "GET_MASTER"
    SUBSCRIBE = "SUBSCRIBE"
    RESERVE_RESOURCES = "RESERVE_RESOURCES"
    UNRESERVE_RESOURCES = "UNRESERVE_RESOURCES"
    CREATE_VOLUMES = "CREATE_VOLUMES"
    DESTROY_VOLUMES = "DESTROY_VOLUMES"
    GROW_VOLUME = "GROW_VOLUME"
    SHRINK_VOLUME = "SHRINK_VOLUME"
    GET_MAINTENANCE_STATUS = "GET_MAINTENANCE_STATUS"
    GET_MAINTENANCE_SCHEDULE = "GET_MAINTENANCE_SCHEDULE"
    UPDATE_MAINTENANCE_SCHEDULE = "UPDATE_MAINTENANCE_SCHEDULE"
    START_MAINTENANCE = "START_MAINTENANCE"
    STOP_MAINTENANCE = "STOP_MAINTENANCE"
    DRAIN_AGENT = "DRAIN_AGENT"
    DEACTIVATE_AGENT = "DEACTIVATE_AGENT"
    REACTIVATE_AGENT = "REACTIVATE_AGENT"
    GET_QUOTA = "GET_QUOTA"
    UPDATE_QUOTA = "UPDATE_QUOTA"
    SET_QUOTA = "SET_QUOTA"
    REMOVE_QUOTA = "REMOVE_QUOTA"
    TEARDOWN = "TEARDOWN"
    MARK_AGENT_GONE = "MARK_AGENT_GONE"


# --- what calls carry ----------------------------------------------------------------------------


class GetMetricsCall(Message):
    """How long to wait for slow metrics."""

    timeout: DurationInfo | None = None


class SetLoggingLevel(Message):
    """The verbosity (0 to 9, glog's) to log with for a while."""

    level: int
    duration: DurationInfo


class ListFilesCall(Message):
    """A directory of the virtual file tree."""

    path: str


class ReadFileCall(Message):
    """A part of a file; to the end if no length is given."""

    path: str
    offset: int
    length: int | None = None


class WeightInfo(Message):
    """A role's weight in its share of the cluster."""

    weight: float
    role: str | None = None


class UpdateWeights(Message):
    """Weights to be set; other roles keep theirs."""

    weight_infos: list[WeightInfo] = []


class ReserveResources(Message):
    """Resources of an agent as they are to be; ``source`` is what they are now, if given."""

    agent_id: AgentID
    resources: list[Resource] = []
    source: list[Resource] = []


class UnreserveResources(Message):
    """Reserved resources of an agent, whose innermost reservation is to go."""

    agent_id: AgentID
    resources: list[Resource] = []


class Volumes(Message):
    """Persistent volumes of an agent, to be made or destroyed."""

    agent_id: AgentID
    volumes: list[Resource] = []


class GrowVolume(Message):
    """Disk of an agent to be added to a volume."""

    volume: Resource
    addition: Resource
    agent_id: AgentID | None = None


class ShrinkVolume(Message):
    """How much disk to take from a volume."""

    volume: Resource
    subtract: Scalar
    agent_id: AgentID | None = None


class UpdateMaintenanceSchedule(Message):
    """The schedule that replaces the present one."""

    schedule: MaintenanceSchedule


class Machines(Message):
    """Machines whose maintenance starts or stops."""

    machines: list[MachineID] = []


class Duration(Message):
    """A duration as google.protobuf has it."""

    seconds: int = 0
    nanos: int = 0


class DrainAgent(Message):
    """An agent to be emptied; a grace may also be text: "600s", "10mins"."""

    agent_id: AgentID
    max_grace_period: Duration | str | None = None
    mark_gone: bool = False


class OneAgent(Message):
    """The agent that a call is about."""

    agent_id: AgentID


class QuotaConfig(Message):
    """What a role is guaranteed and what it may have at most, by resource name."""

    role: str
    guarantees: dict[str, Scalar] = {}
    limits: dict[str, Scalar] = {}


class UpdateQuota(Message):
    """Configurations to be set, all or none; ``force`` skips the checks for plausibility."""

    quota_configs: list[QuotaConfig] = []
    force: bool = False


class QuotaRequest(Message):
    """A guarantee in the form before 1.9."""

    role: str | None = None
    guarantee: list[Resource] = []
    force: bool = False


class SetQuota(Message):
    """See QuotaRequest."""

    quota_request: QuotaRequest


class RemoveQuota(Message):
    """The role that is to have no quota any more."""

    role: str


class Teardown(Message):
    """The framework to end."""

    framework_id: FrameworkID


class Call(Message):
    """One call of an operator."""

    type: CallType = CallType.UNKNOWN
    get_metrics: GetMetricsCall | None = None
    set_logging_level: SetLoggingLevel | None = None
    list_files: ListFilesCall | None = None
    read_file: ReadFileCall | None = None
    update_weights: UpdateWeights | None = None
    reserve_resources: ReserveResources | None = None
    unreserve_resources: UnreserveResources | None = None
    create_volumes: Volumes | None = None
    destroy_volumes: Volumes | None = None
    grow_volume: GrowVolume | None = None
    shrink_volume: ShrinkVolume | None = None
    update_maintenance_schedule: UpdateMaintenanceSchedule | None = None
    start_maintenance: Machines | None = None
    stop_maintenance: Machines | None = None
    drain_agent: DrainAgent | None = None
    deactivate_agent: OneAgent | None = None
    reactivate_agent: OneAgent | None = None
    update_quota: UpdateQuota | None = None
    set_quota: SetQuota | None = None
    remove_quota: RemoveQuota | None = None
    teardown: Teardown | None = None
    mark_agent_gone: OneAgent | None = None

    def problem(self) -> str | None:
        """What a well-formed call of this type lacks, in a sentence, or None."""
        field = self.type.value.lower()
        if field in _OPTIONAL_FIELDS or field not in self.__struct_fields__:
            return None
        return f"Expecting '{field}' to be present" if getattr(self, field) is None else None


_OPTIONAL_FIELDS = frozenset({"get_metrics"})
