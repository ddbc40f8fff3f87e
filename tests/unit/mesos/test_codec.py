"""JSON as Mesos' clients write it: tolerant of what is unknown, closed to what is wrong."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.mesos import codec
from orchestrator.mesos.scheduler import Call, CallType, Event, EventType, FrameworkMessage
from orchestrator.mesos.types import (
    AgentID,
    CommandInfo,
    ContainerID,
    ExecutorID,
    FrameworkInfo,
    Message,
    Scalar,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
    TimeInfo,
)

KINDS: list[type[Message]] = [Call, Event, TaskInfo, TaskStatus, FrameworkInfo]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = sorted({field for kind in KINDS for field in kind.__struct_fields__} | {"value"})
message_like = st.recursive(
    json_values,
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=10,
)

TASK = TaskInfo(
    name="web",
    task_id=TaskID(value="web.1"),
    agent_id=AgentID(value="S0"),
    command=CommandInfo(value="sleep 9"),
    data=b"\x00\xff",
    limits={"cpus": Scalar(value=1.5)},
)


def test_fields_at_their_defaults_are_left_out() -> None:
    assert codec.encode(TaskID(value="t")) == b'{"value":"t"}'
    assert codec.encode(FrameworkInfo(user="u", name="n")) == b'{"user":"u","name":"n"}'


def test_a_message_is_read_back_as_it_was_written() -> None:
    assert codec.decode(TaskInfo, codec.encode(TASK)) == TASK


def test_unknown_fields_are_ignored_at_any_depth() -> None:
    raw = json.loads(codec.encode(TASK))
    raw["novel"] = {"a": [1, {"b": None}]}
    raw["command"]["novel"] = True
    raw["task_id"]["novel"] = []
    assert codec.decode(TaskInfo, json.dumps(raw)) == TASK


def with_nulls(value: object) -> object:
    match value:
        case dict():
            nulls = {name: None for name in ("labels", "uuid", "novel") if name not in value}
            return {k: with_nulls(v) for k, v in value.items()} | nulls
        case list():
            return [None, *map(with_nulls, value)]
        case _:
            return value


def test_nulls_count_as_absent_at_any_depth() -> None:
    raw = with_nulls({**json.loads(codec.encode(TASK)), "resources": [], "executor": None})
    del raw["limits"]["labels"]  # type: ignore[index]
    assert codec.decode(TaskInfo, json.dumps(raw)) == TASK


def test_a_null_where_a_value_is_required_is_refused() -> None:
    with pytest.raises(codec.DecodeError, match="missing required field `value`"):
        codec.decode(TaskID, b'{"value":null}')


@given(st.binary(max_size=40))
def test_bytes_are_base64(data: bytes) -> None:
    message = FrameworkMessage(
        agent_id=AgentID(value="S0"), executor_id=ExecutorID(value="e"), data=data
    )
    assert codec.decode(FrameworkMessage, codec.encode(message)) == message


@pytest.mark.parametrize("data", ["!!!!", "YQ", "é"])
def test_what_is_not_base64_is_refused(data: str) -> None:
    raw = {"agent_id": {"value": "S0"}, "executor_id": {"value": "e"}, "data": data}
    with pytest.raises(codec.DecodeError, match="base64"):
        codec.decode(FrameworkMessage, json.dumps(raw))


def test_numbers_may_be_strings() -> None:
    assert codec.decode(TimeInfo, b'{"nanoseconds":"1420070400000000000"}') == TimeInfo(
        nanoseconds=1_420_070_400_000_000_000
    )
    assert codec.decode(Scalar, b'{"value":"0.5"}') == Scalar(value=0.5)
    assert codec.decode(TimeInfo, b'{"nanoseconds":1.0}') == TimeInfo(nanoseconds=1)


@pytest.mark.parametrize("name", ["Infinity", "-Infinity"])
def test_infinity_is_a_string_both_ways(name: str) -> None:
    raw = json.dumps({"value": name}, separators=(",", ":")).encode()
    scalar = codec.decode(Scalar, raw)
    assert scalar.value == float(name)
    assert codec.encode(scalar) == raw


def test_nan_is_a_string_both_ways() -> None:
    assert math.isnan(codec.decode(Scalar, codec.encode(Scalar(value=math.nan))).value)


def test_a_limit_of_infinity_reaches_the_other_side_inside_its_task() -> None:
    task = TaskInfo(
        name="web null",
        task_id=TaskID(value="null"),
        agent_id=AgentID(value="S0"),
        data=b"\x00",
        limits={"mem": Scalar(value=math.inf)},
    )
    assert codec.decode(tuple[TaskInfo, ...], codec.encode((task,))) == (task,)


def test_the_word_null_in_a_text_stays() -> None:
    assert codec.decode(TaskID, codec.encode(TaskID(value="null"))) == TaskID(value="null")
    raw = b'{"user":"null","name":"n","id":null}'
    assert codec.decode(FrameworkInfo, raw) == FrameworkInfo(user="null", name="n")


def test_enums_are_their_names_and_others_are_refused() -> None:
    assert codec.decode(Call, b'{"type":"REVIVE"}').type is CallType.REVIVE
    with pytest.raises(codec.DecodeError, match="FROB"):
        codec.decode(Call, b'{"type":"FROB"}')


def test_an_event_of_an_unknown_type_is_still_an_event() -> None:
    assert codec.decode(Event, b'{"type":"NOVEL","novel":{}}').type is EventType.UNKNOWN


def test_a_state_that_mesos_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(codec.DecodeError, match="TASK_FOO"):
        codec.decode(TaskStatus, b'{"task_id":{"value":"t"},"state":"TASK_FOO"}')


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"type":"\xff\xfe"}',
        b'{"type":null,"framework_id":{"value":"\xff"}}',
        b'{"type":"\\ud800"}',
        '{"type":"\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":null,"a":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"type":' + b"9" * 5000 + b"}",
        b'{"nanoseconds":' + b"9" * 5000 + b"}",
        b'{"nanoseconds":"' + b"9" * 5000 + b'"}',
        b'{"type":null,"subscribe":' + b"9" * 5000 + b"}",
        b'{"value":1e999}',
        b'{"value":NaN}',
    ],
)
def test_awkward_input_is_read_or_refused(data: bytes | str) -> None:
    kinds: list[type[Message]] = [Call, TimeInfo, Scalar]
    for kind in kinds:
        try:
            codec.decode(kind, data)
        except codec.DecodeError as error:
            assert str(error)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for kind in KINDS:
        try:
            codec.decode(kind, data)
        except codec.DecodeError as error:
            assert str(error)


@given(message_like)
@example({"type": "SUBSCRIBE", "subscribe": {"framework_info": [None]}})
def test_any_json_is_read_or_refused(value: object) -> None:
    data = json.dumps(value)
    for kind in KINDS:
        try:
            message = codec.decode(kind, data)
        except codec.DecodeError as error:
            assert str(error)
        else:
            assert codec.decode(kind, codec.encode(message)) == message


@given(st.integers(0, 40))
def test_nesting_within_reason_is_read(depth: int) -> None:
    container = ContainerID(value="0")
    for level in range(depth):
        container = ContainerID(value=str(level + 1), parent=container)
    assert codec.decode(ContainerID, codec.encode(container)) == container


@pytest.mark.parametrize("state", list(TaskState))
def test_a_state_is_terminal_when_the_task_can_never_run_again(state: TaskState) -> None:
    alive = {"STAGING", "STARTING", "RUNNING", "KILLING", "UNREACHABLE", "UNKNOWN"}
    assert state.is_terminal == (state.name not in alive)
