"""All requests about nodes, each with the reading of its reply.

A request writes its body below the root of its client (`Request.encode`) and reads the body of
its reply (`Request.read`); headers are those of `jute.frames`. Source: zookeeper.jute and
``ZooDefs.OpCode`` of Apache ZooKeeper.
"""

from orchestrator.zookeeper.jute.reads import (
    AccessList,
    Children,
    CountDescendants,
    Data,
    Exists,
    GetAcl,
    GetChildren,
    GetChildren2,
    GetConfig,
    GetData,
    GetEphemerals,
    Sync,
)
from orchestrator.zookeeper.jute.request import Request
from orchestrator.zookeeper.jute.writes import (
    ANY,
    Check,
    Create,
    Create2,
    CreateContainer,
    CreatedNode,
    CreateMode,
    CreateTtl,
    Delete,
    SetAcl,
    SetData,
)

__all__ = [
    "ANY",
    "AccessList",
    "Check",
    "Children",
    "CountDescendants",
    "Create",
    "Create2",
    "CreateContainer",
    "CreateMode",
    "CreateTtl",
    "CreatedNode",
    "Data",
    "Delete",
    "Exists",
    "GetAcl",
    "GetChildren",
    "GetChildren2",
    "GetConfig",
    "GetData",
    "GetEphemerals",
    "Request",
    "SetAcl",
    "SetData",
    "Sync",
]
