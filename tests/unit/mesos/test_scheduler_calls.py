"""What makes a call well-formed (master/validation.cpp of Mesos, scheduler::call)."""

from __future__ import annotations

import pytest

from orchestrator.mesos import codec
from orchestrator.mesos.scheduler import Call, CallType

FRAMEWORK = '"framework_id":{"value":"F"}'
COMPLETE = {
    "SUBSCRIBE": '"subscribe":{"framework_info":{"user":"u","name":"n","id":{"value":"F"}}}',
    "TEARDOWN": "",
    "ACCEPT": '"accept":{"offer_ids":[]}',
    "DECLINE": '"decline":{"offer_ids":[]}',
    "REVIVE": "",
    "SUPPRESS": '"suppress":{"roles":["ads"]}',
    "KILL": '"kill":{"task_id":{"value":"t"}}',
    "SHUTDOWN": '"shutdown":{"executor_id":{"value":"e"},"agent_id":{"value":"S"}}',
    "ACKNOWLEDGE": (
        '"acknowledge":{"agent_id":{"value":"S"},"task_id":{"value":"t"},'
        '"uuid":"AAAAAAAAAAAAAAAAAAAAAA=="}'
    ),
    "RECONCILE": '"reconcile":{"tasks":[]}',
    "MESSAGE": ('"message":{"agent_id":{"value":"S"},"executor_id":{"value":"e"},"data":"aGk="}'),
    "REQUEST": '"request":{"requests":[]}',
    "UPDATE_FRAMEWORK": (
        '"update_framework":{"framework_info":{"user":"u","name":"n","id":{"value":"F"}}}'
    ),
}
NEED_A_FIELD = sorted(set(COMPLETE) - {"TEARDOWN", "REVIVE", "SUPPRESS"})


def call(*parts: str) -> Call:
    return codec.decode(Call, "{" + ",".join(filter(None, parts)) + "}")


@pytest.mark.parametrize("type_", sorted(COMPLETE))
def test_a_complete_call_has_no_problem(type_: str) -> None:
    assert call(f'"type":"{type_}"', FRAMEWORK, COMPLETE[type_]).problem() is None


@pytest.mark.parametrize("type_", NEED_A_FIELD)
def test_a_call_without_the_field_of_its_type_says_so(type_: str) -> None:
    problem = call(f'"type":"{type_}"', FRAMEWORK).problem()
    assert problem == f"Expecting '{type_.lower()}' to be present"


@pytest.mark.parametrize("type_", sorted(set(COMPLETE) - {"SUBSCRIBE"}))
def test_every_call_but_subscribe_needs_a_framework_id(type_: str) -> None:
    problem = call(f'"type":"{type_}"', COMPLETE[type_]).problem()
    assert problem == "Expecting 'framework_id' to be present"


@pytest.mark.parametrize(
    ("outer", "inner"), [("", ""), ("", '"id":null'), ('"framework_id":{"value":""}', "")]
)
def test_a_new_framework_subscribes_without_an_id(outer: str, inner: str) -> None:
    info = ",".join(filter(None, ['"user":"u","name":"n"', inner]))
    subscribe = '"subscribe":{"framework_info":{' + info + "}}"
    assert call('"type":"SUBSCRIBE"', outer, subscribe).problem() is None


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (FRAMEWORK, ""),
        ("", '"id":{"value":"F"}'),
        ('"framework_id":{"value":"G"}', '"id":{"value":"F"}'),
    ],
)
def test_a_subscription_names_the_same_framework_in_both_places(outer: str, inner: str) -> None:
    info = ",".join(filter(None, ['"user":"u","name":"n"', inner]))
    subscribe = '"subscribe":{"framework_info":{' + info + "}}"
    problem = call('"type":"SUBSCRIBE"', outer, subscribe).problem()
    assert problem == "'framework_id' differs from 'subscribe.framework_info.id'"


@pytest.mark.parametrize("inner", ["", ',"id":{"value":"G"}'])
def test_an_update_names_the_same_framework_in_both_places(inner: str) -> None:
    update = '"update_framework":{"framework_info":{"user":"u","name":"n"' + inner + "}}"
    problem = call('"type":"UPDATE_FRAMEWORK"', FRAMEWORK, update).problem()
    assert problem == "'framework_id' differs from 'update_framework.framework_info.id'"


@pytest.mark.parametrize("type_", list(CallType))
def test_every_type_of_call_can_be_asked_for_its_problem(type_: CallType) -> None:
    assert Call(type=type_).problem()
