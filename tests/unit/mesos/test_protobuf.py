"""Structs as protobuf: by hand, against Google's library, and with what is no protobuf at all."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.mesos import agent_api, executor, operator, protobuf, scheduler, types
from orchestrator.mesos.codec import DecodeError
from orchestrator.mesos.protobuf import plans, schema, wire
from orchestrator.mesos.scheduler import Call, CallType, Event
from orchestrator.mesos.types import (
    ContainerID,
    ContainerInfo,
    FrameworkID,
    FrameworkInfo,
    Message,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)

from .protobuf_oracle import parse, structs

ROOTS: list[type[Message]] = [
    agent_api.Call,
    agent_api.ProcessIO,
    agent_api.Response,
    executor.Call,
    executor.Event,
    scheduler.Call,
    scheduler.Event,
    operator.Call,
    operator.Response,
    operator.Event,
]
thorough = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


# --- by hand -------------------------------------------------------------------------------------


def test_a_subscription_as_the_specification_has_it() -> None:
    call = Call(
        type=CallType.SUBSCRIBE,
        subscribe=scheduler.Subscribe(framework_info=FrameworkInfo(user="me", name="x")),
    )
    by_hand = bytes.fromhex("1001 1a09 0a07 0a026d65 120178")
    assert protobuf.encode(call) == by_hand
    assert protobuf.decode(Call, by_hand) == call


def test_a_status_with_an_enum_a_double_bytes_and_a_bool() -> None:
    status = TaskStatus(
        task_id=TaskID(value="t"),
        state=TaskState.STAGING,
        timestamp=1.5,
        uuid=b"\x00\xff",
        healthy=False,
        reason="REASON_AGENT_REMOVED",
    )
    by_hand = bytes.fromhex("0a030a0174 1006 31000000000000f83f 4000 500b 5a0200ff")
    assert protobuf.encode(status) == by_hand
    assert protobuf.decode(TaskStatus, by_hand) == status


def test_a_negative_number_takes_ten_bytes() -> None:
    failure = scheduler.Failure(status=-1)
    event = Event(type=scheduler.EventType.FAILURE, failure=failure)
    assert protobuf.encode(event) == bytes.fromhex("08063a0b18ffffffffffffffffff01")
    assert protobuf.decode(Event, protobuf.encode(event)) == event


def test_a_required_field_is_written_at_its_default_too() -> None:
    info = types.MasterInfo(id="m", ip=0)
    assert protobuf.encode(info) == bytes.fromhex("0a016d 1000 18ba27")


def test_a_map_is_entries_of_key_and_value() -> None:
    config = operator.QuotaConfig(role="r", limits={"cpus": types.Scalar(value=1.0)})
    call = operator.Call(
        type=operator.CallType.UPDATE_QUOTA,
        update_quota=operator.UpdateQuota(quota_configs=[config]),
    )
    assert protobuf.encode(call).endswith(
        bytes.fromhex("0a0172 1a11 0a0463707573 1209 09000000000000f03f")
    )
    assert protobuf.decode(operator.Call, protobuf.encode(call)) == call


def test_one_struct_is_numbered_by_the_field_it_stands_in() -> None:
    check = types.HTTPCheck(port=80, path="/", scheme="http")
    task = TaskInfo(
        name="n",
        task_id=TaskID(value="t"),
        agent_id=types.AgentID(value="a"),
        check=types.CheckInfo(type="HTTP", http=check),
        health_check=types.HealthCheck(type="HTTP", http=check),
    )
    read = protobuf.decode(TaskInfo, protobuf.encode(task))
    assert read.health_check == task.health_check
    assert read.check and read.check.http == types.HTTPCheck(port=80, path="/")  # has no scheme


# --- the tables ----------------------------------------------------------------------------------


def _numbered() -> dict[type, set[str]]:
    for struct in ROOTS:
        plans.root(struct)
    numbered: dict[type, set[str]] = {}
    for (struct, _), plan in plans._plans.items():
        numbered.setdefault(struct, set()).update(writer.name for writer in plan.writers)
    return numbered


def test_every_field_of_every_struct_has_a_number() -> None:
    numbered = _numbered()
    elsewhere = {types.ID: {"value"}, scheduler.Subscribe: {"force"}}  # a base; gone since 1.0
    missing = {
        f"{struct.__name__}.{name}"
        for module in (types, scheduler, operator, agent_api)
        for struct in vars(module).values()
        if isinstance(struct, type) and issubclass(struct, Message)
        for name in struct.__struct_fields__
        if name not in numbered.get(struct, set()) | elsewhere.get(struct, set())
    }
    assert missing == set()


def test_every_type_in_the_tables_is_known() -> None:
    messages, enums = schema.messages(), schema.enums()
    scalars = {"double", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes"}
    for name, fields in messages.items():
        assert len({field.number for field in fields.values()}) == len(fields), name
        for field in fields.values():
            assert field.type in scalars or field.type in messages or field.type in enums, field


# --- against Google's library --------------------------------------------------------------------


@thorough
@given(st.data())
def test_what_we_write_google_reads_and_writes_back_to_us(data: st.DataObject) -> None:
    plan = plans.root(data.draw(st.sampled_from(ROOTS)))
    struct = data.draw(structs(plan))
    ours = bytes(plan.encode(struct))
    theirs = parse(plan, ours)
    assert plan.decode(theirs.SerializeToString(), 0) == plan.decode(ours, 0) == struct
    assert len(theirs.SerializeToString()) == len(ours)  # it found no unknown field of another form


@pytest.mark.parametrize("root", ROOTS)
@thorough
@given(junk=st.binary(max_size=60))
def test_junk_is_read_or_refused_in_a_sentence(root: type[Message], junk: bytes) -> None:
    try:
        read = protobuf.decode(root, junk)
    except DecodeError as error:
        assert str(error)
    else:
        assert isinstance(read, root)


@thorough
@given(st.data())
def test_a_damaged_message_is_read_or_refused_in_a_sentence(data: st.DataObject) -> None:
    plan = plans.root(data.draw(st.sampled_from(ROOTS)))
    whole = bytearray(plan.encode(data.draw(structs(plan))) or b"\x08\x01")
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        msgspec.json.encode(plan.decode(bytes(whole[:cut]), 0))
    except DecodeError as error:
        assert str(error)


# --- what protobuf tolerates, and what it does not -----------------------------------------------


def test_unknown_fields_are_skipped_whatever_their_type() -> None:
    unknown = bytes.fromhex("f87f05 f97f0000000000000000 fa7f0141 fd7f00000000")
    assert protobuf.decode(FrameworkID, unknown + b"\x0a\x01f" + unknown) == FrameworkID(value="f")


def test_a_field_of_another_wire_type_counts_as_unknown() -> None:
    assert protobuf.decode(Call, b"\x08\x01\x10\x03") == Call(type=CallType.ACCEPT)


def test_an_unknown_value_of_an_enum_counts_as_absent() -> None:
    assert protobuf.decode(Call, b"\x10\x7f").type is CallType.UNKNOWN


def test_a_name_that_protobuf_has_no_number_for_becomes_zero() -> None:
    assert protobuf.encode(ContainerInfo(type="NOVEL")) == b"\x08\x00"


def test_the_last_of_several_values_counts() -> None:
    assert protobuf.decode(FrameworkID, b"\x0a\x01a\x0a\x01b") == FrameworkID(value="b")


def test_a_message_in_pieces_is_put_together() -> None:
    pieces = b"\x1a\x05\x0a\x03\x0a\x01u" + b"\x1a\x05\x0a\x03\x12\x01n"
    call = protobuf.decode(Call, pieces)
    assert call.subscribe == scheduler.Subscribe(framework_info=FrameworkInfo(user="u", name="n"))


def test_repeated_numbers_may_be_packed() -> None:
    check = bytes.fromhex("0850 2204c801cc01")
    http = protobuf.decode(types.HealthCheck, b"\x40\x02\x0a" + bytes([len(check)]) + check).http
    assert http == types.HTTPCheck(port=80, statuses=[200, 204])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x0a", "ends inside a number"),
        (b"\x0a\x05abc", "reaches past the end"),
        (b"\x0a\x02\xff\xfe", "not UTF-8"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "reaches past the end"),
        (b"\x80" * 11, "longer than ten bytes"),
        (b"\x13\x14", "group"),
        (b"\x00\x01", "number of a field"),
        (b"\x16", "does not exist"),
        (b"\x11\x00", "floating-point"),
        (b"\x15\x00", "four bytes"),
        (b"", "lacks its required field 'value'"),
    ],
)
def test_what_cannot_be_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        protobuf.decode(FrameworkID, data)


def test_nesting_is_bounded() -> None:
    deep = b"\x0a\x01x"
    for _ in range(200):
        deep = b"\x0a\x01x\x12" + wire.varint(len(deep)) + deep
    with pytest.raises(DecodeError, match="nested"):
        protobuf.decode(ContainerID, deep)
