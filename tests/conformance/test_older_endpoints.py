"""The endpoints before the operator API: forms in, JSON out."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import RawFramework, scalar
from tests.conformance.raw_http import Answer, Json, get, request
from tests.support import eventually

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MACHINE = {"hostname": "old-machine"}


async def form(cluster: Cluster, path: str, **fields: str) -> Answer:
    return await request(cluster.port, "POST", path, urlencode(fields).encode(), FORM)


async def send(cluster: Cluster, method: str, path: str, body: Json) -> Answer:
    return await request(cluster.port, method, path, json.dumps(body).encode())


@pytest.mark.parametrize("path", ["/teardown", "/master/teardown"])
async def test_a_framework_is_torn_down(cluster: Cluster, path: str) -> None:
    framework = RawFramework(cluster.port, "doomed", failover_timeout=60.0)
    await framework.subscribe()
    assert (await form(cluster, path, frameworkId=framework.id)).status == 200
    await framework.wait_for_end()
    await framework.disconnect()


async def test_a_reservation_and_a_volume_come_and_go(fragile_cluster: Cluster) -> None:
    agent_id = fragile_cluster.get("/slaves")["slaves"][0]["id"]
    dynamic = {"reservation": {"principal": "op"}, "role": "web"}
    disk = {**scalar("disk", 100), **dynamic}
    volume = {**disk, "disk": {"persistence": {"id": "v1"},
                               "volume": {"container_path": "data", "mode": "RW"}}}  # fmt: skip

    async def do(path: str, name: str, resource: Json) -> int:
        fields = {"slaveId": agent_id, name: json.dumps([resource])}
        return (await form(fragile_cluster, path, **fields)).status

    assert await do("/reserve", "resources", disk) == 202
    assert await do("/create-volumes", "volumes", volume) == 202
    assert await do("/unreserve", "resources", disk) == 409
    places = [one.directory / "volumes/roles/web/v1" for one in fragile_cluster.agents]
    for place in places:
        place.mkdir(parents=True)
    assert await do("/destroy-volumes", "volumes", volume) == 202
    assert await do("/unreserve", "resources", disk) == 202
    await eventually(lambda: sum(place.exists() for place in places) == 1)  # it was one agent's


async def test_maintenance_is_scheduled_begun_and_ended(cluster: Cluster) -> None:
    window = {"machine_ids": [MACHINE], "unavailability": {"start": {"nanoseconds": 10**18}}}
    schedule = {"windows": [window]}
    assert (await send(cluster, "POST", "/maintenance/schedule", schedule)).status == 200
    assert cluster.get("/master/maintenance/schedule") == schedule
    assert (await send(cluster, "POST", "/machine/down", [MACHINE])).status == 200
    assert cluster.get("/maintenance/status")["down_machines"] == [MACHINE]
    assert (await send(cluster, "POST", "/machine/up", [MACHINE])).status == 200
    answer = await get(cluster.port, "/maintenance/schedule?jsonp=f")
    assert answer.text == "f({});"


async def test_quota_in_its_older_form(cluster: Cluster) -> None:
    wanted = {"role": "old", "guarantee": [scalar("cpus", 1)]}
    assert (await send(cluster, "POST", "/quota", wanted)).status == 200
    assert wanted in cluster.get("/quota")["infos"]
    assert (await send(cluster, "POST", "/quota", wanted)).status == 400
    assert (await request(cluster.port, "DELETE", "/quota/old")).status == 200
    assert wanted not in cluster.get("/quota")["infos"]


async def test_weights_are_put(cluster: Cluster) -> None:
    weights = [{"role": "heavy", "weight": 3.0}]
    assert (await send(cluster, "PUT", "/weights", weights)).status == 200
    assert {"role": "heavy", "weight": 3.0} in cluster.get("/weights")
    assert (await send(cluster, "PUT", "/weights", [{"role": "a b", "weight": 1}])).status == 400


async def test_a_redirect_leads_to_the_leader(cluster: Cluster) -> None:
    answer = await get(cluster.port, "/redirect")
    assert answer.status == 307
    assert answer.headers["location"] == f"//127.0.0.1:{cluster.port}"


async def test_the_log_is_made_more_talkative_for_a_while(cluster: Cluster) -> None:
    assert (await get(cluster.port, "/logging/toggle")).text == "0\n"
    assert (await get(cluster.port, "/logging/toggle?level=1&duration=5mins")).status == 200
    assert (await get(cluster.port, "/logging/toggle")).text == "1\n"
    assert (await get(cluster.port, "/logging/toggle?level=0&duration=1ms")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/logging/toggle?level=1",
        "/logging/toggle?level=x&duration=1secs",
        "/logging/toggle?level=1&duration=soon",
        "/logging/toggle?level=1&duration=9999weeks",
        "/files/browse",
        "/files/read?path=/master/log&offset=x",
        "/files/read?path=/master/log&offset=-5",
    ],
)
async def test_what_is_asked_wrongly_is_a_bad_request(cluster: Cluster, path: str) -> None:
    answer = await get(cluster.port, path)
    assert answer.status == 400
    assert answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/teardown", b""),
        ("/teardown", b"\xff\xfe"),
        ("/teardown", b"&".join([b"a=1"] * 1000)),
        ("/reserve", b"slaveId=x"),
        ("/reserve", b"slaveId=x&resources={"),
        ("/reserve", b"slaveId=x&resources=[]"),
        ("/maintenance/schedule", b"{"),
        ("/machine/down", b'{"hostname":"x"}'),
        ("/machine/up", b'[{"hostname":"x"}]'),
        ("/quota", b"[]"),
        ("/quota", b'{"role":"x"}'),
    ],
)
async def test_a_bad_body_is_refused_in_a_sentence(
    cluster: Cluster, path: str, body: bytes
) -> None:
    answer = await request(cluster.port, "POST", path, body)
    assert answer.status == 400
    assert answer.text
    assert "Traceback" not in answer.text


async def test_help_names_the_endpoints(cluster: Cluster) -> None:
    assert "/api/v1" in (await get(cluster.port, "/help")).text
