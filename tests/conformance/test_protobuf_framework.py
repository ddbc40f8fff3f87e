"""A framework that speaks protobuf, alone and beside one that speaks JSON."""

from __future__ import annotations

import json

import pytest
from tests.conformance import protos
from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import SCHEDULER, ProtobufFramework, RawFramework
from tests.conformance.raw_http import JSON, open_stream, request

PROTOBUF = "application/x-protobuf"
SUBSCRIBE = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "p"}}}


async def test_a_task_lives_and_dies_in_protobuf(cluster: Cluster) -> None:
    async with ProtobufFramework(cluster.port, "protobuf") as framework:
        task_id = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task_id])
        status = framework.statuses(task_id)[-1]
        assert status["timestamp"] > 1.6e9
        assert status["agent_id"]["value"]
        await framework.reconcile((task_id, None))
        await framework.wait_for(lambda: len(framework.states(task_id)) > 2)
        await framework.kill(task_id)
        await framework.wait_for_state("TASK_KILLED", [task_id])


async def test_offers_have_the_same_content_in_both_forms(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "json") as first:
        in_json = await first.wait_for_offers(3)
    async with ProtobufFramework(cluster.port, "protobuf") as second:
        in_protobuf = await second.wait_for_offers(3)

    def shown(offers: list[dict[str, object]]) -> list[str]:
        return sorted(json.dumps([o["hostname"], o["agent_id"]]) for o in offers)

    assert shown(in_json) == shown(in_protobuf)
    (cpus,) = [r for r in in_protobuf[0]["resources"] if r["name"] == "cpus"]
    assert cpus["type"] == "SCALAR"
    assert cpus["scalar"]["value"] == 8
    (ports,) = [r for r in in_protobuf[0]["resources"] if r["name"] == "ports"]
    assert int(ports["ranges"]["range"][0]["begin"]) >= 31000


async def test_the_first_event_names_framework_and_master(cluster: Cluster) -> None:
    framework = ProtobufFramework(cluster.port)
    first = await framework.subscribe()
    assert first["subscribed"]["framework_id"]["value"]
    assert first["subscribed"]["master_info"]["port"] == cluster.port
    await framework.wait_for_heartbeats(2)
    await framework.call("TEARDOWN")
    await framework.disconnect()


async def test_calls_may_come_in_another_form_than_the_events(cluster: Cluster) -> None:
    async with ProtobufFramework(cluster.port) as framework:
        call = {"type": "REVIVE", "framework_id": framework.info["id"]}
        headers = {"Content-Type": JSON, "Mesos-Stream-Id": framework.stream_id}
        answer = await request(cluster.port, "POST", SCHEDULER, json.dumps(call).encode(), headers)
    assert answer.status == 202


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROTOBUF, PROTOBUF),
        (f"{PROTOBUF}, {JSON}", JSON),
        ("*/*", JSON),
        (f"{JSON};q=0, {PROTOBUF}", PROTOBUF),
    ],
)
async def test_json_is_preferred_where_both_are_accepted(
    cluster: Cluster, accept: str, content_type: str
) -> None:
    body = protos.encode("Call", SUBSCRIBE)
    headers = {"Content-Type": PROTOBUF, "Accept": accept}
    status, received, _, writer = await open_stream(cluster.port, SCHEDULER, body, headers)
    writer.close()
    assert (status, received["content-type"]) == (200, content_type)


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x0a\xff", b"\x10\x01", b"{}", b"\x0b" * 100_000])
async def test_what_is_no_call_is_a_bad_request(cluster: Cluster, body: bytes) -> None:
    headers = {"Content-Type": PROTOBUF, "Accept": PROTOBUF}
    answer = await request(cluster.port, "POST", SCHEDULER, body, headers)
    assert answer.status == 400
    assert "Traceback" not in answer.text


async def test_a_change_of_the_framework_is_answered(cluster: Cluster) -> None:
    async with ProtobufFramework(cluster.port, "before") as framework:
        info = {**framework.info, "name": "after"}
        answer = await framework.try_call("UPDATE_FRAMEWORK", {"framework_info": info})
        assert answer.status == 200
        shown = cluster.get(f"/frameworks?framework_id={framework.id}")["frameworks"]
        assert [f["name"] for f in shown] == ["after"]
        info = {**framework.info, "user": "somebody"}
        answer = await framework.try_call("UPDATE_FRAMEWORK", {"framework_info": info})
        assert answer.status == 400
        assert "user" in answer.text
