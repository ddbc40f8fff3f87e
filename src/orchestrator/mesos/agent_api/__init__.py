"""The operator API of an agent: what operators call, what they are answered, and process I/O.

Source: include/mesos/v1/agent/agent.proto (Apache Mesos 1.11). What master and agent answer alike
has one struct, in ``operator``.
"""

from orchestrator.mesos.agent_api.calls import (
    AttachContainerInput,
    AttachInputType,
    Call,
    CallType,
    GetContainersCall,
    KillContainer,
    LaunchContainer,
    OneContainer,
    PruneImages,
)
from orchestrator.mesos.agent_api.process_io import (
    Control,
    ControlType,
    Data,
    DataType,
    Heartbeat,
    IOType,
    ProcessIO,
    heartbeat,
    output,
)
from orchestrator.mesos.agent_api.responses import (
    Container,
    Executor,
    Framework,
    GetAgent,
    GetContainers,
    GetExecutors,
    GetFrameworks,
    GetResourceProviders,
    GetState,
    GetTasks,
    ResourceStatistics,
    Response,
    ResponseType,
    WaitContainer,
)

__all__ = [
    "AttachContainerInput",
    "AttachInputType",
    "Call",
    "CallType",
    "Container",
    "Control",
    "ControlType",
    "Data",
    "DataType",
    "Executor",
    "Framework",
    "GetAgent",
    "GetContainers",
    "GetContainersCall",
    "GetExecutors",
    "GetFrameworks",
    "GetResourceProviders",
    "GetState",
    "GetTasks",
    "Heartbeat",
    "IOType",
    "KillContainer",
    "LaunchContainer",
    "OneContainer",
    "ProcessIO",
    "PruneImages",
    "ResourceStatistics",
    "Response",
    "ResponseType",
    "WaitContainer",
    "heartbeat",
    "output",
]
