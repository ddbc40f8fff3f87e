"""The messages that a small framework and an operator need, in Google's protobuf.

Written down from scheduler.proto, master.proto and mesos.proto of Mesos 1.11, so that these tests
share nothing with what they test. A field is ``name number type``; ``*`` marks a repeated one, and
a type in capitals is an enum.
"""

from __future__ import annotations

from functools import cache

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from tests.conformance.raw_http import Json

_MESSAGES = {
    "ID": "value 1 string",
    "Call": "framework_id 1 ID, type 2 CALL, subscribe 3 Subscribe, accept 4 Accept, "
    "decline 5 Decline, kill 6 Kill, shutdown 7 Shutdown, acknowledge 8 Acknowledge, "
    "reconcile 9 Reconcile, message 10 FrameworkMessage, "
    "revive 15 Roles, suppress 16 Roles, update_framework 19 UpdateFramework",
    "Subscribe": "framework_info 1 FrameworkInfo, suppressed_roles 2* string",
    "UpdateFramework": "framework_info 1 FrameworkInfo, suppressed_roles 2* string",
    "FrameworkInfo": "user 1 string, name 2 string, id 3 ID, failover_timeout 4 double, "
    "checkpoint 5 bool, role 6 string, hostname 7 string, capabilities 10* Capability, "
    "roles 12* string",
    "Capability": "type 1 CAPABILITY",
    "Accept": "offer_ids 1* ID, operations 2* Operation, filters 3 Filters",
    "Decline": "offer_ids 1* ID, filters 2 Filters",
    "Filters": "refuse_seconds 1 double",
    "Operation": "type 1 OPERATION, launch 2 Launch, launch_group 7 LaunchGroup",
    "LaunchGroup": "executor 1 ExecutorInfo, task_group 2 TaskGroupInfo",
    "TaskGroupInfo": "tasks 1* TaskInfo",
    "ExecutorInfo": "executor_id 1 ID, resources 5* Resource, command 7 CommandInfo, "
    "framework_id 8 ID, shutdown_grace_period 13 Duration, type 15 EXECUTOR",
    "Duration": "nanoseconds 1 int64",
    "Shutdown": "executor_id 1 ID, agent_id 2 ID",
    "FrameworkMessage": "agent_id 1 ID, executor_id 2 ID, data 3 bytes",
    "Launch": "task_infos 1* TaskInfo",
    "TaskInfo": "name 1 string, task_id 2 ID, agent_id 3 ID, resources 4* Resource, "
    "executor 5 ExecutorInfo, command 7 CommandInfo",
    "CommandInfo": "value 3 string, shell 6 bool",
    "Resource": "name 1 string, type 2 VALUE, scalar 3 Scalar, ranges 4 Ranges, role 6 string, "
    "allocation_info 11 Allocation",
    "Allocation": "role 1 string",
    "Scalar": "value 1 double",
    "Ranges": "range 1* Range",
    "Range": "begin 1 uint64, end 2 uint64",
    "Kill": "task_id 1 ID, agent_id 2 ID",
    "Acknowledge": "agent_id 1 ID, task_id 2 ID, uuid 3 bytes",
    "Reconcile": "tasks 1* ReconcileTask",
    "ReconcileTask": "task_id 1 ID, agent_id 2 ID",
    "Roles": "roles 1* string",
    "Event": "type 1 EVENT, subscribed 2 Subscribed, offers 3 Offers, rescind 4 Rescind, "
    "update 5 Update, message 6 FrameworkMessage, failure 7 Failure, error 8 Error",
    "Subscribed": "framework_id 1 ID, heartbeat_interval_seconds 2 double, "
    "master_info 3 MasterInfo",
    "MasterInfo": "id 1 string, ip 2 uint32, port 3 uint32, hostname 5 string, version 6 string",
    "Offers": "offers 1* Offer",
    "Offer": "id 1 ID, framework_id 2 ID, agent_id 3 ID, hostname 4 string, resources 5* Resource",
    "Rescind": "offer_id 1 ID",
    "Update": "status 1 TaskStatus",
    "TaskStatus": "task_id 1 ID, state 2 STATE, message 4 string, agent_id 5 ID, "
    "timestamp 6 double, executor_id 7 ID, source 9 SOURCE, reason 10 REASON, uuid 11 bytes, "
    "container_status 13 ContainerStatus",
    "ContainerStatus": "executor_pid 3 uint32, container_id 4 ContainerID",
    "ContainerID": "value 1 string, parent 2 ContainerID",
    "Failure": "agent_id 1 ID, executor_id 2 ID, status 3 int32",
    "Error": "message 1 string",
    "MasterCall": "type 1 MASTER_CALL, teardown 16 Teardown",
    "Teardown": "framework_id 1 ID",
    "MasterResponse": "type 1 int32, get_health 2 Health, get_agents 10 GetAgents, "
    "get_master 16 GetMaster",
    "Health": "healthy 1 bool",
    "GetAgents": "agents 1* Agent",
    "Agent": "agent_info 1 AgentInfo, active 2 bool, version 3 string, total_resources 7* Resource",
    "AgentInfo": "hostname 1 string, id 6 ID, port 8 int32",
    "GetMaster": "master_info 1 MasterInfo, start_time 2 double",
    "MasterEvent": "type 1 MASTER_EVENT, subscribed 2 MasterSubscribed",
    "MasterSubscribed": "get_state 1 State, heartbeat_interval_seconds 2 double",
    "State": "get_agents 4 GetAgents",
}
_ENUMS = {
    "CALL": "UNKNOWN 0, SUBSCRIBE 1, TEARDOWN 2, ACCEPT 3, DECLINE 4, REVIVE 5, KILL 6, "
    "SHUTDOWN 7, ACKNOWLEDGE 8, RECONCILE 9, MESSAGE 10, SUPPRESS 12, UPDATE_FRAMEWORK 17",
    "EVENT": "UNKNOWN 0, SUBSCRIBED 1, OFFERS 2, RESCIND 3, UPDATE 4, MESSAGE 5, FAILURE 6, "
    "ERROR 7, HEARTBEAT 8",
    "OPERATION": "UNKNOWN 0, LAUNCH 1, LAUNCH_GROUP 6",
    "EXECUTOR": "UNKNOWN 0, DEFAULT 1, CUSTOM 2",
    "SOURCE": "SOURCE_MASTER 0, SOURCE_AGENT 1, SOURCE_EXECUTOR 2",
    "REASON": "REASON_COMMAND_EXECUTOR_FAILED 0, REASON_EXECUTOR_TERMINATED 1",
    "VALUE": "SCALAR 0, RANGES 1, SET 2, TEXT 3",
    "CAPABILITY": "UNKNOWN 0, PARTITION_AWARE 5, MULTI_ROLE 6",
    "STATE": "TASK_STARTING 0, TASK_RUNNING 1, TASK_FINISHED 2, TASK_FAILED 3, TASK_KILLED 4, "
    "TASK_LOST 5, TASK_STAGING 6, TASK_ERROR 7, TASK_KILLING 8, TASK_DROPPED 9, "
    "TASK_UNREACHABLE 10, TASK_GONE 11, TASK_GONE_BY_OPERATOR 12, TASK_UNKNOWN 13",
    "MASTER_CALL": "UNKNOWN 0, GET_HEALTH 1, GET_AGENTS 10, GET_MASTER 17, SUBSCRIBE 18, "
    "TEARDOWN 31",
    "MASTER_EVENT": "UNKNOWN 0, SUBSCRIBED 1, TASK_ADDED 2, TASK_UPDATED 3, AGENT_ADDED 4, "
    "AGENT_REMOVED 5, FRAMEWORK_ADDED 6, FRAMEWORK_UPDATED 7, FRAMEWORK_REMOVED 8, HEARTBEAT 9",
}
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "double": _Field.TYPE_DOUBLE,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}


def encode(kind: str, fields: Json) -> bytes:
    """Write a message from what its JSON would be."""
    return json_format.ParseDict(fields, _message(kind)).SerializeToString()


def decode(kind: str, data: bytes) -> Json:
    """Read a message into what its JSON would be; what is not written down above is dropped."""
    message = _message(kind)
    message.ParseFromString(data)
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _message(kind: str) -> Message:
    message: Message = message_factory.GetMessageClass(_pool().FindMessageTypeByName(kind))()
    return message


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="by_hand.proto", syntax="proto2")
    for name, values in _ENUMS.items():
        enum = file.message_type.add(name=f"E_{name}").enum_type.add(name="E")
        for value in values.split(", "):
            word, number = value.split()
            enum.value.add(name=word, number=int(number))
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field in fields.split(", "):
            _add(message, *field.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add(message: descriptor_pb2.DescriptorProto, name: str, number: str, kind: str) -> None:
    field = message.field.add(name=name, number=int(number.rstrip("*")))
    field.label = _Field.LABEL_REPEATED if number.endswith("*") else _Field.LABEL_OPTIONAL
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    elif kind in _ENUMS:
        field.type, field.type_name = _Field.TYPE_ENUM, f".E_{kind}.E"
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{kind}"
