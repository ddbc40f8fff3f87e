"""``POST /api/v1``: what operators ask a master and what they are told, in both forms."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.conformance import protos
from tests.conformance.cluster import Cluster, Server
from tests.conformance.raw_framework import RawFramework, scalar
from tests.conformance.raw_http import JSON, Answer, Json, open_stream, read_records, request

API = "/api/v1"
PROTOBUF = "application/x-protobuf"
WAIT_S = 60.0
READING = """
GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL GET_STATE GET_AGENTS GET_FRAMEWORKS
GET_EXECUTORS GET_OPERATIONS GET_TASKS GET_ROLES GET_WEIGHTS GET_MASTER GET_MAINTENANCE_STATUS
GET_MAINTENANCE_SCHEDULE GET_QUOTA
"""


async def post(port: int, call: Json, path: str = API, **headers: str) -> Answer:
    sent = {"Content-Type": JSON, "Accept": JSON}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    body = call if isinstance(call, bytes) else json.dumps(call).encode()
    return await request(port, "POST", path, body, {n: v for n, v in sent.items() if v})


async def ask(cluster: Cluster, kind: str) -> Json:
    """What a reading call answers."""
    answer = await post(cluster.port, {"type": kind})
    assert answer.status == 200, answer.text
    assert answer.json["type"] == kind
    return answer.json[kind.lower()]


async def change(cluster: Cluster, kind: str, fields: Json) -> Answer:
    return await post(cluster.port, {"type": kind, kind.lower(): fields})


@asynccontextmanager
async def watching(cluster: Cluster) -> AsyncIterator[Callable[..., Json]]:
    """Subscribe; gives a function that waits for an event of a type that a condition holds for."""
    call = json.dumps({"type": "SUBSCRIBE"}).encode()
    headers = {"Content-Type": JSON, "Accept": JSON}
    status, received, reader, writer = await open_stream(cluster.port, API, call, headers)
    assert (status, received["content-type"]) == (200, JSON)
    records = read_records(reader)

    async def next_of(kind: str, wanted: Callable[[Json], bool] = lambda _: True) -> Json:
        async with asyncio.timeout(WAIT_S):
            async for event in records:
                if event["type"] == kind and wanted(event.get(kind.lower())):
                    return event.get(kind.lower())
        raise AssertionError("the stream ended")

    try:
        yield next_of
    finally:
        writer.close()


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", READING.split())
async def test_every_reading_call_is_answered(cluster: Cluster, kind: str) -> None:
    assert isinstance(await ask(cluster, kind), dict)


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/operator", "/master/api/v1", "/api/v1/"])
async def test_the_longest_known_prefix_of_a_path_is_called(cluster: Cluster, path: str) -> None:
    answer = await post(cluster.port, {"type": "GET_HEALTH"}, path)
    assert answer.json == {"type": "GET_HEALTH", "get_health": {"healthy": True}}


async def test_agents_are_described_with_their_resources(cluster: Cluster) -> None:
    agents = (await ask(cluster, "GET_AGENTS"))["agents"]
    assert len(agents) == 3
    for agent in agents:
        assert agent["active"] is True
        assert agent["agent_info"]["hostname"].startswith("agent")
        assert agent["pid"].startswith("slave(1)@")
        assert agent["registered_time"]["nanoseconds"] > 1.6e18
        totals = {r["name"]: r.get("scalar") for r in agent["total_resources"]}
        assert totals["cpus"] == {"value": 8.0}


async def test_a_running_task_is_in_the_state(cluster: Cluster) -> None:
    async with RawFramework(cluster.port, "shown") as framework:
        task_id = await framework.launch_one()
        await framework.wait_for_state("TASK_RUNNING", [task_id])
        state = await ask(cluster, "GET_STATE")
        (task,) = [t for t in state["get_tasks"]["tasks"] if t["task_id"]["value"] == task_id]
        assert task["state"] == "TASK_RUNNING"
        assert {r["allocation_info"]["role"] for r in task["resources"]} == {"*"}
        found = [f for f in state["get_frameworks"]["frameworks"]
                 if f["framework_info"]["id"]["value"] == framework.id]  # fmt: skip
        assert found[0]["connected"] is True
        assert found[0]["recovered"] is False
        allocated = {r["name"]: r["scalar"]["value"] for r in found[0]["allocated_resources"]}
        assert allocated["cpus"] == pytest.approx(0.1)


async def test_the_master_says_who_it_is_in_protobuf(cluster: Cluster) -> None:
    headers = {"Content_Type": PROTOBUF, "Accept": PROTOBUF}
    call = protos.encode("MasterCall", {"type": "GET_MASTER"})
    answer = await post(cluster.port, call, **headers)
    assert answer.headers["content-type"] == PROTOBUF
    master = protos.decode("MasterResponse", answer.body)["get_master"]
    assert master["master_info"]["port"] == cluster.port
    assert master["start_time"] > 1.6e9
    call = protos.encode("MasterCall", {"type": "GET_AGENTS"})
    agents = protos.decode("MasterResponse", (await post(cluster.port, call, **headers)).body)
    assert len(agents["get_agents"]["agents"]) == 3


async def test_metrics_are_those_of_the_snapshot(cluster: Cluster) -> None:
    metrics = {m["name"]: m["value"] for m in (await ask(cluster, "GET_METRICS"))["metrics"]}
    assert set(metrics) == set(cluster.get("/metrics/snapshot"))


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "headers", "status"),
    [
        ({"type": "GET_HEALTH"}, {"Content_Type": ""}, 400),
        (b"{", {"Content_Type": "text/plain"}, 415),
        (b"{", {}, 400),
        (b"\xff", {"Content_Type": PROTOBUF}, 400),
        ({"type": "NOVEL"}, {}, 400),
        ({"type": "TEARDOWN"}, {"Accept": "text/html"}, 400),
        ({"type": "GET_HEALTH"}, {"Accept": "text/html"}, 406),
        ({"type": "UNKNOWN"}, {}, 501),
        ({}, {}, 501),
        ({"type": "TEARDOWN", "teardown": {"framework_id": {"value": "nobody"}}}, {}, 400),
        ({"type": "LIST_FILES", "list_files": {"path": "/etc"}}, {}, 404),
        ({"type": "READ_FILE", "read_file": {"path": "/etc/passwd", "offset": 0}}, {}, 404),
        (
            {
                "type": "SET_LOGGING_LEVEL",
                "set_logging_level": {"level": 99, "duration": {"nanoseconds": 1}},
            },
            {},
            400,
        ),
    ],
)
async def test_refusals_have_mesos_order_and_a_sentence(
    cluster: Cluster, call: Json, headers: dict[str, str], status: int
) -> None:
    answer = await post(cluster.port, call, **headers)
    assert answer.status == status
    assert answer.text
    assert "Traceback" not in answer.text


async def test_only_post_is_allowed(cluster: Cluster) -> None:
    answer = await request(cluster.port, "GET", API)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


# --- changes -------------------------------------------------------------------------------------


async def test_a_torn_down_framework_is_gone(cluster: Cluster) -> None:
    framework = RawFramework(cluster.port, "doomed", failover_timeout=60.0)
    await framework.subscribe()
    answer = await change(cluster, "TEARDOWN", {"framework_id": framework.info["id"]})
    assert (answer.status, answer.body) == (200, b"")
    await framework.wait_for_end()
    past = (await ask(cluster, "GET_FRAMEWORKS"))["completed_frameworks"]
    assert framework.id in {f["framework_info"]["id"]["value"] for f in past}
    await framework.disconnect()


async def test_resources_are_reserved_and_freed_again(fragile_cluster: Cluster) -> None:
    agent_id = (await ask(fragile_cluster, "GET_AGENTS"))["agents"][0]["agent_info"]["id"]
    reserved = {
        **scalar("cpus", 2),
        "reservations": [{"type": "DYNAMIC", "role": "web", "principal": "op"}],
    }
    fields = {"agent_id": agent_id, "resources": [reserved]}
    assert (await change(fragile_cluster, "RESERVE_RESOURCES", fields)).status == 202
    shown = fragile_cluster.get(f"/slaves?slave_id={agent_id['value']}")["slaves"][0]
    assert shown["reserved_resources"]["web"]["cpus"] == 2
    assert (await change(fragile_cluster, "UNRESERVE_RESOURCES", fields)).status == 202
    shown = fragile_cluster.get(f"/slaves?slave_id={agent_id['value']}")["slaves"][0]
    assert shown["reserved_resources"] == {}
    assert (await change(fragile_cluster, "UNRESERVE_RESOURCES", fields)).status == 409


async def test_an_agent_is_deactivated_drained_and_marked_gone(fragile_cluster: Cluster) -> None:
    agents = (await ask(fragile_cluster, "GET_AGENTS"))["agents"]
    one = {"agent_id": agents[0]["agent_info"]["id"]}

    async def shown() -> Json:
        (found,) = [a for a in (await ask(fragile_cluster, "GET_AGENTS"))["agents"]
                    if a["agent_info"]["id"] == one["agent_id"]]  # fmt: skip
        return found

    assert (await change(fragile_cluster, "DEACTIVATE_AGENT", one)).status == 200
    assert (await shown())["deactivated"] is True
    assert (await shown())["active"] is False
    assert (await change(fragile_cluster, "REACTIVATE_AGENT", one)).status == 200
    assert (await shown())["active"] is True
    fields = {**one, "max_grace_period": "10mins"}
    assert (await change(fragile_cluster, "DRAIN_AGENT", fields)).status == 200
    assert (await shown())["drain_info"]["state"] == "DRAINED"
    assert (await change(fragile_cluster, "MARK_AGENT_GONE", one)).status == 200
    left = (await ask(fragile_cluster, "GET_AGENTS"))["agents"]
    assert one["agent_id"] not in [a["agent_info"]["id"] for a in left]


async def test_machines_are_scheduled_taken_down_and_brought_up(cluster: Cluster) -> None:
    machine = {"hostname": "elsewhere"}
    window = {"machine_ids": [machine], "unavailability": {"start": {"nanoseconds": 1}}}
    fields = {"schedule": {"windows": [window]}}
    assert (await change(cluster, "UPDATE_MAINTENANCE_SCHEDULE", fields)).status == 200
    assert (await ask(cluster, "GET_MAINTENANCE_SCHEDULE"))["schedule"] == fields["schedule"]
    status = (await ask(cluster, "GET_MAINTENANCE_STATUS"))["status"]
    assert status["draining_machines"] == [{"id": machine}]
    answer = await change(cluster, "START_MAINTENANCE", {"machines": [machine]})
    assert answer.status == 200
    assert cluster.get("/maintenance/status")["down_machines"] == [machine]
    answer = await change(cluster, "STOP_MAINTENANCE", {"machines": [machine]})
    assert answer.status == 200
    assert cluster.get("/maintenance/schedule") == {}


async def test_quota_and_weights_are_set_shown_and_removed(cluster: Cluster) -> None:
    config = {"role": "web", "guarantees": {"cpus": {"value": 1}}, "limits": {"cpus": {"value": 2}}}
    answer = await change(cluster, "UPDATE_QUOTA", {"quota_configs": [config]})
    assert answer.status == 200, answer.text
    status = (await ask(cluster, "GET_QUOTA"))["status"]
    assert [c for c in status["configs"] if c["role"] == "web"] == [config]
    (info,) = [i for i in status["infos"] if i["role"] == "web"]
    assert info["guarantee"] == [scalar("cpus", 1)]
    assert cluster.get("/quota") == status
    weights = [{"weight": 2.5, "role": "web"}]
    assert (await change(cluster, "UPDATE_WEIGHTS", {"weight_infos": weights})).status == 200
    assert weights[0] in cluster.get("/weights")
    (web,) = [r for r in (await ask(cluster, "GET_ROLES"))["roles"] if r["name"] == "web"]
    assert web["weight"] == 2.5
    (shown,) = [r for r in cluster.get("/roles")["roles"] if r["name"] == "web"]
    assert shown["quota"]["limit"] == {"cpus": 2}
    assert shown["explanation"]
    assert (await change(cluster, "REMOVE_QUOTA", {"role": "web"})).status == 200
    left = (await ask(cluster, "GET_QUOTA"))["status"]["configs"]
    assert "web" not in {c["role"] for c in left}
    too_much = {"role": "web", "guarantees": {"cpus": {"value": 10**6}}}
    refused = await change(cluster, "UPDATE_QUOTA", {"quota_configs": [too_much]})
    assert refused.status == 400
    assert "cpus" in refused.text


async def test_the_log_is_read_like_a_file(tmp_path: Path) -> None:
    log = tmp_path / "master.log"
    log.write_bytes(b"0123456789" * 10)
    server = Server("master", tmp_path / "data", "--log-file", str(log))
    server.wait_until_healthy()
    try:
        listed = await post(
            server.port, {"type": "LIST_FILES", "list_files": {"path": "/master/log"}}
        )
        assert listed.json["list_files"]["file_infos"][0]["size"] == 100
        wanted = {"path": "/master/log", "offset": 95, "length": 50}
        read = (await post(server.port, {"type": "READ_FILE", "read_file": wanted})).json
        assert read["read_file"]["size"] == 100
        assert base64.b64decode(read["read_file"]["data"]) == b"56789"
        query = "path=/master/log&offset=3&length=4&jsonp=f"
        answer = await request(server.port, "GET", f"/files/read?{query}")
        assert answer.text == 'f({"offset":3,"data":"3456"});'
        download = await request(server.port, "GET", "/files/download?path=/master/log")
        assert download.body == log.read_bytes()
        escape = await request(server.port, "GET", "/files/read?path=/master/log/../../etc/passwd")
        assert escape.status == 404
    finally:
        server.stop()


# --- the stream ----------------------------------------------------------------------------------


async def test_a_stream_begins_with_the_state_and_tells_what_changes(cluster: Cluster) -> None:
    async with watching(cluster) as next_of:
        subscribed = await next_of("SUBSCRIBED")
        assert len(subscribed["get_state"]["get_agents"]["agents"]) == 3
        assert subscribed["heartbeat_interval_seconds"] == 0.5
        async with RawFramework(cluster.port, "watched") as framework:

            def is_ours(event: Json) -> bool:
                info = event.get("framework_info") or event["framework"]["framework_info"]
                return bool(info["id"]["value"] == framework.id)

            assert (await next_of("FRAMEWORK_ADDED", is_ours))["framework"]["connected"] is True
            task_id = await framework.launch_one()
            added = await next_of("TASK_ADDED", lambda e: e["task"]["task_id"]["value"] == task_id)
            assert added["task"]["state"] == "TASK_STAGING"
            running = await next_of("TASK_UPDATED", lambda e: e["state"] == "TASK_RUNNING")
            assert running["framework_id"] == framework.info["id"]
            assert running["status"]["task_id"]["value"] == task_id
        removed = await next_of("FRAMEWORK_REMOVED", is_ours)
        assert removed["framework_info"]["name"] == "watched"
        await next_of("HEARTBEAT")


async def test_a_stream_tells_of_agents_that_come_and_go(fragile_cluster: Cluster) -> None:
    async with watching(fragile_cluster) as next_of:
        await next_of("SUBSCRIBED")
        agent = fragile_cluster.agents[0]
        agent.kill()
        assert (await next_of("AGENT_REMOVED"))["agent_id"]["value"]
        agent.start()
        back = (await next_of("AGENT_ADDED"))["agent"]
        assert back["agent_info"]["hostname"] == "agent0"
        assert back["active"] is True


async def test_a_stream_in_protobuf_begins_with_the_state_too(cluster: Cluster) -> None:
    call = protos.encode("MasterCall", {"type": "SUBSCRIBE"})
    headers = {"Content-Type": PROTOBUF, "Accept": PROTOBUF}
    status, received, reader, writer = await open_stream(cluster.port, API, call, headers)
    assert (status, received["content-type"]) == (200, PROTOBUF)
    records = read_records(reader, lambda record: protos.decode("MasterEvent", record))
    async with asyncio.timeout(WAIT_S):
        first = await anext(records)
        second = await anext(records)
    writer.close()
    assert first["type"] == "SUBSCRIBED"
    assert len(first["subscribed"]["get_state"]["get_agents"]["agents"]) == 3
    assert second["type"] == "HEARTBEAT"
