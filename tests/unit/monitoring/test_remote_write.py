"""Messages of remote write against the protobuf library, and the reports that wait to be sent."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.app.forwarding import wire
from orchestrator.monitoring.app.forwarding.backlog import Backlog
from orchestrator.monitoring.report.model import Node, Report

_DOUBLE, _INT64, _STRING, _MESSAGE = 1, 3, 9, 11
_SHAPE: dict[str, list[tuple[str, int, int, str]]] = {
    "Label": [("name", 1, _STRING, ""), ("value", 2, _STRING, "")],
    "Sample": [("value", 1, _DOUBLE, ""), ("timestamp", 2, _INT64, "")],
    "TimeSeries": [("labels", 1, _MESSAGE, "Label"), ("samples", 2, _MESSAGE, "Sample")],
    "WriteRequest": [("timeseries", 1, _MESSAGE, "TimeSeries")],
}


def _write_request() -> Any:
    """Prometheus' message, from its description."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    for name, fields in _SHAPE.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            one: Any = message.field.add(name=field, number=number, label=3 if of else 1)
            one.type = kind
            if of:
                one.type_name = f".t.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.WriteRequest"))


WriteRequest = _write_request()


def report(taken_at: float, metrics: dict[str, float], agent: str = "p1") -> Report:
    node = Node(id="h1", label="one", metrics=metrics)
    return Report(
        version=1, agent_id=agent, instance="i", instance_started_at=0.0, number=1,
        taken_at=taken_at, host_id="h1", nodes={"host": [node]},
    )  # fmt: skip


def read(message: bytes) -> list[tuple[dict[str, str], float, int]]:
    request = WriteRequest()
    request.ParseFromString(message)
    return [
        ({label.name: label.value for label in one.labels}, one.samples[0].value,
         one.samples[0].timestamp)
        for one in request.timeseries
    ]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(["cpu_percent", "memory_bytes", "load"]), st.floats(width=64)),
    st.floats(0, 4e9),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
def test_every_sample_is_what_protobuf_reads(
    metrics: dict[str, float], taken_at: float, label: str
) -> None:
    node = Node(id="h/1", label=label, metrics=metrics, parents={"host": ["h"]})
    whole = Report(
        version=1, agent_id="p", instance="i", instance_started_at=0.0, number=1,
        taken_at=taken_at, host_id="h", nodes={"process": [node]},
    )  # fmt: skip
    found = [one for _, message in wire.requests(whole, 100) for one in read(message)]
    assert len(found) == len(metrics) == wire.size(whole)
    for (labels, value, stamp), (name, expected) in zip(found, metrics.items(), strict=True):
        assert labels == {
            "__name__": f"orchestrator_process_{name}", "host": "h", "id": "h/1",
            "name": label or "h/1",
        }  # fmt: skip
        assert value == expected or (math.isnan(value) and math.isnan(expected))
        assert stamp == int(taken_at * 1000)


def test_labels_are_in_the_order_that_stores_demand() -> None:
    ((_, message),) = wire.requests(report(100.0, {"cpu_percent": 1.0}), 10)
    request = WriteRequest()
    request.ParseFromString(message)
    names = [label.name for label in request.timeseries[0].labels]
    assert names == sorted(names)


def test_a_large_report_is_several_messages() -> None:
    whole = report(100.0, {f"m{n}": float(n) for n in range(7)})
    parts = list(wire.requests(whole, 3))
    assert [count for count, _ in parts] == [3, 3, 1]
    assert sorted(value for _, part in parts for _, value, _ in read(part)) == list(range(7))


def test_the_oldest_go_when_there_is_no_room() -> None:
    backlog = Backlog(max_samples=3)
    for moment in range(5):
        backlog.put(report(float(moment), {"a": 1.0}))
    assert (backlog.samples, backlog.dropped) == (3, 2)
    assert [backlog.take().taken_at for _ in range(3)] == [2.0, 3.0, 4.0]
    assert not backlog


def test_what_is_older_than_the_last_of_its_probe_is_left_out() -> None:
    backlog = Backlog(max_samples=100)
    for moment, agent in [(2.0, "p1"), (1.0, "p1"), (2.0, "p1"), (1.0, "p2")]:
        backlog.put(report(moment, {"a": 1.0}, agent))
    assert backlog.samples == 2
    backlog.forget("p1")
    backlog.put(report(1.0, {"a": 1.0}))
    assert backlog.samples == 3


def test_one_report_that_is_larger_than_the_room_is_dropped_whole() -> None:
    backlog = Backlog(max_samples=1)
    backlog.put(report(1.0, {"a": 1.0, "b": 2.0}))
    assert (bool(backlog), backlog.samples, backlog.dropped) == (False, 0, 2)
    with pytest.raises(IndexError):
        backlog.take()
