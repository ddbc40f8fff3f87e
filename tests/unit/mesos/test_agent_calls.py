"""Calls of an agent's operators: what is wrong with them, and which forms they may have."""

from __future__ import annotations

import pytest

from orchestrator.mesos import agent_api, codec, media
from orchestrator.mesos.agent_api import Call, CallType, DataType, ProcessIO
from orchestrator.mesos.agent_api.forms import RECORDIO, Forms, negotiate
from orchestrator.mesos.calls import Refusal

JSON, PROTOBUF = media.JSON.type, media.PROTOBUF.type
INSIDE = {"value": "c", "parent": {"value": "p"}}


@pytest.mark.parametrize("type_", list(CallType))
def test_a_call_is_whole_or_says_what_it_lacks(type_: CallType) -> None:
    field = type_.value.lower()
    is_named = field in Call.__struct_fields__ and field not in ("get_containers", "prune_images")
    problem = Call(type=type_).problem()
    assert problem == (f"Expecting '{field}' to be present" if is_named else None)


@pytest.mark.parametrize(
    ("field", "body", "problem"),
    [
        ("wait_container", {"container_id": {"value": ""}}, "'wait_container.container_id' is inv"),
        ("wait_container", {"container_id": {"value": ".."}}, "disallowed"),
        ("wait_container", {"container_id": {"value": "x" * 243}}, "disallowed"),
        ("wait_container", {"container_id": {"value": "a/b"}}, "invalid characters"),
        ("wait_container", {"container_id": {"value": "a b"}}, "invalid characters"),
        ("wait_container", {"container_id": {"value": "a\n"}}, "invalid characters"),
        (
            "kill_container",
            {"container_id": {"value": "a", "parent": {"value": "a.b"}}},
            "'ContainerID.parent' is invalid",
        ),
        ("wait_container", {"container_id": {"value": "a"}}, None),
        ("wait_nested_container", {"container_id": {"value": "a"}}, "parent' to be present"),
        ("remove_nested_container", {"container_id": INSIDE}, None),
        ("launch_nested_container_session", {"container_id": INSIDE}, None),
        (
            "launch_container",
            {"container_id": INSIDE, "command": {"value": "a\0b"}},
            "'launch_container.command' is invalid",
        ),
        ("attach_container_input", {"type": "UNKNOWN"}, "type' is unknown"),
        ("attach_container_input", {"type": "CONTAINER_ID"}, "container_id' to be present"),
        ("attach_container_input", {"type": "PROCESS_IO"}, None),
        ("attach_container_input", {"type": "CONTAINER_ID", "container_id": INSIDE}, None),
    ],
)
def test_ids_and_commands_are_checked(field: str, body: object, problem: str | None) -> None:
    call = codec.decode(Call, codec.encode({"type": field.upper(), field: body}))
    found = call.problem()
    assert found is None if problem is None else problem in (found or "")


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({}, "'process_io.type' is unknown"),
        ({"type": "DATA"}, "process_io.data' to be present"),
        ({"type": "DATA", "data": {"type": "STDOUT", "data": ""}}, "to be 'STDIN'"),
        ({"type": "DATA", "data": {"type": "STDIN"}}, "process_io.data.data' to be present"),
        ({"type": "DATA", "data": {"type": "STDIN", "data": ""}}, None),
        ({"type": "CONTROL"}, "process_io.control' to be present"),
        ({"type": "CONTROL", "control": {}}, "control.type' is unknown"),
        ({"type": "CONTROL", "control": {"type": "HEARTBEAT"}}, "heartbeat' to be present"),
        ({"type": "CONTROL", "control": {"type": "HEARTBEAT", "heartbeat": {}}}, None),
        ({"type": "CONTROL", "control": {"type": "TTY_INFO"}}, "tty_info' to be present"),
        ({"type": "CONTROL", "control": {"type": "TTY_INFO", "tty_info": {}}}, "window_size"),
    ],
)
def test_input_is_checked(record: object, problem: str | None) -> None:
    found = codec.decode(ProcessIO, codec.encode(record)).problem_as_input()
    assert found is None if problem is None else problem in (found or "")


def test_output_is_bytes_in_base64_as_the_command_line_reads_them() -> None:
    written = codec.encode(agent_api.output(DataType.STDERR, b"\xff\n"))
    assert written == b'{"type":"DATA","data":{"type":"STDERR","data":"/wo="}}'


def test_a_heartbeat_tells_its_interval() -> None:
    written = codec.encode(agent_api.heartbeat(30.0))
    assert b'"heartbeat":{"interval":{"nanoseconds":30000000000}}' in written


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": RECORDIO}, 400),
        ({"content-type": RECORDIO, "message-content-type": "text/plain"}, 415),
        ({"content-type": JSON, "message-content-type": JSON}, 415),
        ({"content-type": JSON, "accept": "text/plain"}, 406),
        ({"content-type": JSON, "accept": JSON, "message-accept": JSON}, 406),
        ({"content-type": JSON, "message-accept": JSON}, 406),
        ({"content-type": JSON, "accept": RECORDIO, "message-accept": "text/plain"}, 406),
    ],
)
def test_forms_that_cannot_be_are_refused_in_the_order_of_mesos(
    headers: dict[str, str], status: int
) -> None:
    refusal = negotiate(headers)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.message


@pytest.mark.parametrize(
    ("headers", "forms"),
    [
        ({"content-type": JSON}, Forms(media.JSON, False, media.JSON, False)),
        (
            {"content-type": f"{PROTOBUF}; charset=x", "accept": PROTOBUF},
            Forms(media.PROTOBUF, False, media.PROTOBUF, False),
        ),
        (
            {"content-type": RECORDIO, "message-content-type": PROTOBUF, "accept": "*/*"},
            Forms(media.PROTOBUF, True, media.JSON, False),
        ),
        (
            {"content-type": JSON, "accept": RECORDIO, "message-accept": PROTOBUF},
            Forms(media.JSON, False, media.PROTOBUF, True),
        ),
        ({"content-type": JSON, "accept": RECORDIO}, Forms(media.JSON, False, media.JSON, True)),
    ],
)
def test_forms_are_read_from_headers(headers: dict[str, str], forms: Forms) -> None:
    assert negotiate(headers) == forms


@pytest.mark.parametrize(
    ("is_content_stream", "is_accept_stream", "type_", "status"),
    [
        (True, False, CallType.GET_STATE, 415),
        (False, False, CallType.ATTACH_CONTAINER_INPUT, 415),
        (False, True, CallType.GET_STATE, 406),
        (True, False, CallType.ATTACH_CONTAINER_INPUT, None),
        (False, True, CallType.ATTACH_CONTAINER_OUTPUT, None),
        (False, False, CallType.LAUNCH_NESTED_CONTAINER_SESSION, None),
    ],
)
def test_only_some_calls_are_streams(
    is_content_stream: bool, is_accept_stream: bool, type_: CallType, status: int | None
) -> None:
    forms = Forms(media.JSON, is_content_stream, media.JSON, is_accept_stream)
    refusal = forms.problem_of(type_)
    assert (refusal.status if refusal is not None else None) == status
