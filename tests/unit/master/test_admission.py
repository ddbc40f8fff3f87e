"""Which calls are let in, in the order in which Mesos checks them."""

from __future__ import annotations

import msgspec
import pytest

from orchestrator.master.core.admission import check_accept, check_call, stream_form
from orchestrator.mesos import protobuf
from orchestrator.mesos.calls import Refusal, read
from orchestrator.mesos.media import JSON, PROTOBUF, Media
from orchestrator.mesos.scheduler import Call, CallType
from orchestrator.mesos.types import FrameworkID

from .world import World

SUBSCRIBE = b'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}'


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (None, SUBSCRIBE, 400),
        ("text/plain", b"{", 415),
        ("application/json", b"{", 400),
        ("application/json", b"\xff", 400),
        ("application/json", b"[]", 400),
        ("application/json", b'{"type":"SUBSCRIBE"}', 400),
        ("application/json", b'{"type":"ACCEPT","framework_id":{"value":"f"}}', 400),
        ("application/json", b'{"type":"REVIVE"}', 400),
        ("application/json", b'{"type":"NONSENSE"}', 400),
        (
            "application/json",
            b'{"type":"SUBSCRIBE","framework_id":{"value":"x"},'
            b'"subscribe":{"framework_info":{"user":"u","name":"n"}}}',
            400,
        ),
    ],
)
def test_what_is_no_call_is_refused(content_type: str | None, body: bytes, status: int) -> None:
    refusal = read(Call, "scheduler", content_type, body)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.message


def test_a_call_with_a_charset_unknown_fields_and_nulls_is_read() -> None:
    body = SUBSCRIBE.replace(b'"user"', b'"future": {"a": [1]}, "id": null, "user"')
    call = read(Call, "scheduler", "application/json; charset=utf-8", body)
    assert isinstance(call, Call)
    assert call.type is CallType.SUBSCRIBE


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/x-protobuf, application/json", JSON),
        ("application/*;q=0.5", JSON),
        ("application/json;q=0, application/x-protobuf", PROTOBUF),
        ("Application/X-Protobuf", PROTOBUF),
        ("application/x-protobuf", PROTOBUF),
    ],
)
def test_events_come_in_the_form_that_is_accepted_json_if_both_are(
    accept: str | None, form: Media
) -> None:
    assert stream_form(accept, None) is form


def test_subscribing_checks_accept_before_the_stream_id() -> None:
    refusal = stream_form("text/html", "s")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 406
    refusal = stream_form(None, "s")
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


def test_only_a_call_whose_answer_has_a_body_must_accept_one() -> None:
    assert check_accept(Call(type=CallType.REVIVE), "text/html") is None
    refusal = check_accept(Call(type=CallType.RECONCILE_OPERATIONS), "text/html")
    assert refusal and refusal.status == 406


def test_a_call_is_read_from_protobuf() -> None:
    call = Call(type=CallType.REVIVE, framework_id=FrameworkID(value="f"))
    assert read(Call, "scheduler", "application/x-protobuf", protobuf.encode(call)) == call
    refusal = read(Call, "scheduler", "application/x-protobuf", b"\xff")
    assert isinstance(refusal, Refusal)
    assert "protobuf" in refusal.message


def test_other_calls_are_checked_in_mesos_order() -> None:
    world = World()
    framework = world.framework()
    cluster = world.master.cluster

    def status(framework_id: str, stream: str | None, type_: CallType = CallType.REVIVE) -> int:
        call = Call(type=type_, framework_id=FrameworkID(value=framework_id))
        refusal = check_call(cluster, call, stream)
        return refusal.status if refusal else 202

    assert status("nobody", None) == 400
    assert status(framework.id, None) == 400
    assert status(framework.id, "other") == 400
    assert status(framework.id, framework.stream) == 202
    assert status(framework.id, framework.stream, CallType.UNKNOWN) == 501
    framework.disconnect()
    assert status(framework.id, None) == 403


def test_refusals_are_plain_data() -> None:
    assert msgspec.to_builtins(Refusal(400, "x")) == {"status": 400, "message": "x"}
