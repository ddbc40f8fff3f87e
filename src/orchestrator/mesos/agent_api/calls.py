"""What operators call on an agent.

Source: include/mesos/v1/agent/agent.proto and src/slave/validation.cpp (Apache Mesos 1.11), whose
wording is kept.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.mesos.agent_api.process_io import ProcessIO
from orchestrator.mesos.commands import command_problem
from orchestrator.mesos.operator import (
    GetMetricsCall,
    ListFilesCall,
    ReadFileCall,
    SetLoggingLevel,
)
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerID,
    ContainerInfo,
    Image,
    Message,
    Resource,
    Scalar,
)

MAX_ID_LENGTH = 242  # MAX_CONTAINER_ID_LENGTH of src/slave/constants.hpp


class CallType(StrEnum):
    """The calls an agent knows."""

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
    GET_CONTAINERS = "GET_CONTAINERS"
    GET_FRAMEWORKS = "GET_FRAMEWORKS"
    GET_EXECUTORS = "GET_EXECUTORS"
    GET_OPERATIONS = "GET_OPERATIONS"
    GET_TASKS = "GET_TASKS"
    GET_AGENT = "GET_AGENT"
    GET_RESOURCE_PROVIDERS = "GET_RESOURCE_PROVIDERS"
    LAUNCH_NESTED_CONTAINER = "LAUNCH_NESTED_CONTAINER"
    WAIT_NESTED_CONTAINER = "WAIT_NESTED_CONTAINER"
    KILL_NESTED_CONTAINER = "KILL_NESTED_CONTAINER"
    REMOVE_NESTED_CONTAINER = "REMOVE_NESTED_CONTAINER"
    LAUNCH_NESTED_CONTAINER_SESSION = "LAUNCH_NESTED_CONTAINER_SESSION"
    ATTACH_CONTAINER_INPUT = "ATTACH_CONTAINER_INPUT"
    ATTACH_CONTAINER_OUTPUT = "ATTACH_CONTAINER_OUTPUT"
    LAUNCH_CONTAINER = "LAUNCH_CONTAINER"
    WAIT_CONTAINER = "WAIT_CONTAINER"
    KILL_CONTAINER = "KILL_CONTAINER"
    REMOVE_CONTAINER = "REMOVE_CONTAINER"
    ADD_RESOURCE_PROVIDER_CONFIG = "ADD_RESOURCE_PROVIDER_CONFIG"
    UPDATE_RESOURCE_PROVIDER_CONFIG = "UPDATE_RESOURCE_PROVIDER_CONFIG"
    REMOVE_RESOURCE_PROVIDER_CONFIG = "REMOVE_RESOURCE_PROVIDER_CONFIG"
    MARK_RESOURCE_PROVIDER_GONE = "MARK_RESOURCE_PROVIDER_GONE"
    PRUNE_IMAGES = "PRUNE_IMAGES"


# --- what calls carry ----------------------------------------------------------------------------


class GetContainersCall(Message):
    """Which containers beside those of tasks and executors."""

    show_nested: bool | None = None
    show_standalone: bool | None = None


class LaunchContainer(Message):
    """A command to be run beside the container that ``container_id`` has for parent."""

    container_id: ContainerID
    command: CommandInfo | None = None
    container: ContainerInfo | None = None
    resources: list[Resource] = []
    limits: dict[str, Scalar] = {}


class OneContainer(Message):
    """The container that a call is about."""

    container_id: ContainerID


class KillContainer(Message):
    """A container and the signal to send it: SIGKILL if none is named."""

    container_id: ContainerID
    signal: int | None = None


class AttachInputType(StrEnum):
    """The first record of a stream names the container, all others are input."""

    UNKNOWN = "UNKNOWN"
    CONTAINER_ID = "CONTAINER_ID"
    PROCESS_IO = "PROCESS_IO"


class AttachContainerInput(Message):
    """One record of a stream of input."""

    type: AttachInputType = AttachInputType.UNKNOWN
    container_id: ContainerID | None = None
    process_io: ProcessIO | None = None

    def problem(self) -> str | None:
        """What is wrong with a record after the first."""
        if self.type is not AttachInputType.PROCESS_IO:
            return (
                "Expecting 'attach_container_input.type' to be 'PROCESS_IO'"
                f" instead of: '{self.type}'"
            )
        if self.process_io is None:
            return "Expecting 'attach_container_input.process_io' to be present"
        return self.process_io.problem_as_input()


class PruneImages(Message):
    """Images that are to stay."""

    excluded_images: list[Image] = []


class Call(Message):
    """One call of an operator."""

    type: CallType = CallType.UNKNOWN
    get_metrics: GetMetricsCall | None = None
    set_logging_level: SetLoggingLevel | None = None
    list_files: ListFilesCall | None = None
    read_file: ReadFileCall | None = None
    get_containers: GetContainersCall | None = None
    launch_nested_container: LaunchContainer | None = None
    wait_nested_container: OneContainer | None = None
    kill_nested_container: KillContainer | None = None
    remove_nested_container: OneContainer | None = None
    launch_nested_container_session: LaunchContainer | None = None
    attach_container_input: AttachContainerInput | None = None
    attach_container_output: OneContainer | None = None
    launch_container: LaunchContainer | None = None
    wait_container: OneContainer | None = None
    kill_container: KillContainer | None = None
    remove_container: OneContainer | None = None
    prune_images: PruneImages | None = None

    def problem(self) -> str | None:
        """What a well-formed call of this type lacks, in a sentence, or None."""
        field = self.type.value.lower()
        if field in _OPTIONAL_FIELDS or field not in self.__struct_fields__:
            return None
        match getattr(self, field):
            case None:
                return f"Expecting '{field}' to be present"
            case AttachContainerInput() as attached:
                return _attach_problem(attached)
            case LaunchContainer() as launch:
                return _launch_problem(field, launch)
            case OneContainer(container_id=id_) | KillContainer(container_id=id_):
                return _container_problem(field, id_)
        return None

    @property
    def launch(self) -> LaunchContainer | None:
        """What is to be launched, by whichever of the calls that launch."""
        return (
            self.launch_nested_container_session
            if self.type is CallType.LAUNCH_NESTED_CONTAINER_SESSION
            else self.launch_nested_container
            if self.type is CallType.LAUNCH_NESTED_CONTAINER
            else self.launch_container
        )


_OPTIONAL_FIELDS = frozenset({"get_containers", "prune_images"})


def id_problem(id_: ContainerID) -> str | None:
    """What is wrong with the id of a container."""
    value = id_.value
    if not value:
        return "ID must not be empty"
    if value in (".", "..") or len(value) > MAX_ID_LENGTH:
        return f"'{value[:MAX_ID_LENGTH]}' is disallowed"
    if any(char in "/\\. " or not char.isprintable() for char in value):
        return f"'ContainerID.value' {value!r} contains invalid characters"
    parent_problem = id_problem(id_.parent) if id_.parent is not None else None
    return f"'ContainerID.parent' is invalid: {parent_problem}" if parent_problem else None


def _container_problem(field: str, id_: ContainerID) -> str | None:
    if problem := id_problem(id_):
        return f"'{field}.container_id' is invalid: {problem}"
    if "nested" in field and id_.parent is None:
        return f"Expecting '{field}.container_id.parent' to be present"
    return None


def _launch_problem(field: str, launch: LaunchContainer) -> str | None:
    if problem := _container_problem(field, launch.container_id):
        return problem
    if launch.command is not None and (problem := command_problem(launch.command)):
        return f"'{field}.command' is invalid: {problem}"
    return None


def _attach_problem(attached: AttachContainerInput) -> str | None:
    if attached.type is AttachInputType.UNKNOWN:
        return "'attach_container_input.type' is unknown"
    if attached.type is AttachInputType.PROCESS_IO:
        return None
    if attached.container_id is None:
        return "Expecting 'attach_container_input.container_id' to be present"
    return _container_problem("attach_container_input", attached.container_id)
